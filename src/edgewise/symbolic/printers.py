"""Expressions as source: sympy's printers, with what they lack of the functions a formula may hold."""

from typing import Any

import sympy
from sympy.printing.codeprinter import CodePrinter
from sympy.printing.numpy import SciPyPrinter
from sympy.printing.pytorch import TorchPrinter

from edgewise.errors import InputError

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
