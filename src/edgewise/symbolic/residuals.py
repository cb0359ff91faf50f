r"""Do residuals look like noise? The von Neumann ratio along each input, judged by shuffling.

    ratio = sum_i (r_{i+1} - r_i)^2 / sum_i (r_i - mean r)^2

with the rows in the order of an input. It is about 2 for independent residuals and smaller when neighbours agree,
that is, when something smooth was left out. A second ratio takes neighbours up to eight places away, which sees weak
but slow curves better. With several inputs the same is done for nearest neighbours in all of them at once. Chances
come from shuffled residuals and are corrected for all that was looked at: each is the share of shuffles whose *most
conspicuous* ratio, in deviations from its mean over shuffles, is as conspicuous.

Source: von Neumann, *Distribution of the ratio of the mean square successive difference to the variance* (1941);
Westfall and Young, *Resampling-based multiple testing* (1993), for the correction.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import KDTree

TOGETHER = "all inputs together"
SHUFFLES = 999
MOST_ROWS = 1000
FEWEST_ROWS = 8
WIDEST = 8

Pairs = tuple[np.ndarray, np.ndarray]


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
    looks = {names[k]: _along(X[:, k], generator) for k in varying}
    if len(varying) > 1:
        looks[TOGETHER] = _around(X[:, varying])
    if not looks:
        return {}
    shuffled = np.array([_ratios(generator.permutation(r), looks) for _ in range(SHUFFLES)])
    center, spread = shuffled.mean(0), np.maximum(shuffled.std(0), 1e-300)
    lowest = ((shuffled - center) / spread).min(axis=(1, 2))
    own = ((_ratios(r, looks) - center) / spread).min(axis=1)
    chances = [(1 + int((lowest <= one).sum())) / (1 + SHUFFLES) for one in own]
    return dict(zip(looks, chances, strict=True))


def _ratios(r: np.ndarray, looks: dict[str, tuple[Pairs, Pairs]]) -> np.ndarray:
    """Mean square differences ``(inputs, 2)`` over close and over wider pairs; no shuffle changes the variance."""
    return np.array([[np.mean((r[one] - r[other]) ** 2) for one, other in both] for both in looks.values()])


def _along(column: np.ndarray, generator: np.random.Generator) -> tuple[Pairs, Pairs]:
    """Neighbours along a column; equal values come in random order, for theirs may tell of other columns."""
    order = np.lexsort((generator.random(len(column)), column))
    lags = range(1, _reach(len(column)) + 1)
    wider = np.concatenate([order[lag:] for lag in lags]), np.concatenate([order[:-lag] for lag in lags])
    return (order[1:], order[:-1]), wider


def _around(X: np.ndarray) -> tuple[Pairs, Pairs]:
    """Every row and those nearest to it, with each column on the scale of its deviation."""
    unit, reach = X / X.std(0), _reach(len(X))
    near = np.asarray(KDTree(unit).query(unit, k=reach + 1)[1])
    rows = np.arange(len(X))
    close = np.where(near[:, 1] == rows, near[:, 0], near[:, 1])
    return (rows, close), (np.repeat(rows, reach), near[:, 1:].ravel())


def _reach(rows: int) -> int:
    """How far wider neighbours are apart: never more than an eighth of the rows."""
    return min(WIDEST, max(1, rows // 8))
