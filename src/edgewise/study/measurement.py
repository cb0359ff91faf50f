r"""What a cell gives: one row, whatever happens.

The error ``e`` of a row is relative, so that tasks can be compared:

    numbers     root mean square error over that of predicting the test rows' mean
    classes     odds (wrong + 1/2) / (right + 1/2), so differences of log10 are differences of logits

``mean_error`` is the ``e`` of whoever predicts the mean, or the largest class. A row that diverged or failed has that
error; it is never left out.
"""

import copy
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import nn

from edgewise.layer import KANLayer
from edgewise.study.arms import OTHER_SEED, Stack, build, is_kan
from edgewise.study.cell import Cell
from edgewise.study.matching import matched, operations
from edgewise.study.tables import Pair, Tables, tables
from edgewise.study.training import fit

STATUSES = ("done", "diverged", "failed")


@dataclass(frozen=True)
class Row:
    """The result of a cell; ``status`` is ``"done"``, ``"diverged"`` or ``"failed"``.

    ``held_error`` is that on combinations training never showed; ``bare_error`` that of a KAN whose splines are taken
    away and whose base functions are left. Both are None where there is no such thing. ``seconds`` is of training.
    """

    status: str
    message: str
    error: float
    mean_error: float
    valid_loss: float | None = None
    held_error: float | None = None
    bare_error: float | None = None
    width: int | None = None
    trainable: int | None = None
    operations: float | None = None
    operations_published: float | None = None
    seconds: float = 0.0


def measure(cell: Cell) -> Row:
    """Trains a cell on one thread and judges it once on test rows."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measured(cell)
    except Exception as error:
        return Row("failed", f"{type(error).__name__}: {error}"[:500], 1.0, 1.0)
    finally:
        torch.set_num_threads(threads)


def _measured(cell: Cell) -> Row:
    data = tables(cell)
    shape = matched(cell.arm, data.inputs, data.task.outputs, cell.depth, cell.parameters, cell.intervals)
    module = build(shape, cell.form, cell.seed)
    cost = operations(shape)
    found: dict[str, Any] = {
        "width": shape.widths[1],
        "trainable": module.living(),
        "operations": cost.shared,
        "operations_published": cost.published,
        "mean_error": mean_error(data),
    }
    trained = fit(module, data, cell, cell.seed + (OTHER_SEED if cell.arm == "mlp-again" else 0))
    found |= {"seconds": trained.seconds, **_judged(module, data, cell)}
    if not trained.finite or not isfinite(found["error"]):
        return Row("diverged", "loss or gradient not finite", **found | _as_the_mean(found))
    return Row("done", "", valid_loss=_finite(trained.valid_loss), **found)


def _judged(module: Stack, data: Tables, cell: Cell) -> dict[str, float | None]:
    found: dict[str, float | None] = {"error": error(module, data.test, data)}
    if data.held is not None:
        found["held_error"] = _finite(error(module, data.held, data))
    if is_kan(cell.arm):
        found["bare_error"] = _finite(error(without_splines(module), data.test, data))
    return found


def _as_the_mean(found: dict[str, Any]) -> dict[str, Any]:
    return {"error": found["mean_error"], "held_error": None, "bare_error": None}


def error(module: nn.Module, pair: Pair, data: Tables) -> float:
    """``e`` on a table."""
    X, y = pair
    with torch.no_grad():
        outputs = module(X)
    if not bool(torch.isfinite(outputs).all()):
        return float("inf")
    if data.task.classes:
        return _odds(float((outputs.argmax(1) != y[:, 0].long()).sum()), len(y))
    return float((outputs - y).double().square().mean() / y.double().var(correction=0)) ** 0.5


def mean_error(data: Tables) -> float:
    """``e`` of predicting the mean, or the largest class of the training rows."""
    if not data.task.classes:
        return 1.0
    largest = data.train[1].mode(dim=0).values
    return _odds(float((data.test[1] != largest).sum()), len(data.test[1]))


def without_splines(module: Stack) -> Stack:
    """A copy of a KAN of which only the base functions are left."""
    bare = copy.deepcopy(module)
    with torch.no_grad():
        for layer in bare.layers:
            if isinstance(layer, KANLayer):
                layer.spline.coef.zero_()
    return bare


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _odds(wrong: float, count: int) -> float:
    return (wrong + 0.5) / (count - wrong + 0.5)
