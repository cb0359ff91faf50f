"""Networks of splines on their way from coarse to fine cells, tuned as perceptrons are: see ``tournament``."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.data import measure
from edgewise.network import KAN
from edgewise.study.claims.published import Shape
from edgewise.study.claims.tournament import EXACT, Table, best_of
from edgewise.study.tasks.task import Array
from edgewise.train import TrainConfig
from edgewise.train.clock import Clock
from edgewise.train.problem import Rows
from edgewise.train.staircase import ROWS_PER_CELL, Staircase

COARSEST = 3
STARTS, STEPS = 3, 200
GAIN = 0.7  # of the mean square: what finer cells must bring to go on to still finer ones


class Kind(NamedTuple):
    """Widths, degree of the splines and smoothness."""

    widths: Shape
    degree: int
    smoothness: float = 0.0


def kinds(shapes: Sequence[Shape]) -> tuple[Kind, ...]:
    """Every shape with cubic splines, with those of degree 5, and smoothed."""
    forms = ((3, 0.0), (5, 0.0), (3, 1e-5))
    return tuple(Kind(shape, degree, smoothness) for degree, smoothness in forms for shape in shapes)


class SplineTrial:
    """One shape and degree; ``network`` is the best on held-out rows so far, ``error`` its mean square there."""

    def __init__(self, table: Table, kind: Kind, seed: int) -> None:
        self.table, self.kind, self.seed = table, kind, seed
        whole = torch.cat([table.X, table.held_X])
        self.scales = measure(whole, torch.cat([table.y, table.held_y])[:, None])
        self.rows = Rows(
            self._inside(table.X), table.y[:, None], self._inside(table.held_X), table.held_y[:, None]
        )
        self.network = _fresh(kind, seed)
        self.error, self._before = float("inf"), float("inf")
        self._done = False

    @property
    def shape(self) -> str:
        """Widths as they are written, with cells and degree."""
        return f"{list(self.kind.widths)}, {self.network.intervals} cells, degree {self.kind.degree}"

    @property
    def parameters(self) -> int:
        """How many can move."""
        return self.network.free().numel()

    def train(self, until: float) -> None:
        """Stage after stage until the time of ``time.perf_counter``, or until finer cells no longer help."""
        while not self._done and (left := until - time.perf_counter()) > 0:
            first = self.error == float("inf")
            status = self._stage(STARTS if first else 1, left)
            if status in ("time limit", "interrupted"):
                return
            self._next()

    def stage(self, intervals: int, seconds: float) -> str:
        """One stage on so many cells, from where the last ended; returns the status of training."""
        first = self.error == float("inf")
        self.network = self.network.refine(intervals)
        return self._stage(STARTS if first else 1, seconds)

    def predict(self, X: Array) -> Array:
        """The best network's values in the user's units."""
        with torch.no_grad():
            values = self.network(self._inside(self.table.entered(X)))
        return self.table.left(values[:, 0])

    def _stage(self, starts: int, seconds: float) -> str:
        config = TrainConfig(
            intervals=(self.network.intervals,),
            starts=starts,
            max_steps=STEPS,
            smoothness=self.kind.smoothness,
            seed=self.seed,
        )
        run = Staircase(self.network, self.rows, config, Clock(seconds))
        status = run.ascend()
        self.network, self.error = run.best, run.best_loss  # never worse than what it started from
        return status

    def _next(self) -> None:
        finer = 2 * self.network.intervals
        too_fine = finer * ROWS_PER_CELL > len(self.rows.X)
        self._done = too_fine or self.error < EXACT or not self.error < GAIN * self._before
        self._before = self.error
        if not self._done:
            self.network = self.network.refine(finer)

    def _inside(self, X: Tensor) -> Tensor:
        return (X - self.scales.input_center) / self.scales.input_scale


def _fresh(kind: Kind, seed: int) -> KAN:
    return KAN(
        kind.widths,
        intervals=COARSEST,
        degree=kind.degree,
        base=None,
        generator=torch.Generator().manual_seed(seed),
        dtype=torch.float64,
    )


def tuned(table: Table, shapes: Sequence[Shape], seconds: float, seed: int) -> SplineTrial:
    """The best of these shapes."""
    every = kinds(shapes)
    trials = [SplineTrial(table, kind, seed + k) for k, kind in enumerate(every)]
    return best_of(trials, lambda trial, k: SplineTrial(table, trial.kind, seed + len(every) + k), seconds)
