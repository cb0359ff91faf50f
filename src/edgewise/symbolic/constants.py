r"""The numbers written in a formula as open constants: ``y = T(x; k)``, and how sharply rows pin each of them.

A decimal is a number that was fitted; an integer, a fraction or a multiple of pi is one that was settled exactly.
Both are lifted wherever they add, multiply or stand as a power that is neither whole nor a square root. Signs, whole
powers and roots are the formula's shape and stay. Decimals that agree but for sign in four digits or more are one
constant, as in ``(1.234*x)*exp(-1.234*x)``: functions like ``u*exp(-u)`` hold theirs twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
import sympy
from scipy.optimize import least_squares

from edgewise.symbolic.formula import compiled
from edgewise.symbolic.parser import Expression

_SINGULAR = 1e-10
_TELLING = 4
_LETTERS = ("k", "c", "p", "k_", "c_", "p_")


@dataclass(frozen=True)
class Lifted:
    """``expression`` in the features and the constants ``symbols``, with the ``values`` the text writes.

    ``exact`` says of each constant whether it was written as an exact number, and ``written`` is its text.
    """

    expression: Expression
    features: tuple[sympy.Symbol, ...]
    symbols: tuple[sympy.Symbol, ...]
    values: tuple[float, ...]
    exact: tuple[bool, ...]
    written: tuple[str, ...]

    @property
    def fitted_ones(self) -> list[int]:
        """The numbers of the constants that are not exact."""
        return [k for k, exact in enumerate(self.exact) if not exact]

    def predict(self, X: np.ndarray, values: Sequence[float] | np.ndarray | None = None) -> np.ndarray:
        """Values ``(n,)`` at rows ``X (n, features)``; NaN where undefined."""
        return self._computed(self._value, X, values)[:, 0]

    def jacobian(self, X: np.ndarray, values: Sequence[float] | np.ndarray | None = None) -> np.ndarray:
        """``dT/dk (n, constants)``."""
        return self._computed(self._slopes, X, values) if self.symbols else np.zeros((len(X), 0))

    def refitted(self, X: np.ndarray, y: np.ndarray, free: Sequence[int]) -> tuple[float, ...]:
        """All values, with the constants numbered ``free`` moved to the least-squares fit of ``y (n,)``."""
        start = np.array(self.values)

        def full(part: np.ndarray) -> np.ndarray:
            values = start.copy()
            values[list(free)] = part
            return values

        def residual(part: np.ndarray) -> np.ndarray:
            return np.nan_to_num(self.predict(X, full(part)) - y, nan=1e150, posinf=1e150, neginf=-1e150)

        def slopes(part: np.ndarray) -> np.ndarray:
            found = self.jacobian(X, full(part))[:, list(free)]
            return np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)

        if not free or len(y) < len(free):
            return self.values
        settings: dict[str, Any] = {"jac": slopes, "method": "lm", "xtol": 1e-14, "ftol": 1e-14}
        with np.errstate(all="ignore"):
            found = least_squares(residual, start[list(free)], **settings)
        return tuple(full(found.x).tolist())

    @cached_property
    def _value(self) -> Callable[..., tuple]:
        return compiled((*self.features, *self.symbols), sympy.Tuple(self.expression))

    @cached_property
    def _slopes(self) -> Callable[..., tuple]:
        slopes = sympy.Tuple(*[sympy.diff(self.expression, symbol) for symbol in self.symbols])
        return compiled((*self.features, *self.symbols), slopes)

    def _computed(
        self, function: Callable, X: np.ndarray, values: Sequence[float] | np.ndarray | None
    ) -> np.ndarray:
        with np.errstate(all="ignore"):
            columns = function(*X.T, *np.asarray(self.values if values is None else values, dtype=np.float64))
        return np.stack([np.broadcast_to(_real(column), X.shape[:1]) for column in columns], axis=1)

    def labels(self) -> tuple[str, ...]:
        """``k1, k2, ...``, or with another letter where a column is called so."""
        taken = {symbol.name for symbol in self.features}
        numbers = range(1, len(self.symbols) + 1)
        letter = next(one for one in _LETTERS if not taken & {f"{one}{number}" for number in numbers})
        return tuple(f"{letter}{number}" for number in numbers)

    def text(self) -> str:
        """The formula with its constants by their labels."""
        labels = {s: sympy.Symbol(n, real=True) for s, n in zip(self.symbols, self.labels(), strict=True)}
        return sympy.sstr(self.expression.xreplace(labels), full_prec=False)


def lifted(expression: Expression, features: Sequence[str]) -> Lifted:
    """The constants of an expression in the named features made open.

    Example:
        >>> lifted(2.5 * sympy.Symbol("x", real=True) ** 2 + 1, ["x"]).text()
        'k1*x**2 + k2'
    """
    lifting = _Lifting()
    opened = lifting.number(expression, 0)
    opened = lifting.lift(expression) if opened is None else opened
    symbols, numbers = tuple(lifting.found), tuple(lifting.found.values())
    return Lifted(
        opened,
        tuple(sympy.Symbol(name, real=True) for name in features),
        symbols,
        tuple(float(number) for number in numbers),
        tuple(not number.has(sympy.Float) for number in numbers),
        tuple(sympy.sstr(number, full_prec=False) for number in numbers),
    )


def standard_errors(open_formula: Lifted, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    r"""Standard error of each constant: ``s sqrt(diag (J'J)^-1)``, ``s^2`` the residual square per degree of freedom.

    Fitted constants share one ``J``. An exact one is freed beside them, alone, to see how sharply the rows pin it.
    Infinite where the rows leave a constant open; NaN where the formula is undefined in a row.
    """
    jacobian, fitted = open_formula.jacobian(X), open_formula.fitted_ones
    square = float(np.sum((open_formula.predict(X) - y) ** 2))
    errors = np.full(len(open_formula.symbols), inf)
    if not np.isfinite(jacobian).all() or not np.isfinite(square):
        return np.full(len(open_formula.symbols), np.nan)
    errors[fitted] = _errors(jacobian[:, fitted], square)
    for k in range(len(errors)):
        if k not in fitted:
            errors[k] = _errors(jacobian[:, [k, *fitted]], square)[0]
    return errors


def _errors(jacobian: np.ndarray, square: float) -> np.ndarray:
    rows, constants = jacobian.shape
    size = np.linalg.norm(jacobian, axis=0)
    if rows <= constants or not constants:
        return np.full(constants, inf)
    _, s, v = np.linalg.svd(jacobian / np.where(size > 0, size, 1.0), full_matrices=False)
    weak = s <= _SINGULAR * s[0]
    variance = (v[~weak].T ** 2 / s[~weak] ** 2).sum(1) * square / (rows - constants)
    open_ones = (size == 0) | ((v[weak] ** 2).sum(0) > _SINGULAR)
    return np.where(open_ones, inf, np.sqrt(variance) / np.where(size > 0, size, 1.0))


class _Lifting:
    """Walks an expression and names its numbers; short ones, which may agree by chance, each occurrence on its own."""

    def __init__(self) -> None:
        self.found: dict[sympy.Symbol, Expression] = {}

    def lift(self, expression: Expression) -> Expression:
        if isinstance(expression, sympy.Float):
            return self._named(expression)
        if not expression.args or (expression.is_number and not expression.has(sympy.Float)):
            return expression
        if isinstance(expression, sympy.Add | sympy.Mul):
            return self._gathered(expression)
        if isinstance(expression, sympy.Pow):
            base, exponent = expression.args
            if isinstance(exponent, sympy.Rational):
                shape = exponent.is_Integer or abs(exponent) == sympy.Rational(1, 2)
                return self.lift(base) ** (exponent if shape else self._named(exponent))
        several = (
            len(expression.args) > 1 and expression.is_Function
        )  # the order of a Bessel function is its shape
        return expression.func(
            *[part if several and part.is_number else self.lift(part) for part in expression.args]
        )

    def number(self, expression: Expression, neutral: int) -> Expression | None:
        """A constant for an exact number that is neither a sign nor without effect."""
        known = not expression.is_number or expression.has(sympy.Float)
        return None if known or expression in (neutral, -neutral) else self._named(expression)

    def _gathered(self, expression: Expression) -> Expression:
        """A sum or product with its exact numbers as one constant; beside a decimal they are its multiple."""
        is_sum = isinstance(expression, sympy.Add)
        parts: Any = expression.as_ordered_terms() if is_sum else expression.args
        plain = [part for part in parts if part.is_number and not part.has(sympy.Float)]
        exact = expression.func(*plain)
        settled = any(isinstance(part, sympy.Float) for part in parts)
        constant = None if is_sum or settled else self.number(exact, 1)
        others = [self.lift(part) for part in parts if part not in plain]
        constant = self.number(exact, 0) if is_sum and not settled else constant
        return expression.func(exact if constant is None else constant, *others)

    def _named(self, number: Expression) -> Expression:
        for symbol, earlier in self.found.items():
            if abs(earlier) == abs(number) and _digits(number) >= _TELLING:
                return symbol if earlier == number else -symbol
        symbol = sympy.Dummy(f"k{len(self.found)}", real=True)
        self.found[symbol] = number
        return symbol


def _digits(number: Expression) -> int:
    """The significant digits of a decimal; none of any other number."""
    digits = f"{float(number):.15e}".split("e")[0].strip("-").replace(".", "").rstrip("0")
    return len(digits) if number.is_Float else 0


def _real(column: object) -> np.ndarray:
    values = np.asarray(column)
    if np.iscomplexobj(values):
        values = np.where(np.abs(np.imag(values)) < 1e-12, np.real(values), np.nan)
    return values.astype(np.float64)
