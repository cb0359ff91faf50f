r"""A trained network with fewer free numbers: edges that do next to nothing pruned, others fixed to known functions.

A spline has a dozen free numbers, a function of the catalogue four at most. Edges are fixed one after the other, the
clearest first, everything that can still move refitted each time; every step is a network of its own to choose from,
so that an edge which no function follows may stay the spline it is. A network with all edges fixed is a formula.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from edgewise.network import KAN
from edgewise.prune import prune
from edgewise.symbolic.findings import Finding, Table, findings
from edgewise.symbolic.fixing import edges_fixed, exchange_functions, refit, splines_of
from edgewise.train.clock import Clock
from edgewise.train.config import Step
from edgewise.train.problem import Rows

MOST_EDGES = 14
_STEPS, _LAST_STEPS = 10, 20
KEEP_CLOSE, KEEP_ROUGHLY = 3.0, 0.02


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


def thinned(network: KAN, rows: Rows, y: Tensor, clock: Clock, tolerance: float) -> Iterator[KAN]:
    """The network pruned, then with one more edge fixed each time; nothing of one that is still too large.

    ``rows`` holds the user's inputs and scaled targets, ``y (n, 1)`` the user's targets of the rows that fit; what
    pruning may add to their mean square is the share ``tolerance``.
    """
    network = prune(network, rows.X, y, tolerance=tolerance)
    if len(splines_of(network)) > MOST_EDGES:
        return
    refit(network, rows, _STEPS, clock)
    yield network
    for fixed in edges_fixed(network, rows, clock):
        yield fixed.network


def read_off(network: KAN, rows: Rows, table: Table, clock: Clock) -> list[Finding]:
    """The formulas of a network without splines, with the functions exchanged that others suit better."""
    refit(network, rows, 3 * _LAST_STEPS, clock)
    return findings(exchange_functions(network, rows, clock), table, clock)
