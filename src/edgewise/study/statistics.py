r"""Statistics of paired runs in which the task, not the run, is the unit.

A *table of values* has the columns ``instance``, ``seed`` and ``value``: one estimate, such as a slope, for every seed
of every task instance. ``v_t`` is the mean of an instance's values, ``n`` the number of instances.

    t test           mean(v_t) / (sd(v_t) / sqrt n), two-sided
    t interval       mean(v_t) +- t sd(v_t) / sqrt n, for few values, of which a bootstrap has too narrow a view
    equivalence      the larger p of the one-sided tests of mean > -band and mean < band (TOST, Schuirmann 1987)
    bootstrap        instances drawn with replacement, then seeds within each; percentiles of the mean
    Holm             p_(i) (m - i + 1), running maximum, at most 1 (Holm 1979)
    Wilson           interval of a share, by the score test
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from edgewise.errors import InputError

Array = NDArray[np.float64]
ROUNDING = 1e-12
Frame = Any  # a pandas table or column, which static types cannot tell apart


class Interval(NamedTuple):
    """From ``low`` to ``high``."""

    low: float
    high: float


class MixedModel(NamedTuple):
    """The fixed slope of a mixed model with its standard error and p; ``converged`` says whether it can be trusted."""

    slope: float
    error: float
    p: float
    converged: bool


def instance_means(values: Frame) -> Array:
    """``v_t``."""
    return values.groupby("instance")["value"].mean().to_numpy(float)


def t_test(means: Array) -> float:
    """Two-sided p of mean 0; 1 for fewer than two instances."""
    if len(means) < 2:
        return 1.0
    if _alike(means):
        return float(means[0] == 0)
    return _p(means, 0.0, "two-sided")


def t_interval(values: Array, level: float = 0.95) -> Interval:
    """Of the mean of independent values; NaN for fewer than two."""
    if len(values) < 2:
        return Interval(float("nan"), float("nan"))
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5
    reach = float(stats.t.ppf((1 + level) / 2, len(values) - 1)) * error
    return Interval(mean - reach, mean + reach)


def equivalence(means: Array, band: float) -> float:
    """p of the mean lying outside ``[-band, band]``: small means that it lies inside."""
    if len(means) < 2:
        return 1.0
    if _alike(means):
        return float(abs(means[0]) >= band)
    return max(_p(means, -band, "greater"), _p(means, band, "less"))


def _alike(means: Array) -> bool:
    """Whether values differ by no more than rounding does, which leaves no deviation to test by."""
    return bool(np.ptp(means) <= ROUNDING * np.abs(means).max())


def _p(means: Array, centre: float, alternative: str) -> float:
    found: Any = stats.ttest_1samp(means, centre, alternative=alternative)
    return float(found.pvalue)


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p, in the order given.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    given = np.asarray(p, float)
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(stepped, 1.0)
    return tuple(float(value) for value in adjusted)


def bootstrap(values: Frame, draws: int = 10_000, level: float = 0.95, seed: int = 0) -> Interval:
    """Percentile interval of the mean over instances, by resampling instances and then seeds within them."""
    groups = [group.to_numpy(float) for _, group in values.groupby("instance")["value"]]
    sizes = np.array([len(group) for group in groups])
    padded = np.stack([np.resize(group, sizes.max()) for group in groups])
    generator, total = np.random.default_rng(seed), np.zeros(draws)
    for _ in groups:  # one instance a draw at a time, to stay small
        picked = generator.integers(len(groups), size=draws)
        total += _resampled_means(padded[picked], sizes[picked], generator)
    low, high = np.quantile(total / len(groups), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _resampled_means(rows: Array, sizes: NDArray[np.int64], generator: np.random.Generator) -> Array:
    """For each row, the mean of as many values as it has, drawn with replacement from these."""
    place = (generator.random(rows.shape) * sizes[:, None]).astype(int)
    counted = np.arange(rows.shape[1]) < sizes[:, None]
    return (np.take_along_axis(rows, place, axis=1) * counted).sum(1) / sizes


def wilson(hits: int, count: int, level: float = 0.95) -> Interval:
    """Interval of a share; (0, 1) where nothing was counted."""
    if count == 0:
        return Interval(0.0, 1.0)
    found = stats.binomtest(hits, count).proportion_ci(level, method="wilson")
    return Interval(float(found.low), float(found.high))


def mixed_model(rows: Frame) -> MixedModel:
    """``advantage ~ x`` with intercept and slope of their own for every ``instance`` and a term for each of its seeds.

    ``rows`` has the columns ``advantage``, ``x``, ``instance`` and ``seed``; fitted by restricted likelihood
    (statsmodels). In a balanced design the slope is the mean of the instances' own slopes.
    """
    try:
        from statsmodels.regression.mixed_linear_model import MixedLM
    except ImportError:
        raise InputError(
            "mixed models need the package statsmodels; type: pip install edgewise[study]"
        ) from None
    seeds = {"seed": "0 + C(seed)"} if rows["seed"].nunique() > 1 else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ``converged`` says it
        model = MixedLM.from_formula(
            "advantage ~ x", rows, groups="instance", re_formula="~x", vc_formula=seeds
        )
        try:
            found: Any = model.fit(reml=True, method=["lbfgs", "powell"])
        except (np.linalg.LinAlgError, ValueError):
            return MixedModel(float("nan"), float("nan"), float("nan"), False)
    error = float(found.bse["x"])
    return MixedModel(
        float(found.params["x"]),
        error,
        float(found.pvalues["x"]),
        bool(found.converged and np.isfinite(error)),
    )


def slope(x: Sequence[float] | Array, y: Sequence[float] | Array) -> float:
    """Least-squares slope; NaN where all ``x`` are equal."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    spread = ((x - x.mean()) ** 2).sum()
    return float(((x - x.mean()) * (y - y.mean())).sum() / spread) if spread > 0 else float("nan")


def two_slopes(
    a: Sequence[float] | Array, b: Sequence[float] | Array, y: Sequence[float] | Array
) -> tuple[float, float]:
    """Least-squares slopes of ``y`` over ``a`` and ``b`` together; NaN where they cannot be told apart."""
    design = np.column_stack([np.ones(len(y)), a, b])
    if np.linalg.matrix_rank(design) < 3:
        return float("nan"), float("nan")
    found = np.linalg.lstsq(design, np.asarray(y, float), rcond=None)[0]
    return float(found[1]), float(found[2])
