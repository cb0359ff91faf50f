r"""One edge at a time: which catalogue functions, bent affinely, follow a curve?

For samples ``(x, y)`` and a function ``f`` it minimises over ``a, b, c, d`` (and an exponent ``p``)

    sum_n ( c f(a x_n + b; p) + d - y_n )^2.

``c`` and ``d`` are linear: for fixed inner constants they are solved, not searched (variable projection). So a wide
table of inner constants is scored in one sweep, and the best few are polished together by Levenberg-Marquardt.
The sweep sees ``x`` mapped to [-1, 1] and sends its ends to pairs of landmarks of ``f``, so no scale of the data is
too small or too large for it, and a sine may turn some twenty times within the data.

A function stretched until it mimics a simpler one (a sine bent to a parabola, ``x**p`` with ``p`` near 0 to a
logarithm) does so by near-cancellation of large numbers, ``c f`` against ``d``; such twins are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import pi

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.catalogue import CATALOGUE, Function

MOST_SAMPLES = 300
_SWEPT_SAMPLES = 120
_POLISHED = 4
_STEPS = 30
_PATIENCE = 3
_CANCELLING = 1e3


@dataclass(frozen=True)
class Match:
    """A function with its constants ``a, b, c, d, p`` and the share of the curve's deviation it leaves, ``error``."""

    function: Function
    constants: Float[Tensor, "5"]
    error: float


def match_edge(
    x: Float[Tensor, " n"], y: Float[Tensor, " n"], functions: Iterable[Function] | None = None
) -> list[Match]:
    """Every function that can be bent to the curve, the smallest error first."""
    order = x.argsort()
    x, y = x[order].double(), y[order].double()
    keep = _spread_out(len(x), MOST_SAMPLES)
    x, y = x[keep], y[keep]
    center, half = (x[0] + x[-1]) / 2, (x[-1] - x[0]) / 2
    spread = (y - y.mean()).square().mean().sqrt()
    if not half > 0 or not spread > 1e-14 * y.abs().max():
        flat = torch.tensor([1.0, 0.0, 0.0, float(y.mean()), 1.0], dtype=torch.float64)
        return [Match(CATALOGUE["linear"], flat, 0.0)]
    z, target = (x - center) / half, (y - y.mean()) / spread
    few, found = _spread_out(len(z), _SWEPT_SAMPLES), []
    for function in functions or CATALOGUE.values():
        inner = _polished(function, _swept(function, z[few], target[few]), z, target)
        if inner is None:
            continue
        constants = _in_users_units(function, inner, center, half)
        match = _finished(function, constants, x, y, spread)
        if match is not None:
            found.append(match)
    return sorted(found, key=lambda match: match.error)


def _spread_out(count: int, most: int) -> Tensor:
    """Indices of at most ``most`` of ``count`` samples, evenly spread, ends included."""
    return torch.linspace(0, count - 1, min(count, most)).round().long().unique()


def _swept(function: Function, z: Tensor, y: Tensor) -> Tensor:
    """The best few inner constants ``(k, 3)``, columns ``a, b, p``, of a wide table."""
    table = _table(function)
    error, _ = _projected(function, table, z, y)
    error = torch.nan_to_num(error, nan=float("inf"), posinf=float("inf"))
    best = error.argsort()[: 40 * _POLISHED]
    chosen: list[int] = []
    for index in best.tolist():
        if len(chosen) == _POLISHED or not error[index] < float("inf"):
            break
        if all((table[index] - table[other]).abs().max() > 0.15 for other in chosen):
            chosen.append(index)
    return table[chosen]


