r"""A trained network with fewer free numbers: edges taken away, others fixed to known functions.

1. Edges that do next to nothing go.
2. Each other edge goes if all the rest, refitted, can do without it: where noise is left, if the mean square grows by
   less than ``exp(2 k / n)`` for ``k`` free numbers of ``n`` rows (Akaike's criterion); without noise, if it stays
   small. Several networks may say the same (``g(s) + s`` where ``s`` may go by another node), and this finds one
   with few edges.
3. A node that one edge leads into, ``g(h(x))``, gets a straight ``h``.
4. Edges are fixed to functions of the catalogue one after the other, the clearest first, all else refitted each time.

A spline has a dozen free numbers, a function four at most. Every step is a network of its own to choose from, so that
an edge which no function follows may stay the spline it is. A network with all edges fixed is a formula.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import exp

import torch
from torch import Tensor

from edgewise.catalogue import Function
from edgewise.layer import KANLayer
from edgewise.network import KAN
from edgewise.prune import edge_importance, prune, take_away
from edgewise.splines import fit_coefficients, uniform_knots
from edgewise.symbolic.findings import Finding, Table, findings
from edgewise.symbolic.fixing import Place, edges_fixed, exchange_functions, held_loss, refit, splines_of
from edgewise.train.clock import Clock
from edgewise.train.config import Step
from edgewise.train.problem import Rows

MOST_TO_CUT, MOST_TO_FIX = 24, 14
_STEPS, _MANY_STEPS, _LAST_STEPS = 15, 80, 20
_FITTING, _MARGIN = 1e-10, 0.05
_KEEP_CLOSE, _KEEP_ROUGHLY = 3.0, 0.02


@dataclass
class Thinned:
    """A network with few free numbers, in the user's units, fitted to a part of ``rows``."""

    network: KAN
    rows: Rows = field(repr=False)
    history: list[Step] = field(repr=False)

    @property
    def best(self) -> KAN:
        """A network of its own."""
        return copy.deepcopy(self.network)

    @property
    def size(self) -> int:
        """Free numbers."""
        return self.network.free().numel()

    def __str__(self) -> str:
        return "edges pruned and fixed to known functions"

    def on_all_rows(self) -> None:
        """A last descent on all rows, unless it leads out of the range where a fixed function is defined."""
        rows, network = self.rows, self.best
        both = torch.cat([rows.X, rows.held_X])
        refit(
            network, Rows(both, torch.cat([rows.y, rows.held_y]), both[:0], rows.y[:0]), _LAST_STEPS, Clock()
        )
        with torch.no_grad():
            if bool(network(both).isfinite().all()):
                self.network = network


def thinned(network: KAN, rows: Rows, y: Tensor, clock: Clock, is_noisy: bool) -> Iterator[KAN]:
    """The network pruned, with edges cut, then with one more edge fixed each time; nothing of one that is too large.

    ``rows`` holds the user's inputs and scaled targets, ``y (n, 1)`` the user's targets of the rows that fit.
    """
    network = prune(network, rows.X, y, tolerance=_KEEP_ROUGHLY if is_noisy else _KEEP_CLOSE)
    if len(splines_of(network)) > (MOST_TO_CUT if is_noisy else MOST_TO_FIX):
        return
    refit(network, rows, _STEPS, clock)
    yield network
    network = lighter(network, rows, clock, is_noisy)
    yield network
    for level, source, target in _detours(network):
        straight = straightened(network, rows.X, level, source, target)
        refit(straight, rows, _MANY_STEPS, clock)
        if _is_as_good(straight, network, rows, _square(network, rows), is_noisy):
            network = straight
            yield network
    if len(splines_of(network)) <= MOST_TO_FIX:
        for fixed in edges_fixed(network, rows, clock):
            yield fixed.network


def lighter(network: KAN, rows: Rows, clock: Clock, is_noisy: bool) -> KAN:
    """The network without the edges that all others together can replace, the least important tried first."""
    first = _square(network, rows)
    with torch.no_grad():
        scores = edge_importance(network, network.trace(rows.X))
    for level, source, target in sorted(
        splines_of(network), key=lambda place: float(scores[place[0]][place[1:]])
    ):
        if clock.expired:
            break
        if len(_edges_into(network, level, target)) < 2:
            continue
        trial = copy.deepcopy(network)
        take_away(trial, rows.X, level, source, target)
        refit(trial, rows, _STEPS if is_noisy else _MANY_STEPS, clock)
        if _is_as_good(trial, network, rows, first, is_noisy):
            network = trial
    return network


def _is_as_good(trial: KAN, network: KAN, rows: Rows, first: float, is_noisy: bool) -> bool:
    """Whether a smaller network may take the place of another; ``first`` is the mean square before any cut."""
    if not is_noisy:
        return _square(trial, rows) <= max((1 + _KEEP_CLOSE) * first, _FITTING)
    saved = network.free().numel() - trial.free().numel()
    return _square(trial, rows) <= _square(network, rows) * exp(2 * saved / len(rows.X))


def _detours(network: KAN) -> list[Place]:
    """The only edges into their nodes, splines as all edges above those nodes are."""
    return [
        (level, source, target)
        for level, source, target in splines_of(network)
        if level + 1 < len(network.kan_layers)
        and target < network.widths[level + 1][0]
        and len(_edges_into(network, level, target)) == 1
        and all(law is None or law == "spline" for law in _laws_from(network.kan_layers[level + 1], target))
    ]


def straightened(network: KAN, X: Tensor, level: int, source: int, target: int) -> KAN:
    """``g(h(x))`` as ``g'(line(x))``: one edge straight, the splines above it following what they do on ``X``."""
    network = copy.deepcopy(network)
    layer, above = network.kan_layers[level], network.kan_layers[level + 1]
    with torch.no_grad():
        trace = network.trace(X).layers
    x, curves = trace[level].inputs[:, source], trace[level + 1].curves[:, target]
    middle, half = (x.min() + x.max()) / 2, (x.max() - x.min()) / 2 + torch.finfo(x.dtype).tiny
    line = torch.stack([x.new_ones(()), x.new_zeros(()), 1 / half, -middle / half, x.new_ones(())])
    layer.fix_edge(source, target, "linear", line)
    ends = x.new_full((1,), 1 + _MARGIN)
    knots = above.spline.knots.clone()
    knots[target] = uniform_knots(-ends, ends, above.spline.intervals, above.spline.degree)[0]
    above.refit(knots)
    u = (x - middle) / half
    coef = fit_coefficients(u[:, None], curves[:, None], knots[target : target + 1], above.spline.degree)[0]
    with torch.no_grad():
        above.spline.coef[target] = coef * above.spline.mask[target]
    return network


def _laws_from(layer: KANLayer, source: int) -> list[Function | str | None]:
    return [layer.edge(source, target) for target in range(layer.out_features)]


def _edges_into(network: KAN, level: int, target: int) -> list[int]:
    layer = network.kan_layers[level]
    return [source for source in range(layer.in_features) if layer.edge(source, target) is not None]


def _square(network: KAN, rows: Rows) -> float:
    """Mean square on the rows that fit."""
    return held_loss(network, replace(rows, held_X=rows.X[:0], held_y=rows.y[:0]))


def read_off(network: KAN, rows: Rows, table: Table, clock: Clock) -> list[Finding]:
    """The formulas of a network without splines, with the functions exchanged that others suit better."""
    refit(network, rows, 3 * _LAST_STEPS, clock)
    return findings(exchange_functions(network, rows, clock), table, clock)
