r"""Do residuals look like noise? The von Neumann ratio along each input, judged by shuffling.

    ratio = sum_i (r_{i+1} - r_i)^2 / sum_i (r_i - mean r)^2

with the rows in the order of an input. It is about 2 for independent residuals and smaller when neighbours agree,
that is, when something smooth was left out. With several inputs the ratio is also taken over nearest neighbours in
all of them at once. Chances come from shuffled residuals and are corrected for the number of ratios looked at: each
is the share of shuffles whose *smallest* ratio is as small.

Source: von Neumann, *Distribution of the ratio of the mean square successive difference to the variance* (1941).
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import KDTree

TOGETHER = "all inputs together"
SHUFFLES = 999
MOST_ROWS = 1000
FEWEST_ROWS = 8


def structure(
    X: np.ndarray, residuals: np.ndarray, names: Sequence[str], generator: np.random.Generator
) -> dict[str, float]:
    """The chance, for each input, that noise alone would look as smooth; empty for fewer than 8 rows.

    Of more than 1000 rows a random 1000 are looked at.
    """
    kept = np.flatnonzero(np.isfinite(residuals) & np.isfinite(X).all(1))
    if len(kept) < FEWEST_ROWS or not np.ptp(residuals[kept]) > 0:
        return {}
    if len(kept) > MOST_ROWS:
        kept = generator.choice(kept, MOST_ROWS, replace=False)
    X, r = X[kept], (residuals[kept] - residuals[kept].mean()) / np.abs(residuals[kept]).max()
    varying = [k for k in range(X.shape[1]) if np.ptp(X[:, k]) > 0]
    pairs = {names[k]: _successive(X[:, k], generator) for k in varying}
    if len(varying) > 1:
        pairs[TOGETHER] = _nearest(X[:, varying])
    if not pairs:
        return {}
    found = _smoothness(r, pairs)
    lowest = np.array([_smoothness(generator.permutation(r), pairs).min() for _ in range(SHUFFLES)])
    chances = [(1 + int((lowest <= ratio).sum())) / (1 + SHUFFLES) for ratio in found]
    return dict(zip(pairs, chances, strict=True))


def _smoothness(r: np.ndarray, pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Mean square differences over pairs; the variance is the same in every shuffle."""
    return np.array([np.mean((r[one] - r[other]) ** 2) for one, other in pairs.values()])


def _successive(column: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours along a column; equal values come in random order, for theirs may tell of other columns."""
    order = np.lexsort((generator.random(len(column)), column))
    return order[1:], order[:-1]


def _nearest(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every row and the row nearest to it, with each column on the scale of its deviation."""
    near = np.asarray(KDTree(X / X.std(0)).query(X / X.std(0), k=2)[1])
    rows = np.arange(len(X))
    return rows, np.where(near[:, 1] == rows, near[:, 0], near[:, 1])
