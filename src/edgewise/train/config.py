"""The one dial of training, and what a training run hands back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from edgewise.errors import InputError
from edgewise.network import KAN

METHODS = ("auto", "least-squares", "lbfgs", "adam")
LOSSES = ("squared", "cross-entropy")


@dataclass(frozen=True)
class TrainConfig:
    """How to train; the defaults suit a table of measurements.

    Args:
        method: ``"least-squares"`` (Levenberg-Marquardt, up to a few thousand parameters), ``"lbfgs"``,
            ``"adam"`` (minibatches), or ``"auto"``.
        loss: ``"squared"``, or ``"cross-entropy"`` for class numbers.
        intervals: successive cell numbers, such as ``(3, 6, 12)``; ``None`` doubles while validation improves.
        starts: initial networks tried on coarse splines before the best goes on (least squares only); up to three
            times as many while none explains 99 % of the variance.
        validation: share of rows held out to choose intervals and to stop; 0 trains on all rows.
        max_steps: steps per stage of least squares, iterations of L-BFGS, or epochs of Adam.
        max_seconds: wall-clock limit; the best so far is kept.
        sparsity, entropy, smoothness: weights of the penalties; the first two need ``lbfgs`` or ``adam``.
        batch_size, learning_rate: for ``adam``.
        seed: of the split, further starts and batches.
        progress: a progress line on standard error.
        keep_scales: work in the scales the network has and measure none, so that training goes on from the very
            function the network is; for networks trained before and edited since.
    """

    method: str = "auto"
    loss: str = "squared"
    intervals: tuple[int, ...] | None = None
    starts: int = 4
    validation: float = 0.2
    max_steps: int = 200
    max_seconds: float | None = None
    sparsity: float = 0.0
    entropy: float = 0.0
    smoothness: float = 0.0
    batch_size: int = 256
    learning_rate: float = 0.01
    seed: int = 0
    progress: bool = False
    keep_scales: bool = False

    def __post_init__(self) -> None:
        _choice("method", self.method, METHODS)
        _choice("loss", self.loss, LOSSES)
        _at_least("starts", self.starts, 1)
        _at_least("max_steps", self.max_steps, 1)
        _at_least("batch_size", self.batch_size, 1)
        for name in ("sparsity", "entropy", "smoothness"):
            if not 0 <= getattr(self, name) < inf:
                raise InputError(f"{name}={getattr(self, name)!r}: expected a number of at least 0")
        if not 0 < self.learning_rate < inf:
            raise InputError(f"learning_rate={self.learning_rate!r}: expected a positive number")
        if not 0 <= self.validation < 1:
            raise InputError(
                f"validation={self.validation!r}: expected a share from 0 up to, not including, 1"
            )
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise InputError(f"max_seconds={self.max_seconds!r}: expected a positive number or None")
        if self.intervals is not None and (
            not isinstance(self.intervals, Sequence)
            or not self.intervals
            or any(not isinstance(n, int) or n < 1 for n in self.intervals)
        ):
            raise InputError(
                f"intervals={self.intervals!r}: expected positive whole numbers, such as (5, 10, 20)"
            )


class Step(NamedTuple):
    """One accepted step: losses are mean squares relative to the target's variance (or mean cross-entropies)."""

    seconds: float
    intervals: int
    loss: float
    validation_loss: float


Watch = Callable[[Step, KAN], None]


@dataclass(frozen=True)
class FitResult:
    """What training found.

    ``status`` is ``"converged"``, ``"step limit"``, ``"time limit"``, ``"interrupted"`` or ``"rolled back"`` (the
    fit went wrong and the best state before that is returned); ``message`` says it in a sentence, with the
    method chosen and why. ``network`` is a new network in the user's units.
    """

    status: str
    message: str
    history: tuple[Step, ...] = field(repr=False)
    seconds: float
    network: KAN = field(repr=False)


def _choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name}={value!r} is not known; choose one of: {', '.join(allowed)}")


def _at_least(name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or value < least:
        raise InputError(f"{name}={value!r}: expected a whole number of at least {least}")
