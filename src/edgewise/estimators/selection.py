r"""The network that a table asks for: many small ones tried, judged by rows held out.

1. Every candidate is fitted on coarse cells, those with an exponential on top to the logarithm of the target.
2. Those that come near go on with splines of degree 5, on finer and finer cells while the held-out error falls: a
   shape that fits the law gains with every doubling, whatever its error was on coarse cells.
3. The best go on to still finer cells, and exponentials are refitted in the user's units.
4. Where noise is left, the chosen one is fitted with more and more smoothness.
5. Of networks that the held-out rows cannot tell from the best (one standard error of the difference of squared
   errors) the smallest is taken, and fitted to all rows in the end.

Without a limit of time the work is bounded by a count of operations, so that a seed decides everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from edgewise.data import Scales, as_tensors, measure, split_rows
from edgewise.estimators.candidates import COARSEST, Candidate, candidates, crowned, elevated
from edgewise.network import KAN
from edgewise.train import FitResult, TrainConfig, train
from edgewise.train.clock import Clock
from edgewise.train.problem import FEWEST_TO_SPLIT, Rows
from edgewise.train.staircase import Staircase
from edgewise.train.threads import one_thread

LOWEST, HIGHEST = 3, 5
MOST_ROWS = 3000
MOST_WORK, WORK_OF_A_ROW = 150e9, 4e8
_WORK_OF_A_STEP = 1e7
_FIRST_ROUND = 0.4
_LEADERS, _FINALISTS = 5, 2
_SMALL, _PROMISING = 100, 0.1
_CLOSE, _EXACT = 1e-7, 1e-13
_STARTS = 3
_STEPS, _LAST_STEPS, _STEPS_OPEN = 80, 300, 30
_CLIMB_PARAMETERS, _MOST_PARAMETERS = 300, 700
_ROWS_PER_CELL = 8
_NOISY = 1e-3
_SMOOTHNESS = (1e-7, 1e-6, 1e-5)
_GAIN = 0.7
_ALIKE = 1.1
_SAFE_LEVELS, _RISK_OF_LEVEL = 2, 10.0


@dataclass(frozen=True)
class Trial:
    """One network fitted: its staircase, its size and its squared errors ``(m,)`` on the rows that judge.

    Errors are in deviations of the target.
    """

    candidate: Candidate
    run: Staircase = field(repr=False)
    size: int
    levels: int
    squares: np.ndarray = field(repr=False)

    @property
    def error(self) -> float:
        """Root mean square."""
        return float(np.sqrt(self.squares.mean()))

    @property
    def risk(self) -> float:
        """The error, raised for deep networks that are nearly exact: theirs at the rim of the data is far above it."""
        spare = max(self.levels - _SAFE_LEVELS, 0) if self.error < _NOISY else 0
        return self.error * _RISK_OF_LEVEL**spare


class Selection:
    """One table and the trials on it so far; ``search`` may be interrupted at any moment."""

    def __init__(self, X: Tensor, y: Tensor, config: TrainConfig, degree: int | None, clock: Clock) -> None:
        self.X, self.y, self.config, self.clock = X, y, config, clock
        self.degrees = (LOWEST, HIGHEST) if degree is None else (degree, degree)
        share = config.validation if len(X) >= FEWEST_TO_SPLIT else 0.0
        self.kept, self.held = split_rows(len(X), share, torch.Generator().manual_seed(config.seed))
        self.scales = measure(X, y)
        one_signed = y.shape[1] == 1 and bool((y > 0).all() or (y < 0).all())
        self.candidates = candidates(X.shape[1], y.shape[1], len(self.kept), self.degrees[0], one_signed)
        self.trials: list[Trial] = []
        self.work, self.most_work = 0.0, min(MOST_WORK, WORK_OF_A_ROW * len(self.kept))
        self.enter(self.candidates[0], self.candidates[0].build(config.seed), config)

    def search(self) -> None:
        """All rounds."""
        for candidate in self.candidates:
            if self.trials and self.clock.seconds > _FIRST_ROUND * (self.config.max_seconds or np.inf):
                break
            self.climb(candidate, candidate.build(self.config.seed), 2 * COARSEST)
        for trial in self.worth_climbing():
            self.raise_degree(trial)
        for trial in self.leaders()[:_FINALISTS]:
            self.climb(trial.candidate, trial.run.best, most=_MOST_PARAMETERS, steps=_LAST_STEPS)
        for trial in self.leaders()[:_FINALISTS]:
            if trial.candidate.logarithm:
                whole = crowned(trial.run.best, self.logarithmic, self.scales, self.y)
                self.climb(trial.candidate.opened(), whole, whole.intervals, steps=_STEPS_OPEN)
        self.smooth(self.chosen())

    def smooth(self, trial: Trial) -> None:
        """The trial again with more and more smoothness, where noise is left."""
        best = trial.run.best
        for smoothness in _SMOOTHNESS if trial.error > _NOISY and not self.clock.expired else ():
            config = replace(self.config, intervals=(best.intervals,), starts=1, smoothness=smoothness)
            run = self.enter(trial.candidate, best, config)
            run.history += trial.run.history
            run.settle()
            self.keep()

    def climb(
        self,
        candidate: Candidate,
        network: KAN,
        finest: int | None = None,
        most: int = _CLIMB_PARAMETERS,
        steps: int = _STEPS,
    ) -> None:
        """Trials of one candidate on finer and finer cells while the held-out error falls and the rows allow."""
        finest = finest or max(len(self.kept) // _ROWS_PER_CELL, 2 * COARSEST)
        starts, error = _STARTS if network.intervals == COARSEST else 1, np.inf
        while not self.spent:
            cells = network.intervals
            config = replace(self.config, intervals=(cells,), starts=starts, max_steps=steps)
            self.enter(candidate, network, config).ascend()
            trial = self.keep()
            if not trial.error < _GAIN * error or 2 * cells > finest:
                return
            network, error, starts = trial.run.best.refine(2 * cells), trial.error, 1
            if network.free().numel() > most:
                return

    def raise_degree(self, trial: Trial) -> None:
        """The trial again on smoother splines and finer cells."""
        highest = self.degrees[1]
        raised = replace(trial.candidate, degree=highest)
        best = trial.run.best
        self.climb(raised, best if highest == trial.candidate.degree else elevated(best, highest))

    @property
    def spent(self) -> bool:
        """Whether nothing can be gained any more, or time or work are used up."""
        if not self.trials:
            return False
        is_exact = min(trial.error for trial in self.trials) < _EXACT
        return is_exact or self.clock.expired or self.work > self.most_work

    def enter(self, candidate: Candidate, network: KAN, config: TrainConfig) -> Staircase:
        """A staircase for the network, from now on the running one."""
        run = Staircase(network, self.rows(candidate), config, self.clock)
        self.running = candidate, run
        return run

    def keep(self) -> Trial:
        """Notes what the running staircase has reached."""
        candidate, run = self.running
        best = run.best
        levels = sum(bool(layer.spline.mask.any()) for layer in best.kan_layers)
        trial = Trial(candidate, run, best.free().numel(), levels, self.squares(candidate, best))
        self.trials.append(trial)
        self.work += len(run.history) * (len(self.kept) * trial.size**2 + _WORK_OF_A_STEP)
        return trial

    @property
    def logarithmic(self) -> Scales:
        """Scales of the target's logarithm."""
        return measure(self.X, self.y.abs().log())

    def rows(self, candidate: Candidate) -> Rows:
        """The table as the candidate sees it."""
        scales = self.logarithmic if candidate.logarithm else self.scales
        y = self.y.abs().log() if candidate.logarithm else self.y
        X = (self.X - scales.input_center) / scales.input_scale
        y = (y - scales.output_center) / scales.output_scale
        return Rows(X[self.kept], y[self.kept], X[self.held], y[self.held])

    def finished(self, candidate: Candidate, network: KAN) -> KAN:
        """The network in the user's units, with the exponential on top if it speaks of logarithms."""
        if candidate.logarithm:
            network = crowned(network, self.logarithmic, self.scales, self.y)
        self.scales.install(network)
        return network

    def squares(self, candidate: Candidate, network: KAN) -> np.ndarray:
        """Squared errors ``(m,)`` over the variance, of the held-out rows or else of all."""
        judged = self.held if len(self.held) else self.kept
        with torch.no_grad():
            misses = self.finished(candidate, network)(self.X[judged]) - self.y[judged]
        relative = (misses / self.scales.output_scale).square().mean(1)
        return torch.nan_to_num(relative, nan=np.inf).numpy()

    def leaders(self) -> list[Trial]:
        """The best trial of every shape, the best first."""
        once: dict[Candidate, Trial] = {}
        for trial in sorted(self.trials, key=lambda trial: trial.risk):
            once.setdefault(replace(trial.candidate, degree=HIGHEST), trial)
        return list(once.values())

    def worth_climbing(self) -> Iterator[Trial]:
        """Small networks that come near, the smallest first; then the best of the others, unless those were enough."""
        everyone = self.leaders()
        small = [t for t in everyone if t.size <= _SMALL and t.error < _PROMISING][:_LEADERS]
        yield from sorted(small, key=lambda trial: trial.size)
        for trial in everyone[:_LEADERS]:
            if trial not in small and self.leaders()[0].error > _CLOSE:
                yield trial

    def chosen(self) -> Trial:
        """The smallest of those the judging rows cannot tell from the best."""
        best = min(self.trials, key=lambda trial: trial.risk)
        alike = (trial for trial in self.trials if _is_as_good(trial, best))
        return min(alike, key=lambda trial: (trial.size, trial.error))


