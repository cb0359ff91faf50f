"""The dial of training from large tables, and what such a run hands back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any, NamedTuple

from torch import nn

from edgewise.errors import InputError

OPTIMISERS = ("adamw", "schedule-free")
SCHEDULES = ("constant", "cosine", "one-cycle", "warmup-stable-decay")
PRECISIONS = ("float32", "bfloat16", "float64")
# what may change between a run and its continuation without another result
FREE = ("max_seconds", "checkpoint_every", "checkpoint_seconds", "keep", "progress")
LENGTH = ("epochs", "steps")


@dataclass(frozen=True)
class LargeConfig:
    """How to train from a table that need not fit into memory.

    Args:
        batch_size: rows of one step, over all processes and pieces together.
        epochs, steps: length of the run; ``steps`` wins where it is given. An epoch is ``rows // batch_size`` steps;
            the rows left over are others in every epoch.
        optimiser: ``"adamw"`` (torch), or ``"schedule-free"`` (AdamW without a schedule, by the package schedulefree).
        learning_rate, weight_decay: of the optimiser.
        schedule: ``"constant"``, ``"cosine"``, ``"one-cycle"`` or ``"warmup-stable-decay"``; ``None`` takes cosine,
            or constant for schedule-free, which knows no other.
        warmup: share of the steps in which the learning rate rises from zero.
        clip: largest norm of the gradient; ``None`` leaves it as it is.
        ema: decay of a running average of the parameters, such as 0.999, which is then what comes back.
        accumulate: pieces in which a batch is worked off: less memory, the same step.
        precision: ``"float32"``, ``"float64"``, or ``"bfloat16"`` for autocast over float32 parameters.
        compile: whether to ``torch.compile`` the module; no gain was measured on a CPU.
        record_every: steps between entries of the history, where validation is judged too.
        checkpoint_every, checkpoint_seconds: steps or seconds between checkpoints of a run that has a folder.
        keep: whole checkpoints kept.
        max_seconds: wall-clock limit.
        seed: of the order of rows and of anything random inside the module.
        progress: a progress line on standard error.
    """

    batch_size: int = 1024
    epochs: int = 10
    steps: int | None = None
    optimiser: str = "adamw"
    learning_rate: float = 0.003
    weight_decay: float = 0.0
    schedule: str | None = None
    warmup: float = 0.05
    clip: float | None = 1.0
    ema: float | None = None
    accumulate: int = 1
    precision: str = "float32"
    compile: bool = False
    record_every: int = 100
    checkpoint_every: int = 1000
    checkpoint_seconds: float | None = None
    keep: int = 2
    max_seconds: float | None = None
    seed: int = 0
    progress: bool = False

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "accumulate", "record_every", "checkpoint_every", "keep"):
            _whole(name, getattr(self, name), 1)
        _whole("seed", self.seed, 0)
        if self.steps is not None:
            _whole("steps", self.steps, 1)
        _choice("optimiser", self.optimiser, OPTIMISERS)
        _choice("precision", self.precision, PRECISIONS)
        if self.schedule is not None:
            _choice("schedule", self.schedule, SCHEDULES)
        for name in ("learning_rate", "clip", "checkpoint_seconds", "max_seconds"):
            _number(
                name, getattr(self, name), "a positive number", lambda x: 0 < x < inf, name != "learning_rate"
            )
        _number("weight_decay", self.weight_decay, "a number of at least 0", lambda x: 0 <= x < inf)
        _number("warmup", self.warmup, "a share from 0 up to, not including, 1", lambda x: 0 <= x < 1)
        _number("ema", self.ema, "a decay between 0 and 1, such as 0.999", lambda x: 0 < x < 1, True)
        if self.optimiser == "schedule-free" and self.schedule not in (None, "constant"):
            raise InputError(
                f"schedule={self.schedule!r}: schedule-free has none; leave it out, or use 'adamw'"
            )
        if self.optimiser == "schedule-free" and self.ema is not None:
            raise InputError(f"ema={self.ema!r}: schedule-free keeps an average of its own; leave ema out")

    @property
    def curve(self) -> str:
        """The schedule with the default filled in."""
        return self.schedule or ("constant" if self.optimiser == "schedule-free" else "cosine")

    def difference(self, earlier: Mapping[str, Any]) -> str | None:
        """The first setting that makes this run another one than ``earlier``, in words; None for a continuation."""
        free = FREE + (LENGTH if self.curve == "constant" and self.warmup == 0 else ())
        for name, value in asdict(self).items():
            if name not in free and earlier.get(name) != value:
                return f"{name} was {earlier.get(name)!r} and is {value!r}"
        return None


class Entry(NamedTuple):
    """One line of the history: ``loss`` is the mean since the line before; ``validation_loss`` may be None.

    For a KAN and squared errors both are relative to the variance of the targets. ``waiting`` is the share of the
    time that went into waiting for data.
    """

    step: int
    seconds: float
    rows: int
    loss: float
    validation_loss: float | None
    waiting: float


@dataclass(frozen=True)
class LargeResult:
    """What a run found.

    ``status`` is ``"step limit"`` (all steps done), ``"time limit"``, ``"interrupted"`` or ``"rolled back"``, and
    ``message`` says it in a sentence. ``module`` is a new module: the best on the validation table, or the last
    (averaged, where asked for). A KAN among them speaks the user's units.
    """

    status: str
    message: str
    history: tuple[Entry, ...] = field(repr=False)
    seconds: float
    module: nn.Module = field(repr=False)


def _whole(name: str, value: Any, least: int) -> None:
    if type(value) is not int or value < least:
        raise InputError(f"{name}={value!r}: expected a whole number of at least {least}")


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name}={value!r} is not known; choose one of: {', '.join(allowed)}")


def _number(name: str, value: Any, expected: str, fits: Any, optional: bool = False) -> None:
    if optional and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not fits(value):
        raise InputError(f"{name}={value!r}: expected {expected}{' or None' if optional else ''}")
