r"""Single terms: the best affine fits ``T(y) = c0 + c1 f(x)`` among millions of features, in blocks.

For weights ``w`` (summing to 1) the share of ``T(y)`` a feature leaves is

    1 - cov_w(f, t)^2 / (var_w(f) var_w(t)),

so one block costs two matrix products for all transforms together. Products of two pools are formed block by block
and forgotten but for the best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgewise.symbolic.features import Pool
from edgewise.symbolic.outputs import Target
from edgewise.train.clock import Clock

Array = np.ndarray
BLOCK = 2048
NATS_PER_NODE = 2.0
_RESOLUTION = 1e-15


@dataclass(order=True, frozen=True)
class Single:
    """A feature seen to follow a target: its ``merit`` in nats (less is better), where and how it is written."""

    merit: float
    target: int
    cost: int
    text: str
    values: Array = field(compare=False, repr=False)


class Screen:
    """Keeps the best features for each of several targets on the same rows."""

    def __init__(self, targets: Sequence[Target], rows: Array, keep: int) -> None:
        self.targets, self.keep, self.index = targets, keep, rows
        targets = [target.rows(rows) for target in targets]
        self.rows = len(targets[0].t)
        weights = np.stack([target.w**2 / np.sum(target.w**2) for target in targets], axis=1)
        t = np.stack([target.t for target in targets], axis=1)
        t = t - (weights * t).sum(0)
        variance = (weights * t * t).sum(0)
        t = t / np.sqrt(np.maximum(variance, 1e-300))
        self.base = np.array([np.mean(target.w**2) for target in targets]) * variance
        self.least = _RESOLUTION * float(self.base.max())
        self.design = np.concatenate([weights, weights * t], axis=1)
        self.weights = weights
        self.cost = np.array([target.output.cost for target in targets])
        self.found: list[list[Single]] = [[] for _ in targets]
        self.bar = np.full(len(targets), np.inf)
        self.seen = 0

    def pool(self, pool: Pool) -> None:
        """Screens a pool's own features."""
        for start in range(0, len(pool), BLOCK):
            part = slice(start, start + BLOCK)

            def named(k: int, start: int = start) -> tuple[str, Array]:
                return pool.texts[start + k], pool.values[start + k]

            self._block(pool.values[part][:, self.index], pool.costs[part], named)

    def products(self, left: Pool, right: Pool, clock: Clock, upper: bool = False) -> None:
        """Screens every product of one feature of each pool (``upper``: the pools are one, each pair once)."""
        a, b = left.values[:, self.index], right.values[:, self.index]
        step = max(1, BLOCK // max(1, len(b)))
        for start in range(0, len(left), step):
            if clock.expired:
                return
            rows = range(start, min(start + step, len(left)))
            begin = start if upper else 0
            for low in range(begin, len(b), BLOCK):
                high = min(low + BLOCK, len(b))
                values = (a[rows.start : rows.stop, None, :] * b[None, low:high, :]).reshape(-1, self.rows)
                costs = left.costs[rows.start : rows.stop, None] + right.costs[None, low:high] + 1
                if upper:
                    before = np.arange(low, high) < np.array(rows)[:, None]
                    costs = np.where(before, np.inf, costs)
                width = high - low

                def named(
                    k: int, first: int = rows.start, low: int = low, width: int = width
                ) -> tuple[str, Array]:
                    i, j = first + k // width, low + k % width
                    return f"({left.texts[i]})*({right.texts[j]})", left.values[i] * right.values[j]

                self._block(values, costs.reshape(-1), named)

    def best(self, most: int) -> list[Single]:
        """The best over all targets."""
        return sorted(single for found in self.found for single in found)[:most]

    def _block(self, values: Array, costs: Array, named: Callable[[int], tuple[str, Array]]) -> None:
        self.seen += len(values)
        count = len(self.targets)
        with np.errstate(all="ignore"):
            values = values - values.mean(1, keepdims=True)
            values /= np.sqrt(np.einsum("ij,ij->i", values, values) / self.rows)[:, None]
            moments = values @ self.design
            squares = np.square(values) @ self.weights
            mean, cross = moments[:, :count], moments[:, count:]
            variance = squares - mean * mean
            share = 1 - cross * cross / variance
            share = np.where((variance > 1e-9 * squares) & np.isfinite(share), share, 1.0)
            left = np.maximum(share * self.base, self.least)
            merit = self.rows / 2 * np.log(left) + NATS_PER_NODE * (costs[:, None] + self.cost)
        for target in np.flatnonzero((merit < self.bar).any(0)):
            column = merit[:, target]
            good = np.flatnonzero(column < self.bar[target])
            if len(good) > self.keep:
                good = good[np.argpartition(column[good], self.keep)[: self.keep]]
            found = self.found[target] + [
                Single(float(column[i]), int(target), int(costs[i]), *named(int(i))) for i in good
            ]
            found.sort()
            self.found[target] = found[: self.keep]
            if len(found) >= self.keep:
                self.bar[target] = self.found[target][-1].merit
