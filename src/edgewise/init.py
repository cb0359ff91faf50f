r"""Initial weights by rule.

A layer computes ``y_o = sum_i ( w_io b(z_i) + sum_m c_imo B_m(z_i) )`` with base function ``b`` and ``M`` B-splines
``B_m``. Every rule draws independent normal weights; they differ in the scales of ``c`` and ``w``. With ``n`` inputs
and ``n'`` outputs, the mean square ``e`` of a B-spline and ``e'`` of its slope, ``e_b`` and ``e_b'`` those of the
base, and inputs ``z ~ N(0, s^2)``:

========== ======================================================= ==========================================
rule       scales                                                  source
========== ======================================================= ==========================================
critical   E[spline^2] = rho s^2, E[base^2] = (1 - rho) s^2,        the gain argument below; rho of the energy
           rho = min(1, 1 / (depth chi))                            goes to the splines
centred    the same, ``c`` of every edge drawn with                 the gain argument, and the offsets below
           sum_m c_m E[B_m] = 0, chi that of such splines
power      c ~ 1 / (n (M + 1)), w ~ (n (M + 1))^(-1/4)              Rigas et al., arXiv 2509.03417; their
                                                                    exponents 1 and 1/4
glorot     c^2 = 2 / ((M + 1) (n e / s^2 + n' e')), the same        Rigas et al., after Glorot & Bengio (2010);
           with e_b, e_b' for w                                     here for inputs of variance s^2
lecun      c^2 = s^2 / (n (M + 1) e), the same with e_b for w       Rigas et al., after LeCun et al. (1998);
                                                                    here for inputs of variance s^2
noise      c ~ 0.1 / intervals, w ~ 1 / sqrt(n)                     Liu et al., *KAN*, arXiv 2404.19756
========== ======================================================= ==========================================

For ``z ~ N(0, s^2)`` and random ``c`` the squared gradient of the spline branch grows per layer by

    chi = s^2  sum_m E[B_m'(z)^2] / sum_m E[B_m(z)^2],

whatever the scale of ``c``; it rises like ``intervals^2``. A stack of ``depth`` layers multiplies gradients by
``((1 - rho) chi_base + rho chi)^depth``, which the rule ``rho = 1 / (depth chi)`` keeps near ``e``. The energies
are integrals over ``z``, done by quadrature in a few milliseconds. From four layers on, these two rules draw the base
weights as an orthogonal matrix (Saxe et al., arXiv 1312.6120): a product of independent ones keeps the mean square of
a gradient, but in 64 layers of 12 nodes single ones are off by powers of ten. Here ``s`` is half the half-width of
the domain, and the energies of the splines are taken inside it: their straight continuation has no part in
``chi ~ intervals^2``.

Healthy gradients are not all that depth needs: layer after layer, rows become more alike, so from some sixteen layers
on take a residual too (``edgewise.joins``).

B-splines are never negative, so a random spline has a mean over ``z`` that is most of its energy on coarse grids: a
rule that keeps the energy keeps an offset, and what depends on the input shrinks with depth. The centred rule draws
from the coefficients without that mean.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import splines
from edgewise.errors import InputError

POWER = (1.0, 0.25)
DEEP = 4


class Moments(NamedTuple):
    """Of a layer's functions for ``z ~ N(centre, scale^2)``, the first input's basis standing for all.

    ``mean (M)`` of each B-spline; ``energy`` and ``slope`` the mean squares of all of them and of their slopes,
    summed; the ``centred`` ones what is left of these sums across ``mean``; ``base`` and ``base_slope`` those of the
    base function (0 without one).
    """

    intervals: int
    scale: float
    mean: Tensor
    energy: float
    slope: float
    centred_energy: float
    centred_slope: float
    base: float
    base_slope: float


Rule = Callable[[Moments, int, int, int], tuple[float, float]]


def spline_gain(
    knots: Float[Tensor, "inputs knots"], degree: int, centred: bool = False
) -> tuple[float, float]:
    """``(sum_m E[B_m^2], chi)`` of the first input's basis for ``z ~ N(centre, s^2)`` inside the domain.

    With ``centred``, of random splines without a mean: ``(tr P E[B B^T], chi)`` with ``P`` the projection along
    ``E[B]``.

    Example:
        >>> knots = splines.uniform_knots(-torch.ones(1).double(), torch.ones(1).double(), 10, 3)
        >>> round(spline_gain(knots, 3)[1], 1)
        8.7
    """
    found = moments(knots, degree, None)
    energy, slope = (found.centred_energy, found.centred_slope) if centred else (found.energy, found.slope)
    return energy, found.scale**2 * slope / energy


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
    inputs, functions = knots.shape[0], knots.shape[1] - degree - 1
    scales_of = _rule(rule)
    found = moments(knots, degree, base)
    spline, base_scale = scales_of(found, inputs, out_features, depth)
    draw = torch.randn(
        inputs, functions + (base is not None), out_features, generator=generator, dtype=torch.float64
    )
    if rule == "centred":
        part = torch.einsum("m,imo->io", found.mean, draw[:, :functions]) / found.mean.square().sum()
        draw[:, :functions] -= found.mean[:, None] * part[:, None]
    if rule in ("critical", "centred") and base is not None and depth >= DEEP:
        draw[:, -1] = _orthogonal(inputs, out_features, generator)
    scales = torch.full((functions + (base is not None),), spline, dtype=torch.float64)
    if base is not None:
        scales[-1] = base_scale
    return draw * scales[:, None]


def _orthogonal(inputs: int, outputs: int, generator: torch.Generator | None) -> Tensor:
    """A random matrix of mean square 1 whose rows, or columns where these are fewer, are orthogonal."""
    empty = torch.empty(inputs, outputs, dtype=torch.float64)
    return torch.nn.init.orthogonal_(empty, gain=max(inputs, outputs) ** 0.5, generator=generator)


def moments(
    knots: Float[Tensor, "inputs knots"], degree: int, base: Callable[[Tensor], Tensor] | None
) -> Moments:
    """By quadrature: splines inside the domain, the base over six deviations."""
    low, high = splines.domain(knots[:1].double(), degree)
    centre, scale = ((low + high) / 2).cpu(), ((high - low) / 4).cpu()
    z, weight = _normal_quadrature(scale, deviations=2.0)
    x = (centre + z)[:, None]
    values, slopes = (splines.basis(x, knots[:1].double().cpu(), degree, k)[:, 0] for k in (0, 1))
    mean = weight @ values
    along = mean / mean.norm()
    energy, slope = (float((part**2).sum(-1) @ weight) for part in (values, slopes))
    lost, lost_slope = (float((part @ along) ** 2 @ weight) for part in (values, slopes))
    return Moments(
        knots.shape[1] - 2 * degree - 1,
        float(scale),
        mean,
        energy,
        slope,
        energy - lost,
        slope - lost_slope,
        *_base(base, centre, scale),
    )


def _base(base: Callable[[Tensor], Tensor] | None, centre: Tensor, scale: Tensor) -> tuple[float, float]:
    if base is None:
        return 0.0, 0.0
    z, weight = _normal_quadrature(scale)
    with torch.enable_grad():
        x = (centre + z).detach().requires_grad_()
        value = base(x)
        (slope,) = torch.autograd.grad(value.sum(), x)
    return float(value.detach() ** 2 @ weight), float(slope**2 @ weight)


def _critical(found: Moments, inputs: int, outputs: int, depth: int) -> tuple[float, float]:
    return _shared(found, found.energy, found.slope, inputs, depth)


def _centred(found: Moments, inputs: int, outputs: int, depth: int) -> tuple[float, float]:
    return _shared(found, found.centred_energy, found.centred_slope, inputs, depth)


def _shared(found: Moments, energy: float, slope: float, inputs: int, depth: int) -> tuple[float, float]:
    energy = max(energy, 1e-12)
    chi = found.scale**2 * slope / energy
    share = min(1.0, 1.0 / (depth * max(chi, 1e-9))) if found.base else 1.0
    target = found.scale**2 / inputs
    spline = (share * target / energy) ** 0.5
    return spline, ((1 - share) * target / found.base) ** 0.5 if found.base else 0.0


def _power(found: Moments, inputs: int, outputs: int, depth: int) -> tuple[float, float]:
    size = inputs * (len(found.mean) + 1)
    return size ** -POWER[0], size ** -POWER[1]


def _glorot(found: Moments, inputs: int, outputs: int, depth: int) -> tuple[float, float]:
    count = len(found.mean)

    def scale(energy: float, slope: float) -> float:
        both = inputs * energy / found.scale**2 + outputs * slope
        return (2 / ((count + 1) * both)) ** 0.5 if both else 0.0

    return scale(found.energy / count, found.slope / count), scale(found.base, found.base_slope)


def _lecun(found: Moments, inputs: int, outputs: int, depth: int) -> tuple[float, float]:
    count = len(found.mean)
    target = found.scale**2 / (inputs * (count + 1))
    return (target * count / found.energy) ** 0.5, (target / found.base) ** 0.5 if found.base else 0.0


def _noise(found: Moments, inputs: int, outputs: int, depth: int) -> tuple[float, float]:
    return 0.1 / found.intervals, inputs**-0.5


_RULES: dict[str, Rule] = {
    "critical": _critical,
    "centred": _centred,
    "power": _power,
    "glorot": _glorot,
    "lecun": _lecun,
    "noise": _noise,
}
RULES = tuple(_RULES)


def _rule(name: str) -> Rule:
    if name not in _RULES:
        raise InputError(f"init={name!r} is not a rule; choose one of: {', '.join(RULES)}")
    return _RULES[name]


def _normal_quadrature(scale: Tensor, deviations: float = 6.0) -> tuple[Tensor, Tensor]:
    """Points and weights of ``E[f(z)]``, ``z ~ N(0, scale^2)`` within so many deviations: the trapezoidal rule."""
    z = torch.linspace(-deviations, deviations, 2001, dtype=torch.float64)
    weight = torch.exp(-z * z / 2)
    weight[[0, -1]] /= 2
    return z * scale, weight / weight.sum()