def _projected(function: Function, inner: Tensor, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean square left by the best ``c, d`` for each row of inner constants, and these ``(k, 2)``."""
    a, b, p = inner[:, :1], inner[:, 1:2], inner[:, 2:]
    u = a * z + b
    f = function.value(u, p)
    f = torch.where((u > function.low) & (u < function.high), f, torch.nan)
    mean = f.mean(1, keepdim=True)
    deviation = (f - mean).square().mean(1)
    c = ((f - mean) * y).mean(1) / deviation
    d = y.mean() - c * mean[:, 0]
    left = (c[:, None] * f + d[:, None] - y).square().mean(1)
    usable = (deviation > 1e-24 * (mean[:, 0].square() + 1e-300)) & torch.isfinite(c)
    return torch.where(usable, left, torch.inf), torch.stack([c, d], dim=1)


def _polished(function: Function, inner: Tensor, z: Tensor, y: Tensor) -> Tensor | None:
    """The best inner constants after Levenberg-Marquardt on the projected problem, all starts at once."""
    if not len(inner):
        return None
    free = [column for column, letter in enumerate("abp") if letter in function.free]
    left, _ = _projected(function, inner, z, y)
    damping = torch.full_like(left, 1e-2)
    idle = 0
    for _ in range(_STEPS if free else 0):
        trial = inner.clone()
        trial[:, free] += _step(function, inner, z, y, free, damping)
        after, _ = _projected(function, trial, z, y)
        better = after < left
        idle = 0 if bool((after < 0.9 * left).any()) else idle + 1
        inner = torch.where(better[:, None], trial, inner)
        left = torch.where(better, after, left)
        damping = torch.where(better, damping * 0.1, damping * 5).clamp(1e-14, 1e14)
        if idle > _PATIENCE or bool((left < 1e-28).any()):
            break
    return inner[left.argmin()] if bool(torch.isfinite(left).any()) else None


def _step(
    function: Function, inner: Tensor, z: Tensor, y: Tensor, free: list[int], damping: Tensor
) -> Tensor:
    """Gauss-Newton with the derivatives of ``f`` projected off the span of ``f`` and 1 (Kaufman's form)."""
    a, b, p = inner[:, :1], inner[:, 1:2], inner[:, 2:]
    _, linear = _projected(function, inner, z, y)
    c, d = linear[:, :1], linear[:, 1:]
    u = a * z + b
    f, slope = function.value(u, p), c * function.slope(u, p)
    by_letter = [slope * z, slope, c * f * u.abs().log()]
    jacobian = torch.stack([by_letter[column] for column in free], dim=-1)
    basis = torch.stack([f - f.mean(1, keepdim=True), torch.ones_like(f)], dim=-1)
    basis = basis / basis.square().sum(1, keepdim=True).sqrt().clamp(min=1e-300)
    jacobian = jacobian - basis @ (basis.mT @ jacobian)
    residual = (c * f + d - y)[..., None]
    gram = jacobian.mT @ jacobian
    scale = gram.diagonal(dim1=1, dim2=2).clamp(min=1e-300)
    damped = gram + torch.diag_embed(scale * damping[:, None])
    rhs = jacobian.mT @ residual
    usable = torch.isfinite(damped).flatten(1).all(1) & torch.isfinite(rhs).flatten(1).all(1)
    eye = torch.eye(len(free), dtype=inner.dtype).expand_as(damped)
    solved, _ = torch.linalg.solve_ex(torch.where(usable[:, None, None], damped, eye), rhs)
    return torch.where(usable[:, None], torch.nan_to_num(-solved[..., 0]), torch.zeros_like(solved[..., 0]))


def _in_users_units(function: Function, inner: Tensor, center: Tensor, half: Tensor) -> Tensor:
    """Inner constants of ``x`` from those of ``z``; where ``a`` is not free it is kept at -1 or 1 by rescaling."""
    a, b, p = inner
    if "a" in function.free:
        return torch.stack([a / half, b - a * center / half, p])
    sign = a.sign()
    shift = b * half / a.abs() - sign * center if "b" in function.free else torch.zeros_like(b)
    return torch.stack([sign, shift, p])


def _finished(function: Function, inner: Tensor, x: Tensor, y: Tensor, spread: Tensor) -> Match | None:
    left, linear = _projected(function, inner[None], x, y)
    error = float(left[0].sqrt() / spread)
    if not error < 10:
        return None
    a, b, p = inner
    constants = torch.stack([a, b, linear[0, 0], linear[0, 1], p])
    values = linear[0, 0] * function.value(a * x + b, p)
    if float(values.abs().max()) > _CANCELLING * float((y - y.mean()).abs().max()):
        return None
    return Match(function, constants, error)


def _table(function: Function) -> Tensor:
    """Inner constants to sweep, columns ``a, b, p``, for arguments ``z`` in [-1, 1]."""
    ones = torch.ones(1, dtype=torch.float64)
    if function.free == "":
        return torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)
    if function.free == "a":
        sizes = torch.logspace(-1.5, 1.6, 32, dtype=torch.float64)
        return _rows(torch.cat([sizes, -sizes]), 0 * ones, ones)
    if function.name == "sine":
        turns = torch.cat([torch.linspace(0.05, 2, 14), torch.linspace(2.2, 130, 320)]).double()
        return _rows(turns, torch.linspace(0, pi, 7)[:-1].double(), ones)
    if function.free == "ab":
        return _landmark_pairs(function)
    gaps = 1 + torch.logspace(-4, 1.7, 24, dtype=torch.float64)
    if function.sign:
        powers = torch.arange(-3.25, 4.5, 0.5, dtype=torch.float64) if "p" in function.free else ones
        return _rows(torch.cat([ones, -ones]), gaps, powers)
    inside = torch.linspace(-1, 1, 21, dtype=torch.float64)
    return _rows(ones, torch.cat([gaps, inside, -gaps]), ones)


def _landmark_pairs(function: Function) -> Tensor:
    """``a, b`` that send the ends of [-1, 1] to each pair of landmarks inside the function's interval."""
    spread = torch.tensor(
        [-30, -10, -5, -3, -2, -1.4, -1, -0.6, -0.3, 0, 0.3, 0.6, 1, 1.4, 2, 3, 5, 10, 30]
    ).double()
    low, high = function.low, function.high
    if low > -float("inf") and high < float("inf"):
        near = torch.tensor([0.001, 0.02, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 0.98, 0.999]).double()
        marks = low + (high - low) * near
    elif low > -float("inf"):
        marks = low + torch.logspace(-3, 1.5, 15, dtype=torch.float64)
    else:
        marks = spread
    first, second = torch.cartesian_prod(marks, marks).T
    keep = first != second
    first, second = first[keep], second[keep]
    return torch.stack([(second - first) / 2, (second + first) / 2, torch.ones_like(first)], dim=1)


def _rows(a: Tensor, b: Tensor, p: Tensor) -> Tensor:
    return torch.cartesian_prod(a, b, p)
