"""What a run has seen so far: losses, time, and the best module."""

import math
import time
from typing import Any

from torch import Tensor, nn

from edgewise.large.config import Entry

EXPLODED = 1e6


class Ledger:
    """History, sums since its last entry, and a copy of the best module: on the validation rows, or else the last."""

    def __init__(self, validated: bool) -> None:
        self.validated = validated
        self.history: list[Entry] = []
        self.best: dict[str, Tensor] = {}
        self.best_loss = math.inf
        self._first: float | None = None
        self._sum, self._steps, self._waited = 0.0, 0, 0.0
        self._start, self._before = time.perf_counter(), 0.0
        self._marked = self._start

    @property
    def seconds(self) -> float:
        """Seconds of the run, those before it was taken up among them."""
        return self._before + self.session

    @property
    def session(self) -> float:
        """Seconds since this object was made."""
        return time.perf_counter() - self._start

    @property
    def waiting(self) -> float:
        """Share of the time since the last entry that went into waiting for data."""
        return self._waited / max(time.perf_counter() - self._marked, 1e-9)

    def add(self, loss: float, waited: float) -> None:
        """Notes one step."""
        self._first = loss if self._first is None else self._first
        self._sum, self._steps, self._waited = self._sum + loss, self._steps + 1, self._waited + waited

    def exploded(self, loss: float) -> bool:
        """Whether a loss is no number, or a million times that of the first step."""
        return not math.isfinite(loss) or (self._first is not None and loss > EXPLODED * self._first > 0)

    def enter(self, step: int, rows: int, validation_loss: float | None, module: nn.Module) -> None:
        """Writes an entry, and keeps the module where it is the best."""
        finite = validation_loss is not None and math.isfinite(validation_loss)
        judged = validation_loss if finite else None
        mean = self._sum / max(self._steps, 1)
        self.history.append(Entry(step, self.seconds, rows, mean, judged, self.waiting))
        self._sum, self._steps, self._waited, self._marked = 0.0, 0, 0.0, time.perf_counter()
        if not self.validated or (judged is not None and judged < self.best_loss):
            self.best_loss = mean if judged is None else judged
            self.keep(module)

    def keep(self, module: nn.Module) -> None:
        """Copies a module as the best."""
        self.best = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    def numbers(self) -> dict[str, Any]:
        """All of it as JSON has it, but for the module."""
        return {
            "history": [list(entry) for entry in self.history],
            "seconds": self.seconds,
            "best_loss": self.best_loss if math.isfinite(self.best_loss) else None,
            "first": self._first,
            "since": [self._sum, self._steps],
        }

    def load(self, numbers: dict[str, Any], best: dict[str, Tensor]) -> None:
        """Goes back to ``numbers()``."""
        self.history = [Entry(*entry) for entry in numbers["history"]]
        self._before, self._first = numbers["seconds"], numbers["first"]
        self._sum, self._steps = numbers["since"]
        self.best_loss = math.inf if numbers["best_loss"] is None else numbers["best_loss"]
        self.best = best
