r"""Least squares from coarse to fine: a staircase of spline grids, each started from the last.

Several starts run for a few steps on the coarsest grid; the best goes on. Each stage minimises by
Levenberg-Marquardt, then the cells double (exactly: the new breakpoints contain the old). Between stages hidden
domains follow the activations; a move is kept only when the loss does not rise. Rows held out choose the stage:
the staircase ends when finer cells no longer help there, or when cells would outnumber what the rows can fill.
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from edgewise import splines
from edgewise.edges import base_function
from edgewise.init import initial_weight
from edgewise.network import KAN
from edgewise.train.clock import Clock
from edgewise.train.config import Step, TrainConfig, Watch
from edgewise.train.levenberg import Solver
from edgewise.train.problem import NetworkProblem, Rows

ROWS_PER_CELL = 8
LARGEST_JACOBIAN = 40_000_000
_FIRST_STEPS = 25
_MORE_STARTS = 3
_DISAPPOINTING = 1e-2
_STALLED = 0.03
_WINDOW = 12
_PATIENCE = 10
_WORSE = 1.2
_GAP = 10.0
_MARGIN = 0.05
_STEPS_TO_RECOVER = 6
_LAST_STEPS = 20
_OVERFIT = 2.0
_FLOOR = 1e-29


class Staircase:
    """One run; ``best`` is the best network so far, and ``climb`` may be interrupted at any moment."""

    def __init__(self, network: KAN, rows: Rows, config: TrainConfig, clock: Clock) -> None:
        self.rows, self.config, self.clock = rows, config, clock
        self.history: list[Step] = []
        self.watch: Watch | None = None
        self._best, self._best_parameters = network, network.free()
        self.best_loss = self._validation(network)
        self._stage_best, self._best_step = float("inf"), 0
        self.generator = torch.Generator().manual_seed(config.seed)

    @property
    def best(self) -> KAN:
        """A network of its own, the best so far."""
        found = copy.deepcopy(self._best)
        found.assign(self._best_parameters)
        return found

    def climb(self) -> str:
        """Runs all stages and ends on all rows; returns the status."""
        status = self.ascend()
        if status not in ("time limit", "interrupted"):
            self.on_all_rows()
        return status

    def ascend(self) -> str:
        """Runs all stages without a look at the held-out rows but to judge by them; returns the status."""
        network, status = self._first_stage(), "converged"
        stages = self.config.intervals or self._doublings(network.intervals)
        for stage, intervals in enumerate(stages):
            before = self.best_loss
            network = self._followed(network, intervals)
            status = self._minimise(network, self.config.max_steps)
            if status in ("time limit", "interrupted"):
                return status
            if stage and self.config.intervals is None and not self.best_loss < 0.7 * before:
                break
        return status

    def _doublings(self, intervals: int) -> Iterator[int]:
        widest = max(layer.in_features * layer.out_features for layer in self._best.kan_layers)
        rows, outputs = self.rows.X.shape[0], self.rows.y.shape[1]
        yield intervals
        while (
            2 * intervals * ROWS_PER_CELL <= rows and rows * outputs * intervals * widest < LARGEST_JACOBIAN
        ):
            intervals *= 2
            yield intervals

    def _first_stage(self) -> KAN:
        """The best of the given network and its redrawn copies after a few steps each."""
        given = self.best
        if self.config.intervals:
            given = given.refine(self.config.intervals[0])
        best, best_loss = given, float("inf")
        for start in range(_MORE_STARTS * self.config.starts):
            if self.clock.expired or best_loss < _FLOOR * 100:
                break
            if start and not _redrawable(given):
                break
            if start >= self.config.starts and best_loss < _DISAPPOINTING:
                break
            network = self._redrawn(given) if start else given
            for _ in range(2):
                network = self._followed(network, network.intervals)
                self._minimise(network, _FIRST_STEPS // 2)
            loss = self._training(network)
            if loss < best_loss:
                best, best_loss = network, loss
        return best

    def _minimise(self, network: KAN, steps: int, remember: bool = True) -> str:
        """Levenberg-Marquardt on one grid, in place, remembering the best network on the held-out rows."""
        problem = NetworkProblem(network, self.rows, self.config.smoothness)
        solver = Solver(problem.residual, problem.linearise, network.free(), normal=problem.normal)
        held = problem.prepare(self.rows.held_X)
        marks = [solver.loss]
        self._stage_best, self._best_step = float("inf"), len(self.history)
        status = "step limit"
        if remember:
            self._record(problem, solver, held)
        for _ in range(steps):
            if self.clock.expired:
                status = "time limit"
                break
            if not solver.advance() or solver.loss < _FLOOR:
                status = "converged"
                break
            if remember:
                self._record(problem, solver, held)
            if remember and self._overfits():
                status = "converged"
                break
            marks.append(solver.loss)
            if len(marks) > _WINDOW and marks[-1] > (1 - _STALLED) * marks[-1 - _WINDOW]:
                status = "converged"
                break
        network.assign(solver.parameters)
        return status

    def _overfits(self) -> bool:
        """Whether validation has long been worse than earlier in this stage, and far above the training loss."""
        waited, last = len(self.history) - self._best_step, self.history[-1]
        worst = max(_WORSE * self._stage_best, _GAP * last.loss)
        return waited > _PATIENCE and last.validation_loss > worst

    def _record(self, problem: NetworkProblem, solver: Solver, held: Any) -> None:
        network, loss = problem.network, problem.mean_square(solver.residuals)
        validation = loss
        if self.rows.held_X.shape[0]:
            y = problem.scaled(solver.parameters, held)
            validation = _number((y - self.rows.held_y).square().mean())
        self.history.append(Step(self.clock.seconds, network.intervals, loss, validation))
        self.clock.tick(intervals=network.intervals, loss=f"{loss:.2e}", validation=f"{validation:.2e}")
        if self.watch:
            seen = copy.deepcopy(network)
            seen.assign(solver.parameters)
            self.watch(self.history[-1], seen)
        if validation < self.best_loss:
            self.best_loss, self._best, self._best_parameters = validation, network, solver.parameters
        if validation < self._stage_best:
            self._stage_best, self._best_step = validation, len(self.history)

    def _followed(self, network: KAN, intervals: int) -> KAN:
        """The network on ``intervals`` cells, hidden domains moved to the activations unless that raises the loss."""
        finer = network if intervals == network.intervals else network.refine(intervals)
        if len(finer.kan_layers) == 1:
            return finer
        moved = finer
        for level in range(1, len(finer.kan_layers)):
            moved = _with_domain(moved, level, self.rows.X)
        before = self._training(finer)
        if self._training(moved) > before:
            self._minimise(moved, _STEPS_TO_RECOVER, remember=False)
        return moved if self._training(moved) <= before else finer

    def on_all_rows(self) -> None:
        """A last descent on all rows, held-out ones too, where these showed no sign of overfitting."""
        rows = self.rows
        same = [step.loss for step in self.history if step.intervals == self._best.intervals]
        lowest = min(same, default=0.0)
        if not rows.held_X.shape[0] or self.best_loss > _OVERFIT * lowest:
            return
        self.rows = Rows(
            torch.cat([rows.X, rows.held_X]), torch.cat([rows.y, rows.held_y]), rows.held_X, rows.held_y
        )
        self.settle()
        self.rows = rows

    def settle(self) -> None:
        """A last descent from the best network, without a look at the held-out rows."""
        network = self.best
        self._minimise(network, _LAST_STEPS, remember=False)
        self._best, self._best_parameters = network, network.free()

    def _redrawn(self, network: KAN) -> KAN:
        drawn = copy.deepcopy(network)
        for layer in drawn.kan_layers:
            spline = layer.spline
            weight = initial_weight(
                "critical",
                spline.knots,
                spline.degree,
                base_function(spline.base),
                layer.out_features,
                len(drawn.kan_layers),
                self.generator,
            )
            with torch.no_grad():
                spline.weight.copy_(weight * spline.mask[:, None, :])
        return drawn

    def _training(self, network: KAN) -> float:
        return _mean_square(network, self.rows.X, self.rows.y)

    def _validation(self, network: KAN) -> float:
        if self.rows.held_X.shape[0] == 0:
            return self._training(network)
        return _mean_square(network, self.rows.held_X, self.rows.held_y)


def _redrawable(network: KAN) -> bool:
    return not any(layer.symbolic.fixed for layer in network.kan_layers)


def _mean_square(network: KAN, X: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return _number((network(X) - y).square().mean())


def _number(loss: Tensor) -> float:
    """The loss as a number to compare: infinite instead of NaN."""
    return float(torch.nan_to_num(loss, nan=float("inf")))


def _with_domain(network: KAN, level: int, X: Tensor) -> KAN:
    """A copy whose layer ``level`` has equal cells on the range of its inputs, with a small margin."""
    moved = copy.deepcopy(network)
    layer = moved.kan_layers[level]
    with torch.no_grad():
        inputs = network.trace(X).layers[level].inputs
    low, high = inputs.amin(0), inputs.amax(0)
    width = torch.where(high > low, high - low, low.abs().clamp(min=1e-3))
    knots = splines.uniform_knots(
        low - _MARGIN * width, high + _MARGIN * width, layer.spline.intervals, layer.spline.degree
    )
    layer.refit(knots)
    return moved
