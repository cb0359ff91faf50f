"""A trained network's edges fixed to catalogue functions, one at a time, never trusting an edge by itself.

The edge that some function follows best goes first. Its candidates are tried in the order of error and complexity:
the function is put on the edge, *all* that is left of the network is refitted with it in float64, and the end-to-end
loss on rows held out decides. A candidate that makes the whole worse is undone and the next one tried. When none
holds, the least bad one is kept and the result says so through its loss.
"""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import log, log10

import torch
from torch import Tensor

from edgewise.catalogue import CATALOGUE, Function
from edgewise.network import KAN
from edgewise.symbolic.match import Match, match_edge
from edgewise.train.clock import Clock
from edgewise.train.levenberg import Solver
from edgewise.train.problem import NetworkProblem, Rows

MOST_CANDIDATES = 6
_TOLERATED = 2.0
_REFIT_STEPS = 12
_LAST_STEPS = 60
_PER_NODE = 0.35
_NOISE_FLOOR = 1e-26
_NOISY = 1e-7
_WORTH_IT = 1.0

Place = tuple[int, int, int]


@dataclass(frozen=True)
class Fixed:
    """A network with every living edge fixed, and its loss on the held-out rows relative to the variance."""

    network: KAN
    loss: float


def fix_edges(
    network: KAN, rows: Rows, clock: Clock, functions: Iterable[Function] | None = None, trusted: float = 0.0
) -> Fixed | None:
    """Fixes every living spline edge of a trained float64 network; None when the clock ran out before the end.

    ``rows`` holds the user's inputs and targets in the network's own scale. Differences below the mean square
    ``trusted`` tell nothing about the law, as when the targets are the network's own outputs.
    """
    network = copy.deepcopy(network)
    for fixed in edges_fixed(network, rows, clock, functions, trusted):
        network = fixed.network
    if splines_of(network):
        return None
    refit(network, rows, _LAST_STEPS, clock)
    return Fixed(network, held_loss(network, rows))


def edges_fixed(
    network: KAN, rows: Rows, clock: Clock, functions: Iterable[Function] | None = None, trusted: float = 0.0
) -> Iterator[Fixed]:
    """The network with one more edge fixed each time, until all are or the clock runs out; see ``fix_edges``."""
    loss = max(held_loss(network, rows), trusted, _NOISE_FLOOR)
    known = {place: tuple(functions or CATALOGUE.values()) for place in splines_of(network)}
    while (places := splines_of(network)) and not clock.expired:
        matches = {place: _candidates(network, place, rows, loss, known[place]) for place in places}
        known = {place: tuple(match.function for match in found) for place, found in matches.items()}
        place = min(places, key=lambda place: matches[place][0].error)
        fixed = _fix_one(network, place, matches[place], rows, loss, clock)
        if fixed is None:
            return
        network, loss = fixed.network, max(fixed.loss, trusted, _NOISE_FLOOR)
        yield fixed


def refit(network: KAN, rows: Rows, steps: int, clock: Clock) -> None:
    """Levenberg-Marquardt on everything that can move, in place."""
    problem = NetworkProblem(network, rows, 0.0)
    solver = Solver(problem.residual, problem.linearise, network.free(), damping=1e-3)
    if not solver.loss < float("inf"):
        return
    for _ in range(steps):
        before = solver.loss
        if clock.expired or not solver.advance() or solver.loss < _NOISE_FLOOR:
            break
        if solver.loss > before * (1 - 1e-3):
            break
    network.assign(solver.parameters)


def held_loss(network: KAN, rows: Rows) -> float:
    """Mean square on held-out rows (on all rows when none are), in the network's own scale; infinite if undefined."""
    held = rows.held_X.shape[0] > 0
    X, y = (rows.held_X, rows.held_y) if held else (rows.X, rows.y)
    with torch.no_grad():
        loss = (network.scaled(network.prepare(X)) - y).square().mean().item()
    return loss if loss == loss else float("inf")


def splines_of(network: KAN) -> list[Place]:
    """The living spline edges."""
    return [
        (level, int(i), int(o))
        for level, layer in enumerate(network.kan_layers)
        for i, o in zip(*layer.spline.living(), strict=True)
    ]


