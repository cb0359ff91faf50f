r"""What can be said for a formula, and what not: its certificate, as data and as text.

A certificate is a pure function of a formula and rows, those of the fit and those held out from it:

- errors in range, held out and just outside, over the deviation of the target;
- where it holds: the box of the data, and the share of a box 20 % wider where it has a value;
- what is left: the deviation per degree of freedom, and whether it looks like noise (see ``residuals``);
- each written number with the standard error of the linearised fit;
- rivals: other formulas that the held-out rows cannot tell from it, and the simplest that they allow;
- inputs that the formula does not use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, log
from typing import Any

import numpy as np

from edgewise.symbolic.constants import Lifted, lifted, standard_errors
from edgewise.symbolic.formula import Formula
from edgewise.symbolic.residuals import structure
from edgewise.symbolic.units import Units, constant_units

TOLERANCE = 2.0
SURPRISING = 0.01
WIDER = 0.2
_ROUNDING = 1e-13
_EXACT = 1e-9
_EXPLAINED = 0.5
_POINTS = 4096
_MOST_NAMED = 8


@dataclass(frozen=True)
class Constant:
    """A number of the formula: its label in ``Certificate.template``, its value and standard error.

    ``exact`` numbers were settled, not fitted; theirs is the error a free number in that place would have. ``error``
    is None where the rows leave the number open, ``unit`` where nothing determines it.
    """

    label: str
    text: str
    value: float
    error: float | None
    exact: bool
    unit: str | None = None


@dataclass(frozen=True)
class Certificate:
    """How far to trust a formula.

    ``errors`` are root mean squares over the deviation of the target, in the ``"fitted"`` rows, those ``"held_out"``
    and ``"outside"``: in the outer tenth of the data, with the constants refitted to the rest. ``noise`` is the
    residual deviation with ``freedom`` degrees of freedom, ``chances`` how likely noise alone is as smooth along an
    input. ``rivals`` are as good on the held-out rows, ``simplest`` the simplest formula that is.
    """

    formula: str
    status: str
    rows: int
    held_out: int
    errors: dict[str, float]
    box: dict[str, tuple[float, float]]
    defined: float
    defined_wider: float
    noise: float
    freedom: int
    chances: dict[str, float]
    template: str
    constants: tuple[Constant, ...]
    rivals: tuple[str, ...]
    simplest: str
    unused: tuple[str, ...]

    @property
    def structured(self) -> tuple[str, ...]:
        """The inputs along which the residuals are smoother than noise, but for one chance in a hundred."""
        return tuple(name for name, chance in self.chances.items() if chance < SURPRISING)

    @property
    def remainder(self) -> str:
        """What the residuals look like, in a few words."""
        if self.status == "exact":
            return "nothing is left but rounding"
        if not self.chances:
            return "too few rows to tell whether what is left is noise"
        chance = f"p = {min(self.chances.values()):.2g}"
        if not self.structured:
            return f"what is left looks like noise ({chance})"
        return f"structure remains along {_listed(self.structured)} ({chance})"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data for JSON, with None for what has no finite value."""
        return {
            **{name: _plain(getattr(self, name)) for name in self.__dataclass_fields__},
            "constants": [_plain(vars(constant)) for constant in self.constants],
            "remainder": self.remainder,
        }

    def to_text(self) -> str:
        """The certificate as a few lines."""
        lines = [f"certificate of {self.formula}", f"  status     {self.status}"]
        errors = ", ".join(f"{error:.2g} {where.replace('_', ' ')}" for where, error in self.errors.items())
        lines.append(f"  error      {errors} (of the deviation)")
        box = ", ".join(f"{low:g} <= {name} <= {high:g}" for name, (low, high) in self.box.items())
        lines.append(f"  holds for  {box or 'one value everywhere'}")
        lines.append(
            f"  defined    in {_percent(self.defined)} of that box, {_percent(self.defined_wider)} of one 20 % wider"
        )
        lines.append(
            f"  noise      {self.noise:.3g} with {self.freedom} degrees of freedom; {self.remainder}"
        )
        if self.constants:
            doubt = "; errors suppose that the rest is noise, which it is not" if self.structured else ""
            lines.append(f"  constants  {self.template}{doubt}")
            lines += [f"             {_constant_line(constant)}" for constant in self.constants]
        lines.append(f"  rivals     {self._rivals()}")
        if self.unused:
            lines.append(f"  unused     {_listed(self.unused)}")
        return "\n".join(lines)

    def _rivals(self) -> str:
        if not self.rivals:
            return "none of the other formulas is as good on the rows judged"
        as_good = f"{len(self.rivals)} as good or better: {_listed(self.rivals)}"
        return (
            as_good if self.simplest == self.formula else f"{as_good}; simplest within noise: {self.simplest}"
        )


