"""A formula as text with its numbers made constants that can be fitted."""

from collections.abc import Sequence

import sympy

from edgewise.symbolic.parser import Expression, parse
from edgewise.symbolic.template import Template


def opened(text: str, names: Sequence[str]) -> Template:
    """The formula ``text`` in the columns ``names``; whole exponents and 1 and -1 as factors stay what they are.

    Example:
        >>> opened("2*sin(3*x) + 1", ["x"]).values
        (1.0, 2.0, 3.0)
    """
    constants: dict[sympy.Symbol, float] = {}
    expression = _opened(parse(text, names), constants)
    symbols = tuple(sympy.Symbol(name, real=True) for name in names)
    return Template(expression, symbols, tuple(constants), tuple(constants.values()))


def _opened(expression: Expression, constants: dict[sympy.Symbol, float]) -> Expression:
    if expression.is_number:
        return _constant(expression, constants)
    if expression.is_Pow and expression.exp.is_Rational:
        return _opened(expression.base, constants) ** expression.exp
    if not expression.args:
        return expression
    parts = [part if part in (1, -1) else _opened(part, constants) for part in expression.args]
    return expression.func(*parts)


def _constant(number: Expression, constants: dict[sympy.Symbol, float]) -> Expression:
    symbol = sympy.Dummy(f"k_{len(constants)}", real=True)
    constants[symbol] = float(number)
    return symbol
