r"""Laws made of ready functions with their inner constants set free: ``sin(2 x)`` becomes ``sin(k x + l)``.

The dictionary of terms holds functions of simple multiples only. Where a law comes near, the true constants are a
least-squares fit away: each function's argument gets a factor (starting at 1) and a shift (starting at 0), each power
of a column a shift, each written number is opened. What brings nothing is settled back when the formula is written.
"""

import sympy

from edgewise.symbolic.parser import Expression
from edgewise.symbolic.template import Template

MOST_CONSTANTS = 16
_NO_SHIFT = (sympy.exp,)
_NO_FACTOR = (sympy.log,)


def loosened(written: Template) -> Template | None:
    """The template with inner constants added; None where they would be too many."""
    loosening = _Loosening(dict(zip(written.symbols, written.values, strict=True)))
    expression = loosening.loosen(written.expression)
    if len(loosening.constants) > MOST_CONSTANTS:
        return None
    symbols, values = tuple(loosening.constants), tuple(loosening.constants.values())
    return Template(expression, written.features, symbols, values)


class _Loosening:
    """Walks an expression and collects its constants with their starting values."""

    def __init__(self, constants: dict[sympy.Symbol, float]) -> None:
        self.constants = constants

    def loosen(self, e: Expression) -> Expression:
        """The expression with constants put into it."""
        if e in self.constants or e.is_Symbol:
            return e
        if e.is_number:
            return e if abs(e) == 1 else self._named(float(e))
        if e.is_Function and len(e.args) == 1:
            lead = e.args[0].args[0] if e.args[0].is_Mul else e.args[0]
            inner, has_factor = self.loosen(e.args[0]), lead.is_number and abs(lead) != 1
            if not isinstance(e, _NO_FACTOR) and not has_factor:
                inner = self._named(1.0) * inner
            if not isinstance(e, _NO_SHIFT):
                inner = inner + self._named(0.0)
            return e.func(inner)
        if e.is_Pow and e.exp.is_Rational:
            base = self.loosen(e.base)
            whole = e.exp.is_Integer and e.exp > 0
            return (base if whole or e.base.is_Add else base + self._named(0.0)) ** e.exp
        if e.is_Add:
            return e.func(*(self._named(float(p)) if p.is_number else self.loosen(p) for p in e.args))
        return e.func(*(self.loosen(part) for part in e.args))

    def _named(self, value: float) -> sympy.Symbol:
        symbol = sympy.Dummy(f"k_{len(self.constants)}", real=True)
        self.constants[symbol] = value
        return symbol
