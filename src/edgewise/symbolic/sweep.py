r"""Where to start: wide tables of inner constants, scored in one go for each function.

The curve comes with ``z`` in [-1, 1] and mean 0. For each row ``a, b, p`` of a function's table the best ``c`` and
``d`` of ``c f(a z + b; p) + d`` are known in closed form, so a score costs one evaluation of ``f``. For a sine the
phase is linear too: its table holds frequencies alone.

Tables send the ends of [-1, 1] to pairs of landmarks of ``f``, which stand densely where ``f`` keeps turning. For
even and odd functions half of the pairs say nothing new.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import inf

import torch
from torch import Tensor

from edgewise.catalogue import Function

MOST_STARTS = 5
_MOST_TURNING_STARTS = 12
_LOOKED_AT = 100
_REACH = 30.0
_MOST_MARKS = 57
_CALM = 6
_LANDMARKS = (-30, -10, -5, -3, -2, -1.4, -1, -0.6, -0.3, 0, 0.3, 0.6, 1, 1.4, 2, 3, 5, 10, 30)
_WITHIN = (0.001, 0.02, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 0.98, 0.999)


def starts(function: Function, z: Tensor, y: Tensor) -> Tensor:
    """The best few inner constants ``(k, 3)``, columns ``a, b, p``, no two of them neighbours in the table."""
    table = _table(function)
    rows, left = (
        _sines(z, y) if function.name == "sine" else (table.rows, _scored(function, table.rows, z, y))
    )
    left = torch.nan_to_num(left, nan=inf)
    best = left.topk(min(_LOOKED_AT, len(left)), largest=False)
    chosen: list[int] = []
    places: list[list[int]] = []
    most = MOST_STARTS if table.calm else _MOST_TURNING_STARTS
    for size, index, place in zip(
        best.values.tolist(), best.indices.tolist(), table.places[best.indices].tolist(), strict=True
    ):
        if len(chosen) == most or size == inf:
            break
        if all(max(abs(k - j) for k, j in zip(place, other, strict=True)) > 1 for other in places):
            chosen.append(index)
            places.append(place)
    return rows[chosen]


def _scored(function: Function, rows: Tensor, z: Tensor, y: Tensor) -> Tensor:
    """The mean square that each row leaves, less that of ``y``."""
    f = function.value(torch.addmm(rows[:, 1:2], rows[:, :1], z[None]), rows[:, 2:])
    mean = f.mean(1)
    deviation = torch.linalg.vector_norm(f, dim=1).square() / len(z) - mean.square()
    explained = ((f @ y) / len(z)).square() / deviation
    return torch.where(deviation > 1e-10 * mean.square(), -explained, inf)


def _sines(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Likewise for ``sin(a z + b)``, with the best phase of each frequency in the rows."""
    turns = _frequencies()
    angle = turns[:, None] * z
    s, c = angle.sin(), angle.cos()
    s, c = s - s.mean(1, keepdim=True), c - c.mean(1, keepdim=True)
    ss, cc, sc = s.square().sum(1), c.square().sum(1), (s * c).sum(1)
    sy, cy = s @ y, c @ y
    determinant = ss * cc - sc.square()
    by_s, by_c = (cc * sy - sc * cy) / determinant, (ss * cy - sc * sy) / determinant
    explained = by_s * sy + by_c * cy
    table = torch.stack([turns, torch.atan2(by_c, by_s), torch.ones_like(turns)], dim=1)
    return table, torch.where(determinant > 1e-12 * ss * cc, -explained, inf)


@lru_cache(maxsize=1)
def _frequencies() -> Tensor:
    return torch.cat([torch.linspace(0.05, 2, 14), torch.linspace(2.2, 130, 320)]).double()


@dataclass(frozen=True)
class _Table:
    """Inner constants ``rows (k, 3)`` and where in their grid they stand, ``places (k, axes)``."""

    rows: Tensor
    places: Tensor
    calm: bool = True

    @classmethod
    def grid(cls, a: Tensor, b: Tensor, p: Tensor) -> "_Table":
        counts = [torch.arange(len(axis)) * (2 if len(axis) < 3 else 1) for axis in (a, b, p)]
        places = torch.cartesian_prod(*counts)
        return cls(torch.cartesian_prod(a, b, p), places)


