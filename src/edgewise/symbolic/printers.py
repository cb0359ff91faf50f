"""Expressions as source, LaTeX and MathML: sympy's printers, with what they lack for the formulas there are."""

import html
import re
from collections.abc import Mapping
from typing import Any

import sympy
from sympy.core.alphabets import greeks
from sympy.printing.codeprinter import CodePrinter
from sympy.printing.jscode import JavascriptCodePrinter
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.numpy import SciPyPrinter
from sympy.printing.pytorch import TorchPrinter

from edgewise.errors import InputError

_JAVASCRIPT_WORDS = {
    *(
        "Math",
        "arguments",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "default",
    ),
    *(
        "delete",
        "do",
        "else",
        "enum",
        "eval",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "function",
        "if",
    ),
    *(
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "null",
        "package",
        "private",
        "public",
    ),
    *(
        "protected",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "typeof",
        "var",
        "void",
    ),
    *("while", "with", "yield"),
}
_BESSEL = {
    ("besseli", 0): "torch.special.i0",
    ("besseli", 1): "torch.special.i1",
    ("besselk", 0): "torch.special.modified_bessel_k0",
    ("besselk", 1): "torch.special.modified_bessel_k1",
}


def printed(printer: CodePrinter, expression: sympy.Basic, language: str) -> str:
    """The expression in a language; ``InputError`` names the function it has no counterpart of."""
    try:
        return str(printer.doprint(expression))
    except NotImplementedError:
        lacking = [part for part in sympy.preorder_traversal(expression) if _lacks(printer, part)]
        name = lacking[-1].func.__name__ if lacking else "a part of it"
        raise InputError(
            f"there is no {language} code for a formula with {name}; expected functions that {language} knows"
        ) from None


def _lacks(printer: CodePrinter, part: sympy.Basic) -> bool:
    try:
        printer.doprint(part)
    except NotImplementedError:
        return True
    return False


def is_mathematical(name: str) -> bool:
    """Whether a name is one letter or a Greek one, perhaps numbered; all others are words.

    Example:
        >>> [is_mathematical(name) for name in ("x1", "theta", "mass", "q_alpha")]
        [True, True, False, False]
    """
    stem = name.rstrip("0123456789")
    return len(stem) == 1 or stem.lower() in greeks


class InMathML(MathMLPresentationPrinter):
    """Presentation MathML in which words stay words; ``labels`` are what to call symbols."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__({"mul_symbol": "dot"} if any(not is_mathematical(name) for name in labels) else {})
        self.labels = labels

    def _print_Symbol(self, sym: Any, style: str = "plain") -> Any:
        if is_mathematical(sym.name):
            return super()._print_Symbol(sym, style)
        word = self.dom.createElement("mi")
        # sympy writes texts as they are, entities and all.
        word.appendChild(self.dom.createTextNode(html.escape(self.labels.get(sym.name, sym.name))))
        return word

    def element(self, expression: sympy.Basic) -> str:
        """A ``math`` element without named entities, which XML does not know."""
        text = re.sub(r"&[A-Za-z]\w*;", _spelled, self.doprint(expression))
        return f"<math><mrow>{text}</mrow></math>"


def _spelled(entity: re.Match[str]) -> str:
    kept = ("&amp;", "&lt;", "&gt;", "&quot;")
    return entity[0] if entity[0] in kept else html.unescape(entity[0])


class InJavaScript(JavascriptCodePrinter):
    """JavaScript source in which no column takes the place of a word of the language."""

    reserved_words = _JAVASCRIPT_WORDS


class InScipy(SciPyPrinter):
    """NumPy and SciPy source. What is not real prints as NaN there."""

    def _call(self, module: str, name: str, *arguments: Any) -> str:
        return f"{self._module_format(f'{module}.{name}')}({', '.join(map(self._print, arguments))})"

    def _print_elliptic_k(self, expr: Any) -> str:
        return self._call("scipy.special", "ellipk", *expr.args)

    def _print_elliptic_e(self, expr: Any) -> str:
        return self._call("scipy.special", "ellipe", *expr.args)

    def _print_loggamma(self, expr: Any) -> str:
        return self._call("scipy.special", "loggamma", *expr.args)

    def _print_sinc(self, expr: Any) -> str:
        return self._call("numpy", "sinc", expr.args[0] / sympy.pi)

    def _print_polygamma(self, expr: Any) -> str:
        order, argument = expr.args
        if order == 0:
            return self._call("scipy.special", "digamma", argument)
        return self._call("scipy.special", "polygamma", order, argument)

    def _print_LambertW(self, expr: Any) -> str:
        where, real, nan, e = (self._module_format(f"numpy.{name}") for name in ("where", "real", "nan", "e"))
        argument = self._print(expr.args[0])
        branch = self._call("scipy.special", "lambertw", expr.args[0])
        return f"{where}({argument} >= -1/{e}, {real}({branch}), {nan})"


class InTorch(TorchPrinter):
    """torch source, without ``J`` and ``Y``, which torch knows to six digits only."""

    def _torch(self, name: str, *arguments: Any) -> str:
        return f"{self._module_format(f'torch.{name}')}({', '.join(map(self._print, arguments))})"

    def _bessel(self, expr: Any) -> str:
        name = _BESSEL.get((expr.func.__name__, expr.args[0]))
        if name is None:
            raise NotImplementedError
        return f"{self._module_format(name)}({self._print(expr.args[1])})"

    _print_besseli = _print_besselk = _bessel

    def _print_airyai(self, expr: Any) -> str:
        return self._torch("special.airy_ai", *expr.args)

    def _print_erfc(self, expr: Any) -> str:
        return self._torch("erfc", *expr.args)

    def _print_sinc(self, expr: Any) -> str:
        return self._torch("sinc", (expr.args[0] / sympy.pi).evalf(17))

    def _print_polygamma(self, expr: Any) -> str:
        order, argument = expr.args
        return self._torch("digamma", argument) if order == 0 else self._torch("polygamma", order, argument)

    def _print_gamma(self, expr: Any) -> str:
        raise NotImplementedError
