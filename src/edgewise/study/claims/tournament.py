"""The one way in which all kinds of networks are tuned: many starts share the time, held-out rows say who goes on.

All starts share the first third of the time, the best three on held-out rows the second, the best of them takes the
last, and where nobody gains any more, new starts of its kind use up what is left.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.study.tasks.task import Array

EXACT = 1e-28
FINALISTS = 3


class Trial(Protocol):
    """A network on its way; ``error`` is its lowest mean square on held-out rows, over their variance."""

    error: float

    def train(self, until: float) -> None:
        """Goes on until the time of ``time.perf_counter``, or until nothing is gained any more."""
        ...


T = TypeVar("T", bound=Trial)


def best_of(trials: Sequence[T], again: Callable[[T, int], T], seconds: float) -> T:
    """The best trial after ``seconds``; ``again(trial, k)`` is the ``k``-th further start of a trial's kind.

    Ends early only when held-out rows are met to the last digit.
    """
    started = time.perf_counter()
    trials, begun = list(trials), 0.0
    for count, share in ((len(trials), 1 / 3), (FINALISTS, 2 / 3)):
        for k, trial in enumerate(_ranked(trials)[:count]):
            trial.train(started + seconds * (begun + (k + 1) * (share - begun) / count))
        begun = share
    for trial in _ranked(trials):
        trial.train(started + seconds)
    further = 0
    while time.perf_counter() < started + seconds and _ranked(trials)[0].error > EXACT:
        trials.append(again(_ranked(trials)[0], further))
        trials[-1].train(started + seconds)
        further += 1
    return _ranked(trials)[0]


def _ranked(trials: Sequence[T]) -> list[T]:
    return sorted(trials, key=lambda trial: trial.error)


class Table:
    """Rows split in two, columns and targets centred and scaled by both parts; rows in neither are not looked at."""

    def __init__(self, X: Array, y: Array, kept: np.ndarray, held: np.ndarray) -> None:
        used = np.concatenate([kept, held])
        self.center, self.spread = X[used].mean(0), X[used].std(0)
        self.middle, self.scale = float(y[used].mean()), float(y[used].std()) or 1.0
        self.X, self.y = self._part(X, y, kept)
        self.held_X, self.held_y = self._part(X, y, held)

    def entered(self, X: Array) -> Float[Tensor, "n inputs"]:
        """Columns of mean 0 and deviation 1."""
        return torch.tensor((X - self.center) / self.spread)

    def left(self, values: Float[Tensor, " n"]) -> Array:
        """Scaled targets in the user's units."""
        return values.numpy() * self.scale + self.middle

    def _part(self, X: Array, y: Array, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        return self.entered(X[rows]), torch.tensor((y[rows] - self.middle) / self.scale)
