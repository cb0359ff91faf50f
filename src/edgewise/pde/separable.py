r"""Networks for equations: sums of products of splines, ``u = sum_r f_r(x) g_r(y) ...``, as a ``KAN``.

``KAN([2, (0, rank), 1])`` with every sub-node joined to one input is that sum for two coordinates;
``KAN([3, (rank, rank), (0, rank), 1])`` for three: the third factor passes the first level as a sum and is multiplied
on the second. Layers after the first are straight lines that stay as they are, so all parameters are spline weights
of the first layer, in which every derivative is linear.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import splines
from edgewise.edges import SplineEdges
from edgewise.network import KAN

WAVES = 4


def separable(
    breakpoints: Float[Tensor, "axes cells_and_1"], rank: int, degree: int, generator: torch.Generator
) -> KAN:
    """A sum of ``rank`` products with smooth random factors; splines on these breakpoints of each axis.

    Example:
        >>> ends = torch.linspace(0, 1, 9).double().expand(3, 9)
        >>> separable(ends, 2, 3, torch.Generator().manual_seed(0)).widths
        ((3, 0), (2, 2), (0, 2), (1, 0))
    """
    axes = breakpoints.shape[0]
    rank = 1 if axes == 1 else rank
    knots = splines.knots_from_breakpoints(breakpoints, degree)
    network = KAN(_widths(axes, rank), intervals=1, degree=1, base=None, dtype=torch.float64)
    for layer in network.kan_layers[1:]:
        layer.spline = _lines(layer.in_features, layer.out_features)
    first = network.kan_layers[0]
    weight = _waves(knots, degree, first.out_features, generator) * (0.3 / rank) ** (1 / axes)
    first.spline = SplineEdges(weight, knots, degree, None)
    _join(network, axes, rank)
    return network


def factors(axes: int, rank: int, axis: int) -> Tensor:
    """Where the factors of one axis stand among the first layer's outputs.

    Example:
        >>> factors(3, 2, 0).tolist(), factors(3, 2, 1).tolist(), factors(3, 2, 2).tolist()
        ([2, 4], [3, 5], [0, 1])
    """
    if axis < 2:
        return (axes - 2) * rank + 2 * torch.arange(rank) + axis
    return (axis - 2) * rank + torch.arange(rank)


def is_line(edges: SplineEdges) -> bool:
    """Whether a bundle holds straight lines only, which stay as they are."""
    return edges.degree == 1 and edges.intervals == 1 and edges.base is None


def _widths(axes: int, rank: int) -> list[int | tuple[int, int]]:
    if axes == 1:
        return [1, 1]
    return [axes, *(((axes - 1 - level) * rank, rank) for level in range(1, axes)), 1]


def _join(network: KAN, axes: int, rank: int) -> None:
    """Sets the masks: which sub-node belongs to which coordinate, and which node goes on to which."""
    first, *later = [layer.spline for layer in network.kan_layers]
    if axes == 1:
        return
    first.mask.zero_()
    for axis in range(axes):
        first.mask[axis, factors(axes, rank, axis)] = 1.0
    for edges in later[:-1]:
        passed = edges.in_features - rank  # the sums below: coordinates that still wait, the next one first
        rest = passed - rank
        edges.mask.zero_()
        for k in range(rest):
            edges.mask[rank + k, k] = 1.0
        for r in range(rank):
            edges.mask[passed + r, rest + 2 * r] = edges.mask[r, rest + 2 * r + 1] = 1.0
    for edges in (first, *later):
        edges.weight.data *= edges.mask[:, None, :]


def _lines(inputs: int, outputs: int) -> SplineEdges:
    """Every edge the identity."""
    ends = torch.tensor([[-1.0, 1.0]], dtype=torch.float64).expand(inputs, 2)
    weight = torch.tensor([-1.0, 1.0], dtype=torch.float64)[None, :, None].repeat(inputs, 1, outputs)
    return SplineEdges(weight, splines.knots_from_breakpoints(ends, 1), 1, None)


def _waves(knots: Tensor, degree: int, outputs: int, generator: torch.Generator) -> Tensor:
    """Coefficients of a few random cosines along each axis, ``(inputs, functions, outputs)``."""
    sites = knots.unfold(1, degree, 1)[:, 1:-1].mean(-1)
    low, high = splines.domain(knots, degree)
    share = ((sites - low[:, None]) / (high - low)[:, None]).clamp(0, 1)
    wave = torch.arange(WAVES, dtype=torch.float64)
    shapes = torch.cos(torch.pi * wave * share[..., None]) / (1 + wave)
    draw = torch.randn(knots.shape[0], WAVES, outputs, dtype=torch.float64, generator=generator)
    return shapes @ draw
