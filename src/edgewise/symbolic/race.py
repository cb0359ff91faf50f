"""Many functions polished to one curve side by side, by Levenberg-Marquardt on the projected problem.

One row is one start of one function. What differs between functions is only their value and slope; all the algebra
is done for all rows at once. After each round the rows that have settled leave, and so do those a hundred times worse
than the best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf

import torch
from torch import Tensor

from edgewise.catalogue import Function

ROUNDS = ((3, 4), (3, 2), (4, 1), (5, 1), (5, 1), (5, 1), (5, 1))
_ON_FEW = 2
_BEHIND = 1e4
_SETTLED = 0.98
_EXACT = 1e-28
_STEEP = 30.0


@dataclass(frozen=True)
class Race:
    """Functions ``laws``, each with the next ``counts`` rows of ``inner (rows, 3)``, columns ``a, b, p``."""

    laws: tuple[Function, ...]
    counts: tuple[int, ...]
    inner: Tensor

    @classmethod
    def of(cls, begun: Mapping[Function, Tensor]) -> "Race":
        rows = [rows for rows in begun.values()]
        inner = torch.cat(rows) if rows else torch.zeros(0, 3, dtype=torch.float64)
        return cls(tuple(begun), tuple(map(len, rows)), inner)

    def run(self, few_z: Tensor, few_y: Tensor, z: Tensor, y: Tensor) -> "Race":
        """The best inner constants of each function, one row each; the first rounds see a few samples only."""
        done: dict[Function, Tensor] = {}
        racing, before = self, [inf] * len(self.laws)
        for number, (steps, rows) in enumerate(ROUNDS):
            if not racing.laws:
                break
            seen, target = (few_z, few_y - few_y.mean()) if number < _ON_FEW else (z, y - y.mean())
            inner, left = _polished(racing.laws, racing.counts, racing.inner, seen, target, steps)
            parts, lefts = inner.split(racing.counts), left.split(racing.counts)
            orders = [part.argsort()[:rows] for part in lefts]
            best = [float(part[order[0]]) for part, order in zip(lefts, orders, strict=True)]
            done |= {law: p[o[:1]] for law, p, o in zip(racing.laws, parts, orders, strict=True)}
            limit = _BEHIND * min(best) if number else inf
            going = [
                k
                for k, law in enumerate(racing.laws)
                if law.free and _EXACT < best[k] <= limit and best[k] < _SETTLED * before[k]
            ]
            before = [best[k] if number != _ON_FEW - 1 else inf for k in going]
            racing = Race.of({racing.laws[k]: parts[k][orders[k]] for k in going})
        return Race.of(done)


@dataclass(frozen=True)
class _Rows:
    """What the functions of a race are like, row by row.

    Where an interval ends on one side, and at a pole, constants move by the logarithms of the distances that the ends
    of the curve keep from it, ``sided``: it is approached in even steps.
    """

    frozen: Tensor
    sided: Tensor
    bound: Tensor

    @classmethod
    def of(cls, laws: Sequence[Function], counts: Sequence[int]) -> "_Rows":
        frozen = torch.tensor([[letter not in law.free for letter in "abp"] for law in laws])
        bound = torch.tensor([law.low if law.low > -inf else law.high for law in laws], dtype=torch.float64)
        sided = torch.tensor([_has_pole(law) for law in laws])
        times = torch.tensor(counts)
        parts = (
            part.repeat_interleave(times, dim=0) for part in (frozen, sided, torch.where(sided, bound, 0.0))
        )
        return cls(*parts)

    def distances(self, inner: Tensor) -> tuple[Tensor, Tensor]:
        """How far the ends ``z = -1`` and ``z = 1`` are from the interval's own."""
        a, b = inner[:, 0], inner[:, 1] - self.bound
        return b - a, b + a

    def moved(self, inner: Tensor, move: Tensor) -> Tensor:
        first, last = self.distances(inner)
        change = move[:, :2].clamp(-3, 3).expm1()
        first, last = first * change[:, 0], last * change[:, 1]
        even = torch.stack([(last - first) / 2, (last + first) / 2, move[:, 2]], dim=1)
        return inner + torch.where(self.sided[:, None], even, move)


@lru_cache(maxsize=512)
def _has_pole(law: Function) -> bool:
    if law.free != "ab" or (law.low > -inf) == (law.high < inf):
        return False
    near = torch.tensor([law.low + 1e-6 if law.low > -inf else law.high - 1e-6], dtype=torch.float64)
    return not float(law.slope(near, torch.ones_like(near)).abs()) < _STEEP


