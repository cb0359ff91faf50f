"""Formula text to sympy by a whitelist: Python's own grammar reads it, and only arithmetic gets through.

Nothing is evaluated: the text becomes a syntax tree, and each node of the tree is either one of the few kinds
below or an ``InputError``. Sizes are bounded, so a hostile file can neither run code nor fill the memory.
"""

import ast
from collections.abc import Sequence
from typing import Any

import sympy

from edgewise.errors import InputError

FUNCTIONS = {
    "abs": sympy.Abs,
    "Abs": sympy.Abs,
    "acos": sympy.acos,
    "acosh": sympy.acosh,
    "asin": sympy.asin,
    "asinh": sympy.asinh,
    "atan": sympy.atan,
    "atanh": sympy.atanh,
    "cos": sympy.cos,
    "cosh": sympy.cosh,
    "erf": sympy.erf,
    "exp": sympy.exp,
    "log": sympy.log,
    "sign": sympy.sign,
    "sin": sympy.sin,
    "sinh": sympy.sinh,
    "sqrt": sympy.sqrt,
    "tan": sympy.tan,
    "tanh": sympy.tanh,
}
CONSTANTS = {"pi": sympy.pi, "E": sympy.E}
Expression = Any
"""A sympy expression; sympy's own annotations are too loose to check against."""

LONGEST_TEXT = 20_000
LARGEST_EXPONENT = 64
_LARGEST_NUMBER = 2**1024
_OPERATORS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def parse(text: str, symbols: Sequence[str]) -> Expression:
    """The expression that ``text`` writes in the named symbols.

    Raises ``InputError`` for anything but numbers, the symbols, ``pi``, ``E``, ``+ - * / **`` and the functions in
    ``FUNCTIONS``.

    Example:
        >>> parse("2*sin(pi*x)", ["x"])
        2*sin(pi*x)
    """
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise InputError(f"a formula is a text of at most {LONGEST_TEXT} characters")
    known = {name: sympy.Symbol(name, real=True) for name in symbols}
    try:
        tree = ast.parse(text.strip(), mode="eval")
        result = _expression(tree.body, known)
    except (SyntaxError, RecursionError, MemoryError, ArithmeticError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"cannot read the formula {text[:60]!r}: expected arithmetic such as '2*sin(x) + 1'"
        ) from None
    return result


def _expression(node: ast.expr, known: dict[str, sympy.Symbol]) -> Expression:
    value = _evaluated(node, known)
    if value.is_number and not _fits(value):
        raise InputError(
            f"the formula holds {ast.unparse(node)[:60]!r}, no number that double precision can hold"
        )
    return value


def _evaluated(node: ast.expr, known: dict[str, sympy.Symbol]) -> Expression:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return sympy.Integer(value) if isinstance(value, int) else sympy.Float(value)
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_expression(operand, known)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _expression(operand, known)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_expression(left, known), _expression(right, known))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_expression(left, known), _expression(right, known))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](_expression(argument, known))
    raise InputError(
        f"the formula holds {ast.unparse(node)[:60]!r}; allowed are numbers, {', '.join(known) or 'no symbols'}, "
        f"+ - * / ** and {', '.join(sorted(FUNCTIONS))}"
    )


def _fits(number: sympy.Expr) -> bool:
    """Whether a number is defined and within double precision, numerator and denominator of a fraction alike."""
    if isinstance(number, sympy.Rational):
        return max(abs(number.p), number.q) < _LARGEST_NUMBER
    size = abs(number.evalf(15))
    return bool(size.is_Float or size.is_Rational) and bool(size < _LARGEST_NUMBER)


def _power(base: Expression, exponent: Expression) -> Expression:
    if exponent.is_number and abs(exponent) > LARGEST_EXPONENT:
        raise InputError(
            f"the formula holds the exponent {exponent}; the largest allowed is {LARGEST_EXPONENT}"
        )
    return base**exponent