def certify(
    formula: Formula,
    X: np.ndarray,
    y: np.ndarray,
    held_out: Sequence[int] = (),
    *,
    rivals: Sequence[Formula] = (),
    units: Units | None = None,
    status: str | None = None,
    seed: int = 0,
) -> Certificate:
    """The certificate of a formula of ``y (n,)`` at rows ``X (n, features)``, some of them held out from its fit.

    ``status`` is judged from the rows unless it is given. Randomness (shuffles, points of the box) is the seed's.

    Example:
        >>> x = np.linspace(1, 2, 40)[:, None]
        >>> certify(Formula("3.0*x", ("x",)), x, 3 * x[:, 0]).status
        'exact'
    """
    with np.errstate(all="ignore"):
        return _certified(formula, X, y, held_out, rivals, units, status, seed)


def _certified(
    formula: Formula,
    X: np.ndarray,
    y: np.ndarray,
    held_out: Sequence[int],
    rivals: Sequence[Formula],
    units: Units | None,
    status: str | None,
    seed: int,
) -> Certificate:
    held = np.isin(np.arange(len(y)), np.asarray(held_out, dtype=int))
    kept, judged = ~held, held if held.any() else ~held
    generator, opened = np.random.default_rng(seed), lifted(formula.sympy(), formula.features)
    residuals = formula(X) - y
    freedom = max(0, int(kept.sum()) - len(opened.fitted_ones))
    square = float(np.sum(residuals[kept] ** 2))
    status = status or _status(residuals, y, kept, judged)
    inside, wider = _defined(formula, X, generator)
    close, simplest = _rivals(formula, rivals, X[judged], y[judged])
    used = {symbol.name for symbol in formula.sympy().free_symbols}
    return Certificate(
        formula=formula.text,
        status=status,
        rows=len(y),
        held_out=int(held.sum()),
        errors=_errors(opened, residuals, X, y, kept, held),
        box={
            name: (float(column.min()), float(column.max()))
            for name, column in zip(formula.features, X.T, strict=True)
            if name in used
        },
        defined=inside,
        defined_wider=wider,
        noise=(square / freedom) ** 0.5 if freedom else inf,
        freedom=freedom,
        chances={} if status == "exact" else structure(X, residuals, formula.features, generator),
        template=opened.text(),
        constants=_constants(opened, X[kept], y[kept], units),
        rivals=close,
        simplest=simplest,
        unused=tuple(name for name in formula.features if name not in used),
    )


def outside_error(opened: Lifted, X: np.ndarray, y: np.ndarray) -> float | None:
    """The root mean square, over the deviation, in the outer rows when the constants are fitted to the inner ones.

    Inner rows are in the middle 90 % of every column. None where either part is too small for that.
    """
    low, high = np.quantile(X, [0.05, 0.95], axis=0)
    inside, free = ((low <= X) & (high >= X)).all(1), opened.fitted_ones
    if (~inside).sum() < 3 or inside.sum() < 2 * (len(free) + 1):
        return None
    values = opened.refitted(X[inside], y[inside], free)
    error = float(np.mean((opened.predict(X[~inside], values) - y[~inside]) ** 2)) ** 0.5
    return error / _deviation(y)


