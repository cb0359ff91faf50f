"""The rows of a cell: drawn, made noisy, brought to scale by the training rows alone."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.study.cell import Cell
from edgewise.study.tasks import Task, make, seeded
from edgewise.study.tasks.task import Array

VALID, TEST = 1024, 4096
MARGIN = 1.02
Pair = tuple[Float[Tensor, "rows inputs"], Float[Tensor, "rows 1"]]


@dataclass(frozen=True)
class Tables:
    """Inputs in [-1, 1] (a margin for new rows); number targets of mean 0 and variance 1 on the training rows."""

    task: Task
    train: Pair
    valid: Pair
    test: Pair
    held: Pair | None

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return self.task.inputs


def tables(cell: Cell) -> Tables:
    """The rows of a cell; two cells with the same task, draw, seed, rows and noise get the same."""
    task = make(cell.task, cell.draw)
    raw = {part: _rows(task, cell, part) for part in ("train", "valid", "test")}
    if task.held:
        raw["held"] = _rows(task, cell, "held")
    low, high = raw["train"][0].min(0), raw["train"][0].max(0)
    half = np.where(high > low, (high - low) / 2, 1.0) * MARGIN
    mean, spread = _target_scale(task, raw["train"][1])
    if cell.noise and not task.classes:
        raw |= {part: _noisy(raw[part], cell, part, spread) for part in ("train", "valid")}

    def scaled(part: str) -> Pair:
        X, y = raw[part]
        return _tensor((X - (low + high) / 2) / half), _tensor((y - mean) / spread)

    held = scaled("held") if task.held else None
    return Tables(task, scaled("train"), scaled("valid"), scaled("test"), held)


def _rows(task: Task, cell: Cell, part: str) -> tuple[Array, Array]:
    count = {"train": cell.rows, "valid": min(VALID, cell.rows)}.get(part, TEST)
    return task.rows(count, part, seeded(part, cell.task, cell.draw, cell.seed))


def _target_scale(task: Task, y: Array) -> tuple[float, float]:
    if task.classes:
        return 0.0, 1.0
    return float(y.mean()), float(y.std()) or 1.0


def _noisy(pair: tuple[Array, Array], cell: Cell, part: str, spread: float) -> tuple[Array, Array]:
    X, y = pair
    generator = seeded("noise", part, cell.task, cell.draw, cell.seed)
    return X, y + cell.noise * spread * generator.normal(size=y.shape)


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
