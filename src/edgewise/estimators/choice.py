"""The choice of a network for a table from start to end: on a part of many rows, within its time, whatever happens."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from edgewise.data import as_tensors
from edgewise.estimators.laws import Law
from edgewise.estimators.selection import Selection
from edgewise.estimators.trials import SplineTrial, message
from edgewise.train import FitResult, TrainConfig, train
from edgewise.train.clock import Clock
from edgewise.train.threads import one_thread

MOST_ROWS = 3000


def select(
    X: object, y: object, config: TrainConfig, degree: int | None = None, with_laws: bool = True
) -> FitResult:
    """A network for ``X (n, inputs)`` and ``y (n, outputs)``, chosen and fitted, in the user's units.

    ``degree`` is that of all splines, ``None`` tries 3 and 5; ``with_laws`` lets the formula search take part. Of many
    rows a random part chooses.
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
            selection.search(with_laws)
            if clock.expired:
                status = "time limit"
            run = selection.chosen().run
            if isinstance(run, Law) or not clock.expired:
                run.on_all_rows()
    except KeyboardInterrupt:
        status = "interrupted"
    if status == "interrupted":
        selection.keep()
    trial = selection.chosen()
    if not np.isfinite(trial.error):
        status = "rolled back"
    clock.close()
    network = trial.run.best
    if isinstance(trial, SplineTrial):
        network = selection.finished(trial.candidate, network)
    result = FitResult(
        status,
        message(status, trial, len(selection.trials)),
        tuple(trial.run.history),
        clock.seconds,
        network,
    )
    if is_whole or status in ("interrupted", "rolled back"):
        return result
    if isinstance(trial.run, Law):
        trial.run.fit(inputs.numpy(), targets[:, 0].numpy())
        return replace(result, network=trial.run.best, message=f"{result.message}; on all rows refitted")
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
