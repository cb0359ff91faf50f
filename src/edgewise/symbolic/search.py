"""From a table to a list of formulas: shapes tried in turn, edges fixed, constants settled, every loss recomputed.

The rows are split once. Most are for fitting (and, inside, for choosing); the rest are *held out from everything* and
serve only to report the loss of each formula, recomputed from its printed text. A shape is trained by least squares,
its edges fixed to catalogue functions, the whole refitted as one formula and its constants settled. The search ends
when a formula is exact, when the shapes are spent or when time is up, and says which.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from edgewise.data import as_tensors, split_rows
from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.symbolic.baseline import constant_network
from edgewise.symbolic.candidates import Candidate, choose, front, scored
from edgewise.symbolic.config import SearchConfig
from edgewise.symbolic.exploration import Exploration
from edgewise.symbolic.explore import train_shape
from edgewise.symbolic.findings import Finding, Table, exactness, finding_of, outside_error, spread
from edgewise.symbolic.shapes import Shape
from edgewise.symbolic.tidying import tidied
from edgewise.train.clock import Clock
from edgewise.train.threads import one_thread

HELD_OUT = 0.2
FEWEST_TO_HOLD_OUT = 5
_NOTHING = 0.5
_SECONDS_FOR_NETWORK = 10.0


@dataclass(frozen=True)
class SearchResult:
    """Formulas from the simplest to the most exact, and what to think of them.

    ``status`` is ``"exact"`` (the chosen formula meets every row, fitted or held out, to what rounding leaves),
    ``"approximate"`` or ``"none"`` (no formula explains half of the variance). ``network`` is the network behind the
    chosen formula, ``held_out`` the rows behind the reported losses (all rows when there are too few to hold any
    out), ``errors`` root mean squares of the chosen formula relative to the target's deviation; ``outside`` is what
    it misses in the outer tenth of the data when its constants are fitted to the rest.
    """

    candidates: tuple[Candidate, ...]
    chosen: int
    status: str
    message: str
    network: KAN = field(repr=False)
    seconds: float
    held_out: tuple[int, ...] = field(repr=False)
    errors: dict[str, float]


def search(X: object, y: object, names: Sequence[str], config: SearchConfig | None = None) -> SearchResult:
    """Searches the formula of ``y (n,)`` in the columns of ``X (n, inputs)`` called ``names`` (valid symbols).

    Raises ``InputError`` for data that cannot be used. Ctrl-C ends the search and keeps what was found.
    """
    config = config or SearchConfig()
    inputs, targets = as_tensors(X, y)
    if targets.shape[1] != 1:
        raise InputError(f"y has {targets.shape[1]} columns: search one target at a time")
    if inputs.shape[0] < 2:
        raise InputError("one row tells nothing of a law: give at least 2 rows")
    if len(names) != inputs.shape[1]:
        raise InputError(f"{len(names)} names for {inputs.shape[1]} columns of X: give one name a column")
    clock = Clock(config.max_seconds)
    share = HELD_OUT if inputs.shape[0] >= FEWEST_TO_HOLD_OUT else 0.0
    kept, held = split_rows(inputs.shape[0], share, torch.Generator().manual_seed(config.seed))
    table = Table(inputs[kept], targets[kept], inputs, tuple(names), config.seed)
    judged = held if len(held) else kept
    exploration = Exploration(table, config, clock, tell=_teller(config, inputs[judged], targets[judged]))
    with one_thread():
        ended = exploration.run()
    rows = tuple(held.tolist())
    return _result(exploration, ended, inputs[judged], targets[judged], rows, clock)


def _teller(config: SearchConfig, X: torch.Tensor, y: torch.Tensor) -> Callable[[list[Finding]], None] | None:
    """Hands the front of the findings so far to the user's listener."""
    listener = config.listener
    if listener is None:
        return None
    return lambda findings: listener(
        scored([finding.formula for finding in front(findings)], X.numpy(), y[:, 0].numpy())
    )


def _result(
    exploration: Exploration,
    ended: str,
    X: torch.Tensor,
    y: torch.Tensor,
    held: tuple[int, ...],
    clock: Clock,
) -> SearchResult:
    table = exploration.table
    known = exploration.stock.findings or [finding_of(constant_network(table), table)]
    best = front([finding if clock.expired else tidied(finding, table) for finding in front(known)])
    index = choose(best, table.X.shape[0])
    judged_X, judged_y = X.numpy(), y[:, 0].numpy()
    candidates = scored([f.formula for f in best], judged_X, judged_y)
    chosen = best[index]
    deviation = max(spread(table.y.numpy()), float(np.std(judged_y)))
    held_error = candidates[index].loss ** 0.5 / deviation
    status = _status(chosen, held_error, table)
    message = _message(status, chosen, held_error, bool(held), ended)
    errors = {"fitted": chosen.error, "held_out" if held else "all_rows": held_error}
    outside = outside_error(chosen, table)
    if outside is not None:
        errors["outside"] = outside
    least = min(0.5, 0.05 * exploration.config.max_seconds)
    network = chosen.network or exploration.network() or _network(table, max(clock.left(), least))
    return SearchResult(candidates, index, status, message, network, clock.seconds, held, errors)


def _network(table: Table, seconds: float) -> KAN:
    """A network of the table for a formula that was found without one."""
    shape = Shape("outer", (table.X.shape[1], 1, 1))
    return train_shape(shape, table, min(seconds, _SECONDS_FOR_NETWORK)).network


def _status(chosen: Finding, held_error: float, table: Table) -> str:
    if chosen.exact and held_error < 10 * exactness(table):
        return "exact"
    explained = 1 - chosen.error**2
    constant = float(table.y.max() - table.y.min()) == 0.0
    return "approximate" if constant or (explained > _NOTHING and held_error**2 < _NOTHING) else "none"


def _message(status: str, chosen: Finding, held_error: float, has_held: bool, ended: str) -> str:
    rows = "rows held out from the search" if has_held else "the rows themselves (too few to hold any out)"
    said = {
        "exact": "the formula meets every row",
        "approximate": "no exact law found; the formula is an approximation",
        "none": "no law found: no formula explains half of the variance",
    }[status]
    return f"{said}; error {held_error:.2g} of the deviation on {rows}; {ended}"
