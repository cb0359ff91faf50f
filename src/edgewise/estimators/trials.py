"""What a choice has tried: a network each, with its squared errors on the rows that judge."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from edgewise.estimators.candidates import HIGHEST, Candidate
from edgewise.network import KAN
from edgewise.train.config import Step

NOISY = 1e-3
_LEADERS, _THINNED, _NEAR = 5, 3, 1.5
_SMALL, _PROMISING = 100, 0.1
_CLOSE = 1e-7
_EXACT = 1e-13
_ALIKE = 1.1
_SAFE_LEVELS, _RISK_OF_LEVEL = 2, 10.0


class Run(Protocol):
    """How a network came about: a ``Staircase``, or a ``Law``."""

    history: list[Step]

    @property
    def best(self) -> KAN:
        """A network of its own, the best so far."""
        ...

    def on_all_rows(self) -> None:
        """A last descent on all rows."""
        ...


@dataclass(frozen=True)
class Trial:
    """One network fitted: its free numbers, its levels of splines and its squared errors ``(m,)`` on judging rows.

    Errors are in deviations of the target; ``met`` says that it is a formula that meets every row.
    """

    run: Run = field(repr=False)
    size: int
    levels: int
    squares: np.ndarray = field(repr=False)
    met: bool = False

    @property
    def error(self) -> float:
        """Root mean square."""
        return float(np.sqrt(self.squares.mean()))

    @property
    def risk(self) -> float:
        """The error, raised for deep networks that are nearly exact: theirs at the rim of the data is far above it."""
        spare = max(self.levels - _SAFE_LEVELS, 0) if self.error < NOISY else 0
        return self.error * _RISK_OF_LEVEL**spare

    @property
    def is_exact(self) -> bool:
        """Whether nothing can be gained any more."""
        return self.met or self.error < _EXACT


@dataclass(frozen=True)
class SplineTrial(Trial):
    """One of the candidates trained."""

    candidate: Candidate = field(kw_only=True)


def leaders(trials: Sequence[Trial]) -> list[SplineTrial]:
    """The best trial of every shape, the best first; no formulas."""
    once: dict[Candidate, SplineTrial] = {}
    for trial in sorted(trials, key=lambda trial: trial.risk):
        if isinstance(trial, SplineTrial):
            once.setdefault(replace(trial.candidate, degree=HIGHEST), trial)
    return list(once.values())


def worth_climbing(trials: Sequence[Trial]) -> Iterator[SplineTrial]:
    """Small networks that come near, the smallest first; then the best of the others, unless those were enough.

    ``trials`` may grow meanwhile.
    """
    everyone = leaders(trials)
    small = [t for t in everyone if t.size <= _SMALL and t.error < _PROMISING][:_LEADERS]
    yield from sorted(small, key=lambda trial: trial.size)
    for trial in everyone[:_LEADERS]:
        if trial not in small and leaders(trials)[0].error > _CLOSE:
            yield trial


def best_of_shape(trials: Sequence[Trial], shape: SplineTrial) -> SplineTrial:
    """The best trial of the same shape as one of them."""
    wanted = replace(shape.candidate, degree=HIGHEST)
    return next(trial for trial in leaders(trials) if replace(trial.candidate, degree=HIGHEST) == wanted)


def worth_thinning(trials: Sequence[Trial]) -> list[SplineTrial]:
    """The smallest of the shapes that come near the best."""
    everyone = leaders(trials)
    near = [trial for trial in everyone if trial.error < _NEAR * everyone[0].error]
    return sorted(near, key=lambda trial: trial.size)[:_THINNED]


def chosen(trials: Sequence[Trial]) -> Trial:
    """The smallest of those the judging rows cannot tell from the best; one that meets every row, if any."""
    best = min(trials, key=lambda trial: trial.risk)
    met = [trial for trial in trials if trial.met]
    alike = met or [trial for trial in trials if _is_as_good(trial, best)]
    return min(alike, key=lambda trial: (trial.size, trial.error))


def _is_as_good(trial: Trial, best: Trial) -> bool:
    if trial is best or trial.risk > _ALIKE * best.risk:
        return trial is best
    excess = trial.squares - best.squares
    return bool(excess.mean() <= excess.std() / len(excess) ** 0.5)


def message(status: str, trial: Trial, count: int) -> str:
    """What came of the choice, in a sentence."""
    said = {
        "converged": "converged",
        "time limit": "stopped at the time limit, best so far kept",
        "interrupted": "interrupted, best so far kept",
        "rolled back": "no network came near a number; scale or check the data",
    }[status]
    return (
        f"{said}; least-squares: {_called(trial)}, the best of {count} trials; "
        f"held-out error {trial.error:.3g} of the deviation"
    )


def _called(trial: Trial) -> str:
    widths = [s if not p else (s, p) for s, p in trial.run.best.widths]
    if isinstance(trial, SplineTrial):
        of = "the logarithm, by the exponential of" if trial.candidate.logarithm else "the target, by"
        return f"{of} widths {widths}, degree {trial.candidate.degree}"
    return f"the target, by widths {widths} with {trial.size} free numbers, {trial.run}"
