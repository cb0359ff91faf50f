"""Formulas as a scikit-learn estimator: ``FormulaRegressor`` and the report it hands back."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from numbers import Integral
from os import PathLike
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from edgewise.errors import EdgewiseWarning, InputError
from edgewise.estimators.controls import TARGET, Controls, controls, readable
from edgewise.estimators.display import Shown
from edgewise.estimators.networks import checked_pair, checked_rows, fresh_seed
from edgewise.estimators.progress import Progress, fingerprint
from edgewise.network import KAN
from edgewise.symbolic import Candidate, SearchConfig, SearchResult, search
from edgewise.symbolic.certificate import Certificate, certify
from edgewise.symbolic.known import Known

if TYPE_CHECKING:
    import sympy
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class FormulaReport:
    """What a search for a formula found, and how far to trust it.

    ``status`` is ``"exact"``, ``"approximate"`` or ``"none"``; ``errors`` are root mean squares of the
    chosen formula over the target's deviation; ``rows`` are ``(complexity, loss, score, equation)``, the simplest
    first; ``held_out`` are the numbers of the rows the losses were measured on, empty when there were too few.
    ``certificate`` says how far to trust the chosen formula. ``history`` tells how the search went: the seconds
    since it began and the loss of the best formula then, whenever that fell.
    """

    status: str
    message: str
    errors: dict[str, float]
    rows: tuple[tuple[int, float, float, str], ...]
    chosen: int
    held_out: tuple[int, ...]
    seconds: float
    certificate: Certificate | None = None
    history: tuple[tuple[float, float], ...] = field(default=(), repr=False)

    def to_text(self) -> str:
        """The table of formulas, the chosen one marked, the verdict below it and the certificate."""
        lines = ["    row  complexity      loss   score  equation"]
        for k, (complexity, loss, score, equation) in enumerate(self.rows):
            mark = ">" if k == self.chosen else " "
            lines.append(f"  {mark} {k:3d}  {complexity:10d}  {loss:8.2e}  {score:6.2f}  {equation}")
        rows = f"{len(self.held_out)} held-out rows" if self.held_out else "all rows, too few to hold any out"
        lines += ["", f"{self.status}: {self.message}", f"loss: mean square error on {rows}"]
        if self.certificate is not None:
            lines += ["", self.certificate.to_text()]
        return "\n".join(lines)


class FormulaRegressor(Shown, RegressorMixin, BaseEstimator):
    """``y = f(x)`` with ``f`` a formula in the names of the columns, found through a network.

    Args:
        max_seconds: time limit of ``fit``; the best so far is kept.
        n_jobs: processes; ``None`` is one, -1 all cores.
        progress: whether ``fit`` shows its progress on standard error.
        random_state: of the initial networks and of the rows held out.
        functions: the functions a formula may use, by their names in formulas (``"sin"``) or in the catalogue
            (``"sine"``); ``None`` allows all. Arithmetic and whole powers are always allowed.
        required: columns that every formula must hold.
        known: what is known of the law, with ``?`` for the part to find: ``"g*sin(theta) + ?"``, ``"x**2 * ?"``.
        units: the unit of every column and, as ``"y"`` or the name of the series, of the target; formulas that add
            metres to seconds are refused. Numbers in a formula may carry units of their own. Needs pint.
        guesses: formulas to start from (of the part to find, where something is known); their numbers are fitted.
        warm_start: whether another ``fit`` starts from the formulas of the last one.
        checkpoint: a JSON file that holds the formulas so far at every moment; a ``fit`` to the same data starts
            from those it finds there.

    Attributes:
        equations_: one row per formula, the simplest first: ``complexity``, ``loss`` (mean square error,
            recomputed from the printed formula on held-out rows), ``score`` (the drop of the logarithm of the
            loss per unit of complexity), ``equation``, ``sympy_format``. Replaced during ``fit`` whenever a better
            formula is found.
        report_: the verdict: ``status``, ``message``, ``errors``, ``certificate``, ``to_text()``.
        network_: the network behind the formulas, in the units of ``X`` and ``y``; of the part found, where
            something is known.

    Every ``index`` is a row of ``equations_``; ``None`` is the chosen one.

    Example:
        >>> x = np.linspace(1, 2, 40)
        >>> model = FormulaRegressor(max_seconds=20, random_state=0).fit(x[:, None], 3 * x**2)
        >>> model.report_.status
        'exact'
    """

    def __init__(
        self,
        max_seconds: float = 60.0,
        *,
        n_jobs: int | None = None,
        progress: bool = False,
        random_state: int | np.random.RandomState | None = None,
        functions: Sequence[str] | None = None,
        required: Sequence[str] | None = None,
        known: str | None = None,
        units: Mapping[str, str] | None = None,
        guesses: Sequence[str] | None = None,
        warm_start: bool = False,
        checkpoint: str | PathLike[str] | None = None,
    ) -> None:
        self.max_seconds = max_seconds
        self.n_jobs = n_jobs
        self.progress = progress
        self.random_state = random_state
        self.functions = functions
        self.required = required
        self.known = known
        self.units = units
        self.guesses = guesses
        self.warm_start = warm_start
        self.checkpoint = checkpoint

    def fit(self, X: "ArrayLike", y: "ArrayLike") -> Self:
        """Finds formulas for ``X (n, features)`` and ``y (n,)``, ``n`` at least 2."""
        target = str(getattr(y, "name", None) or TARGET)
        X, y = checked_pair(self, X, y, y_numeric=True)
        y = y.astype(np.float64)
        asked = controls(self, _names(getattr(self, "feature_names_in_", None), X.shape[1]), target)
        progress = self._progress(X, y, asked.symbols)
        seed = fresh_seed(self.random_state)
        begun, history = monotonic(), []

        def show(candidates: Sequence[Candidate]) -> None:
            self.equations_ = _equations(asked.whole(candidates, 0, X, y)[0])
            least = min(candidate.loss for candidate in candidates)
            if least < (history[-1][1] if history else inf):
                history.append((monotonic() - begun, least))
            if progress is not None:
                progress.write(candidates)

        config = SearchConfig(
            max_seconds=self.max_seconds,
            seed=seed,
            n_jobs=self.n_jobs,
            progress=self.progress,
            functions=asked.functions,
            required=asked.required,
            guesses=self._guesses(asked, progress),
            accept=asked.judge,
            listener=show,
        )
        found = search(X, y if asked.known is None else asked.known.targets(X, y), asked.symbols, config)
        show(found.candidates)
        self._keep(found, asked, X, y, seed, tuple(history))
        return self

    def _progress(self, X: "NDArray", y: "NDArray", symbols: tuple[str, ...]) -> Progress | None:
        if self.checkpoint is None:
            return None
        return Progress(Path(self.checkpoint), fingerprint(X, y, symbols, self.known), symbols)

    def _guesses(self, asked: Controls, progress: Progress | None) -> tuple[str, ...]:
        """The user's guesses, those of the last fit and those of a fit that did not end, each once."""
        guesses = asked.guesses
        if self.warm_start:
            guesses += readable(getattr(self, "_searched", ()), asked.symbols)
        if progress is not None:
            guesses += progress.read()
        return tuple(dict.fromkeys(guesses))

    def _keep(
        self,
        found: SearchResult,
        asked: Controls,
        X: "NDArray",
        y: "NDArray",
        seed: int,
        history: tuple[tuple[float, float], ...],
    ) -> None:
        """Everything that a fit leaves behind."""
        judged = list(found.held_out) or list(range(len(y)))
        candidates, chosen = asked.whole(found.candidates, found.chosen, X[judged], y[judged])
        certificate = certify(
            candidates[chosen].formula,
            X,
            y,
            found.held_out,
            rivals=[one.formula for k, one in enumerate(candidates) if k != chosen],
            units=asked.units,
            status=found.status if asked.known is None else None,
            seed=seed,
        )
        self._searched = tuple(candidate.formula.text for candidate in found.candidates)
        self.candidates_: tuple[Candidate, ...] = candidates
        self.network_: KAN = found.network
        self.report_ = replace(_report(found, candidates, chosen, certificate, asked.known), history=history)
        self.equations_ = _equations(candidates)

    def predict(self, X: "ArrayLike", index: int | None = None) -> "NDArray[np.float64]":
        """The formula's values ``(n,)``; NaN, with a warning, where it is not defined."""
        check_is_fitted(self, "report_")
        return formula_values(self._candidate(index).formula, checked_rows(self, X))

    def sympy(self, index: int | None = None) -> "sympy.Expr":
        """The formula as a sympy expression."""
        return self._candidate(index).formula.sympy()

    def latex(self, index: int | None = None) -> str:
        """The formula as LaTeX."""
        return self._candidate(index).formula.latex()

    def code(self, target: str = "numpy", index: int | None = None) -> str:
        """The formula as source code for ``"numpy"``, ``"torch"`` or ``"c"``."""
        return self._candidate(index).formula.code(target)

    def get_best(self) -> pd.Series:
        """The chosen row of ``equations_``."""
        check_is_fitted(self, "report_")
        return self.equations_.iloc[self.report_.chosen]

    def _candidate(self, index: int | None) -> Candidate:
        check_is_fitted(self, "report_")
        return self.candidates_[checked_index(index, len(self.candidates_), self.report_.chosen)]


