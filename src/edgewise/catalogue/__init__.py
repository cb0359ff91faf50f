r"""The one catalogue of one-dimensional functions: what an edge can be fixed to and a formula can be made of.

An edge fixed to a function ``f`` computes

    phi(x) = c f(a x + b) + d            (and f(u; p) for families with an exponent p).

Not every constant can be told from the data: ``exp(a x + b) = exp(b) exp(a x)``, so a shift inside ``exp`` only
doubles a factor outside. ``Function.free`` names those of ``a``, ``b`` and ``p`` that can; the others stay put.
For the same reason nothing is listed twice: a cosine is a shifted sine, a logistic curve a stretched ``tanh``.
``text`` is the function written in ``u`` (and ``p``); printing, code and the report page all start from it.

The functions stand on pages: ``"default"`` (``CATALOGUE``), which is tried where nothing else is asked for,
``"special"`` (Bessel and other named functions) and ``"own"``, for those a user adds with ``register`` or
``edgewise.symbolic.define``.

Everything here is torch on torch; what torch lacks comes from SciPy. sympy forms are parsed from ``text`` where
formulas are made.
"""

from edgewise.catalogue.function import Function
from edgewise.catalogue.pages import PAGES, forget, function, is_built_in, page, register, spelled, spellings

CATALOGUE = PAGES["default"]

__all__ = [
    "CATALOGUE",
    "Function",
    "forget",
    "function",
    "is_built_in",
    "page",
    "register",
    "spelled",
    "spellings",
]
