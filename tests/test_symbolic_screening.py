import numpy as np
import pytest

from edgewise.symbolic.features import Pool
from edgewise.symbolic.outputs import OUTPUTS, Target, targets
from edgewise.symbolic.screening import NATS_PER_NODE, Screen
from edgewise.train.clock import Clock

ROWS = 60


def anything(name):
    return True


def pool(count, rows=ROWS, seed=1, letter="f"):
    rng = np.random.default_rng(seed)
    return Pool(
        [f"{letter}{k}" for k in range(count)], rng.integers(1, 9, count), rng.normal(size=(count, rows))
    )


def aims(y, weight=None):
    return list(targets(y, np.ones(len(y)) if weight is None else weight, anything))


def product_pool(left, right, ways):
    return Pool(
        [f"({left.texts[i]})*({right.texts[j]})" for i, j in ways],
        np.array([left.costs[i] + right.costs[j] + 1 for i, j in ways]),
        np.array([left.values[i] * right.values[j] for i, j in ways]),
    )


def merits(features, target):
    """``n/2 log`` of what weighted least squares of an affine law leaves, plus the nodes: by ``numpy.linalg``."""
    found = []
    for values, cost in zip(features.values, features.costs, strict=True):
        design = np.column_stack([np.ones(len(values)), values]) * target.w[:, None]
        rest = target.t * target.w
        rest = rest - design @ np.linalg.lstsq(design, rest, rcond=None)[0]
        found.append(len(values) / 2 * np.log(np.mean(rest**2)) + NATS_PER_NODE * (cost + target.output.cost))
    return np.array(found)


@pytest.fixture
def y(rng):
    return rng.uniform(0.2, 0.9, ROWS)


@pytest.mark.parametrize("weighted", [False, True])
def test_merits_are_those_of_weighted_least_squares(y, rng, weighted):
    features, aim = pool(80), aims(y, rng.uniform(0.1, 3.0, ROWS) if weighted else None)
    assert len(aim) == len(OUTPUTS)
    screen = Screen(aim, np.arange(ROWS), keep=80)
    screen.pool(features)
    for number, target in enumerate(aim):
        truth = dict(zip(features.texts, merits(features, target), strict=True))
        got = {single.text: single.merit for single in screen.found[number]}
        assert got == pytest.approx(truth, rel=1e-9)


def test_merits_do_not_mind_an_offset_or_the_unit_of_a_feature(y):
    features = pool(20)
    features.values[:] = 1e5 + 1e-3 * features.values
    aim = aims(y)[:1]
    screen = Screen(aim, np.arange(ROWS), keep=20)
    screen.pool(features)
    truth = dict(zip(features.texts, merits(pool(20), aim[0]), strict=True))
    assert {single.text: single.merit for single in screen.found[0]} == pytest.approx(truth, abs=1e-3)


@pytest.mark.parametrize("keep", [1, 7, 40])
@pytest.mark.parametrize("count", [5, 900, 5000])
def test_exactly_the_best_are_kept_over_many_blocks(y, keep, count):
    features, aim = pool(count), aims(y)[:3]
    screen = Screen(aim, np.arange(ROWS), keep)
    for start in range(0, count, 700):
        screen.pool(features.some(np.arange(start, min(count, start + 700))))
    assert screen.seen == count
    every = []
    for number, target in enumerate(aim):
        truth = merits(features, target)
        best = np.argsort(truth)[:keep]
        assert [single.text for single in screen.found[number]] == [features.texts[k] for k in best]
        every += [(truth[k], number, features.texts[k]) for k in best]
    got = [(single.target, single.text) for single in screen.best(5)]
    assert got == [pair[1:] for pair in sorted(every)[:5]]


@pytest.mark.parametrize("upper", [False, True])
def test_products_are_compared_as_if_they_were_features(y, upper):
    left = pool(90)
    right = left if upper else pool(130, seed=2, letter="g")
    ways = [(i, j) for i in range(90) for j in range(i if upper else 0, len(right))]
    features, aim = product_pool(left, right, ways), aims(y)[:2]
    screen = Screen(aim, np.arange(ROWS), keep=25)
    screen.products(left, right, Clock(), upper=upper)
    for number, target in enumerate(aim):
        truth = merits(features, target)
        best = np.argsort(truth)[:25]
        assert [single.text for single in screen.found[number]] == [features.texts[k] for k in best]
        assert [single.merit for single in screen.found[number]] == pytest.approx(truth[best])


def test_a_product_planted_among_millions_is_found(rng):
    left, right = pool(1500), pool(1600, seed=2, letter="g")
    t = 3 - 2 * left.values[1234] * right.values[567] + 1e-3 * rng.normal(size=ROWS)
    screen = Screen(aims(t)[:1], np.arange(ROWS), keep=10)
    screen.products(left, right, Clock())
    assert screen.seen >= 1500 * 1600
    best = screen.best(1)[0]
    assert best.text == "(f1234)*(g567)"
    assert best.cost == left.costs[1234] + right.costs[567] + 1
    np.testing.assert_array_equal(best.values, left.values[1234] * right.values[567])


def test_only_the_rows_asked_for_are_looked_at(y):
    features, rows = pool(30), np.arange(0, ROWS, 2)
    features.values[:, 1::2] = 1e6
    aim = aims(y)[:1]
    screen = Screen(aim, rows, keep=30)
    screen.pool(features)
    seen = Pool(features.texts, features.costs, features.values[:, rows])
    truth = dict(zip(features.texts, merits(seen, aim[0].rows(rows)), strict=True))
    assert {single.text: single.merit for single in screen.found[0]} == pytest.approx(truth)
    assert screen.found[0][0].values.shape == (ROWS,)


def test_undefined_and_flat_features_are_never_better_than_a_constant(y):
    bad = np.array([np.full(ROWS, np.nan), np.full(ROWS, np.inf), np.ones(ROWS), np.zeros(ROWS)])
    bad = np.concatenate([bad, [np.where(np.arange(ROWS) == 3, np.nan, y)]])
    screen = Screen(aims(y)[:1], np.arange(ROWS), keep=5)
    screen.pool(Pool([*"abcde"], np.ones(5, dtype=int), bad))
    flat = ROWS / 2 * np.log(np.var(y)) + NATS_PER_NODE
    assert all(single.merit == pytest.approx(flat) for single in screen.found[0])


def test_an_exact_feature_counts_as_exact_and_the_simplest_such_wins(y):
    values = np.array([y, 2 * y + 1, y**2])
    screen = Screen(aims(y)[:1], np.arange(ROWS), keep=3)
    screen.pool(Pool(["dear", "cheap", "wrong"], np.array([9, 2, 1]), values))
    assert [single.text for single in screen.found[0]][:2] == ["cheap", "dear"]


def test_rows_of_little_weight_hardly_count(rng):
    f, weight = rng.normal(size=ROWS), np.ones(ROWS)
    t = f.copy()
    t[:20], weight[:20] = 50 * rng.normal(size=20), 1e-9
    plain = Target(OUTPUTS[0], 1.0, t, weight)
    screen = Screen([plain], np.arange(ROWS), keep=2)
    screen.pool(Pool(["true", "other"], np.array([1, 1]), np.array([f, rng.normal(size=ROWS)])))
    assert screen.best(1)[0].text == "true"


def test_products_stop_when_time_is_up(y):
    screen = Screen(aims(y)[:1], np.arange(ROWS), keep=2)
    screen.products(pool(500), pool(500), Clock(1e-9))
    assert screen.seen == 0
