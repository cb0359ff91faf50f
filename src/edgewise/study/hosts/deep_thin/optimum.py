r"""Which depth is best, as a number between the depths that were tried, and whether it differs between arms.

With ``u = log2 L`` and ``e = log10 error``, the optimum of one seed is where the parabola through the best depth and
its two neighbours has its lowest point; at an end of the range it is that end. The shift of an arm is the mean over
seeds of the difference of ``u`` to the reference arm of the same seed, in doublings of depth, with a t interval.
"""

from collections.abc import Mapping, Sequence
from math import log2, log10, sqrt

import numpy as np
from scipy import stats

from edgewise.study.statistics import Interval


def optimum(errors: Mapping[int, float]) -> float:
    """The best depth from the error at each.

    Example:
        >>> round(optimum({2: 2.0, 4: 1.0, 8: 2.0}), 3)
        4.0
    """
    depths = sorted(errors)
    best = min(range(len(depths)), key=lambda k: errors[depths[k]])
    if best in (0, len(depths) - 1):
        return float(depths[best])
    near = depths[best - 1 : best + 2]
    a, b, _ = np.polyfit([log2(d) for d in near], [log10(errors[d]) for d in near], 2)
    return float(depths[best]) if a <= 0 else float(2 ** (-b / (2 * a)))


def shift(
    arm: Sequence[Mapping[int, float]], reference: Sequence[Mapping[int, float]], level: float = 0.95
) -> tuple[float, Interval]:
    """Mean and interval of ``log2`` of the arm's optimum over the reference's, seed by seed; at least two seeds."""
    pairs = zip(arm, reference, strict=True)
    moved = np.array([log2(optimum(one) / optimum(other)) for one, other in pairs])
    half = stats.t.ppf((1 + level) / 2, len(moved) - 1) * moved.std(ddof=1) / sqrt(len(moved))
    return float(moved.mean()), Interval(float(moved.mean() - half), float(moved.mean() + half))