def valued(laws: Sequence[Function], counts: Sequence[int], inner: Tensor, z: Tensor) -> Tensor:
    """``f(a z + b; p) (rows, n)``; NaN in rows that leave the function's interval."""
    u, p = torch.addmm(inner[:, 1:2], inner[:, :1], z[None]), inner[:, 2:]
    parts = zip(laws, u.split(list(counts)), p.split(list(counts)), strict=True)
    f = torch.cat([law.value(part, power) for law, part, power in parts])
    bounds = torch.tensor([[law.low, law.high] for law in laws], dtype=torch.float64)
    low, high = bounds.repeat_interleave(torch.tensor(counts), dim=0).T
    first, last = u[:, 0], u[:, -1]
    outside = (torch.minimum(first, last) <= low) | (torch.maximum(first, last) >= high)
    return f.masked_fill_(outside[:, None], torch.nan)


def projected(f: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``f`` about its mean, the best factor ``c``, what is left of ``y`` (of mean 0), its mean square or infinity."""
    mean = f.mean(1, keepdim=True)
    g = f - mean
    deviation = g.square().mean(1)
    c = (g @ y) / len(y) / deviation
    rest = torch.addcmul(-y[None], c[:, None], g)
    left = rest.square().mean(1)
    usable = (deviation > 1e-24 * (mean[:, 0].square() + 1e-300)) & torch.isfinite(left)
    return g, c, rest, torch.where(usable, left, inf)


def _polished(
    laws: Sequence[Function], counts: Sequence[int], inner: Tensor, z: Tensor, y: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """Inner constants after so many steps, and the mean squares they leave."""
    rows = _Rows.of(laws, counts)
    f = valued(laws, counts, inner, z)
    g, c, rest, left = projected(f, y)
    damping = torch.full_like(left, 1e-2)
    for _ in range(steps):
        trial = rows.moved(inner, _step(laws, counts, inner, z, (f, g, c, rest), rows, damping))
        f_new = valued(laws, counts, trial, z)
        g_new, c_new, rest_new, after = projected(f_new, y)
        better = after < left
        row = better[:, None]
        inner, left = torch.where(row, trial, inner), torch.where(better, after, left)
        f, g, rest = torch.where(row, f_new, f), torch.where(row, g_new, g), torch.where(row, rest_new, rest)
        c = torch.where(better, c_new, c)
        damping = torch.where(better, damping * 0.1, damping * 5).clamp_(1e-14, 1e14)
    return inner, left


def _step(
    laws: Sequence[Function],
    counts: Sequence[int],
    inner: Tensor,
    z: Tensor,
    at: tuple[Tensor, Tensor, Tensor, Tensor],
    rows: _Rows,
    damping: Tensor,
) -> Tensor:
    """Gauss-Newton with the derivatives of ``f`` projected off the span of ``f`` and 1 (Kaufman's form)."""
    f, g, c, rest = at
    u, p = torch.addmm(inner[:, 1:2], inner[:, :1], z[None]), inner[:, 2:]
    parts = zip(laws, u.split(list(counts)), p.split(list(counts)), strict=True)
    slope = torch.cat([law.slope(part, power) for law, part, power in parts]).mul_(c[:, None])
    first, last = (distance[:, None] / 2 for distance in rows.distances(inner))
    along_z, sided = slope * z, rows.sided[:, None]
    columns = [
        torch.where(sided, first * (slope - along_z), along_z),
        torch.where(sided, last * (slope + along_z), slope),
    ]
    if not bool(rows.frozen[:, 2].all()):
        columns.append(c[:, None] * f * u.abs().log())
    frozen = rows.frozen[:, : len(columns)]
    jacobian = torch.stack(columns, dim=1).masked_fill_(frozen[..., None], 0.0)
    jacobian -= jacobian.mean(2, keepdim=True)
    along = (jacobian @ g[..., None]) / g.square().sum(1).clamp_(min=1e-300)[:, None, None]
    jacobian -= along * g[:, None]
    gram, rhs = jacobian @ jacobian.mT, jacobian @ rest[..., None]
    scale = gram.diagonal(dim1=1, dim2=2).clamp(min=1e-300)
    damped = gram + torch.diag_embed(scale * damping[:, None] + frozen)
    usable = (damped.flatten(1).isfinite().all(1) & rhs.flatten(1).isfinite().all(1))[:, None]
    eye = torch.eye(len(columns), dtype=inner.dtype)
    solved, _ = torch.linalg.solve_ex(torch.where(usable[..., None], damped, eye), rhs)
    move = torch.where(usable, torch.nan_to_num(-solved[..., 0]), 0.0)
    return torch.nn.functional.pad(move, (0, 3 - len(columns)))
