"""What a run adds to a page, checked once: words, formulas, held-out rows, history, settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from edgewise.data import as_matrix
from edgewise.errors import InputError

if TYPE_CHECKING:
    from edgewise.symbolic.lookalikes import Lookalike

Array = NDArray[np.float64]
Place = tuple[int, int, int]


@dataclass(frozen=True)
class Formula:
    """One formula: plain text ``equation``, ways to write it, what it costs and misses.

    ``equation`` may begin with the target's name and ``=``. ``mathml`` is presentation MathML; ``python`` and ``c``
    are source of a function. ``values`` are what it gives at the rows of ``inputs``.
    """

    equation: str = ""
    latex: str = ""
    complexity: float | None = None
    loss: float | None = None
    chosen: bool = False
    mathml: str = ""
    python: str = ""
    c: str = ""
    values: Sequence[float] | None = None

    @property
    def right_side(self) -> str:
        """The equation without the target."""
        left, sign, right = self.equation.partition("=")
        return right.strip() if sign and "(" not in left else self.equation


@dataclass(frozen=True)
class Report:
    """A run's own words; every entry may be missing.

    ``inputs (rows, inputs)``, ``observed`` and ``predicted (rows, outputs)`` are rows of data, ``held (rows)`` which
    of them were held out (all, without it). ``symbols`` is what equations call the inputs, ``history`` rows of numbers
    by name such as ``seconds`` and ``loss``, ``candidates`` what an edge looks like, by its layer, source and target
    (see ``edgewise.symbolic.lookalikes``), ``command`` what repeats the run in a shell.
    """

    title: str = "What the network learned"
    status: str = ""
    message: str = ""
    formulas: tuple[Formula, ...] = ()
    symbols: tuple[str, ...] | None = None
    inputs: Array | None = None
    observed: Array | None = None
    predicted: Array | None = None
    held: NDArray[np.bool_] | None = None
    history: tuple[Mapping[str, float], ...] = ()
    candidates: Mapping[Place, Sequence["Lookalike"]] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    rows: int | None = None
    seconds: float | None = None

    @property
    def chosen(self) -> Formula | None:
        """The formula the run stands for, if it names one."""
        return next((formula for formula in self.formulas if formula.chosen), None)

    @property
    def judged(self) -> tuple[Array, Array] | None:
        """Targets and predictions of the rows held out, where there are any."""
        if self.observed is None or self.predicted is None:
            return None
        held = slice(None) if self.held is None else self.held
        return self.observed[held], self.predicted[held]


def checked_report(report: Mapping[str, Any] | None, outputs: int) -> Report:
    """A plain dict as a ``Report``; ``InputError`` names what does not belong."""
    given = dict(report or {})
    known = [entry.name for entry in fields(Report)]
    for key in given:
        if key not in known:
            raise InputError(f"report has the key {key!r}; it may have: {', '.join(known)}")
    given["formulas"] = tuple(_formula(entry) for entry in given.get("formulas") or ())
    given["observed"], given["predicted"] = _held_out(given.get("observed"), given.get("predicted"), outputs)
    given["inputs"] = _inputs(given.get("inputs"), given["observed"])
    given["held"] = _held(given.get("held"), given["observed"])
    given["history"] = tuple(_step(entry) for entry in given.get("history") or ())
    given = {key: value for key, value in given.items() if value is not None}
    return Report(**given)


def errors(observed: Array, predicted: Array) -> tuple[float, float, float]:
    """Root mean square error, share of variance explained (NaN for constant observations), largest error."""
    off = predicted - observed
    spread = float(((observed - observed.mean()) ** 2).sum())
    explained = 1.0 - float((off**2).sum()) / spread if spread > 0 else float("nan")
    return float(np.sqrt((off**2).mean())), explained, float(np.abs(off).max())


def _formula(entry: Mapping[str, Any]) -> Formula:
    known = [part.name for part in fields(Formula)]
    if not isinstance(entry, Mapping) or any(key not in known for key in entry):
        raise InputError(
            f"report['formulas'] has the entry {entry!r}; expected a dict of: {', '.join(known)}"
        )
    return Formula(**{key: value for key, value in entry.items() if value is not None})


def _step(entry: Any) -> Mapping[str, float]:
    """A row of the history: a dict of numbers, or a named tuple such as ``edgewise.train.Step``."""
    if isinstance(entry, Mapping):
        return entry
    if not hasattr(entry, "_asdict"):
        raise InputError(
            f"report['history'] has the entry {entry!r}; expected dicts such as {{'seconds': 1.0, 'loss': 0.1}}, "
            "or the history of a FitResult"
        )
    return entry._asdict()


def _inputs(inputs: Any, observed: Array | None) -> Array | None:
    if inputs is None or observed is None:
        return None
    found = as_matrix(inputs, "report['inputs']").numpy()
    if len(found) != len(observed):
        raise InputError(
            f"report has 'inputs' of {len(found)} rows and 'observed' of {len(observed)}: expected as many"
        )
    return found


def _held(held: Any, observed: Array | None) -> NDArray[np.bool_] | None:
    if held is None or observed is None:
        return None
    found = np.asarray(held, dtype=bool)
    if found.shape != (len(observed),) or not found.any():
        raise InputError(
            f"report has 'held' of shape {found.shape} with {int(found.sum())} rows held out; expected one True or "
            f"False for each of {len(observed)} rows, and a True among them"
        )
    return found


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
