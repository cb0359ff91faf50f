"""The default page: elementary functions, and those built from them that science keeps meeting.

Values and slopes are written so that neither they nor their gradients turn into NaN where an exponential overflows,
and so that removable poles (``sin(u)/u`` at 0) are filled.
"""

from math import log, pi, sqrt

import torch
from torch import Tensor
from torch.nn.functional import softplus

from edgewise.catalogue.function import Function


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


def _sech(u: Tensor) -> Tensor:
    e = (-u.abs()).exp()
    return 2 * e / (1 + e * e)


def _where_small(u: Tensor, small: Tensor, edge: float, other: Tensor) -> Tensor:
    return torch.where(u.abs() < edge, small, other)


def _outside(u: Tensor, edge: float) -> Tensor:
    """``u`` where it is at least ``edge`` in size, and ``edge`` elsewhere, so that branches not taken stay finite."""
    return torch.where(u.abs() < edge, torch.full_like(u, edge), u)


def _sinc(u: Tensor) -> Tensor:
    return torch.sinc(u / pi)


def _sinc_slope(u: Tensor) -> Tensor:
    """``(cos u - sinc u) / u``, by its series near 0, where the difference cancels."""
    far, s = _outside(u, 0.5), u * u
    near = -u / 3 * (1 - s / 10 * (1 - s / 28 * (1 - s / 54 * (1 - s / 88 * (1 - s / 130 * (1 - s / 180))))))
    return _where_small(u, near, 0.5, (far.cos() - _sinc(far)) / far)


def _log_cosh(u: Tensor) -> Tensor:
    size = u.abs()
    near = torch.log1p(2 * (u.clamp(-1, 1) / 2).sinh().square())
    return _where_small(u, near, 1.0, size + torch.log1p((-2 * size).exp()) - log(2))


def _langevin(u: Tensor) -> Tensor:
    """``coth u - 1/u``, by its continued fraction below 1, where the difference cancels."""
    far = _outside(u, 1.0)
    return _where_small(u, u * _langevin_over_u(u), 1.0, 1 / far.tanh() - 1 / far)


def _langevin_over_u(u: Tensor) -> Tensor:
    s = u.clamp(-1, 1).square()
    rest = torch.full_like(u, 19.0)
    for odd in range(17, 1, -2):
        rest = odd + s / rest
    return 1 / rest


def _langevin_slope(u: Tensor) -> Tensor:
    ratio, far = _langevin_over_u(u), _outside(u, 1.0)
    size = far.abs()
    csch = 2 * (-size).exp() / -torch.expm1(-2 * size)
    return _where_small(u, 1 - (u * ratio).square() - 2 * ratio, 1.0, 1 / far.square() - csch.square())


def _planck(u: Tensor) -> Tensor:
    return (-u).exp() / -torch.expm1(-u)


def _planck_slope(u: Tensor) -> Tensor:
    return -(-u).exp() / torch.expm1(-u).square()


def _bose(u: Tensor) -> Tensor:
    """``u/(exp(u) - 1)``, by its series near 0 and from the right side on the left: ``bose(-u) = bose(u) + u``."""
    far = _outside(u.abs(), 1e-3)
    near = 1 - u / 2 * (1 - u / 6)
    return _where_small(u, near, 1e-3, far * _planck(far) + (-u).clamp(min=0))


def _bose_slope(u: Tensor) -> Tensor:
    far, s = _outside(u.abs(), 0.1), u * u
    near = u / 6 * (1 - s / 30 * (1 - s / 28)) - 0.5
    right = _planck(far) + far * _planck_slope(far)
    return _where_small(u, near, 0.1, torch.where(u < 0, -1 - right, right))


