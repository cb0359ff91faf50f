r"""Which functions of the catalogue an edge looks like, from a straight line to the one that follows it best.

Every function is bent to the edge's values at the rows of a batch, ``c f(a x + b; p) + d`` by least squares (see
``match``). Of those that explain a part of them, ``R^2 = 1 - error^2``, only the ones that no simpler function
explains better are kept: the front of complexity against error.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from edgewise.data import as_matrix
from edgewise.network import KAN
from edgewise.symbolic.match import MOST_SAMPLES, Match, match_edge

MOST_SHOWN = 6
LEAST_EXPLAINED = 0.5
Place = tuple[int, int, int]


@dataclass(frozen=True)
class Lookalike:
    """A function with its constants ``a, b, c, d, p`` in the network's own units and the share it explains."""

    name: str
    text: str
    r2: float
    complexity: int
    constants: tuple[float, ...]


def lookalikes(net: KAN, X: Any, places: Iterable[Place]) -> dict[Place, tuple[Lookalike, ...]]:
    """For each edge, by layer, source and target, the functions it looks like on rows ``X``, the best first.

    Example:
        >>> net = KAN([1, 1], base=None)
        >>> found = lookalikes(net, torch.linspace(-1, 1, 50)[:, None], [(0, 0, 0)])
        >>> found[0, 0, 0][0].r2 > 0.5
        True
    """
    rows = as_matrix(X, "X")
    keep = torch.linspace(0, len(rows) - 1, min(len(rows), MOST_SAMPLES)).round().long().unique()
    with torch.no_grad():
        layers = net.trace(rows[keep].to(net.input_center)).layers
    found = {}
    for layer, source, target in places:
        x, y = layers[layer].inputs[:, source], layers[layer].curves[:, source, target]
        known = x.isfinite() & y.isfinite()
        found[layer, source, target] = _front(match_edge(x[known], y[known])) if known.sum() > 2 else ()
    return found


def _front(matches: list[Match]) -> tuple[Lookalike, ...]:
    """The best of at most each complexity, the best of all first."""
    front: list[Match] = []
    for match in sorted(matches, key=lambda one: (one.function.complexity, one.error)):
        if 1 - match.error**2 >= LEAST_EXPLAINED and (not front or match.error < front[-1].error):
            front.append(match)
    return tuple(_lookalike(match) for match in reversed(front[-MOST_SHOWN:]))


def _lookalike(match: Match) -> Lookalike:
    law = match.function
    return Lookalike(
        law.name, law.text, 1 - match.error**2, law.complexity, tuple(match.constants.double().tolist())
    )
