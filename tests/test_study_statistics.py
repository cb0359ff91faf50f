"""Statistics against SciPy, statsmodels and closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from edgewise.study.statistics import (
    bootstrap,
    equivalence,
    holm,
    instance_means,
    mixed_model,
    slope,
    t_interval,
    t_test,
    two_slopes,
    wilson,
)


def table(rng, instances=8, seeds=4, mean=0.1, between=0.1, within=0.05):
    centre = mean + between * rng.normal(size=instances)
    lines = [(i, s, centre[i] + within * rng.normal()) for i in range(instances) for s in range(seeds)]
    return pd.DataFrame(lines, columns=["instance", "seed", "value"])


def test_holm_is_that_of_statsmodels(rng):
    for size in (1, 3, 7):
        p = rng.uniform(size=size) ** 3
        np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


def test_equivalence_is_that_of_statsmodels(rng):
    for mean in (0.0, 0.03, 0.08):
        means = mean + 0.04 * rng.normal(size=10)
        assert equivalence(means, 0.05) == pytest.approx(DescrStatsW(means).ttost_mean(-0.05, 0.05)[0])


def test_the_t_test_by_its_formula(rng):
    means = 0.1 + 0.2 * rng.normal(size=9)
    t = means.mean() / (means.std(ddof=1) / 3)
    assert t_test(means) == pytest.approx(2 * stats.t.sf(abs(t), 8))


def test_too_few_or_equal_instances_prove_nothing_by_chance():
    assert t_test(np.array([0.5])) == equivalence(np.array([0.0]), 0.05) == 1.0
    assert t_test(np.zeros(5)) == 1.0
    assert equivalence(np.zeros(5), 0.05) == 0.0
    assert t_test(np.full(5, 0.2)) == 0.0
    assert t_test(np.array([0.3, 0.1 + 0.2, 0.3])) == 0.0  # apart by rounding alone
    assert equivalence(np.array([0.3, 0.1 + 0.2, 0.3]), 0.05) == 1.0


def test_the_t_interval_is_that_of_scipy(rng):
    means = 0.1 + 0.2 * rng.normal(size=5)
    known = stats.ttest_1samp(means, 0.0).confidence_interval(0.9)
    assert t_interval(means, 0.9) == pytest.approx(tuple(known))
    assert np.isnan(t_interval(means[:1])).all()
    assert t_interval(np.full(3, 0.2)) == pytest.approx((0.2, 0.2))


def test_many_seeds_of_few_tasks_do_not_count_as_many_tasks(rng):
    few = table(rng, instances=4, seeds=200, mean=0.0, between=0.2, within=0.01)
    assert len(instance_means(few)) == 4
    assert t_test(instance_means(few)) > 0.05
    assert stats.ttest_1samp(few["value"], 0).pvalue < t_test(instance_means(few))


def test_the_bootstrap_agrees_with_the_normal_interval_of_a_two_level_mean(rng):
    values = table(rng, instances=60, seeds=30)
    means = instance_means(values)
    # the spread of resampled means: of instances, and within them once more
    inner = values.groupby("instance")["value"].var(ddof=0).mean() / 30
    deviation = ((means.var() + inner) / 60) ** 0.5
    low, high = bootstrap(values)
    assert low == pytest.approx(means.mean() - 1.96 * deviation, abs=0.15 * deviation)
    assert high == pytest.approx(means.mean() + 1.96 * deviation, abs=0.15 * deviation)


def test_the_bootstrap_of_uneven_instances_weighs_them_alike():
    values = pd.DataFrame({"instance": [0] * 9 + [1], "seed": [*range(9), 0], "value": [0.0] * 9 + [1.0]})
    draws = [bootstrap(values, 1, seed=seed).low for seed in range(2000)]
    shares = [draws.count(mean) / 2000 for mean in (0.0, 0.5, 1.0)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.04)


def test_the_bootstrap_gives_the_same_interval_again(rng):
    values = table(rng)
    assert bootstrap(values, 500) == bootstrap(values, 500)
    assert bootstrap(values, 500) != bootstrap(values, 500, seed=1)


def test_wilson_is_that_of_statsmodels():
    assert wilson(3, 40) == pytest.approx(proportion_confint(3, 40, method="wilson"))
    assert wilson(0, 0) == (0.0, 1.0)


def test_slopes_are_those_of_polyfit(rng):
    a, b, y = rng.normal(size=(3, 20))
    assert slope(a, y) == pytest.approx(np.polyfit(a, y, 1)[0])
    assert two_slopes(a, b, 2 * a - 3 * b + 1) == pytest.approx((2, -3))
    assert np.isnan(slope([1.0, 1.0], [0.0, 1.0]))
    assert np.isnan(two_slopes(a, a, y)).all()


def test_a_balanced_mixed_model_has_the_mean_of_the_instances_slopes(rng):
    lines, x = [], np.log2([1, 2, 4, 8])
    for i in range(8):
        own, start = 0.2 + 0.15 * rng.normal(), rng.normal()
        for s in range(3):
            shift = 0.1 * rng.normal()
            lines += [(i, s, v, start + shift + own * v + 0.05 * rng.normal()) for v in x]
    rows = pd.DataFrame(lines, columns=["instance", "seed", "x", "advantage"])
    slopes = np.array([slope(g["x"], g["advantage"]) for _, g in rows.groupby("instance")])
    found = mixed_model(rows)
    assert found.converged
    assert found.slope == pytest.approx(slopes.mean(), abs=1e-4)
    assert found.error == pytest.approx(slopes.std(ddof=1) / 8**0.5, rel=0.05)


def test_a_mixed_model_that_cannot_be_fitted_says_so():
    rows = pd.DataFrame(
        {"instance": [0, 0, 1, 1], "seed": [0] * 4, "x": [0.0, 1.0] * 2, "advantage": [0.0] * 4}
    )
    assert not mixed_model(rows).converged
