r"""Editing a network by hand: an edge fixed to a function, cut, or set free again, each as a new network.

An edge is named ``(layer, source, target)``: it leads from node ``source`` to sub-node ``target`` of layer ``layer``,
all counted from 0, as in ``network.trace(X).layers[layer].curves[:, source, target]``. The sub-nodes of a width
``(s, p)`` are its ``s`` sums and then two factors for each of its ``p`` products.

An edge fixed to ``f`` computes ``c f(a x + b; p) + d`` with the constants that follow its curve best on a batch; one
that is cut computes 0; one set free is a spline again. All other edges stay as they are, to the bit, but for two
things that are said where they happen: a cut edge may leave its mean to a neighbour, and a layer may get finer cells.
"""

import copy
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import splines
from edgewise.catalogue import Function, spelled
from edgewise.data import as_matrix
from edgewise.errors import InputError
from edgewise.layer import KANLayer
from edgewise.network import KAN
from edgewise.prune import take_away
from edgewise.symbolic.match import Match, match_edge

TOLERANCE = 1e-3
MOST_CELLS = 320
SAMPLES, SAMPLES_PER_CELL = 512, 16

Place = tuple[int, int, int]


def fixed(network: KAN, edge: Sequence[int], function: str | Function, X: Any) -> KAN:
    """The network with ``c f(a x + b; p) + d`` on one edge, fitted to the edge's curve on rows ``X (n, inputs)``.

    ``function`` is an entry of the catalogue, its name or its text: ``"sine"``, ``"sin"``, ``"x**2"``. Raises
    ``InputError`` when the edge is not there, is constant, or when no constants bend the function to it.

    Example:
        >>> net = KAN([2, 3, 1], generator=torch.Generator().manual_seed(0))
        >>> X = torch.rand(100, 2)
        >>> fixed(net, (0, 1, 2), "tanh", X).kan_layers[0].edge(1, 2).name, net.kan_layers[0].edge(1, 2)
        ('hyperbolic tangent', 'spline')
    """
    law = spelled(function) if isinstance(function, str) else function
    return with_match(network, edge, best_match(network, edge, law, X), X)


def best_match(network: KAN, edge: Sequence[int], law: Function, X: Any) -> Match:
    """One function bent to an edge's curve on a batch; ``InputError`` when it cannot be."""
    x, y = _curve_of(network, edge, X)
    found = match_edge(x, y, [law], coarse=True)
    if not found:
        raise InputError(
            f"no constants bend {law.text} to the curve of {_called(edge)} on X; "
            "expected one of the functions that edgewise.editing.candidates lists for it"
        )
    if found[0].function.name != law.name:
        raise InputError(
            f"{_called(edge)} is constant on X, and {law.text} would have nothing to follow; "
            "fix it to 'linear', or cut it"
        )
    return found[0]


def candidates(
    network: KAN, edge: Sequence[int], X: Any, functions: Iterable[str | Function] | None = None
) -> list[Match]:
    """Functions bent to an edge's curve on a batch, the closest first; those of the default page without a list.

    ``Match.error`` is the share of the curve's deviation that is left: ``R2 = 1 - error**2``.
    """
    laws = None if functions is None else [spelled(f) if isinstance(f, str) else f for f in functions]
    return match_edge(*_curve_of(network, edge, X), laws)


