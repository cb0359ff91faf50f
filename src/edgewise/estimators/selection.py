r"""The network that a table asks for: many small ones tried, judged by rows held out.

1. The formula search looks for a law; what it finds is a network of fixed edges. One that meets every row ends it
   all, and so does one from which the held-out rows cannot tell the networks of step 2.
2. Every candidate is fitted on coarse cells, those with an exponential on top to the logarithm of the target.
3. Those that come near go on with splines of degree 5, on finer and finer cells while the held-out error falls: a
   shape that fits the law gains with every doubling, whatever its error was on coarse cells.
4. The best go on to still finer cells, and exponentials are refitted in the user's units.
5. Where noise is left, the best one is fitted with more and more smoothness.
6. The smallest that come near lose edges, and others are fixed to known functions one after the other; where there is
   no noise that happens to those of step 3 that fit, for then a law ends it all.
7. Of networks that the held-out rows cannot tell from the best (one standard error of the difference of squared
   errors) the smallest is taken, and fitted to all rows in the end.

Without a limit of time the work on splines is bounded by a count of operations, so that a seed decides everything.
Steps 1 and 6, which the caller may leave out, have their seconds.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from edgewise.data import Scales, measure, split_rows
from edgewise.estimators.candidates import COARSEST, HIGHEST, Candidate, candidates, crowned, elevated
from edgewise.estimators.laws import Law, between, is_tame, laws, searched
from edgewise.estimators.thinning import Thinned, read_off, thinned
from edgewise.estimators.trials import (
    NOISY,
    SplineTrial,
    Trial,
    best_of_shape,
    chosen,
    leaders,
    worth_climbing,
    worth_thinning,
)
from edgewise.network import KAN
from edgewise.symbolic.findings import Finding, Table
from edgewise.symbolic.fixing import splines_of
from edgewise.train import TrainConfig
from edgewise.train.clock import Clock
from edgewise.train.config import Step
from edgewise.train.problem import FEWEST_TO_SPLIT, Rows
from edgewise.train.staircase import Staircase

LOWEST = 3
MOST_WORK, WORK_OF_A_ROW = 150e9, 4e8
SECONDS_FOR_LAWS, SHARE_FOR_LAWS, FEWEST_SECONDS_FOR_LAWS = 20.0, 0.35, 1.5
SECONDS_FOR_THINNING, SHARE_FOR_THINNING = 10.0, (0.25, 0.5)
FEWEST_ROWS_FOR_LAWS, MET = 40, 1e-8
_WORK_OF_A_STEP = 1e7
_FIRST_ROUND = 0.4
_FINALISTS = 2
_STARTS = 3
_STEPS, _LAST_STEPS, _STEPS_OPEN = 80, 300, 30
_CLIMB_PARAMETERS, _MOST_PARAMETERS = 300, 700
_ROWS_PER_CELL = 8
_SMOOTHNESS = (1e-7, 1e-6, 1e-5)
_GAIN = 0.7
_FITTING = 1e-4


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

    def search(self, with_laws: bool = True) -> None:
        """All rounds."""
        with_laws = with_laws and self.y.shape[1] == 1 and len(self.held) > 0
        if with_laws:
            self.look_for_laws()
        end = self.clock.seconds + _FIRST_ROUND * self.clock.left()
        for candidate in self.candidates:
            if self.trials and self.clock.seconds > end:
                break
            self.climb(candidate, candidate.build(self.config.seed), 2 * COARSEST)
        if self.is_law_enough or not leaders(self.trials):
            return
        for trial in worth_climbing(self.trials):
            self.raise_degree(trial)
            raised = best_of_shape(self.trials, trial)
            if with_laws and raised.error < _FITTING:
                self.thin(raised)
        for trial in leaders(self.trials)[:_FINALISTS]:
            self.climb(trial.candidate, trial.run.best, most=_MOST_PARAMETERS, steps=_LAST_STEPS)
        for trial in leaders(self.trials)[:_FINALISTS]:
            if trial.candidate.logarithm:
                whole = crowned(trial.run.best, self.logarithmic, self.scales, self.y)
                self.climb(trial.candidate.opened(), whole, whole.intervals, steps=_STEPS_OPEN)
        if leaders(self.trials)[0].error > NOISY:
            self.smooth(leaders(self.trials)[0])
            for trial in worth_thinning(self.trials) if with_laws else ():
                self.thin(trial)

    def look_for_laws(self) -> None:
        """Trials of what the formula search finds in its share of the time."""
        seconds = min(SHARE_FOR_LAWS * self.clock.left(), SECONDS_FOR_LAWS)
        if seconds >= FEWEST_SECONDS_FOR_LAWS and len(self.kept) >= FEWEST_ROWS_FOR_LAWS:
            found, interrupted = searched(self.table, Clock(seconds))
            self.add_laws(found)
            if interrupted:
                raise KeyboardInterrupt

    def thin(self, trial: SplineTrial) -> None:
        """Trials of a network with fewer and fewer free numbers, and of the formula that is left in the end."""
        share = SHARE_FOR_THINNING[trial.error > NOISY]
        seconds = min(share * self.clock.left(), SECONDS_FOR_THINNING)
        if self.spent or seconds < FEWEST_SECONDS_FOR_LAWS:
            return
        clock, rows = Clock(seconds), self.rows(None)
        network = whole = self.finished(trial.candidate, trial.run.best)
        points = torch.from_numpy(between(self.X.numpy(), self.config.seed))
        for network in thinned(whole, rows, self.y[self.kept], clock, trial.error > NOISY):
            if not is_tame(_values(network, points), self.y.numpy()):
                continue
            run = Thinned(network, rows, trial.run.history)
            levels = sum(bool(layer.spline.mask.any()) for layer in network.kan_layers)
            self.trials.append(Trial(run, run.size, levels, self.squares_of(network)))
        if not splines_of(network):
            self.add_laws(read_off(network, rows, self.table, clock))

    @property
    def table(self) -> Table:
        """The rows that fit, as the formula search sees them."""
        names = tuple(f"x{column}" for column in range(self.X.shape[1]))
        return Table(self.X[self.kept], self.y[self.kept], self.X, names, self.config.seed)

    def add_laws(self, found: Sequence[Finding]) -> None:
        """The shortest formulas among what was found as trials, each with one step of history."""
        variance = float(self.scales.output_scale) ** 2
        for law in laws(found, self.X, self.y, self.config.seed, self.degrees[0]):
            squares = self.squares_of(law.best)
            held_out = float(squares.mean())
            law.history.append(Step(self.clock.seconds, law.best.intervals, law.square / variance, held_out))
            self.trials.append(Trial(law, law.size, 0, squares, law.exact and held_out < MET**2))

    def smooth(self, trial: SplineTrial) -> None:
        """The trial again with more and more smoothness."""
        best = trial.run.best
        for smoothness in _SMOOTHNESS if not self.clock.expired else ():
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

    def raise_degree(self, trial: SplineTrial) -> None:
        """The trial again on smoother splines and finer cells."""
        highest = self.degrees[1]
        raised = replace(trial.candidate, degree=highest)
        best = trial.run.best
        self.climb(raised, best if highest == trial.candidate.degree else elevated(best, highest))

    @property
    def is_law_enough(self) -> bool:
        """Whether the judging rows tell no network of splines from a formula."""
        return isinstance(self.chosen().run, Law)

    @property
    def spent(self) -> bool:
        """Whether nothing can be gained any more, or time or work are used up."""
        if not self.trials:
            return False
        return (
            any(trial.is_exact for trial in self.trials) or self.clock.expired or self.work > self.most_work
        )

    def enter(self, candidate: Candidate, network: KAN, config: TrainConfig) -> Staircase:
        """A staircase for the network, from now on the running one."""
        run = Staircase(network, self.rows(candidate), config, self.clock)
        self.running = candidate, run
        return run

    def keep(self) -> SplineTrial:
        """Notes what the running staircase has reached."""
        candidate, run = self.running
        best = run.best
        levels = sum(bool(layer.spline.mask.any()) for layer in best.kan_layers)
        squares = self.squares_of(self.finished(candidate, best))
        trial = SplineTrial(run, best.free().numel(), levels, squares, candidate=candidate)
        self.trials.append(trial)
        self.work += len(run.history) * (len(self.kept) * trial.size**2 + _WORK_OF_A_STEP)
        return trial

    @property
    def logarithmic(self) -> Scales:
        """Scales of the target's logarithm."""
        return measure(self.X, self.y.abs().log())

    def rows(self, candidate: Candidate | None) -> Rows:
        """The table as the candidate sees it; without one the user's inputs and scaled targets."""
        if candidate is None:
            y = (self.y - self.scales.output_center) / self.scales.output_scale
            return Rows(self.X[self.kept], y[self.kept], self.X[self.held], y[self.held])
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

    def squares_of(self, network: KAN) -> np.ndarray:
        """Squared errors ``(m,)`` over the variance of a network in the user's units, on the rows that judge."""
        judged = self.held if len(self.held) else self.kept
        with torch.no_grad():
            misses = network(self.X[judged]) - self.y[judged]
        relative = (misses / self.scales.output_scale).square().mean(1)
        return torch.nan_to_num(relative, nan=np.inf).numpy()

    def chosen(self) -> Trial:
        """The smallest of those the judging rows cannot tell from the best."""
        return chosen(self.trials)


@torch.no_grad()
def _values(network: KAN, points: Tensor) -> np.ndarray:
    return network(points).numpy()