def _is_as_good(trial: Trial, best: Trial) -> bool:
    if trial is best or trial.risk > _ALIKE * best.risk:
        return trial is best
    excess = trial.squares - best.squares
    return bool(excess.mean() <= excess.std() / len(excess) ** 0.5)


def select(X: object, y: object, config: TrainConfig, degree: int | None = None) -> FitResult:
    """A network for ``X (n, inputs)`` and ``y (n, outputs)``, chosen and fitted, in the user's units.

    ``degree`` is that of all splines, ``None`` tries 3 and 5. Of many rows a random part chooses.
    """
    inputs, targets = as_tensors(X, y)
    part = _part(len(inputs), config.seed)
    is_whole = len(part) == len(inputs)
    limit = config.max_seconds
    clock = Clock(limit if is_whole or limit is None else limit / 2, config.progress)
    selection = Selection(inputs[part], targets[part], config, degree, clock)
    status = "converged"
    try:
        with one_thread():
            selection.search()
            if clock.expired:
                status = "time limit"
            else:
                selection.chosen().run.on_all_rows()
    except KeyboardInterrupt:
        status = "interrupted"
    if status == "interrupted":
        selection.keep()
    trial = selection.chosen()
    if not np.isfinite(trial.error):
        status = "rolled back"
    clock.close()
    network = selection.finished(trial.candidate, trial.run.best)
    result = FitResult(
        status,
        _message(status, trial, len(selection.trials)),
        tuple(trial.run.history),
        clock.seconds,
        network,
    )
    if is_whole or status in ("interrupted", "rolled back"):
        return result
    return _on_many_rows(result, inputs, targets, config, clock)


