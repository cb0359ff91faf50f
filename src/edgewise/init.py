r"""Initial weights by rule.

A layer computes ``y_o = sum_i ( w_io b(z_i) + sum_m c_imo B_m(z_i) )`` with base function ``b`` and B-splines
``B_m``. Every rule draws independent normal weights; they differ in the two scales.

========== ======================================================= ==========================================
rule       scale of ``c`` and ``w``                                 source
========== ======================================================= ==========================================
critical   E[spline^2] = rho s^2, E[base^2] = (1 - rho) s^2,        the gain argument below; rho of the energy
           rho = min(1, 1 / (depth chi))                            goes to the splines
noise      c ~ 0.1 / intervals, w ~ 1 / sqrt(in_features)           Liu et al., *KAN*, arXiv 2404.19756
========== ======================================================= ==========================================

For ``z ~ N(0, s^2)`` and random ``c`` the squared gradient of the spline branch grows per layer by

    chi = s^2  sum_m E[B_m'(z)^2] / sum_m E[B_m(z)^2],

whatever the scale of ``c``; it rises like ``intervals^2``. A stack of ``depth`` layers multiplies gradients by
``((1 - rho) chi_base + rho chi)^depth``, which the rule ``rho = 1 / (depth chi)`` keeps near ``e``. The energies
are integrals over ``z``, done by quadrature in a few milliseconds. Here ``s`` is half the half-width of the domain,
and those of the splines are taken inside it: their straight continuation has no part in ``chi ~ intervals^2``.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import splines
from edgewise.errors import InputError

RULES = ("critical", "noise")


def spline_gain(knots: Float[Tensor, "inputs knots"], degree: int) -> tuple[float, float]:
    """``(sum_m E[B_m^2], chi)`` of the first input's basis for ``z ~ N(centre, s^2)`` inside the domain.

    Example:
        >>> knots = splines.uniform_knots(-torch.ones(1).double(), torch.ones(1).double(), 10, 3)
        >>> round(spline_gain(knots, 3)[1], 1)
        8.7
    """
    centre, scale = _inputs_law(knots, degree)
    z, weight = _normal_quadrature(scale, deviations=2.0)
    x = (centre + z)[:, None]
    energy = (splines.basis(x, knots[:1].double(), degree)[:, 0] ** 2).sum(-1) @ weight
    slope = (splines.basis(x, knots[:1].double(), degree, 1)[:, 0] ** 2).sum(-1) @ weight
    return float(energy), float(scale**2 * slope / energy)


def initial_weight(
    rule: str,
    knots: Float[Tensor, "inputs knots"],
    degree: int,
    base: Callable[[Tensor], Tensor] | None,
    out_features: int,
    depth: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "inputs features outputs"]:
    """Float64 weights ``(inputs, basis functions + 1 if there is a base, outputs)`` drawn by ``rule``."""
    if rule not in RULES:
        raise InputError(f"init={rule!r} is not a rule; choose one of: {', '.join(RULES)}")
    inputs, functions = knots.shape[0], knots.shape[1] - degree - 1
    spline, base_scale = (_noise if rule == "noise" else _critical)(knots, degree, base, depth)
    draw = torch.randn(
        inputs, functions + (base is not None), out_features, generator=generator, dtype=torch.float64
    )
    scales = torch.full((functions + (base is not None),), spline, dtype=torch.float64)
    if base is not None:
        scales[-1] = base_scale
    return draw * scales[:, None]


def _noise(knots: Tensor, degree: int, base: object, depth: int) -> tuple[float, float]:
    return 0.1 / (knots.shape[1] - 2 * degree - 1), knots.shape[0] ** -0.5


def _critical(
    knots: Tensor, degree: int, base: Callable[[Tensor], Tensor] | None, depth: int
) -> tuple[float, float]:
    energy, chi = spline_gain(knots, degree)
    centre, scale = _inputs_law(knots, degree)
    share = 1.0 if base is None else min(1.0, 1.0 / (depth * max(chi, 1e-9)))
    target = float(scale) ** 2 / knots.shape[0]
    spline = (share * target / energy) ** 0.5
    if base is None:
        return spline, 0.0
    z, weight = _normal_quadrature(scale)
    base_energy = float(base(centre + z) ** 2 @ weight)
    return spline, ((1 - share) * target / max(base_energy, 1e-12)) ** 0.5


def _inputs_law(knots: Tensor, degree: int) -> tuple[Tensor, Tensor]:
    """Centre of the domain and ``s``, half of its half-width."""
    low, high = splines.domain(knots[:1].double(), degree)
    return (low[0] + high[0]) / 2, (high[0] - low[0]) / 4


def _normal_quadrature(scale: Tensor, deviations: float = 6.0) -> tuple[Tensor, Tensor]:
    """Points and weights of ``E[f(z)]``, ``z ~ N(0, scale^2)`` within so many deviations: the trapezoidal rule."""
    z = torch.linspace(-deviations, deviations, 2001, dtype=torch.float64)
    weight = torch.exp(-z * z / 2)
    weight[[0, -1]] /= 2
    return z * scale.cpu(), weight / weight.sum()
