"""Formula text to sympy by a whitelist: Python's own grammar reads it, and only arithmetic gets through.

Nothing is evaluated: the text becomes a syntax tree, and each node of the tree is either one of the few kinds
below or an ``InputError``. Sizes are bounded, so a hostile file can neither run code nor fill the memory.
"""

import ast
from collections.abc import Sequence
from typing import Any

import sympy

from edgewise.errors import InputError

PLAIN = {
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
    "cot": lambda u: 1 / sympy.tan(u),
    "coth": lambda u: 1 / sympy.tanh(u),
    "csc": lambda u: 1 / sympy.sin(u),
    "csch": lambda u: 1 / sympy.sinh(u),
    "erf": sympy.erf,
    "erfc": sympy.erfc,
    "exp": sympy.exp,
    "log": sympy.log,
    "sec": lambda u: 1 / sympy.cos(u),
    "sech": lambda u: 1 / sympy.cosh(u),
    "sign": sympy.sign,
    "sin": sympy.sin,
    "sinc": sympy.sinc,
    "sinh": sympy.sinh,
    "sqrt": sympy.sqrt,
    "tan": sympy.tan,
    "tanh": sympy.tanh,
}
NAMED = {
    "LambertW": sympy.LambertW,
    "Si": sympy.Si,
    "airyai": sympy.airyai,
    "airyaiprime": sympy.airyaiprime,
    "airybi": sympy.airybi,
    "airybiprime": sympy.airybiprime,
    "digamma": sympy.digamma,
    "elliptic_e": sympy.elliptic_e,
    "elliptic_k": sympy.elliptic_k,
    "fresnelc": sympy.fresnelc,
    "fresnels": sympy.fresnels,
    "gamma": sympy.gamma,
    "loggamma": sympy.loggamma,
}
ORDERED = {
    "besseli": sympy.besseli,
    "besselj": sympy.besselj,
    "besselk": sympy.besselk,
    "bessely": sympy.bessely,
    "polygamma": sympy.polygamma,
}
FUNCTIONS = {**PLAIN, **NAMED, **ORDERED}
CONSTANTS = {"pi": sympy.pi, "E": sympy.E}
Expression = Any
"""A sympy expression; sympy's own annotations are too loose to check against."""

LONGEST_TEXT = 20_000
LARGEST_EXPONENT = 64
LARGEST_ARGUMENT = 1000
LARGEST_ORDER = 64
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
    ``FUNCTIONS``. Those in ``ORDERED`` take two arguments, a whole number first; all others take one.

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
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in PLAIN:
            return PLAIN[name](_expression(argument, known))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in NAMED:
            return NAMED[name](_bounded(_expression(argument, known)))
        case ast.Call(func=ast.Name(id=name), args=[order, argument], keywords=[]) if name in ORDERED:
            return ORDERED[name](_order(order, name), _bounded(_expression(argument, known)))
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            raise InputError(
                f"the formula holds {ast.unparse(node)[:60]!r}; expected "
                + (f"a whole number and an argument, as {name}(1, x)" if name in ORDERED else f"{name}(x)")
            )
    raise InputError(
        f"the formula holds {ast.unparse(node)[:60]!r}; allowed are numbers, {', '.join(known) or 'no symbols'}, "
        f"+ - * / ** and {', '.join(sorted(FUNCTIONS))}"
    )


def _order(node: ast.expr, name: str) -> sympy.Integer:
    """The order of a Bessel function or a derivative, which has to be written as a small whole number."""
    match node:
        case ast.Constant(value=int() as order) if not isinstance(order, bool) and order <= LARGEST_ORDER:
            return sympy.Integer(order)
    raise InputError(
        f"the formula holds {name}({ast.unparse(node)[:40]}, ...); "
        f"the order has to be a whole number from 0 to {LARGEST_ORDER}"
    )


def _bounded(argument: Expression) -> Expression:
    """An argument as it is, unless it is a number: sympy would work on exact ones, however large, for ever."""
    if not argument.is_number:
        return argument
    number = argument.evalf(17)
    if not abs(number) <= LARGEST_ARGUMENT:
        raise InputError(
            f"the formula holds a special function of {number}; the largest number allowed is {LARGEST_ARGUMENT}"
        )
    return number


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