def _curve_of(network: KAN, edge: Sequence[int], X: Any) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Inputs and values of an edge that is there."""
    level, source, target = checked_edge(network, edge)
    if network.kan_layers[level].edge(source, target) is None:
        raise InputError(f"{_called(edge)} is cut and has no curve; set it free first")
    return _seen(network, (level, source, target), X)


def with_match(network: KAN, edge: Sequence[int], match: Match, X: Any) -> KAN:
    """The network with a match on one edge; ``InputError`` when it is not finite on the batch, or makes others so."""
    level, source, target = checked_edge(network, edge)
    made = copy.deepcopy(network)
    made.kan_layers[level].fix_edge(source, target, match.function, match.constants)
    x, y = _seen(made, (level, source, target), X)
    if not bool(y.isfinite().all()):
        raise InputError(
            f"{match.function.text} is not finite on the inputs of {_called(edge)}, which reach from "
            f"{x.min():.4g} to {x.max():.4g} in the network's own scale; choose a function defined there"
        )
    return _still_finite(made, network, X, f"{_called(edge)} as {match.function.text}")


def cut(network: KAN, edge: Sequence[int], X: Any = None) -> KAN:
    """The network without one edge: its function becomes 0.

    With rows ``X``, the edge's mean on them goes to another edge into the same sub-node, so that only its variation is
    lost. A sub-node without edges is 0, or that mean is lost with its last edge; so is a product of such a factor.

    Example:
        >>> net = KAN([2, 3, 1])
        >>> print(cut(net, (0, 1, 2)).kan_layers[0].edge(1, 2))
        None
    """
    level, source, target = checked_edge(network, edge)
    if network.kan_layers[level].edge(source, target) is None:
        raise InputError(f"{_called(edge)} is cut already")
    made = copy.deepcopy(network)
    if X is not None and bool(_seen(network, (level, source, target), X)[1].isfinite().all()):
        take_away(made, _rows(network, X), level, source, target)
    else:
        made.kan_layers[level].remove_edge(source, target)
    return made if X is None else _still_finite(made, network, X, f"the network without {_called(edge)}")


def freed(network: KAN, edge: Sequence[int], X: Any = None, tolerance: float = TOLERANCE) -> KAN:
    """The network with one fixed edge as a spline again, which may be trained; a cut edge comes back as the spline 0.

    The spline follows the edge's function within ``tolerance`` times the function's range, over the range of the
    edge's inputs on ``X``, or where the function is finite over the whole domain of the splines without a batch. Where
    the layer's cells are too wide for that, they are halved for all its splines, which changes those by rounding
    only. Raises ``InputError`` when ``MOST_CELLS`` cells are too few, as next to a pole.

    Example:
        >>> X = torch.linspace(-1, 1, 200)[:, None]
        >>> net = fixed(KAN([1, 1], generator=torch.Generator().manual_seed(0)), (0, 0, 0), "sin", X)
        >>> bool((freed(net, (0, 0, 0))(X) - net(X)).abs().max() < 1e-2)
        True
    """
    level, source, target = checked_edge(network, edge)
    if network.kan_layers[level].edge(source, target) == "spline":
        raise InputError(f"{_called(edge)} is a spline already")
    if not tolerance > 0:
        raise InputError(f"tolerance={tolerance!r}: expected a positive share, such as {TOLERANCE}")
    made = copy.deepcopy(network)
    layer = made.kan_layers[level]
    if layer.edge(source, target) is not None:
        reach = None if X is None else _seen(network, (level, source, target), X)[0]
        _follow(layer, network.kan_layers[level], (level, source, target), reach, tolerance)
    layer.spline.mask[source, target] = 1.0
    return made


def checked_edge(network: KAN, edge: Sequence[int]) -> Place:
    """An edge's name as three whole numbers that fit the network."""
    try:
        level, source, target = (operator.index(number) for number in edge)
    except (TypeError, ValueError):
        raise InputError(
            f"edge={edge!r}: expected (layer, source, target), three whole numbers, such as (0, 1, 2)"
        ) from None
    layers = network.kan_layers
    if not 0 <= level < len(layers):
        raise InputError(f"edge={edge!r}: the network has layers 0 to {len(layers) - 1}")
    layer = layers[level]
    if not (0 <= source < layer.in_features and 0 <= target < layer.out_features):
        raise InputError(
            f"edge={edge!r}: layer {level} has sources 0 to {layer.in_features - 1} "
            f"and targets 0 to {layer.out_features - 1}"
        )
    return level, source, target


def _called(edge: Sequence[int]) -> str:
    return f"edge {tuple(edge)}"


