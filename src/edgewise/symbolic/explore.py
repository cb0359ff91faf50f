"""One shape explored: trained, its edges fixed, composed into a formula, thinned; each stage a finding."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import torch

from edgewise.catalogue import Function
from edgewise.network import KAN
from edgewise.prune import prune
from edgewise.symbolic.findings import Finding, Table, findings
from edgewise.symbolic.fixing import exchange_functions, fix_edges, refit
from edgewise.symbolic.shapes import Shape
from edgewise.train import TrainConfig, train
from edgewise.train.clock import Clock
from edgewise.train.problem import split_scaled

VALIDATION = 0.2
FINEST = (5, 10, 20)
STARTS = 3
HOPELESS = 0.9
CLOSE = 1e-6
_KEEP_CLOSE = 3.0
_KEEP_ROUGHLY = 0.02
_STEPS_AFTER_PRUNING = 10


@dataclass(frozen=True)
class Trained:
    """A shape's network after training and its mean square on validation rows over the variance."""

    shape: Shape
    network: KAN = field(repr=False)
    loss: float


def train_shape(shape: Shape, table: Table, seconds: float) -> Trained:
    """Least squares on coarse cells from several starts; on finer ones only where the coarse fit shows a signal."""
    clock = Clock(seconds)
    stages = _staircase(table)
    network = shape.build(torch.Generator().manual_seed(table.seed), stages[0])
    found = _fitted(shape, network, table, stages[:1], STARTS, clock)
    if not stages[1:] or not found.loss < HOPELESS:
        return found
    finer = _fitted(shape, found.network, table, stages[1:], 1, clock)
    return min(found, finer, key=lambda trained: trained.loss)


def _fitted(
    shape: Shape, network: KAN, table: Table, stages: tuple[int, ...], starts: int, clock: Clock
) -> Trained:
    config = TrainConfig(
        method="least-squares",
        validation=VALIDATION,
        seed=table.seed,
        intervals=stages,
        starts=starts,
        max_seconds=max(clock.left(), 1e-3),
    )
    result = train(network, table.X, table.y, config)
    if result.status == "interrupted":
        raise KeyboardInterrupt
    lowest = min((step.validation_loss for step in result.history), default=inf)
    return Trained(shape, result.network, lowest)


def formulas_of(
    trained: Trained, table: Table, seconds: float, functions: Sequence[Function] | None = None
) -> list[Finding]:
    """The formulas a trained shape leads to, within so many seconds; none when it explains next to nothing."""
    if not trained.loss < HOPELESS:
        return []
    clock, close = Clock(seconds), trained.loss < CLOSE
    network = prune(trained.network, table.X, table.y, tolerance=_KEEP_CLOSE if close else _KEEP_ROUGHLY)
    rows = split_scaled(network, table.X, table.y, table.seed)
    refit(network, rows, _STEPS_AFTER_PRUNING, clock)
    fixed = fix_edges(network, rows, clock, functions)
    if fixed is None or not fixed.loss < HOPELESS:
        return []
    return findings(exchange_functions(fixed.network, rows, clock, functions), table, clock)


def _staircase(table: Table) -> tuple[int, ...]:
    """Cells for so many rows: fine enough to tell functions apart, never more than the rows can fill."""
    most = max(3, table.X.shape[0] // 8)
    return tuple(n for n in FINEST if n <= most) or (3,)
