import numpy as np
import pytest

from edgewise.symbolic.residuals import TOGETHER, structure

NAMES = ("a", "b", "c")


def chances(X, residuals, seed=0):
    return structure(X, residuals, NAMES[: X.shape[1]], np.random.default_rng(seed))


def test_noise_looks_like_noise_but_for_the_promised_share(rng):
    found = [chances(rng.uniform(size=(60, 2)), rng.normal(size=60), seed) for seed in range(60)]
    lowest = np.array([min(one.values()) for one in found])
    assert (lowest < 0.1).sum() <= 14  # 6 expected
    assert (lowest < 0.5).sum() >= 15  # 30 expected: not simply always sure of noise


def test_what_was_left_out_is_named(rng):
    X = rng.uniform(-1, 1, (200, 3))
    found = chances(X, 0.5 * np.sin(4 * X[:, 1]) + 0.2 * rng.normal(size=200))
    assert found["b"] == 0.001
    assert min(found["a"], found["c"]) > 0.05
    assert set(found) == {*NAMES, TOGETHER}


def test_an_interaction_shows_in_all_inputs_together(rng):
    X = rng.uniform(-1, 1, (300, 2))
    found = chances(X, X[:, 0] * X[:, 1] + 0.1 * rng.normal(size=300))
    assert found[TOGETHER] < 0.01


def test_equal_values_do_not_borrow_structure_from_other_columns(rng):
    grid, few = np.linspace(0, 1, 100), np.tile([0.0, 1.0], 50)
    found = chances(np.column_stack([grid, np.sort(few)]), np.sin(40 * grid))
    assert found["a"] < 0.01
    assert found["b"] > 0.05


@pytest.mark.parametrize("scale", [1e-160, 1.0, 1e150])
def test_scales_change_nothing(scale, rng):
    X, residuals = rng.uniform(size=(40, 2)), rng.normal(size=40)
    assert chances(X * scale, residuals * scale) == chances(X, residuals)


def test_where_nothing_can_be_said_nothing_is(rng):
    X = rng.uniform(size=(40, 2))
    assert chances(X[:7], rng.normal(size=7)) == {}
    assert chances(X, np.zeros(40)) == {}
    assert chances(np.ones((40, 2)), rng.normal(size=40)) == {}
    assert chances(X, np.where(np.arange(40) < 35, np.nan, 1.0)) == {}
    assert list(chances(np.column_stack([X[:, 0], np.ones(40)]), rng.normal(size=40))) == ["a"]


def test_many_rows_are_sampled(rng):
    X = rng.uniform(size=(20_000, 2))
    assert chances(X, np.sin(5 * X[:, 0]) + 0.1 * rng.normal(size=20_000))["a"] == 0.001


def test_rows_that_come_twice_are_no_trouble(rng):
    X = np.repeat(rng.uniform(size=(20, 2)), 5, axis=0)
    assert min(chances(X, rng.normal(size=100)).values()) > 0.001
