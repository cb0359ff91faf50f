"""A formula's text as a nested list that any language can evaluate without reading text.

``"2*sin(u) + 1"`` becomes ``["+", ["*", 2.0, ["sin", "u"]], 1.0]``: numbers are numbers, names are texts, everything
else is a list of an operator or function and its arguments. The page's JavaScript makes its functions from such trees,
so the text in the catalogue is the only place where a function is written down, and nothing is ever evaluated as code.
"""

import ast
import math
from collections.abc import Collection
from typing import Any

from edgewise.errors import InputError

Tree = float | str | list[Any]

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
NUMBERS = {"pi": math.pi, "E": math.e}
LONGEST_TEXT = 20_000


def tree(text: str, names: Collection[str]) -> Tree:
    """The tree of a formula in some ``names``; raises ``InputError`` for text that is no arithmetic.

    Example:
        >>> tree("1/(1 + u**2)", ["u"])
        ['/', 1.0, ['+', 1.0, ['**', 'u', 2.0]]]
    """
    try:
        if len(text) > LONGEST_TEXT:
            raise ValueError
        return _branch(ast.parse(text.strip(), mode="eval").body, names)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        raise InputError(
            f"{text[:60]!r} is no formula in {', '.join(names) or 'numbers'}: "
            "expected arithmetic such as '2*sin(u) + 1'"
        ) from None


def _branch(node: ast.expr, names: Collection[str]) -> Tree:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.Name(id=name) if name in names:
            return name
        case ast.Name(id=name) if name in NUMBERS:
            return NUMBERS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return ["-", 0.0, _branch(operand, names)]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _branch(operand, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return [OPERATORS[type(op)], _branch(left, names), _branch(right, names)]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if arguments:
            return [name, *(_branch(argument, names) for argument in arguments)]
    raise ValueError
