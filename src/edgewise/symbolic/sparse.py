r"""A few terms at a time: the best fits ``T(y) = c0 + sum_k c_k f_k(x)`` with two to five terms of a dictionary.

All pairs of a dictionary are compared at once from its Gram matrix: for centred unit features with correlations
``r_i`` to the target and ``g`` to each other, the pair explains ``(r_i^2 + r_j^2 - 2 g r_i r_j) / (1 - g^2)``. The
best pairs are then extended term by term, a beam of them kept at each size (forward selection with a beam).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgewise.symbolic.features import Pool
from edgewise.symbolic.outputs import Target
from edgewise.symbolic.screening import NATS_PER_NODE
from edgewise.train.clock import Clock

Array = np.ndarray
NATS_PER_TERM = 3.0
_ALIKE = 1e-9
_PAIRS_AT_ONCE = 512
_BEAMS_AT_ONCE = 64


@dataclass(order=True, frozen=True)
class Combination:
    """Terms, by number in the dictionary, that follow a target together; ``merit`` in nats, less is better."""

    merit: float
    terms: tuple[int, ...]


class Dictionary:
    """Features on the rows of one target, centred and weighted, ready for selection."""

    def __init__(self, pool: Pool, target: Target, least: float) -> None:
        w = target.w / np.sqrt(np.sum(target.w**2))
        weights = w * w
        t = target.t - weights @ target.t
        self.base = float(np.mean(target.w**2) * (weights @ (t * t)))
        self.least = least
        self.target = t * w / max(np.sqrt(weights @ (t * t)), 1e-300)
        with np.errstate(all="ignore"):
            values = pool.values - (pool.values @ weights)[:, None]
            values = values * w
            size = np.sqrt(np.einsum("ij,ij->i", values, values))
            whole = np.sqrt((pool.values**2) @ weights)
            good = np.isfinite(size) & (size > 1e-8 * whole)
        self.numbers = np.flatnonzero(good)
        self.values = values[good] / size[good, None]
        self.costs = pool.costs[good] + target.output.cost
        self.rows = len(t)
        self.correlation = self.values @ self.target

    def merit(self, left: Array, costs: Array, terms: int) -> Array:
        """Nats of a description that leaves the share ``left`` of the variance."""
        error = np.log(np.maximum(left * self.base, self.least))
        return self.rows / 2 * error + NATS_PER_NODE * (costs + 2 * terms) + NATS_PER_TERM * terms

    @cached_property
    def gram(self) -> Array:
        """Correlations of the features with each other."""
        return self.values @ self.values.T

    def pairs(self, keep: int, clock: Clock) -> list[Combination]:
        """The best pairs of all."""
        r, count = self.correlation, len(self.values)
        best: list[Combination] = []
        bar = np.inf
        for start in range(0, count, _PAIRS_AT_ONCE):
            if clock.expired:
                break
            rows = slice(start, min(start + _PAIRS_AT_ONCE, count))
            g = self.gram[rows, start:]
            free = 1 - g * g
            explained = r[rows, None] ** 2 + (r[start:] - g * r[rows, None]) ** 2 / np.maximum(free, _ALIKE)
            left = np.where(free > _ALIKE, 1 - explained, 1.0)
            merit = self.merit(left, self.costs[rows, None] + self.costs[None, start:], 2)
            merit[np.tril_indices(merit.shape[0], 0, merit.shape[1])] = np.inf
            good = _least(merit, bar, keep)
            best += [Combination(float(merit[i, j]), (start + int(i), start + int(j))) for i, j in good]
            best = sorted(best)[:keep]
            bar = best[-1].merit if len(best) == keep else np.inf
        return best

    def extended(self, beam: list[Combination], keep: int, clock: Clock) -> list[Combination]:
        """The best combinations with one term more than those of ``beam``."""
        best: dict[tuple[int, ...], Combination] = {}
        for start in range(0, len(beam), _BEAMS_AT_ONCE):
            if clock.expired:
                break
            terms = np.array([one.terms for one in beam[start : start + _BEAMS_AT_ONCE]])
            merit = self._extended_merit(terms)
            for i, k in _least(merit, np.inf, keep * (terms.shape[1] + 1)):  # each may come from several
                new = tuple(sorted((*(int(term) for term in terms[i]), int(k))))
                best[new] = Combination(float(merit[i, k]), new)
        return sorted(best.values())[:keep]

    def _extended_merit(self, terms: Array) -> Array:
        """``(combinations, features)``: the merit of each combination with each feature added."""
        inner = self.gram[terms[:, :, None], terms[:, None, :]]
        cross, r = self.gram[terms], self.correlation[terms]
        inner = inner + 1e-13 * np.eye(terms.shape[1])
        solved = np.linalg.solve(inner, np.concatenate([cross, r[:, :, None]], axis=2))
        free = 1 - np.einsum("ckm,ckm->cm", cross, solved[:, :, :-1])
        known = np.einsum("ck,ck->c", r, solved[:, :, -1])
        rest = self.correlation - np.einsum("ckm,ck->cm", cross, solved[:, :, -1])
        left = np.where(free > _ALIKE, 1 - known[:, None] - rest**2 / np.maximum(free, _ALIKE), np.inf)
        costs = self.costs[None, :] + self.costs[terms].sum(1)[:, None]
        return self.merit(left, costs, terms.shape[1] + 1)


def _least(merit: Array, bar: float, keep: int) -> Array:
    """Positions of the ``keep`` least entries below ``bar``."""
    good = np.argwhere(merit < bar)
    if len(good) <= keep:
        return good
    return good[np.argpartition(merit[tuple(good.T)], keep)[:keep]]
