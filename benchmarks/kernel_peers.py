"""The contestants in torch: edgewise, perceptrons, and the spline layers that PyPI has.

A ``Maker`` builds a layer and knows what that layer should compute, from the layer's own parameters. Where a peer can
run in several modes, each is tried and the fastest takes part. Peers are imported when they are built, so a missing
one costs nothing but its row. What differs from peer to peer:

- inkan, flashkan: ``intervals + 3`` coefficients and a SiLU base on every edge, as in edgewise; zero beyond the domain;
- kanditioned: degree 1, as many coefficients, no base;
- pykan: the same function with two scales on every edge as further parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from kernel_cases import DEGREE, Case
from kernel_checks import perceptron, spline_layer, uniform_knots
from kernel_timing import quartiles, take_turns
from torch import Tensor, nn

from edgewise import KANLayer
from edgewise.kernels import torch_path

Arrays = list[np.ndarray]
COMPILED = "layer compiled"


class TooLargeError(Exception):
    """A shape at which a peer is left out."""


@dataclass(frozen=True)
class Contestant:
    """``step()`` gives output, input gradient and parameter gradients; ``exact()`` what they should be.

    ``arrays`` turns what ``step`` gave into NumPy; ``flops`` are the useful operations of a step; ``tried`` holds the
    milliseconds of the modes that were compared.
    """

    name: str
    step: Callable[[], tuple]
    exact: Callable[[], Arrays] | None
    flops: float
    note: str = ""
    is_rival: bool = False
    arrays: Callable[[tuple], Arrays] = lambda outcome: [part.detach().numpy() for part in outcome]
    tried: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Maker:
    """``make(case, mode)`` a layer, ``exact(layer, x, upstream)`` its true output and gradients."""

    name: str
    make: Callable[[Case, str], nn.Module]
    exact: Callable[[nn.Module, np.ndarray, np.ndarray], Arrays]
    modes: Callable[[Case], tuple[str, ...]] = lambda case: ("",)
    note: str = ""
    degree: int = DEGREE
    is_rival: bool = False
    widest: int = 10**6
    finest: int = 10**6

    def build(self, case: Case) -> Contestant:
        """The fastest mode as a contestant."""
        if case.width > self.widest or case.intervals > self.finest:
            raise TooLargeError("a step takes more than 7 s or 10 GB")
        found = {mode: self._in_mode(case, mode) for mode in self.modes(case)}
        if len(found) == 1:
            return found.popitem()[1]
        for one in found.values():
            one.step()
        times = take_turns({mode: one.step for mode, one in found.items()}, 5, 1.0)
        tried = {mode: quartiles(spent)[1] for mode, spent in times.items()}
        return replace(found[min(tried, key=tried.__getitem__)], tried=tried)

    def _in_mode(self, case: Case, mode: str) -> Contestant:
        torch.manual_seed(0)
        layers = [self.make(case, mode) for _ in range(case.layers)]
        layer = layers[0] if case.layers == 1 else nn.Sequential(*layers)
        run = torch.compile(layer) if mode.endswith(COMPILED) else layer
        shared = {"flops": 3 * case.spline_flops(self.degree), "is_rival": self.is_rival}
        shared["note"] = ", ".join(filter(None, (self.note, mode)))
        if case.layers > 1:
            return Contestant(self.name, adam_step(run, parameters_of(layer), case), None, **shared)
        step = layer_step(run, parameters_of(layer), case)
        return Contestant(self.name, step, lambda: self.exact(layer, case.x, case.upstream), **shared)


def parameters_of(module: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad and parameter.numel()]


def layer_step(
    run: Callable[[Tensor], Tensor], parameters: list[nn.Parameter], case: Case
) -> Callable[[], tuple]:
    """Forward and backward with gradients for the input and all parameters."""
    x, upstream = torch.tensor(case.x).requires_grad_(), torch.tensor(case.upstream)

    def step() -> tuple:
        for tensor in (x, *parameters):
            tensor.grad = None
        y = run(x)
        y.backward(upstream)
        return y, x.grad, *(parameter.grad for parameter in parameters)

    return step


def adam_step(
    run: Callable[[Tensor], Tensor], parameters: list[nn.Parameter], case: Case
) -> Callable[[], tuple]:
    """Mean square, gradients and update; Adam's fused form, the fastest on a CPU, for everybody."""
    x, target = torch.tensor(case.x), torch.tensor(case.upstream)
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def step() -> tuple:
        optimizer.zero_grad()
        loss = (run(x) - target).square().mean()
        loss.backward()
        optimizer.step()
        return (loss,)

    return step


