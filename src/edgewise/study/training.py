"""The one recipe all arms are trained by: AdamW, one-cycle learning rate, clipped gradients, best validation kept."""

import copy
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewise.large.schedules import rate
from edgewise.study.cell import Cell
from edgewise.study.tables import Pair, Tables
from edgewise.study.tasks import seeded

DECAY, CLIP = 1e-4, 1.0
LOOKS = 20


@dataclass(frozen=True)
class Trained:
    """The module as it was best on validation rows, ``valid_loss`` there, seconds, and whether all stayed finite."""

    module: nn.Module
    valid_loss: float
    seconds: float
    finite: bool


def fit(module: nn.Module, data: Tables, cell: Cell, batch_seed: int) -> Trained:
    """Trains for ``cell.steps``, looking at the validation rows twenty times; stops where the loss is not finite."""
    optimiser = torch.optim.AdamW(module.parameters(), lr=cell.rate, weight_decay=DECAY, fused=True)
    order = _Order(len(data.train[0]), cell.batch_size, batch_seed)
    look, started = max(1, cell.steps // LOOKS), time.perf_counter()
    best, best_loss = copy.deepcopy(module.state_dict()), loss_of(module, data.valid, data.task.classes)
    finite = True
    for step in range(cell.steps):
        for group in optimiser.param_groups:
            group["lr"] = cell.rate * rate("one-cycle", step, cell.steps)
        finite = _step(module, optimiser, data, order.next())
        if not finite:
            break
        if (step + 1) % look == 0 or step + 1 == cell.steps:
            loss = loss_of(module, data.valid, data.task.classes)
            if loss < best_loss or best_loss != best_loss:
                best, best_loss = copy.deepcopy(module.state_dict()), loss
    module.load_state_dict(best)
    return Trained(module, best_loss, time.perf_counter() - started, finite)


def loss_of(module: nn.Module, pair: Pair, classes: bool) -> float:
    """Mean loss over a table."""
    with torch.no_grad():
        return float(_loss(module(pair[0]), pair[1], classes))


def _step(module: nn.Module, optimiser: torch.optim.Optimizer, data: Tables, rows: Tensor) -> bool:
    """One step; False, and nothing changed, where loss or gradient are not finite."""
    optimiser.zero_grad()
    loss = _loss(module(data.train[0][rows]), data.train[1][rows], data.task.classes)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(module.parameters(), CLIP)
    finite = bool(torch.isfinite(loss) & torch.isfinite(norm))
    if finite:
        optimiser.step()
    return finite


def _loss(outputs: Tensor, targets: Tensor, classes: bool) -> Tensor:
    if classes:
        return functional.cross_entropy(outputs, targets[:, 0].long())
    return functional.mse_loss(outputs, targets)


class _Order:
    """Batches of row numbers, every row once an epoch; the rows left over are others in every epoch."""

    def __init__(self, rows: int, size: int, seed: int) -> None:
        self._generator, self._rows, self._size = seeded("batches", seed), rows, min(size, rows)
        self._left = torch.empty(0, dtype=torch.long)

    def next(self) -> Tensor:
        if len(self._left) < self._size:
            self._left = torch.from_numpy(self._generator.permutation(self._rows))
        batch, self._left = self._left[: self._size], self._left[self._size :]
        return batch
