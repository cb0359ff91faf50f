r"""The arms of the study: what stands in the layers, and what stands between them.

An arm of depth ``L`` has ``L`` hidden levels of one width and so ``L + 1`` layers; ``edgewise.study.layers`` has the
kinds. A perceptron's first layer is linear, for there is nothing to bend before it.

============== ==================================================================================
arm            layers
============== ==================================================================================
mlp            linear, then gelu
mlp-again      the same from other seeds: what is measured when nothing differs
learned        linear, then learned: a perceptron with learned functions on its nodes
rational       linear, then rational
kan-RULE       kan, with that initial rule of ``edgewise.init``: noise is the published start
radial         radial
frozen         frozen
swap-first     mlp with one kan-critical layer in that place
swap-middle
swap-last
============== ==================================================================================

========== =======================================================================================
form       between layers
========== =======================================================================================
plain      nothing
normed     inputs of every layer but the first brought to a root mean square of 1, of 1/2 for
           layers with splines on [-1, 1]
residual   normed, and inner layers add ``f / sqrt(L - 1)`` to what they got
========== =======================================================================================
"""

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise import init
from edgewise.edges import SplineEdges
from edgewise.errors import InputError
from edgewise.joins import rms_normed
from edgewise.layer import KANLayer
from edgewise.study.layers import GAINS, Dense, Frozen, LearnedNodes, Radial, RationalNodes
from edgewise.study.tasks import seeded

FORMS = ("plain", "normed", "residual")
KINDS = ("linear", "gelu", "learned", "rational", "kan", "radial", "frozen")
_ON_EDGES = ("kan", "radial", "frozen")
_NODES = {"mlp": "gelu", "mlp-again": "gelu", "learned": "learned", "rational": "rational"}
_SWAPS = ("swap-first", "swap-middle", "swap-last")
ARMS = (*_NODES, *(f"kan-{rule}" for rule in init.RULES), "radial", "frozen", *_SWAPS)
OTHER_SEED = 1_000_000  # what mlp-again adds to the seed of its weights and batches


@dataclass(frozen=True)
class Shape:
    """An arm with all its numbers: ``widths`` from inputs to outputs and edges ``dropped`` in each layer."""

    arm: str
    widths: tuple[int, ...]
    intervals: int
    dropped: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Hidden levels."""
        return len(self.widths) - 2


def kinds(arm: str, depth: int) -> tuple[str, ...]:
    """The kind of every layer; ``InputError`` for an arm that is none.

    Example:
        >>> kinds("mlp", 2)
        ('linear', 'gelu', 'gelu')
    """
    if arm not in ARMS:
        raise InputError(f"arm {arm!r} is not known; choose one of: {', '.join(ARMS)}")
    if arm in _SWAPS:
        layers = list(kinds("mlp", depth))
        layers[{"swap-first": 0, "swap-middle": (depth + 1) // 2, "swap-last": depth}[arm]] = "kan"
        return tuple(layers)
    if arm in _NODES:
        return ("linear", *[_NODES[arm]] * depth)
    return ("kan" if arm.startswith("kan-") else arm,) * (depth + 1)


def is_kan(arm: str) -> bool:
    """Whether every layer has learned splines on its edges."""
    return arm.startswith("kan-")


def build(shape: Shape, form: str, seed: int) -> "Stack":
    """The untrained network; its weights follow from the seed alone."""
    offset = OTHER_SEED if shape.arm == "mlp-again" else 0
    generator = torch.Generator().manual_seed(int(seeded("weights", seed + offset).integers(2**62)))
    named = kinds(shape.arm, shape.depth)
    rule = shape.arm.removeprefix("kan-") if is_kan(shape.arm) else "critical"
    pairs = zip(named, shape.widths[:-1], shape.widths[1:], strict=True)
    layers = [_layer(kind, rule, below, above, shape, generator) for kind, below, above in pairs]
    for layer, count in zip(layers, shape.dropped, strict=True):
        if count:
            _drop(layer, count, generator)
    return Stack(layers, tuple(0.5 if kind in _ON_EDGES else 1.0 for kind in named), form)


class Stack(nn.Module):
    """Layers one after the other, with a norm before each and a residual past the inner ones where the form says so."""

    def __init__(self, layers: list[nn.Module], scales: tuple[float, ...], form: str) -> None:
        super().__init__()
        if form not in FORMS:
            raise InputError(f"form {form!r} is not known; choose one of: {', '.join(FORMS)}")
        self.layers, self.scales, self.form = nn.ModuleList(layers), scales, form

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        last = len(self.layers) - 1
        for level, (layer, scale) in enumerate(zip(self.layers, self.scales, strict=True)):
            normed = self.form != "plain" and level > 0
            made = layer(rms_normed(x, 0.0, scale) if normed else x)
            inner = self.form == "residual" and 0 < level < last
            x = x + made / (last - 1) ** 0.5 if inner else made
        return x

    def living(self) -> int:
        """Trainable parameters that reach the output: those of dropped edges do not count."""
        return sum(p.numel() for p in self.parameters()) - sum(_dead(layer) for layer in self.layers)


def _layer(
    kind: str, rule: str, below: int, above: int, shape: Shape, generator: torch.Generator
) -> nn.Module:
    if kind == "kan":
        return KANLayer(
            below,
            above,
            intervals=shape.intervals,
            init=rule,
            depth=shape.depth + 1,
            generator=generator,
            dtype=torch.float32,
        )
    if kind in _ON_EDGES:
        edges = {"radial": Radial, "frozen": Frozen}[kind]
        return edges(below, above, shape.intervals, shape.depth + 1, generator)
    nodes = {
        "linear": nn.Identity,
        "gelu": nn.GELU,
        "learned": functools.partial(LearnedNodes, below, shape.intervals),
        "rational": functools.partial(RationalNodes, below),
    }[kind]()
    return Dense(below, above, GAINS.get(kind, GAINS["silu"]), nodes, generator)


def _drop(layer: nn.Module, count: int, generator: torch.Generator) -> None:
    """Takes ``count`` random edges out of a layer, in place."""
    owner = _owner(layer)
    mask = torch.ones(owner.weight.shape[0], owner.weight.shape[-1])
    mask.view(-1)[torch.randperm(mask.numel(), generator=generator)[:count]] = 0.0
    owner.mask = mask


def _dead(layer: nn.Module) -> int:
    """Parameters of dropped edges."""
    owner = _owner(layer)
    if owner.mask is None:
        return 0
    return int((owner.mask == 0).sum()) * (owner.weight.numel() // owner.mask.numel())


def _owner(layer: nn.Module) -> SplineEdges | Dense | Radial | Frozen:
    """What holds a layer's ``weight (below, ..., above)`` and ``mask``."""
    owner = layer.spline if isinstance(layer, KANLayer) else layer
    assert isinstance(owner, SplineEdges | Dense | Radial | Frozen)
    return owner