def checked_index(index: int | None, rows: int, chosen: int) -> int:
    """A row of the table of formulas; ``None`` is the chosen one. Raises ``InputError`` for any other."""
    if index is None:
        return chosen
    if isinstance(index, bool) or not isinstance(index, Integral) or not 0 <= index < rows:
        raise InputError(
            f"index {index!r} is no row of the table: expected a whole number; type one from 0 to {rows - 1}"
        )
    return int(index)


def formula_values(formula: Any, X: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Values ``(n,)`` of a formula at rows ``X (n, features)``, warning about rows where it has none."""
    with np.errstate(all="ignore"):
        values = formula(X)
    undefined = ~np.isfinite(values)
    if undefined.any():
        warnings.warn(
            f"the formula {formula.text} has no finite value in {int(undefined.sum())} of {len(values)} "
            f"rows, first in row {int(np.argmax(undefined)) + 1}",
            EdgewiseWarning,
            stacklevel=3,
        )
    return values


def _report(
    found: SearchResult,
    candidates: Sequence[Candidate],
    chosen: int,
    certificate: Certificate,
    known: Known | None,
) -> FormulaReport:
    return FormulaReport(
        certificate.status,
        found.message if known is None else f"of the part searched: {found.message}",
        dict(found.errors if known is None else certificate.errors),
        tuple((c.complexity, c.loss, c.score, c.formula.text) for c in candidates),
        chosen,
        tuple(int(row) for row in found.held_out),
        found.seconds,
        certificate,
    )


def _equations(candidates: Sequence[Candidate]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "complexity": [c.complexity for c in candidates],
            "loss": [c.loss for c in candidates],
            "score": [c.score for c in candidates],
            "equation": [c.formula.text for c in candidates],
            "sympy_format": pd.Series([c.formula.sympy() for c in candidates], dtype=object),
        }
    )


def _names(names: Any, count: int) -> list[str]:
    return [f"x{k}" for k in range(count)] if names is None else [str(name) for name in names]
