"""What a run adds to a page, checked once: words, formulas, held-out rows, settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from edgewise.data import as_matrix
from edgewise.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Formula:
    """One formula: plain text ``equation``, ``latex`` for setting it, and what it costs and misses."""

    equation: str = ""
    latex: str = ""
    complexity: float | None = None
    loss: float | None = None
    chosen: bool = False


@dataclass(frozen=True)
class Report:
    """A run's own words; every entry may be missing. ``observed`` and ``predicted`` are ``(rows, outputs)``."""

    title: str = "What the network learned"
    status: str = ""
    message: str = ""
    formulas: tuple[Formula, ...] = ()
    observed: Array | None = None
    predicted: Array | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    rows: int | None = None
    seconds: float | None = None

    @property
    def chosen(self) -> Formula | None:
        """The formula the run stands for, if it names one."""
        return next((formula for formula in self.formulas if formula.chosen), None)


def checked_report(report: Mapping[str, Any] | None, outputs: int) -> Report:
    """A plain dict as a ``Report``; ``InputError`` names what does not belong."""
    given = dict(report or {})
    known = [entry.name for entry in fields(Report)]
    for key in given:
        if key not in known:
            raise InputError(f"report has the key {key!r}; it may have: {', '.join(known)}")
    given["formulas"] = tuple(_formula(entry) for entry in given.get("formulas") or ())
    given["observed"], given["predicted"] = _held_out(given.get("observed"), given.get("predicted"), outputs)
    given = {key: value for key, value in given.items() if value is not None}
    return Report(**given)


def _formula(entry: Mapping[str, Any]) -> Formula:
    known = [part.name for part in fields(Formula)]
    if not isinstance(entry, Mapping) or any(key not in known for key in entry):
        raise InputError(
            f"report['formulas'] has the entry {entry!r}; expected a dict of: {', '.join(known)}"
        )
    return Formula(**{key: value for key, value in entry.items() if value is not None})


def _held_out(
    observed: Sequence[float] | None, predicted: Sequence[float] | None, outputs: int
) -> tuple[Array | None, Array | None]:
    """Both as ``(rows, outputs)``, or neither."""
    if (observed is None) != (predicted is None):
        missing = "predicted" if predicted is None else "observed"
        raise InputError(f"report lacks {missing!r}; give both 'observed' and 'predicted', or neither")
    if observed is None or predicted is None or len(observed) == 0 == len(predicted):
        return None, None
    seen, told = _rows("observed", observed), _rows("predicted", predicted)
    if seen.shape != told.shape or seen.shape[1] != outputs:
        raise InputError(
            f"report has 'observed' of shape {seen.shape} and 'predicted' of shape {told.shape}; "
            f"expected both as rows by {outputs} outputs"
        )
    return seen, told


def _rows(key: str, values: Any) -> Array:
    """Numbers as ``(rows, outputs)``; a plain sequence is one output."""
    if np.ndim(values) == 1:
        values = values[:, None] if isinstance(values, Tensor) else np.asarray(values)[:, None]
    return as_matrix(values, f"report[{key!r}]").numpy()