def _rows(network: KAN, X: Any) -> Float[Tensor, "n inputs"]:
    rows = as_matrix(X, "X")
    if rows.shape[1] != network.in_features:
        raise InputError(f"X has {rows.shape[1]} columns: expected {network.in_features}, one for each input")
    return rows.to(network.input_center)


def _still_finite(made: KAN, network: KAN, X: Any, what: str) -> KAN:
    """The network made, unless it has no value at a row where the one before had one."""
    rows = _rows(network, X)
    with torch.no_grad():
        lost = network(rows).isfinite() & ~made(rows).isfinite()
    if bool(lost.any()):
        raise InputError(
            f"{what} takes fixed edges above it out of the range where their functions are defined, at "
            f"{int(lost.any(1).sum())} of {len(rows)} rows; set those free first"
        )
    return made


def _seen(network: KAN, place: Place, X: Any) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """An edge's inputs and values on a batch, in float64."""
    level, source, target = place
    with torch.no_grad():
        layer = network.trace(_rows(network, X)).layers[level]
    x, y = layer.inputs[:, source].double(), layer.curves[:, source, target].double()
    if not bool(x.isfinite().all()):
        raise InputError(f"the inputs of edge {place} are not finite on X: mend the edges below it first")
    return x, y


def _follow(layer: KANLayer, old: KANLayer, place: Place, reach: Tensor | None, tolerance: float) -> None:
    """Puts the least-squares spline of a fixed edge in its place, on halved cells until it is close."""
    _, source, target = place
    layer.remove_edge(source, target)
    while True:
        coef, error = _spline(layer, old, place, reach)
        if error <= tolerance:
            break
        if 2 * layer.spline.intervals > MOST_CELLS:
            raise InputError(
                f"a spline of {layer.spline.intervals} cells misses the function of {_called(place)} by "
                f"{error:.2g} of its range, expected {tolerance:g}; raise tolerance, or give rows X away from its poles"
            )
        layer.refit(splines.refine_knots(layer.spline.knots, layer.spline.degree, 2 * layer.spline.intervals))
    with torch.no_grad():
        layer.spline.coef[source, :, target] = coef.to(layer.spline.coef)


def _spline(layer: KANLayer, old: KANLayer, place: Place, reach: Tensor | None) -> tuple[Tensor, float]:
    """Coefficients on the present cells, and the largest miss as a share of the function's range."""
    _, source, target = place
    spline = layer.spline
    knots = spline.knots[source : source + 1].double()
    low, high = (float(end) for end in splines.domain(knots, spline.degree))
    if reach is not None and max(low, float(reach.min())) < min(high, float(reach.max())):
        low, high = max(low, float(reach.min())), min(high, float(reach.max()))
    count = max(SAMPLES, SAMPLES_PER_CELL * spline.intervals)
    x = torch.linspace(low, high, count, dtype=torch.float64, device=knots.device)
    y = _curve(old, source, target, x)
    x, y = x[y.isfinite()], y[y.isfinite()]
    if not len(x):
        raise InputError(f"the function of {_called(place)} is finite nowhere on its domain; cut the edge")
    coef = splines.fit_coefficients(x[:, None], y[:, None, None], knots, spline.degree)
    miss = (splines.evaluate(x[:, None], coef, knots, spline.degree)[:, 0, 0] - y).abs().max()
    size = torch.maximum(y.max() - y.min(), y.abs().max() * torch.finfo(torch.float32).eps)
    return coef[0, :, 0], float(miss / size) if float(miss) > 0 else 0.0


@torch.no_grad()
def _curve(layer: KANLayer, source: int, target: int, x: Tensor) -> Tensor:
    """Values of a fixed edge at ``x (n,)``, in float64."""
    edges = copy.deepcopy(layer.symbolic).double()
    wide = x.new_zeros(len(x), layer.in_features)
    wide[:, source] = x
    return edges.curves(wide)[:, source, target]
