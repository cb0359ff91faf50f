"""The special page: named functions of physics beyond the elementary ones.

Where torch has a function it is used; the others go through SciPy, which is loaded when the first of them is
evaluated, and so do ``J`` and ``Y``, which torch knows to six digits only. Gradients are those written here: the
derivative of ``value`` is ``slope``, by ``given``.
"""

from collections.abc import Callable
from math import exp, inf, pi
from typing import Any

import torch
from torch import Tensor

from edgewise.catalogue.function import Function
from edgewise.errors import InputError

Curve = Callable[[Tensor], Tensor]


class _Given(torch.autograd.Function):
    """``value(u)``, differentiated by ``slope(u)`` instead of through its own steps."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, value: Curve, slope: Curve) -> Tensor:
        ctx.save_for_backward(u)
        ctx.slope = slope
        return value(u)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0] * ctx.slope(ctx.saved_tensors[0]), None, None


def given(value: Curve, slope: Curve) -> Curve:
    """``value`` with ``slope`` for a derivative, itself differentiable as far as ``slope`` is."""
    return lambda u: _Given.apply(u, value, slope)


def through_scipy(name: str, compute: Callable[[Any], Any], slope: Curve | None = None) -> Curve:
    """A function of NumPy arrays as one of tensors: computed in float64, handed back in the argument's type."""

    def value(u: Tensor) -> Tensor:
        found = compute(u.detach().cpu().double().numpy())
        return torch.as_tensor(found).to(device=u.device, dtype=u.dtype)

    def unknown(u: Tensor) -> Tensor:
        raise InputError(f"no further derivative of {name} is known; take fewer derivatives")

    return given(value, slope or unknown)


def _scipy(name: str, slope: Curve | None = None, part: int | None = None) -> Curve:
    def compute(u: Any) -> Any:
        import scipy.special

        found = getattr(scipy.special, name)(u)
        return found if part is None else found[part]

    return through_scipy(name, compute, slope)


def _away_from_zero(u: Tensor) -> Tensor:
    return torch.where(u == 0, torch.ones_like(u), u)


_j0 = _scipy("j0", lambda u: -_j1(u))
_j1 = _scipy("j1", lambda u: _j1_slope(u))
_y0 = _scipy("y0", lambda u: -_y1(u))
_y1 = _scipy("y1", lambda u: _y0(u) - _y1(u) / u)
_k0 = given(torch.special.modified_bessel_k0, lambda u: -_k1(u))
_k1 = given(torch.special.modified_bessel_k1, lambda u: -_k0(u) - _k1(u) / u)


def _j1_slope(u: Tensor) -> Tensor:
    return torch.where(u == 0, 0.5, _j0(u) - _j1(u) / _away_from_zero(u))


def _i1_slope(u: Tensor) -> Tensor:
    """``I0 - I1/u``, with the difference taken before either overflows."""
    ratio = torch.special.i1e(u) / (_away_from_zero(u) * torch.special.i0e(u))
    return torch.special.i0(u) * (1 - torch.where(u == 0, 0.5, ratio))


_ai = _scipy("airy", lambda u: _ai_slope(u), 0)
_ai_slope = _scipy("airy", lambda u: u * _ai(u), 1)


def _airy_bi(part: int) -> Callable[[Any], Any]:
    """``Bi`` or its slope, infinite where SciPy's overflow is NaN."""

    def compute(u: Any) -> Any:
        import scipy.special

        found = scipy.special.airy(u)[part]
        found[u > 100] = inf
        return found

    return compute


_bi = through_scipy("airybi", _airy_bi(2), lambda u: _bi_slope(u))
_bi_slope = through_scipy("airybi", _airy_bi(3), lambda u: u * _bi(u))


def _carlson(m: Any) -> Any:
    """``R_D(0, 1 - m, 1) = 3 (K - E) / m``, without that difference."""
    import scipy.special

    return scipy.special.elliprd(0.0, 1 - m, 1.0)


_rd = through_scipy("the elliptic integral of the second kind", _carlson)


def _k_slope(m: Tensor) -> Tensor:
    return (_elliptic_k(m) - _rd(m) / 3) / (2 * (1 - m))


_elliptic_k = _scipy("ellipk", _k_slope)
_elliptic_e = _scipy("ellipe", lambda m: -_rd(m) / 6)


def _gamma_slope(u: Tensor) -> Tensor:
    return _gamma(u) * torch.digamma(u)


_gamma = _scipy("gamma", _gamma_slope)
_fresnel_s = _scipy("fresnel", lambda u: (pi / 2 * u * u).sin(), 0)
_fresnel_c = _scipy("fresnel", lambda u: (pi / 2 * u * u).cos(), 1)


def _real_lambertw(u: Any) -> Any:
    import scipy.special

    return scipy.special.lambertw(u).real


def _lambertw_slope(u: Tensor) -> Tensor:
    w = _lambertw(u)
    return 1 / (w.exp() * (1 + w))


_lambertw = through_scipy("lambertw", _real_lambertw, _lambertw_slope)


def _sinc(u: Tensor) -> Tensor:
    return torch.sinc(u / pi)


_sine_integral = _scipy("sici", _sinc, 0)


def _entry(
    name: str, text: str, value: Curve, slope: Curve, complexity: int = 4, **bounds: float
) -> Function:
    return Function(name, text, lambda u, p: value(u), lambda u, p: slope(u), complexity, **bounds)  # type: ignore[arg-type]


SPECIAL = (
    _entry("bessel j0", "besselj(0, u)", _j0, lambda u: -_j1(u)),
    _entry("bessel j1", "besselj(1, u)", _j1, _j1_slope),
    _entry("bessel y0", "bessely(0, u)", _y0, lambda u: -_y1(u), low=0.0),
    _entry("bessel y1", "bessely(1, u)", _y1, lambda u: _y0(u) - _y1(u) / u, low=0.0),
    _entry("bessel i0", "besseli(0, u)", torch.special.i0, torch.special.i1),
    _entry("bessel i1", "besseli(1, u)", torch.special.i1, _i1_slope),
    _entry("bessel k0", "besselk(0, u)", _k0, lambda u: -_k1(u), low=0.0),
    _entry("bessel k1", "besselk(1, u)", _k1, lambda u: -_k0(u) - _k1(u) / u, low=0.0),
    _entry("airy ai", "airyai(u)", _ai, _ai_slope),
    _entry("airy bi", "airybi(u)", _bi, _bi_slope),
    _entry("elliptic k", "elliptic_k(u)", _elliptic_k, _k_slope, high=1.0),
    _entry("elliptic e", "elliptic_e(u)", _elliptic_e, lambda m: -_rd(m) / 6, high=1.0),
    _entry("gamma", "gamma(u)", _gamma, _gamma_slope, low=0.0),
    _entry("log gamma", "loggamma(u)", torch.lgamma, torch.digamma, low=0.0),
    _entry("digamma", "digamma(u)", torch.digamma, lambda u: torch.polygamma(1, u), low=0.0),
    _entry("fresnel s", "fresnels(u)", _fresnel_s, lambda u: (pi / 2 * u * u).sin()),
    _entry("fresnel c", "fresnelc(u)", _fresnel_c, lambda u: (pi / 2 * u * u).cos()),
    _entry("lambert w", "LambertW(u)", _lambertw, _lambertw_slope, low=-exp(-1)),
    _entry("sine integral", "Si(u)", _sine_integral, _sinc),
)