def _errors(
    opened: Lifted, residuals: np.ndarray, X: np.ndarray, y: np.ndarray, kept: np.ndarray, held: np.ndarray
) -> dict[str, float]:
    found = {"fitted": float(np.mean(residuals[kept] ** 2)) ** 0.5 / _deviation(y)}
    if held.any():
        found["held_out"] = float(np.mean(residuals[held] ** 2)) ** 0.5 / _deviation(y)
    outside = outside_error(opened, X[kept], y[kept])
    return found if outside is None else {**found, "outside": outside}


def _status(residuals: np.ndarray, y: np.ndarray, kept: np.ndarray, judged: np.ndarray) -> str:
    """``exact`` where only the rounding of ``y`` is missed, ``none`` where half of the variance is not explained."""
    deviation = _deviation(y)
    single = bool((y == y.astype(np.float32)).all()) and not bool((y == y.round()).all())
    rounding = float(np.finfo(np.float32 if single else np.float64).eps) * 4 * float(np.abs(y).max())
    fitted, held = (float(np.mean(residuals[rows] ** 2)) ** 0.5 / deviation for rows in (kept, judged))
    limit = min(max(_EXACT, rounding / deviation), 1e-4)
    if fitted < limit and held < 10 * limit:
        return "exact"
    return "approximate" if fitted**2 < _EXPLAINED and held**2 < _EXPLAINED else "none"


def _defined(formula: Formula, X: np.ndarray, generator: np.random.Generator) -> tuple[float, float]:
    """Shares of the box of the data, and of one 20 % wider, where the formula has a finite value."""
    low, high = X.min(0), X.max(0)
    points = generator.uniform(-0.5, 0.5, (_POINTS, X.shape[1]))
    center, width = low / 2 + high / 2, high - low
    shares = (np.isfinite(formula(center + factor * width * points)).mean() for factor in (1.0, 1.0 + WIDER))
    inside, wider = (float(share) for share in shares)
    return inside, wider


def _rivals(
    formula: Formula, others: Sequence[Formula], X: np.ndarray, y: np.ndarray
) -> tuple[tuple[str, ...], str]:
    """Formulas no more than 2 nats less likely than the given one, and the simplest as good as the best."""
    floor = max(_ROUNDING**2 * float(np.mean(y**2)), 1e-300)

    def cost(one: Formula) -> float:
        square = float(np.mean((one(X) - y) ** 2))
        return len(y) / 2 * log(max(square, floor)) if isfinite(square) else inf

    costs = {one.text: (cost(one), one.complexity) for one in (formula, *others)}
    own, best = costs[formula.text][0], min(found for found, _ in costs.values())
    close = tuple(
        text for text, (found, _) in costs.items() if found <= own + TOLERANCE and text != formula.text
    )
    within = [text for text, (found, _) in costs.items() if found <= best + TOLERANCE] or [formula.text]
    return close if own < inf else (), min(within, key=lambda text: costs[text][1])


def _constants(opened: Lifted, X: np.ndarray, y: np.ndarray, units: Units | None) -> tuple[Constant, ...]:
    errors = standard_errors(opened, X, y)
    named = constant_units(opened, units) if units is not None else (None,) * len(errors)
    return tuple(
        Constant(label, text, value, float(error) if isfinite(error) else None, exact, unit)
        for label, text, value, error, exact, unit in zip(
            opened.labels(), opened.written, opened.values, errors, opened.exact, named, strict=True
        )
    )


def _deviation(y: np.ndarray) -> float:
    return float(np.std(y)) or max(abs(float(y[0])), 1.0)


def _constant_line(constant: Constant) -> str:
    error = "open" if constant.error is None else f"{constant.error:.2g}"
    unit = "" if constant.unit in (None, "1") else f" [{constant.unit}]"
    if constant.exact:
        return f"{constant.label} = {constant.text}{unit}, settled; the rows allow +- {error}"
    return f"{constant.label} = {constant.text} +- {error}{unit}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _listed(texts: Sequence[str]) -> str:
    rest = len(texts) - _MOST_NAMED
    return ", ".join(texts[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value