# edgewise


def edgewise_layer(case: Case, mode: str = "") -> KANLayer:
    return KANLayer(case.width, case.width, intervals=case.intervals, degree=DEGREE)


def edgewise_exact(layer: nn.Module, x: np.ndarray, upstream: np.ndarray) -> Arrays:
    spline = layer.spline
    weight, functions = spline.weight.detach().numpy().astype(np.float64), spline.coef.shape[1]
    found = spline_layer(x, upstream, spline.knots[0].numpy(), weight[:, :functions], weight[:, functions])
    y, dx, dcoef, dbase = found
    return [y, dx, np.concatenate([dcoef, dbase[:, None, :]], axis=1)]


class TorchPath(nn.Module):
    """edgewise where no compiler was found."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.spline = edgewise_layer(case).spline

    def forward(self, x: Tensor) -> Tensor:
        spline = self.spline
        return torch_path.spline_sum(x, spline.weight, spline.mask, spline.knots, spline.degree, spline.base)


def edgewise_forward(case: Case) -> Contestant:
    """Forward alone, without gradients."""
    torch.manual_seed(0)
    layer, x = edgewise_layer(case), torch.tensor(case.x)

    def step() -> tuple:
        with torch.no_grad():
            return (layer(x),)

    return Contestant("edgewise, forward alone", step, None, case.spline_flops())


# perceptrons


def perceptron_maker(name: str, with_hidden: bool) -> Callable[[Case], Contestant]:
    """``in -> h -> out`` without biases, or one linear map and SiLU."""

    def make(case: Case, mode: str) -> nn.Module:
        if not with_hidden:
            return nn.Sequential(nn.Linear(case.width, case.width, bias=False), nn.SiLU())
        first = nn.Linear(case.width, case.hidden, bias=False)
        return nn.Sequential(first, nn.SiLU(), nn.Linear(case.hidden, case.width, bias=False))

    def exact(layer: nn.Module, x: np.ndarray, upstream: np.ndarray) -> Arrays:
        first, *others = (weight.detach().numpy().T.astype(np.float64) for weight in layer.parameters())
        y, dx, *grads = perceptron(x, upstream, first, others[0] if others else None)
        return [y, dx, *(grad.T for grad in grads)]

    def build(case: Case) -> Contestant:
        flops = case.perceptron_flops() if with_hidden else 2.0 * case.layers * case.batch * case.width**2
        return replace(Maker(name, make, exact).build(case), flops=3 * flops)

    return build


# peers


def _inkan_modes(case: Case) -> tuple[str, ...]:
    """Those that came near the best anywhere; the others were two to eighty times slower."""
    if case.intervals >= 50:
        return "local basis compiled", f"local basis, {COMPILED}", f"direct, {COMPILED}"
    return (
        "dense basis compiled",
        f"dense basis, {COMPILED}",
        "local basis compiled",
        f"local basis, {COMPILED}",
    )


def _inkan(case: Case, mode: str) -> nn.Module:
    import inkan

    return inkan.KANLayer(
        case.width,
        case.width,
        grid_size=case.intervals,
        compile_basis=not mode.endswith(COMPILED),
        basis_mode="dense" if mode.startswith("dense") else "local",
        contraction="direct" if mode.startswith("direct") else "dense",
    )


def _inkan_exact(layer: nn.Module, x: np.ndarray, upstream: np.ndarray) -> Arrays:
    coef = layer.spline_weight.detach().numpy().transpose(1, 2, 0)
    knots = uniform_knots(-1.0, 1.0, layer.grid_size, DEGREE)
    y, dx, dcoef, dbase = spline_layer(x, upstream, knots, coef, layer.base_weight.detach().numpy().T)
    return [y, dx, np.concatenate([dcoef.reshape(-1, dcoef.shape[2]), dbase]).T]


def _flashkan(case: Case, mode: str) -> nn.Module:
    import flashkan

    return flashkan.KANLayer(case.width, case.width, grid_size=case.intervals)


def _flashkan_exact(layer: nn.Module, x: np.ndarray, upstream: np.ndarray) -> Arrays:
    coef = layer.spline_weight.detach().numpy().transpose(1, 2, 0)
    knots = uniform_knots(-1.0, 1.0, layer.grid_size, DEGREE)
    y, dx, dcoef, dbase = spline_layer(x, upstream, knots, coef, layer.base_weight.detach().numpy().T)
    return [y, dx, dcoef.transpose(2, 0, 1), dbase.T]


def _kanditioned(case: Case, mode: str) -> nn.Module:
    import KANditioned

    points, way = case.intervals + DEGREE, mode.split(",")[0]
    return KANditioned.KANLayer(
        case.width, case.width, "random_normal", num_control_points=points, spline_width=2.0, impl=way
    )


def _kanditioned_exact(layer: nn.Module, x: np.ndarray, upstream: np.ndarray) -> Arrays:
    coef = layer.kan_weight.detach().numpy()
    y, dx, dcoef, _ = spline_layer(x, upstream, uniform_knots(-1.0, 1.0, coef.shape[1] - 1, 1), coef, None)
    return [y, dx, dcoef]


def _pykan(case: Case, mode: str) -> nn.Module:
    import kan

    shape = [case.width, case.width]
    model = kan.KAN(width=shape, grid=case.intervals, k=DEGREE, seed=0, auto_save=False).speed()
    model.symbolic_fun.requires_grad_(False)
    return model


def _pykan_exact(model: nn.Module, x: np.ndarray, upstream: np.ndarray) -> Arrays:
    layer = model.act_fun[0]
    kept = (layer.coef, layer.scale_base, layer.scale_sp)
    coef, base, scale = (tensor.detach().numpy().astype(np.float64) for tensor in kept)
    inner = (coef * scale[..., None]).transpose(0, 2, 1)
    y, dx, dinner, dbase = spline_layer(x, upstream, layer.grid[0].detach().numpy(), inner, base)
    dcoef = dinner.transpose(0, 2, 1)
    return [y, dx, dcoef * scale[..., None], dbase, (dcoef * coef).sum(-1)]


OURS = {
    "edgewise": Maker("edgewise", edgewise_layer, edgewise_exact).build,
    "edgewise, forward alone": edgewise_forward,
    "edgewise, torch path": Maker(
        "edgewise, torch path", lambda case, mode: TorchPath(case), edgewise_exact, note="without a compiler"
    ).build,
    "torch perceptron": perceptron_maker("torch perceptron", True),
    "torch linear + SiLU": perceptron_maker("torch linear + SiLU", False),
}
INKAN = Maker("inkan", _inkan, _inkan_exact, _inkan_modes, is_rival=True)
PEERS = {
    "inkan": INKAN.build,
    "flashkan": Maker("flashkan", _flashkan, _flashkan_exact, note="basis compiled", is_rival=True).build,
    "kanditioned": Maker(
        "kanditioned",
        _kanditioned,
        _kanditioned_exact,
        lambda case: ("embedding_bag", f"embedding, {COMPILED}"),
        note="degree 1, no base",
        degree=1,
    ).build,
    "pykan": Maker(
        "pykan", _pykan, _pykan_exact, note="speed()", is_rival=True, widest=256, finest=100
    ).build,
}
