r"""Functions of one's own, from text in ``u``: what the user writes is all that has to be kept of them.

f(u) = text,   f'(u) by sympy;   c f(a u + b) + d has as many constants as the data can tell.
"""

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise.catalogue import Function, is_built_in, register
from edgewise.catalogue.special import through_scipy
from edgewise.errors import InputError
from edgewise.symbolic.formula import compiled, complexity
from edgewise.symbolic.parser import Expression, parse

MOST_DERIVATIVES = 3


def define(name: str, text: str, *, low: float = -inf, high: float = inf) -> Function:
    """Puts ``text``, a formula in ``u``, into the catalogue under ``name``; returns the function.

    ``low`` and ``high`` bound the open interval of ``u`` where it is defined. Raises ``InputError`` for a name that
    is taken, for text that is no formula in ``u`` alone, and for one that is nowhere finite.

    Example:
        >>> from edgewise.catalogue import forget
        >>> define("ricker", "(1 - u**2)*exp(-u**2/2)").complexity
        13
        >>> forget("ricker")
    """
    return register(written(name, text, low=low, high=high))


def written(name: str, text: str, *, low: float = -inf, high: float = inf) -> Function:
    """The function that ``define`` makes, without putting it into the catalogue."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"a function's name is a text such as 'ricker'; got {name!r}")
    if not low < high:
        raise InputError(f"the interval from low={low!r} to high={high!r} is empty; expected low < high")
    expression = parse(text, ["u"])
    if not expression.free_symbols:
        raise InputError(f"{text!r} does not depend on u; write the function in u, such as 'u*exp(-u)'")
    value, slope = Written(text), Written(text, 1)
    u = _places(low, high)
    nothing = torch.ones(1, dtype=torch.float64)
    f, df = value(u, nothing), slope(u, nothing)
    settled = f.isfinite() & df.isfinite()
    if settled.sum() < 5:
        raise InputError(f"{text!r} is finite nowhere between u = {low:g} and u = {high:g}; set low and high")
    free = _free(u[settled], f[settled], df[settled])
    sign = free == "b" and (low > -inf) != (high < inf)
    return Function(name, text, value, slope, complexity(expression), free, sign, low, high)


def as_text(law: Function) -> dict[str, Any] | None:
    """What ``written`` needs to make a function again; None for one that was not made from text."""
    if is_built_in(law) or not isinstance(law.value, Written):
        return None
    bounds = {"low": law.low, "high": law.high}
    return {"name": law.name, "text": law.text} | {k: v for k, v in bounds.items() if abs(v) < inf}


@dataclass(frozen=True)
class Written:
    """The derivative of that order of a text in ``u``, as a function of a tensor and an exponent it ignores."""

    text: str
    order: int = 0

    def __reduce__(self) -> tuple[type["Written"], tuple[str, int]]:
        return Written, (self.text, self.order)

    def __call__(self, u: Tensor, p: Tensor) -> Tensor:
        return self._curve(u)

    @cached_property
    def _curve(self) -> Any:
        symbol, expression = self._expression
        evaluate = compiled([symbol], expression)

        def compute(u: Any) -> Any:

            with np.errstate(all="ignore"):
                found = np.asarray(evaluate(u))
            real = (
                np.where(np.abs(np.imag(found)) < 1e-12, np.real(found), np.nan)
                if found.dtype.kind == "c"
                else found
            )
            return np.array(np.broadcast_to(real, u.shape), dtype=np.float64)

        if self.order == MOST_DERIVATIVES:
            return through_scipy(self.text, compute)
        following = Written(self.text, self.order + 1)
        return through_scipy(self.text, compute, lambda u: following(u, u))

    @property
    def _expression(self) -> tuple[sympy.Symbol, Expression]:
        symbol = sympy.Symbol("u", real=True)
        return symbol, sympy.diff(parse(self.text, ["u"]), symbol, self.order)


def _places(low: float, high: float) -> Tensor:
    if high - low < inf:
        return torch.linspace(low, high, 203, dtype=torch.float64)[1:-1]
    away = torch.logspace(-2, 1, 200, dtype=torch.float64)
    if low > -inf:
        return low + away
    return high - away if high < inf else torch.cat([-away.flip(0), away])


def _free(u: Tensor, f: Tensor, slope: Tensor) -> str:
    """Which of ``a`` and ``b`` data can tell from a factor and a constant outside."""
    near = f.abs() < 1e6 * f.abs().median().clamp(min=1e-300)
    u, f, slope = u[near], f[near], slope[near]
    outside = [f, torch.ones_like(f)]
    if _rank([slope * u, slope, *outside]) == 4:
        return "ab"
    if _rank([slope, *outside]) == 3:
        return "b"
    return "a" if _rank([slope * u, *outside]) == 3 else ""


def _rank(columns: list[Tensor]) -> int:
    matrix = torch.stack([column / column.norm().clamp(min=1e-300) for column in columns], dim=1)
    return int(torch.linalg.matrix_rank(matrix, rtol=1e-9))