ELEMENTARY = (
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
        lambda u, p: _sech(u),
        lambda u, p: -u.tanh() * _sech(u),
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
        lambda u, p: softplus(u, threshold=40.0),
        lambda u, p: u.sigmoid(),
        4,
    ),
    Function("entropy", "u*log(u)", lambda u, p: u * u.log(), lambda u, p: u.log() + 1, 4, low=0.0),
    Function(
        "planck",
        "1/(exp(u) - 1)",
        lambda u, p: _planck(u),
        lambda u, p: _planck_slope(u),
        4,
        low=0.0,
    ),
    Function("absolute value", "abs(u)", lambda u, p: u.abs(), lambda u, p: u.sign(), 3, "b"),
    Function("cardinal sine", "sinc(u)", lambda u, p: _sinc(u), lambda u, p: _sinc_slope(u), 3),
    Function(
        "cosecant",
        "1/sin(u)",
        lambda u, p: 1 / u.sin(),
        lambda u, p: -u.cos() / u.sin() ** 2,
        4,
        low=0.0,
        high=pi,
    ),
    Function(
        "semicircle",
        "sqrt(1 - u**2)",
        lambda u, p: (1 - u * u).sqrt(),
        lambda u, p: -u * (1 - u * u).rsqrt(),
        4,
        low=-1.0,
        high=1.0,
    ),
    Function(
        "lorentz factor",
        "1/sqrt(1 - u**2)",
        lambda u, p: (1 - u * u).rsqrt(),
        lambda u, p: u * (1 - u * u).rsqrt() ** 3,
        5,
        low=-1.0,
        high=1.0,
    ),
    Function(
        "hyperbola",
        "sqrt(1 + u**2)",
        lambda u, p: (1 + u * u).sqrt(),
        lambda u, p: u * (1 + u * u).rsqrt(),
        4,
    ),
    Function(
        "softened inverse",
        "1/sqrt(1 + u**2)",
        lambda u, p: (1 + u * u).rsqrt(),
        lambda u, p: -u * (1 + u * u).rsqrt() ** 3,
        5,
    ),
    Function(
        "algebraic sigmoid",
        "u/sqrt(1 + u**2)",
        lambda u, p: u * (1 + u * u).rsqrt(),
        lambda u, p: (1 + u * u).rsqrt() ** 3,
        5,
    ),
    Function(
        "dispersion",
        "u/(1 + u**2)",
        lambda u, p: u / (1 + u * u),
        lambda u, p: (1 - u * u) / (1 + u * u) ** 2,
        5,
    ),
    Function(
        "logarithm of one plus square",
        "log(1 + u**2)",
        lambda u, p: torch.log1p(u * u),
        lambda u, p: 2 * u / (1 + u * u),
        5,
    ),
    Function(
        "logarithm of the hyperbolic cosine",
        "log(cosh(u))",
        lambda u, p: _log_cosh(u),
        lambda u, p: u.tanh(),
        4,
    ),
    Function("langevin", "1/tanh(u) - 1/u", lambda u, p: _langevin(u), lambda u, p: _langevin_slope(u), 6),
    Function(
        "soliton",
        "1/cosh(u)**2",
        lambda u, p: _sech(u) ** 2,
        lambda u, p: -2 * u.tanh() * _sech(u) ** 2,
        5,
    ),
    Function("growth", "u*exp(u)", lambda u, p: u * u.exp(), lambda u, p: (1 + u) * u.exp(), 4),
    Function(
        "gaussian slope",
        "u*exp(-u**2)",
        lambda u, p: u * (-u * u).exp(),
        lambda u, p: (1 - 2 * u * u) * (-u * u).exp(),
        5,
    ),
    Function(
        "maxwell",
        "u**2*exp(-u**2)",
        lambda u, p: u * u * (-u * u).exp(),
        lambda u, p: 2 * u * (1 - u * u) * (-u * u).exp(),
        6,
    ),
    Function(
        "yukawa",
        "exp(-u)/u",
        lambda u, p: (-u).exp() / u,
        lambda u, p: -(-u).exp() * (1 + u) / u**2,
        4,
        low=0.0,
    ),
    Function(
        "arrhenius",
        "exp(-1/u)",
        lambda u, p: (-1 / u).exp(),
        lambda u, p: (-1 / u - 2 * u.log()).exp(),
        4,
        low=0.0,
    ),
    Function(
        "log-normal",
        "exp(-log(u)**2)",
        lambda u, p: (-(u.log() ** 2)).exp(),
        lambda u, p: -2 * u.log() * (-(u.log() ** 2) - u.log()).exp(),
        5,
        low=0.0,
    ),
    Function(
        "gompertz",
        "exp(-exp(u))",
        lambda u, p: (-u.clamp(max=80.0).exp()).exp(),
        lambda u, p: -(u.clamp(max=80.0) - u.clamp(max=80.0).exp()).exp(),
        4,
    ),
    Function(
        "morse",
        "(1 - exp(-u))**2",
        lambda u, p: torch.expm1(-u) ** 2,
        lambda u, p: -2 * torch.expm1(-u) * (-u).exp(),
        5,
    ),
    Function(
        "bose energy",
        "u/(exp(u) - 1)",
        lambda u, p: _bose(u),
        lambda u, p: _bose_slope(u),
        5,
    ),
    Function(
        "black body",
        "u**3/(exp(u) - 1)",
        lambda u, p: u**2 * _bose(u),
        lambda u, p: 2 * u * _bose(u) + u**2 * _bose_slope(u),
        6,
    ),
)
