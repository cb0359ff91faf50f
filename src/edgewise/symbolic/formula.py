"""A formula: text that a person reads, sympy can work on and a machine can compute."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from sympy.printing.c import C99CodePrinter

from edgewise.errors import InputError
from edgewise.symbolic.parser import Expression, parse
from edgewise.symbolic.printers import InJavaScript, InMathML, InScipy, InTorch, is_mathematical, printed

TARGETS = ("numpy", "torch", "c", "javascript")


@dataclass(frozen=True)
class Formula:
    """``y = text`` in the symbols ``features``; the text is the formula, everything else follows from it.

    Example:
        >>> Formula("2*x + 1", ("x",))(np.array([[3.0]]))
        array([7.])
    """

    text: str
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        _ = self._expression

    def __reduce__(self) -> tuple[type["Formula"], tuple[str, tuple[str, ...]]]:
        return Formula, (self.text, self.features)

    @cached_property
    def _expression(self) -> Expression:
        return parse(self.text, self.features)

    @cached_property
    def _function(self) -> Callable[..., np.ndarray]:
        return compiled(self._symbols, self._expression)

    @property
    def _symbols(self) -> list[sympy.Symbol]:
        return [sympy.Symbol(name, real=True) for name in self.features]

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Values ``(n,)`` at rows ``X (n, features)``; NaN where the formula is not defined."""
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != len(self.features):
            raise InputError(
                f"the formula needs {len(self.features)} columns, got an array of shape {X.shape}"
            )
        with np.errstate(all="ignore"):
            values = np.asarray(self._function(*X.T))
        if np.iscomplexobj(values):
            values = np.where(np.abs(np.imag(values)) < 1e-12, np.real(values), np.nan)
        return np.broadcast_to(values.astype(np.float64), X.shape[:1]).copy()

    @cached_property
    def complexity(self) -> int:
        """Nodes of the formula's tree: numbers, symbols, operators and functions."""
        return complexity(self._expression)

    def sympy(self) -> Expression:
        """The formula as a sympy expression."""
        return self._expression

    def latex(self) -> str:
        """The formula in LaTeX; names of several letters stand upright, in one piece."""
        words = {symbol: symbol.name for symbol in self._symbols if not is_mathematical(symbol.name)}
        upright = {
            symbol: rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}" for symbol, name in words.items()
        }
        return sympy.latex(self._expression, symbol_names=upright)

    def mathml(self, labels: Mapping[str, str] | None = None) -> str:
        """The formula in presentation MathML; ``labels`` are what to call symbols whose names are words."""
        named = {name: (labels or {}).get(name, name) for name in self.features}
        return InMathML(named).element(self._expression)

    def code(self, target: str) -> str:
        """Source of a function computing the formula, for ``"numpy"``, ``"torch"``, ``"c"`` or ``"javascript"``.

        Raises ``InputError`` naming the function where the language has no counterpart of it.
        """
        if target not in TARGETS:
            raise InputError(f"no code for {target!r}; choose one of: {', '.join(TARGETS)}")
        write = {"numpy": self._numpy, "torch": self._torch, "c": self._c, "javascript": self._javascript}
        return write[target]()

    def _numpy(self) -> str:
        printer = InScipy({"fully_qualified_modules": True})
        body = printed(printer, _in_full(self._expression), "NumPy")
        if not self._expression.free_symbols and self.features:
            body = f"numpy.full(numpy.shape({self.features[0]}), {body})"
        imports = "".join(f"import {name}\n" for name in sorted({*printer.module_imports, "numpy"}))
        return f"{imports}\n\ndef formula({', '.join(self.features)}):\n    return {body}\n"

    def _torch(self) -> str:
        body = printed(InTorch({"fully_qualified_modules": True}), self._expression.evalf(17), "torch")
        if not self._expression.free_symbols and self.features:
            body = f"torch.full_like(1.0*{self.features[0]}, {body})"
        return f"import torch\n\n\ndef formula({', '.join(self.features)}):\n    return {body}\n"

    def _c(self) -> str:
        printer, rounded = C99CodePrinter(), self._expression.evalf(17)
        numbers = {number: number.evalf(17) for number in rounded.atoms(sympy.NumberSymbol)}
        body = printed(printer, rounded.xreplace(numbers), "C")  # C99 has no M_PI
        arguments = ", ".join(f"double {printer.doprint(symbol)}" for symbol in self._symbols)
        return f"#include <math.h>\n\ndouble formula({arguments}) {{\n    return {body};\n}}\n"

    def _javascript(self) -> str:
        printer = InJavaScript()
        body = printed(printer, self._expression.evalf(17), "JavaScript")
        arguments = ", ".join(str(printer.doprint(symbol)) for symbol in self._symbols)
        return f"function formula({arguments}) {{\n  return {body};\n}}\n"


def compiled(symbols: Sequence[sympy.Symbol], expression: sympy.Basic) -> Callable[..., Any]:
    """An expression, or a ``Tuple`` of them, as a NumPy function of symbols of any name, NumPy's own included."""
    neutral = {symbol: sympy.Dummy(real=True) for symbol in symbols}
    body = _in_full(expression.xreplace(neutral))
    printer = InScipy({"fully_qualified_modules": False, "inline": True})
    return sympy.lambdify(
        list(neutral.values()), body, modules=["scipy", "numpy"], printer=printer, cse=True, dummify=True
    )


def _in_full(expression: sympy.Basic) -> Any:
    """The expression with numbers that 15 digits, which is what sympy prints, would change written in 17."""
    long = [
        number for number in expression.atoms(sympy.Float) if float(f"{float(number):.15g}") != float(number)
    ]
    return expression.xreplace({number: number.evalf(17) for number in long})


def complexity(expression: sympy.Basic) -> int:
    """Nodes a reader takes in. A sum or product of ``n`` parts counts ``n - 1`` operators; a rational counts 1."""
    if not expression.args:
        return 1
    if expression.is_Rational or expression.is_Float:
        return 1
    parts = sum(complexity(part) for part in expression.args)
    operators = len(expression.args) - 1 if (expression.is_Add or expression.is_Mul) else 1
    if expression.is_Mul and expression.args[0] == -1:
        parts -= 1
    return parts + operators
