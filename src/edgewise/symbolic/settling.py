r"""Formulas whose numbers are settled by what they are to solve: derivatives with open constants, and exact numbers.

A field ``u = T(x; k)`` that solves an equation has constants that the equation knows better than any table of values:
its residual vanishes at them to rounding. ``OpenFormula`` gives ``d^a T / dx^a`` for any constants ``k``; ``settled``
writes each constant as the simple number that it is to ten digits, if it is one, or else with all of its digits.
"""

from collections.abc import Callable, Sequence

import numpy as np
import sympy

from edgewise.symbolic.constants import lifted
from edgewise.symbolic.formula import Formula, compiled
from edgewise.symbolic.parser import parse
from edgewise.symbolic.snap import simple_numbers

REACH = 1e-10
ROUNDING = 1e-13


class OpenFormula:
    """A formula with its fitted numbers open; ``values`` are what was written.

    Example:
        >>> one = OpenFormula(Formula("sin(3.0000001*x)", ("x",)))
        >>> one.values
        (3.0000001,)
        >>> one.derivative((1,), np.zeros((1, 1)), [2.0])
        array([2.])
        >>> one.settled([3.00000000001]).text
        'sin(3*x)'
    """

    def __init__(self, formula: Formula) -> None:
        opened = lifted(formula.sympy(), formula.features)
        exact = {
            symbol: parse(text, ())
            for symbol, text, is_exact in zip(opened.symbols, opened.written, opened.exact, strict=True)
            if is_exact
        }
        self.features, self.names = opened.features, formula.features
        self.expression = opened.expression.xreplace(exact)
        self.symbols = tuple(opened.symbols[k] for k in opened.fitted_ones)
        self.values = tuple(opened.values[k] for k in opened.fitted_ones)
        self._compiled: dict[tuple[int, ...], Callable[..., np.ndarray]] = {}

    def derivative(
        self, index: Sequence[int], X: np.ndarray, values: Sequence[float] | np.ndarray
    ) -> np.ndarray:
        """``d^index T (n,)`` at rows ``X (n, features)``; NaN where undefined."""
        index = tuple(index)
        if index not in self._compiled:
            by = [symbol for symbol, order in zip(self.features, index, strict=True) for _ in range(order)]
            slope = sympy.diff(self.expression, *by) if by else self.expression
            self._compiled[index] = compiled((*self.features, *self.symbols), slope)
        with np.errstate(all="ignore"):
            found = np.asarray(self._compiled[index](*X.T, *values))
        real = np.where(np.abs(np.imag(found)) < 1e-12, np.real(found), np.nan)
        return np.broadcast_to(real, X.shape[:1]).astype(np.float64)

    def settled(self, values: Sequence[float] | np.ndarray) -> Formula:
        """The formula with these constants, each a simple number where it is one."""
        numbers = {symbol: _number(float(value)) for symbol, value in zip(self.symbols, values, strict=True)}
        return Formula(sympy.sstr(self.expression.xreplace(numbers), full_prec=False), self.names)


def _number(value: float) -> sympy.Expr:
    if abs(value) < ROUNDING:
        return sympy.Integer(0)
    reach = REACH * abs(value)
    known = [
        (code, number) for code, number in simple_numbers(value, reach) if abs(float(number) - value) <= reach
    ]
    return min(known, key=lambda pair: pair[0])[1] if known else sympy.Float(repr(value), 17)
