r"""Implicit schemes, and what is left of the derivative with respect to a fast rate once they are through.

One step of length h of ``y' = g(y, t)``:

    euler        v = y + h g(v, t + h)
    trapezoid    v = y + h ( g(y, t) + g(v, t + h) ) / 2

On ``g = -lam (y - cos t)`` both are linear: with ``z = -h lam`` what differs from the slow solution is multiplied by
the stability function ``R(z)``, and a derivative with respect to ``lam`` carries ``h R'(z)``:

    euler        R = 1 / (1 - z)                  R' = 1 / (1 - z)^2
    trapezoid    R = (1 + z / 2) / (1 - z / 2)    R' = 1 / (1 - z / 2)^2
    exact        R = exp(z)                       R' = exp(z)

so both fall like ``|z|^-2``; no A-stable scheme falls slower than ``|z|^-1`` (Fronk & Petzold, arXiv 2508.01519).
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import root_scalar
from torch import Tensor

SCHEMES = ("euler", "trapezoid")
Curve = Callable[[float], float]


def path(
    scheme: str, rate: Float[Tensor, ""], start: float, step: float, count: int
) -> Float[Tensor, " count"]:
    """``count`` steps of the scheme on ``y' = -rate (y - cos t)`` from ``t = 0``, solved exactly."""
    own = 0.0 if scheme == "euler" else 0.5
    y, made = torch.as_tensor(start, dtype=rate.dtype), []
    for k in range(count):
        here, there = math.cos(k * step), math.cos((k + 1) * step)
        known = y - own * step * rate * (y - here) + (1 - own) * step * rate * there
        y = known / (1 + (1 - own) * step * rate)
        made.append(y)
    return torch.stack(made)


def exact(rate: Float[Tensor, ""], start: float, step: float, count: int) -> Float[Tensor, " count"]:
    """The solution at the same times: ``lam (lam cos t + sin t) / (1 + lam^2)`` and what is left of the start."""
    t = step * torch.arange(1, count + 1, dtype=rate.dtype)
    slow, first = rate * (rate * t.cos() + t.sin()) / (1 + rate**2), rate**2 / (1 + rate**2)
    return slow + (start - first) * torch.exp(-rate * t)


def gradient(scheme: str, rate: float, start: float, data: Float[Tensor, " count"], step: float) -> float:
    """``dL / dlam`` of ``L = mean (y - data)^2 / 2`` through a scheme, or through ``"exact"``."""
    lam = torch.tensor(rate, dtype=torch.float64, requires_grad=True)
    count = len(data)
    made = exact(lam, start, step, count) if scheme == "exact" else path(scheme, lam, start, step, count)
    (slope,) = torch.autograd.grad((made - data).square().mean() / 2, lam)
    return float(slope)


def slope(x: np.ndarray, y: np.ndarray) -> float:
    """Of ``log |y|`` over ``log x``, by least squares."""
    return float(np.polyfit(np.log(x), np.log(np.abs(y)), 1)[0])


def sensitivity(scheme: str, g: Curve, start: float, rest: float, factor: float) -> float:
    """``dv / dfactor`` of one step of ``y' = factor g(y)``, of length 1, from ``start`` beside the stable ``rest``.

    ``nan`` where ``g`` does not fall through 0 at ``rest``.
    """
    own = 0.0 if scheme == "euler" else 0.5
    before = own * g(start)

    def missing(v: float) -> float:
        return v - start - factor * ((1 - own) * g(v) + before)

    far = rest if scheme == "euler" else rest - 2 * (start - rest)
    if not missing(far) < 0 < missing(start):
        return math.nan
    v = root_scalar(missing, bracket=(far, start), method="brentq", xtol=1e-14).root
    tiny = 1e-6 * abs(start - rest)
    steep = (g(v + tiny) - g(v - tiny)) / (2 * tiny)
    return ((1 - own) * g(v) + before) / (1 - factor * (1 - own) * steep)


def decay(scheme: str, g: Curve, start: float, rest: float, stiffness: np.ndarray) -> float:
    """``-d log |dv / dz| / d log z`` over ``z = stiffness``, in units of the slope of ``g`` at ``rest``."""
    tiny = 1e-4 * abs(start - rest)
    steep = (g(rest + tiny) - g(rest - tiny)) / (2 * tiny)
    if not steep < 0:
        return math.nan
    found = np.array([sensitivity(scheme, g, start, rest, z / -steep) for z in stiffness])
    return -slope(stiffness, found) if np.isfinite(found).all() and (found != 0).all() else math.nan