def _part(rows: int, seed: int) -> Tensor:
    if rows <= MOST_ROWS:
        return torch.arange(rows)
    return torch.randperm(rows, generator=torch.Generator().manual_seed(seed))[:MOST_ROWS]


def _on_many_rows(result: FitResult, X: Tensor, y: Tensor, config: TrainConfig, clock: Clock) -> FitResult:
    """The chosen network trained on all rows; whatever the part had led to stays where time is short."""
    left = max(config.max_seconds - clock.seconds, 1e-3) if config.max_seconds else None
    stages = (result.network.intervals,)
    again = train(result.network, X, y, replace(config, intervals=stages, starts=1, max_seconds=left))
    return replace(again, message=f"{result.message}; on all rows {again.message}", seconds=clock.seconds)


def _message(status: str, trial: Trial, count: int) -> str:
    said = {
        "converged": "converged",
        "time limit": "stopped at the time limit, best so far kept",
        "interrupted": "interrupted, best so far kept",
        "rolled back": "no network came near a number; scale or check the data",
    }[status]
    of = "the logarithm, by the exponential of" if trial.candidate.logarithm else "the target, by"
    widths = [s if not p else (s, p) for s, p in trial.run.best.widths]
    return (
        f"{said}; least-squares: {of} widths {widths}, degree {trial.candidate.degree}, the best of {count} trials; "
        f"held-out error {trial.error:.3g} of the deviation"
    )
