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
from joblib import Parallel, delayed, effective_n_jobs
from tqdm.auto import tqdm

from edgewise.data import as_tensors, split_rows
from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.symbolic.baseline import constant_network, linear_network
from edgewise.symbolic.candidates import Candidate, choose, front, scored
from edgewise.symbolic.config import SearchConfig
from edgewise.symbolic.explore import (
    CLOSE,
    ROWS_PER_CONSTANT,
    Finding,
    Table,
    Trained,
    exactness,
    finding_of,
    formulas_of,
    outside_error,
    train_shape,
)
from edgewise.symbolic.shapes import shapes
from edgewise.train.clock import Clock
from edgewise.train.threads import one_thread

HELD_OUT = 0.2
FEWEST_TO_HOLD_OUT = 5
MOST_ROUGH_SHAPES = 4
_MUCH_WORSE = 10.0
_NOTHING = 0.5
_ENDED = "an exact formula ended the search"


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
    exploration = _Exploration(table, config, clock)
    with one_thread():
        ended, findings = exploration.run(), exploration.findings
    judged = held if len(held) else kept
    return _result(findings, table, inputs[judged], targets[judged], tuple(held.tolist()), clock, ended)


class _Exploration:
    """Shapes trained in turn; those that fit closely are turned into formulas at once, the others at the end."""

    def __init__(self, table: Table, config: SearchConfig, clock: Clock) -> None:
        self.table, self.config, self.clock = table, config, clock
        self.findings = [finding_of(network(table), table) for network in (constant_network, linear_network)]
        self.workers = Parallel(n_jobs=config.n_jobs)
        self.width = effective_n_jobs(config.n_jobs) if config.n_jobs else 1

    def run(self) -> str:
        """Explores until a formula is exact, the shapes are spent or time is up; returns which, as a phrase."""
        if self._done():
            return _ENDED
        rows, inputs = self.table.X.shape
        todo = [shape for shape in shapes(inputs) if ROWS_PER_CONSTANT * (shape.edges + 1) <= rows]
        waiting: list[Trained] = []
        line = tqdm(total=len(todo), desc="shapes", leave=False, disable=not self.config.progress)
        try:
            while todo and not self._late():
                batch, todo = todo[: self.width], todo[self.width :]
                trained = self._map(train_shape, batch, 0.5 / (1 + len(todo)))
                waiting += [one for one in trained if one.loss >= CLOSE]
                self._formulas([one for one in trained if one.loss < CLOSE], 0.7)
                line.update(len(batch))
                if self._done():
                    return _ENDED
            waiting = _worth_writing(waiting)
            while waiting and not self._late():
                batch, waiting = waiting[: self.width], waiting[self.width :]
                self._formulas(batch, 1 / (1 + len(waiting)))
                if self._done():
                    return _ENDED
            return "time was up" if self._late() else "all shapes were tried"
        except KeyboardInterrupt:
            return "interrupted"
        finally:
            line.close()

    def _formulas(self, trained: list[Trained], share: float) -> None:
        for found in self._map(formulas_of, trained, share):
            self.findings += found

    def _map(self, work: Callable, items: list, share: float) -> list:
        """``work(item, table, seconds)`` for each item, within a share of the time left."""
        seconds = share * self.clock.left()
        if self.width == 1 or len(items) < 2:
            return [work(item, self.table, seconds) for item in items]
        return list(self.workers(delayed(work)(item, self.table, seconds) for item in items) or [])

    def _done(self) -> bool:
        constant = not float(self.table.y.max() - self.table.y.min()) > 0
        return constant or any(finding.exact for finding in self.findings)

    def _late(self) -> bool:
        return self.clock.left() <= 0.02 * self.config.max_seconds


def _worth_writing(trained: list[Trained]) -> list[Trained]:
    """The few shapes that fit best, best first; where none fits closely, more of them only cost time."""
    order = sorted(trained, key=lambda one: one.loss)
    return [one for one in order if one.loss <= _MUCH_WORSE * order[0].loss][:MOST_ROUGH_SHAPES]


def _result(
    findings: list[Finding],
    table: Table,
    X: torch.Tensor,
    y: torch.Tensor,
    held: tuple[int, ...],
    clock: Clock,
    ended: str,
) -> SearchResult:
    best = front(findings)
    index = choose(best, table.X.shape[0])
    judged_X, judged_y = X.numpy(), y[:, 0].numpy()
    candidates = scored([f.formula for f in best], judged_X, judged_y)
    chosen = best[index]
    deviation = max(float(np.std(table.y.numpy())), float(np.std(judged_y)), 1e-300)
    held_error = candidates[index].loss ** 0.5 / deviation
    status = _status(chosen, held_error, table)
    message = _message(status, chosen, held_error, bool(held), ended)
    errors = {"fitted": chosen.error, "held_out" if held else "all_rows": held_error}
    outside = outside_error(chosen, table)
    if outside is not None:
        errors["outside"] = outside
    return SearchResult(candidates, index, status, message, chosen.network, clock.seconds, held, errors)


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
