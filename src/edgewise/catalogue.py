r"""The one catalogue of one-dimensional functions: what an edge can be fixed to and a formula can be made of.

An edge fixed to a function ``f`` computes

    phi(x) = c f(a x + b) + d            (and f(u; p) for families with an exponent p).

Not every constant can be told from the data: ``exp(a x + b) = exp(b) exp(a x)``, so a shift inside ``exp`` only
doubles a factor outside. ``Function.free`` names those of ``a``, ``b`` and ``p`` that can; the others stay put.
``text`` is the function written in ``u`` (and ``p``); printing, code and the report page all start from it.

Everything here is torch on torch. sympy forms are parsed from ``text`` where formulas are made.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, pi, sqrt
from typing import Any, SupportsIndex

import torch
from torch import Tensor

from edgewise.errors import InputError

Unary = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Function:
    """A named one-dimensional function ``f(u; p)`` with its derivative.

    ``value`` and ``slope`` map ``(u, p)`` to ``f`` and ``df/du``; ``p`` is ignored by all but power laws.
    ``free`` holds the letters of the identifiable inner constants, and ``sign`` says that ``a`` is -1 or 1.
    ``low`` and ``high`` bound the open interval of ``u`` where the function is defined. ``complexity`` counts
    the nodes a reader has to take in.
    """

    name: str
    text: str
    value: Unary = field(repr=False)
    slope: Unary = field(repr=False)
    complexity: int = 2
    free: str = "ab"
    sign: bool = False
    low: float = -inf
    high: float = inf

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """Entries of the catalogue pickle by name; a user's own function by its parts."""
        if CATALOGUE.get(self.name) is self:
            return function, (self.name,)
        return super().__reduce_ex__(protocol)


def _monomial(name: str, exponent: int, complexity: int) -> Function:
    return Function(
        name,
        f"u**{exponent}",
        lambda u, p: u**exponent,
        lambda u, p: exponent * u ** (exponent - 1),
        complexity,
        "b",
    )


def _root(name: str, text: str, exponent: float, complexity: int) -> Function:
    return Function(
        name,
        text,
        lambda u, p: u**exponent,
        lambda u, p: exponent * u ** (exponent - 1.0),
        complexity,
        "b",
        sign=True,
        low=0.0,
    )


_ENTRIES = (
    Function("linear", "u", lambda u, p: u, lambda u, p: torch.ones_like(u), 1, ""),
    _monomial("square", 2, 2),
    _monomial("cube", 3, 3),
    _monomial("fourth", 4, 3),
    _monomial("fifth", 5, 4),
    Function("reciprocal", "1/u", lambda u, p: 1 / u, lambda u, p: -1 / u**2, 2, "b"),
    Function("inverse square", "u**-2", lambda u, p: u**-2, lambda u, p: -2 * u**-3, 3, "b"),
    Function("inverse cube", "u**-3", lambda u, p: u**-3, lambda u, p: -3 * u**-4, 4, "b"),
    _root("square root", "sqrt(u)", 0.5, 2),
    _root("inverse root", "1/sqrt(u)", -0.5, 3),
    _root("three halves", "u**(3/2)", 1.5, 3),
    Function(
        "power",
        "u**p",
        lambda u, p: u**p,
        lambda u, p: p * u ** (p - 1.0),
        4,
        "bp",
        sign=True,
        low=0.0,
    ),
    Function("exponential", "exp(u)", lambda u, p: u.exp(), lambda u, p: u.exp(), 2, "a"),
    Function("logarithm", "log(u)", lambda u, p: u.log(), lambda u, p: 1 / u, 2, "b", sign=True, low=0.0),
    Function("sine", "sin(u)", lambda u, p: u.sin(), lambda u, p: u.cos(), 2),
    Function(
        "tangent",
        "tan(u)",
        lambda u, p: u.tan(),
        lambda u, p: 1 + u.tan() ** 2,
        3,
        "ab",
        False,
        -pi / 2,
        pi / 2,
    ),
    Function(
        "arcsine",
        "asin(u)",
        lambda u, p: u.asin(),
        lambda u, p: (1 - u * u).rsqrt(),
        3,
        "ab",
        False,
        -1.0,
        1.0,
    ),
    Function("arctangent", "atan(u)", lambda u, p: u.atan(), lambda u, p: 1 / (1 + u * u), 3),
    Function("hyperbolic tangent", "tanh(u)", lambda u, p: u.tanh(), lambda u, p: 1 - u.tanh() ** 2, 3),
    Function("hyperbolic sine", "sinh(u)", lambda u, p: u.sinh(), lambda u, p: u.cosh(), 3),
    Function("hyperbolic cosine", "cosh(u)", lambda u, p: u.cosh(), lambda u, p: u.sinh(), 3),
    Function(
        "inverse hyperbolic sine", "asinh(u)", lambda u, p: u.asinh(), lambda u, p: (1 + u * u).rsqrt(), 4
    ),
    Function(
        "inverse hyperbolic cosine",
        "acosh(u)",
        lambda u, p: u.acosh(),
        lambda u, p: (u * u - 1).rsqrt(),
        4,
        low=1.0,
    ),
    Function(
        "inverse hyperbolic tangent",
        "atanh(u)",
        lambda u, p: u.atanh(),
        lambda u, p: 1 / (1 - u * u),
        4,
        low=-1.0,
        high=1.0,
    ),
    Function("gaussian", "exp(-u**2)", lambda u, p: (-u * u).exp(), lambda u, p: -2 * u * (-u * u).exp(), 3),
    Function(
        "lorentzian",
        "1/(1 + u**2)",
        lambda u, p: 1 / (1 + u * u),
        lambda u, p: -2 * u / (1 + u * u) ** 2,
        3,
    ),
    Function(
        "hyperbolic secant",
        "1/cosh(u)",
        lambda u, p: 1 / u.cosh(),
        lambda u, p: -u.tanh() / u.cosh(),
        4,
    ),
    Function(
        "error function",
        "erf(u)",
        lambda u, p: torch.erf(u),
        lambda u, p: 2 / sqrt(pi) * (-u * u).exp(),
        4,
    ),
    Function(
        "softplus",
        "log(1 + exp(u))",
        lambda u, p: torch.nn.functional.softplus(u, threshold=40.0),
        lambda u, p: u.sigmoid(),
        4,
    ),
    Function("entropy", "u*log(u)", lambda u, p: u * u.log(), lambda u, p: u.log() + 1, 4, low=0.0),
    Function(
        "planck",
        "1/(exp(u) - 1)",
        lambda u, p: 1 / torch.expm1(u),
        lambda u, p: 1 / (torch.expm1(u) * torch.expm1(-u)),
        4,
        low=0.0,
    ),
    Function("absolute value", "abs(u)", lambda u, p: u.abs(), lambda u, p: u.sign(), 3, "b"),
)

CATALOGUE: dict[str, Function] = {entry.name: entry for entry in _ENTRIES}


def function(name: str) -> Function:
    """The catalogue entry of that name.

    Example:
        >>> function("sine").text
        'sin(u)'
    """
    try:
        return CATALOGUE[name]
    except KeyError:
        known = ", ".join(sorted(CATALOGUE))
        raise InputError(f"no function is called {name!r}; choose one of: {known}") from None
