"""From a problem to its solution: which way to go, level after level, and what to say of the result.

``solve`` takes one of three ways and says in its message which, and by which method. Linear and steady problems are
fitted at once and the network grows. Nonlinear problems with an initial state are marched through time on a coarse
network, which shows where knots are needed, then again on these knots, and polished on a larger network.
``continuation`` walks a constant, a Reynolds number for instance, through easier values first; ``causal`` weights take
the place of marching; ``starts`` does all of it from several random networks.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from edgewise.errors import FitWarning, InputError
from edgewise.pde.causality import follow
from edgewise.pde.collocation import held_out
from edgewise.pde.config import SolveConfig
from edgewise.pde.fitting import Fitted, fit, held_out_residual
from edgewise.pde.intervals import parameter_intervals
from edgewise.pde.levels import (
    CELLS,
    IN_VAIN,
    MORE_CELLS,
    RANK,
    Level,
    Size,
    distance,
    following,
    is_linear,
)
from edgewise.pde.marching import STRETCHES, has_windows, in_windows, march, stretches
from edgewise.pde.problem import Problem
from edgewise.pde.refinement import adapted, refined
from edgewise.pde.solution import Solution
from edgewise.pde.starts import best_of
from edgewise.pde.state import State, even, moved, start
from edgewise.pde.verdict import NONSENSE, verdict, worst_share
from edgewise.train.clock import Clock
from edgewise.train.threads import one_thread

STEADY_RANK = 4
SETTLED = 1e-3
PATIENCE = 5
MARCH = (Size(8, 40), Size(10, 50), Size(12, 60), Size(14, 66))


def solve(
    problem: Problem,
    config: SolveConfig | None = None,
    *,
    continuation: Mapping[str, Sequence[float]] | None = None,
    **settings: Any,
) -> Solution:
    """Solves a problem by Gauss-Newton, or L-BFGS where it is large, on sums of products of splines.

    Args:
        problem: see ``edgewise.pde.Problem``.
        config, settings: see ``SolveConfig``; ``settings`` replace fields of ``config``.
        continuation: values of a constant to go through before its own, ``{"Re": [1, 10]}``.

    Warns (``FitWarning``) where the residual between the fitted points is over ten times that at them. Ctrl-C keeps
    the best so far. Raises ``InputError`` for settings that cannot be.

    Example:
        >>> from edgewise.pde import Interval, Problem, dirichlet
        >>> bar = Problem("u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + 2}, {"ends": dirichlet("u", 0.0)})
        >>> round(float(solve(bar)(x=0.5)), 6)
        0.25
    """
    config = replace(config or SolveConfig(), **settings)
    _check(problem, config)

    def solved(config: SolveConfig, clock: Clock) -> Solution:
        return _Run(problem, config, clock).solved(continuation or {})

    with one_thread(), torch.no_grad():
        solution = best_of(solved, config)
    if solution.status in ("unsure", "diverged"):
        warnings.warn(f"{solution.status}: {solution.message}", FitWarning, stacklevel=2)
    return solution


def _check(problem: Problem, config: SolveConfig) -> None:
    """Refuses settings that this problem does not allow."""
    deepest = max(orders.highest for orders in problem.orders.values())
    if deepest >= config.degree:
        raise InputError(
            f"degree={config.degree} is too low for derivatives of order {deepest}: type degree={deepest + 1}"
        )
    has_energy = any(law.is_energy for law in problem.equations.values())
    if config.method == "variable-projection" and (has_energy or not is_linear(problem)):
        raise InputError(
            'method="variable-projection" is for equations and conditions that are linear in the unknowns, without '
            'energies and parameters to be found: type method="least-squares"'
        )
    if config.causal is not None and (has_energy or problem.time is None or config.method == "lbfgs"):
        raise InputError(
            f"causal={config.causal!r} is for equations with an initial state on the axis t, by least squares: leave "
            "it out"
        )


class _Run:
    """One call of ``solve``: the state so far and the levels that led to it."""

    def __init__(self, problem: Problem, config: SolveConfig, clock: Clock) -> None:
        self.problem, self.config, self.clock = problem, config, clock
        self.best: State | None = None
        self.fitted: Fitted | None = None
        self.history: list[Level] = []
        self.shifts: dict[str, float] = {}
        self.reason, self.way = "stalled", ""

    def solved(self, continuation: Mapping[str, Sequence[float]]) -> Solution:
        """All levels and what they led to; Ctrl-C keeps the best so far."""
        try:
            self.go(continuation)
        except KeyboardInterrupt:
            if self.best is None:
                raise
            self.clock.stopped = True
        finally:
            self.clock.close()
        if self.reason == "stalled" and self.clock.expired:
            self.reason = "out of time"
        return self.result()

    def go(self, continuation: Mapping[str, Sequence[float]]) -> None:
        if self.config.causal is not None:
            self._follow(self.config.causal, continuation)
            return
        linear = is_linear(self.problem)
        size = self._affordable(
            Size(
                self.config.rank or (RANK if linear else STEADY_RANK),
                self.config.cells or CELLS + self._creases,
            )
        )
        state = self._begin(size, continuation)
        fitted = fit(state, self.clock, self.config)
        if (
            linear
            or self.problem.time is None
            or self.problem.parameters
            or worst_share(state, fitted) < SETTLED
            or self.clock.expired
        ):
            self.way = "linear: fitted at once" if linear else "nonlinear: fitted at once"
            self._record(state, fitted, size)
            self._grow(size)
        elif has_windows(self.problem):
            self.way = f"nonlinear in time: {STRETCHES.windows} windows, one after the other"
            self._windows()
        else:
            self.way = "nonlinear in time: marched, then polished"
            self._march()

    def _follow(self, epsilon: float, continuation: Mapping[str, Sequence[float]]) -> None:
        self.way = "by causal weights, then at once"
        size = self._affordable(self._asked(MARCH[0]))
        state = self._begin(size, continuation)
        follow(state, self.clock, epsilon)
        self._level(state, size)
        self._grow(size)

    @property
    def _creases(self) -> int:
        """Cells without width that creases take."""
        return max(map(len, self.problem.creases.values()), default=0) * (self.config.degree - 1)

    def _grow(self, size: Size) -> None:
        kind, gain, in_vain, patience = "cells", float("inf"), set[str](), PATIENCE
        axes, is_fixed = len(self.problem.domain.coordinates), self.config.rank and self.config.cells
        while not is_fixed and self._goes_on() and len(in_vain) < (3 if axes > 1 else 1):
            larger, kind = self._fixed(size) or following(size, kind, gain, axes, both=len(in_vain) == 2)
            if larger.weights(self.problem, self.config.degree) > self.config.max_parameters:
                self.reason = "out of parameters"
                break
            before = self.history[-1].loss
            self._next(larger)
            gain, size = self._gain(before, self.history[-1].loss), larger
            # Cells too wide for what they should resolve tell nothing of whether larger networks pay.
            blind = patience > 0 and gain < IN_VAIN and self._is_blind()
            patience -= blind
            in_vain = in_vain | {kind} if gain < IN_VAIN and not blind else set()

    def _is_blind(self) -> bool:
        assert self.best is not None
        assert self.fitted is not None
        return not worst_share(self.best, self.fitted) < NONSENSE

    def _gain(self, before: float, after: float) -> float:
        """By what factor a level paid; of an energy, whose least value is not known, that it did a little."""
        if any(law.is_energy for law in self.problem.equations.values()):
            return IN_VAIN
        return before / max(after, 1e-300)

    def _fixed(self, size: Size) -> tuple[Size, str] | None:
        """The next size where one of rank and cells is given."""
        if self.config.rank is not None:
            return Size(size.rank, round(size.cells * MORE_CELLS)), "cells"
        if self.config.cells is not None:
            return Size(size.rank + max(1, size.rank // 2), size.cells), "rank"
        return None

    def _begin(self, size: Size, continuation: Mapping[str, Sequence[float]]) -> State:
        """The first state, walked through easier constants where asked."""
        problem = self.problem
        state = self._random(size.rank, self._even(size.cells))
        for name, values in continuation.items():
            for value in values:
                easier = problem.with_constants(**{name: float(value)})
                state = moved(state, state.breakpoints, size.rank, easier)
                fit(state, self.clock, self.config)
        return moved(state, state.breakpoints, size.rank, problem) if continuation else state

    def _windows(self) -> None:
        source = None
        if self.config.adaptive:
            knots = self._even(MARCH[0].cells)
            source = march(self._random(MARCH[0].rank, knots), self.clock, self.config, moving=True)
        if source and self.clock.expired:
            self._level(source, MARCH[0])
            self.reason = "out of time"
            return
        marched, largest = self.clock.seconds, stretches(self.problem, self.config)
        least = largest.least(self.config.degree)
        for shape in (replace(largest, cells=max(least, largest.cells * 2 // 3)), largest):
            knots = adapted(source, shape.cells) if source else self._even(shape.cells)
            state, fitted = in_windows(self.problem, knots, shape, self.config, self.clock)
            if self.best is None or not self.clock.expired:
                self._record(state, fitted, Size(shape.rank, shape.cells))
            if not self._goes_on(self.clock.seconds - marched):
                return
            source = source and state
        self.reason = "out of parameters"

    def _march(self) -> None:
        sizes = [self._affordable(self._asked(size)) for size in MARCH]
        knots = self._even(sizes[1].cells)
        if self.config.adaptive:
            coarse = self._even(sizes[0].cells)
            state = march(self._random(sizes[0].rank, coarse), self.clock, self.config, moving=True)
            self._level(state, sizes[0])
            knots = adapted(state, sizes[1].cells)
        if not self.clock.expired:
            self._level(march(self._random(sizes[1].rank, knots), self.clock, self.config), sizes[1])
        for size, before in zip(sizes[2:], sizes[1:], strict=False):
            if not self.clock.expired and (self.config.adaptive or size != before):
                self._next(size)
        if self._goes_on():
            self._grow(sizes[-1])

    def _even(self, cells: int) -> Tensor:
        return even(self.problem, cells, self.config.degree)

    def _random(self, rank: int, knots: Tensor) -> State:
        return start(self.problem, rank, knots, self.config.degree, self.config.seed)

    def _asked(self, size: Size) -> Size:
        return Size(self.config.rank or size.rank, self.config.cells or size.cells)

    def _affordable(self, size: Size) -> Size:
        while size.weights(self.problem, self.config.degree) > self.config.max_parameters and size != Size(
            1, 1
        ):
            size = Size(max(1, size.rank - 1), max(1, round(size.cells * 0.95) - 1))
        return size

    def _next(self, size: Size) -> None:
        assert self.best is not None
        if self.config.adaptive == "residual":
            knots = refined(self.best, size.cells)
        else:
            knots = adapted(self.best, size.cells) if self.config.adaptive else self._even(size.cells)
        self._level(moved(self.best, knots, max(size.rank, self.best.rank)), size)

    def _level(self, state: State, size: Size) -> None:
        self._record(state, fit(state, self.clock, self.config), size)

    def _record(self, state: State, fitted: Fitted, size: Size) -> None:
        if self.best is not None:
            kind = "rank" if state.cells == self.best.cells else "cells"
            self.shifts[kind] = distance(self.best, state, self._probe(state))
        estimate = max(self.shifts.values(), default=None)
        self.history.append(
            Level(size.rank, size.cells, state.count, fitted.loss, fitted.steps, self.clock.seconds, estimate)
        )
        self.best, self.fitted = state, fitted

    def _probe(self, state: State) -> Tensor:
        return held_out(self.problem.domain, state.breakpoints, 2000, 2)

    def _goes_on(self, spent: float | None = None) -> bool:
        """Whether another level is worth it and fits in the time, if it takes twice as long as the last."""
        last = self.history[-1]
        if last.estimate is not None and last.estimate <= self.config.tolerance:
            self.reason = "converged"
            return False
        if spent is None:
            spent = last.seconds - (self.history[-2].seconds if len(self.history) > 1 else 0.0)
        if self.clock.expired or 2 * spent > self.clock.left():
            self.reason = "out of time"
            return False
        return True

    def result(self) -> Solution:
        state, fitted = self.best, self.fitted
        if state is None or fitted is None:
            raise InputError(
                f"max_seconds={self.config.max_seconds!r} was too short for a first solution; type more"
            )
        elsewhere = held_out_residual(state)
        status, reason = verdict(state, fitted, elsewhere, self.reason, self.history)
        return Solution(
            self.problem,
            state.unknowns,
            status,
            f"{self.way}, {self.config.explained(fitted.method)}; {reason}",
            fitted.by_name,
            elsewhere,
            self.history[-1].estimate,
            self.clock.seconds,
            tuple(self.history),
            self.config,
            dict(zip(self.problem.parameters, state.parameters.tolist(), strict=True)),
            parameter_intervals(state),
        )