@lru_cache(maxsize=512)
def _table(function: Function) -> _Table:
    """What to sweep; landmarks keep [-1, 1] within the function's interval."""
    ones = torch.ones(1, dtype=torch.float64)
    if function.free == "":
        return _Table.grid(ones, 0 * ones, ones)
    if function.free == "a":
        sizes = torch.logspace(-1.5, 1.6, 32, dtype=torch.float64)
        return _Table.grid(torch.cat([sizes, -sizes]), 0 * ones, ones)
    if function.name == "sine":
        return _Table.grid(_frequencies(), 0 * ones, ones)
    if function.free == "ab":
        return _landmark_pairs(function)
    gaps = 1 + torch.logspace(-4, 1.7, 24, dtype=torch.float64)
    if function.sign:
        powers = torch.arange(-3.25, 4.5, 0.5, dtype=torch.float64) if "p" in function.free else ones
        shifts = function.low + gaps if function.low > -inf else function.high - gaps
        return _Table.grid(torch.cat([ones, -ones]), shifts, powers)
    inside = torch.linspace(-1, 1, 21, dtype=torch.float64)
    return _Table.grid(ones, torch.cat([-gaps, inside, gaps]), ones)


def _landmark_pairs(function: Function) -> _Table:
    """``a, b`` that send the ends of [-1, 1] to each pair of landmarks inside the function's interval."""
    marks, calm = _landmarks(function)
    first, second = torch.cartesian_prod(marks, marks).T
    places = torch.cartesian_prod(torch.arange(len(marks)), torch.arange(len(marks)))
    keep = (first - second).abs() > 1e-9
    if _mirrored(function, marks):
        keep &= (first + second > 1e-9) | ((first + second).abs() <= 1e-9) & (first < second)
    first, second = first[keep], second[keep]
    rows = torch.stack([(second - first) / 2, (second + first) / 2, torch.ones_like(first)], dim=1)
    return _Table(rows, places[keep], calm)


def _landmarks(function: Function) -> tuple[Tensor, bool]:
    """Arguments worth telling apart, and whether the function turns so seldom that a few will do."""
    low, high = function.low, function.high
    if low > -inf and high < inf:
        marks = low + (high - low) * torch.tensor(_WITHIN).double()
    elif low > -inf or high < inf:
        away = torch.logspace(-3, 1.5, 20, dtype=torch.float64)
        marks = low + away if low > -inf else high - away
    else:
        marks = torch.tensor(_LANDMARKS).double()
    turns = _turning_points(function)
    if len(turns) <= _CALM:
        return marks, True
    thirds = torch.tensor([0, 1 / 3, 2 / 3], dtype=torch.float64)
    between = (turns[:-1, None] + turns.diff()[:, None] * thirds).flatten()
    dense = between[between.abs().argsort()[:_MOST_MARKS]]
    return torch.cat([marks, dense]).unique(), False


def _turning_points(function: Function) -> Tensor:
    """Where the slope changes its sign, to the width of a fine grid."""
    u = torch.linspace(max(function.low, -_REACH), min(function.high, _REACH), 4001, dtype=torch.float64)
    slope = function.slope(u, torch.ones(1, dtype=torch.float64))
    turned = slope[:-1] * slope[1:] < 0
    return ((u[:-1] + u[1:]) / 2)[turned]


def _mirrored(function: Function, marks: Tensor) -> bool:
    """Whether ``f`` is even or odd, as far as its landmarks show."""
    if -function.low != function.high:
        return False
    one = torch.ones(1, dtype=torch.float64)
    right, left = function.value(marks, one), function.value(-marks, one)
    return any(torch.allclose(right, side, rtol=1e-9, atol=0, equal_nan=True) for side in (left, -left))
