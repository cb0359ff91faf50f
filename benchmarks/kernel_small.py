"""A small network as a scientist fits it: loss and gradient of [4, 5, 5, 1] on 1000 rows in float64, beside pykan."""

from collections.abc import Callable

import numpy as np
import torch
from kernel_timing import quartiles, ratio, take_turns
from torch import Tensor

from edgewise import KAN

WIDTHS, ROWS, INTERVALS, DEGREE = (4, 5, 5, 1), 1000, 5, 3
AGREE = 1e-10


def edgewise_loss_and_gradient(net: KAN, X: Tensor, y: Tensor) -> tuple[float, list[Tensor]]:
    """Mean square over the rows and its gradient for every layer's weights."""
    loss, gradients = net.loss_and_gradients(X, y)
    weights = {id(layer.spline.weight) for layer in net.kan_layers}
    return loss, [g for g, p in zip(gradients, net.parameters(), strict=True) if id(p) in weights]


def twins() -> tuple[KAN, torch.nn.Module]:
    """pykan's network and edgewise's with the same parameters, small enough to stay within the splines' domain."""
    import kan

    torch.manual_seed(0)
    torch.set_default_dtype(
        torch.float64
    )  # as pykan's own examples do, so that its grid is even to the last digit
    peer = kan.KAN(width=list(WIDTHS), grid=INTERVALS, k=DEGREE, seed=0, auto_save=False)
    torch.set_default_dtype(torch.float32)
    net = KAN(WIDTHS, intervals=INTERVALS, degree=DEGREE, dtype=torch.float64)
    with torch.no_grad():
        for theirs, ours in zip(peer.act_fun, net.kan_layers, strict=True):
            theirs.coef.normal_(0.0, 0.2)
            theirs.scale_base.mul_(0.5)
            inner = (theirs.coef * theirs.scale_sp[..., None]).transpose(1, 2)
            ours.spline.weight.copy_(torch.cat([inner, theirs.scale_base[:, None, :]], dim=1))
            ours.spline.knots.copy_(theirs.grid)
    return net, peer


def compare(net: KAN, peer: torch.nn.Module, X: Tensor, y: Tensor) -> float:
    """Largest relative difference of loss and of the gradient for the coefficients."""
    loss, grads = edgewise_loss_and_gradient(net, X, y)
    theirs = (peer(X) - y).square().mean()
    pulled = torch.autograd.grad(theirs, [layer.coef for layer in peer.act_fun])
    errors = [float(abs(loss - theirs) / theirs)]
    for layer, ours, coef in zip(peer.act_fun, grads, pulled, strict=True):
        scaled = ours[:, :-1].transpose(1, 2) * layer.scale_sp[..., None]
        errors.append(float((scaled - coef).abs().max() / coef.abs().max()))
    return max(errors)


def measure(rounds: int, seconds: float) -> tuple[list[str], float]:
    """Lines to print, and pykan's time over edgewise's; raises ``ImportError`` without pykan."""
    net, peer = twins()
    generator = np.random.default_rng(0)
    X, y = (torch.tensor(generator.uniform(-1, 1, (ROWS, width))) for width in (WIDTHS[0], WIDTHS[-1]))
    peer.speed()
    error = compare(net, peer, X, y)
    used = [parameter for parameter in peer.act_fun.parameters() if parameter.requires_grad]

    def through(run: Callable[[Tensor], Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad((run(X) - y).square().mean(), used)

    torch._dynamo.reset()
    steps = {
        "edgewise": lambda: edgewise_loss_and_gradient(net, X, y),
        "pykan, speed()": through(peer),
        "pykan, speed(compile=True)": through(peer.speed(compile=True)),
    }
    for step in steps.values():
        step()
    times = take_turns(steps, 3 * rounds, seconds)
    lines = [f"loss and gradient of {list(WIDTHS)}, {ROWS} rows, float64; they agree to {error:.0e}"]
    for name, spent in times.items():
        low, middle, high = quartiles(spent)
        over = ratio(spent, times["edgewise"])
        lines.append(f"  {name:28} {middle:8.3f} ms ({low:.3f} .. {high:.3f})   / edgewise {over:.3g}")
    if error > AGREE:
        lines.append(f"  they should agree to {AGREE}: the ratio does not count")
    return lines, ratio(times["pykan, speed()"], times["edgewise"]) if error <= AGREE else float("nan")
