"""A formula's constants fitted again, from the values found and from those values rounded."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.optimize
import sympy
from formula_data import function_of

START_DIGITS = (None, 3, 2, 1)
MOST_CONSTANTS = 60
STEPS = 100


def refits(expression: Any, symbols: tuple[str, ...], X: np.ndarray, y: np.ndarray) -> Iterator[Any]:
    """The formula with decimals fitted to ``y``; then with whole numbers and fractions let go as well."""
    for pick in (_is_decimal, _is_constant):
        form, names, starts = released(expression, pick)
        if not 0 < len(names) <= MOST_CONSTANTS:
            continue
        seen = set()
        for digits in START_DIGITS:
            start = tuple(starts if digits is None else (float(f"{v:.{digits - 1}e}") for v in starts))
            if start in seen:
                continue
            seen.add(start)
            fitted = _fit(form, names, np.array(start), symbols, X, y)
            if fitted is not None:
                yield form.xreplace({n: sympy.Float(v) for n, v in zip(names, fitted, strict=True)})


def released(expression: Any, pick: Any) -> tuple[Any, list[Any], list[float]]:
    """The expression with the numbers that ``pick`` chooses as symbols, each occurrence its own."""
    names: list[Any] = []
    starts: list[float] = []

    def walk(part: Any, is_exponent: bool) -> Any:
        if pick(part, is_exponent):
            names.append(sympy.Symbol(f"constant_{len(names)}_", real=True))
            starts.append(float(part))
            return names[-1]
        if not part.args:
            return part
        power = part.is_Pow
        return part.func(*(walk(arg, power and k == 1) for k, arg in enumerate(part.args)))

    return walk(expression, False), names, starts


def _is_decimal(part: Any, _: bool) -> bool:
    return bool(part.is_Float)


def _is_constant(part: Any, is_exponent: bool) -> bool:
    """Any number but signs and exponents, which are structure."""
    if part.is_Float:
        return True
    return bool(part.is_Rational) and not is_exponent and abs(part) != 1


def _fit(
    form: Any, names: list[Any], start: np.ndarray, symbols: tuple[str, ...], X: np.ndarray, y: np.ndarray
) -> np.ndarray | None:
    """Constants at the least squares next to ``start``; None where the formula has no values."""
    arguments = (*symbols, *(n.name for n in names))
    values = function_of(form, arguments)
    scale = np.sqrt(np.mean(y**2))

    def residuals(constants: np.ndarray) -> np.ndarray:
        columns = np.broadcast_to(constants, (len(X), len(constants)))
        found = (values(np.hstack([X, columns])) - y) / scale
        return np.nan_to_num(found, nan=1e6).clip(-1e6, 1e6)

    if not np.isfinite(values(np.hstack([X, np.broadcast_to(start, (len(X), len(start)))]))).all():
        return None
    limits = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": STEPS * (1 + len(start))}
    return scipy.optimize.least_squares(residuals, start, method="lm", x_scale="jac", **limits).x
