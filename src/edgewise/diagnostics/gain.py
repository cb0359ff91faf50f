r"""How much a layer makes of a small change of its inputs, as predicted and as measured; what reaches it at all.

With ``phi_io`` the edges of a layer, ``z_i`` their inputs, ``c`` the middle of the domain and means over the rows,

    gain = s^2  sum_io mean phi_io'(z_i)^2 / sum_io mean phi_io(z_i)^2,      s^2 = mean (z_i - c)^2.

Between two norms, which make the mean square of a layer's inputs ``s^2`` whatever it was, this is the factor by which
a layer multiplies the mean square of a gradient that comes down to it, as long as its edges add up like independent
ones: so of ``L`` layers the product. ``edgewise.init`` has what random edges make of ``z ~ N(c, s^2)``, ``s`` a quarter
of the domain: ``chi`` for splines, ``chi_base = s^2 E[b'^2] / E[b^2]`` for the base, and for a layer whose splines have
the share ``rho`` of the energy

    gain = (1 - rho) chi_base + rho chi.

Source: the mean-field argument of Schoenholz et al., *Deep information propagation*, arXiv 1611.01232, for edges.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from edgewise import splines
from edgewise.edges import SplineEdges, base_function
from edgewise.init import moments
from edgewise.layer import KANLayer
from edgewise.network import KAN, combine
from edgewise.trace import Trace


@dataclass(frozen=True)
class Gain:
    """Gains of one layer, of gradients squared, and the energy share ``rho`` of its splines.

    ``splines_*`` are those of the spline branch alone, measured on the inputs inside the domain. Predictions are NaN
    for a layer with fixed functions, measurements for one whose edges are zero.
    """

    predicted: float
    measured: float
    splines_predicted: float
    splines_measured: float
    share: float


def gains(network: KAN, trace: Trace) -> tuple[Gain, ...]:
    """The gain of every layer.

    Example:
        >>> net = KAN([4, 32, 32, 32, 1], norm="rms", generator=torch.Generator().manual_seed(0))
        >>> found = gains(net, net.trace(torch.rand(256, 4)))[1]
        >>> abs(found.splines_measured / found.splines_predicted - 1) < 0.15
        True
    """
    pairs = zip(network.kan_layers, trace.layers, strict=True)
    return tuple(layer_gain(layer, record.inputs) for layer, record in pairs)


@torch.no_grad()
def layer_gain(layer: KANLayer, inputs: Float[Tensor, "n inputs"]) -> Gain:
    """The gain of one layer for these inputs."""
    curves, slopes = layer.curves(inputs), layer.slopes(layer.prepare(inputs))
    values, tilts = spline_parts(layer.spline, inputs)
    within = inside(layer.spline, inputs)[:, :, None]
    low, high = splines.domain(layer.spline.knots, layer.spline.degree)
    s2 = _mean_square(inputs - (low + high) / 2)
    ours, rest = _mean_square(values), _mean_square(curves - values)
    share = ours / (ours + rest) if ours + rest else 0.0
    chi, chi_base = _chis(layer)
    return Gain(
        predicted=share * chi + (1 - share) * chi_base,
        measured=_ratio(s2 * _mean_square(slopes), _mean_square(curves)),
        splines_predicted=chi,
        splines_measured=_ratio(s2 * _mean_square(tilts * within), _mean_square(values * within)),
        share=share,
    )


def spline_parts(
    edges: SplineEdges, inputs: Float[Tensor, "n inputs"]
) -> tuple[Float[Tensor, "n inputs outputs"], Float[Tensor, "n inputs outputs"]]:
    """Values and slopes of the splines of every edge, without their base functions."""
    coef = edges.coef * edges.mask[:, None, :]
    values, slopes = (part[..., : coef.shape[1]] for part in edges.prepare(inputs))
    return torch.einsum("nip,ipo->nio", values, coef), torch.einsum("nip,ipo->nio", slopes, coef)


def inside(edges: SplineEdges, inputs: Float[Tensor, "n inputs"]) -> Bool[Tensor, "n inputs"]:
    """Which inputs lie in the domain of their splines."""
    low, high = splines.domain(edges.knots, edges.degree)
    return (inputs >= low) & (inputs <= high)


def outside(network: KAN, trace: Trace) -> tuple[float, ...]:
    """For every layer the share of its inputs that lie outside the domain, where splines are straight."""
    pairs = zip(network.kan_layers, trace.layers, strict=True)
    return tuple(1 - float(inside(layer.spline, record.inputs).double().mean()) for layer, record in pairs)


def signals(trace: Trace) -> tuple[float, ...]:
    """For every layer ``sum_o var h_o / sum_o mean h_o^2`` of its nodes: 1 without an offset, 0 for constants."""
    found = []
    for record in trace.layers:
        nodes = record.nodes.detach().double()
        found.append(_ratio(float(nodes.var(0, correction=0).sum()), float(nodes.square().mean(0).sum())))
    return tuple(0.0 if math.isnan(value) else value for value in found)


def input_gradients(network: KAN, X: Float[Tensor, "n inputs"]) -> Float[Tensor, "layers n"]:
    """``( sum_oi (d y_o / d z_i)^2 )^(1/2)`` for every layer's inputs ``z`` and every row, in float64.

    ``y`` are the outputs before their scaling. A layer through which nothing passes has 0.

    Example:
        >>> net = KAN([2, 3, 1])
        >>> input_gradients(net, torch.zeros(5, 2)).shape
        torch.Size([2, 5])
    """
    levels = []
    with torch.enable_grad():
        stream = network.joins.open(network.enter(X.detach().requires_grad_()))
        for level, layer in enumerate(network.kan_layers, start=1):
            levels.append(stream.inputs(level))
            stream.join(level, combine(layer(levels[-1]), network.widths[level]))
        square = torch.zeros(len(levels), len(X), dtype=torch.float64, device=X.device)
        for column in stream.nodes.unbind(1):
            parts = torch.autograd.grad(
                column.sum(), levels, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            square += torch.stack([part.double().square().sum(1) for part in parts])
    return square.sqrt()


def _chis(layer: KANLayer) -> tuple[float, float]:
    """``chi`` of random splines and of the base; NaN where fixed functions take their place."""
    if layer.symbolic.fixed:
        return math.nan, math.nan
    found = moments(layer.spline.knots, layer.spline.degree, base_function(layer.spline.base))
    s2 = found.scale**2
    return s2 * found.slope / found.energy, s2 * found.base_slope / found.base if found.base else 0.0


def _mean_square(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values, dtype=torch.float64)) ** 2 / values.numel()


def _ratio(above: float, below: float) -> float:
    return above / below if below else math.nan