def _candidates(
    network: KAN, place: Place, rows: Rows, loss: float, functions: Iterable[Function]
) -> list[Match]:
    """Functions for one edge, the most credible first: error counts down to what the network itself leaves."""
    level, source, target = place
    with torch.no_grad():
        layer = network.trace(rows.X).layers[level]
    x, y = layer.inputs[:, source], layer.curves[:, source, target]
    resolution = max(loss, 1e-28) ** 0.5 * _share(layer.curves, y)

    def credibility(match: Match) -> float:
        return log10(max(match.error, resolution)) + _PER_NODE * match.function.complexity

    return sorted(match_edge(x, y, functions), key=credibility)[: 2 * MOST_CANDIDATES]


def _share(curves: Tensor, y: Tensor) -> float:
    """How much coarser one edge is known than the whole: the deviation of its node over its own."""
    whole = curves.sum(1).std(0).max()
    return float((whole / y.std().clamp(min=1e-12)).clamp(1.0, 1e6))


def _fix_one(
    network: KAN, place: Place, matches: list[Match], rows: Rows, loss: float, clock: Clock
) -> Fixed | None:
    """The first candidate that keeps a close fit close; where noise blurs the fit, the shortest description."""
    noisy = loss > _NOISY
    best: tuple[float, Fixed] | None = None
    for match in matches if noisy else matches[:MOST_CANDIDATES]:
        if clock.expired:
            return None
        trial = _with_function(network, place, match)
        refit(trial, rows, _REFIT_STEPS, clock)
        fixed = Fixed(trial, held_loss(trial, rows))
        length = _length(trial, rows) if noisy else fixed.loss
        if best is None or length < best[0]:
            best = length, fixed
        if not noisy and fixed.loss <= _TOLERATED * max(loss, _NOISE_FLOOR):
            return fixed
    return best[1] if best else None


def exchange_functions(
    network: KAN, rows: Rows, clock: Clock, functions: Iterable[Function] | None = None
) -> KAN:
    """A fully symbolic network with single functions exchanged wherever that shortens its description.

    Edges were fixed while their neighbours were still splines; now every function is tried again on every edge,
    with all constants refitted, until nothing improves. Skipped where the fit is exact already.
    """
    best = _length(network, rows)
    improved = held_loss(network, rows) > _NOISY
    while improved and not clock.expired:
        improved = False
        for place in _symbolic(network):
            for match in _matches(network, place, rows, functions):
                if clock.expired:
                    return network
                trial = _with_function(network, place, match)
                refit(trial, rows, _REFIT_STEPS, clock)
                length = _length(trial, rows)
                if length < best - _WORTH_IT:
                    network, best, improved = trial, length, True
    return network


def _with_function(network: KAN, place: Place, match: Match) -> KAN:
    level, source, target = place
    trial = copy.deepcopy(network)
    trial.kan_layers[level].fix_edge(source, target, match.function, match.constants)
    return trial


def _symbolic(network: KAN) -> list[Place]:
    return [
        (level, i, o) for level, layer in enumerate(network.kan_layers) for i, o, _ in layer.symbolic.fixed
    ]


def _matches(network: KAN, place: Place, rows: Rows, functions: Iterable[Function] | None) -> list[Match]:
    """Every other function bent to what an edge does now, the closest ones only."""
    level, source, target = place
    with torch.no_grad():
        layer = network.trace(rows.X).layers[level]
    present = network.kan_layers[level].edge(source, target)
    found = match_edge(layer.inputs[:, source], layer.curves[:, source, target], functions)
    return [match for match in found if match.function is not present][: 2 * MOST_CANDIDATES]


def _length(network: KAN, rows: Rows) -> float:
    """Nats to describe all rows: ``n/2 log(mean square) + (complexity / 2) log n``."""
    X, y = torch.cat([rows.X, rows.held_X]), torch.cat([rows.y, rows.held_y])
    with torch.no_grad():
        square = (network.scaled(network.prepare(X)) - y).square().mean().item()
    if not square < float("inf"):
        return float("inf")
    nodes = sum(law.complexity for layer in network.kan_layers for _, _, law in layer.symbolic.fixed)
    return len(X) / 2 * log(max(square, _NOISE_FLOOR)) + nodes / 2 * log(len(X))
