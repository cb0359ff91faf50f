from functools import cache

import numpy as np
import pytest
import torch

from edgewise.symbolic.surrogate import surrogate
from edgewise.symbolic.views import View, whole
from edgewise.train.clock import Clock

LAWS = {
    "sum": (lambda a, b: np.sin(2 * a) + b**2, lambda a, b: (2 * np.cos(2 * a), 2 * b)),
    "product": (lambda a, b: a * np.exp(-b), lambda a, b: (np.exp(-b), -a * np.exp(-b))),
    "nested": (lambda a, b: np.exp(np.sin(a + b)), lambda a, b: 2 * (np.cos(a + b) * np.exp(np.sin(a + b)),)),
    "of many sizes": (
        lambda a, b: np.exp(3 * a + 2 * b),
        lambda a, b: (3 * np.exp(3 * a + 2 * b), 2 * np.exp(3 * a + 2 * b)),
    ),
    "negative": (
        lambda a, b: -np.exp(3 * a + 2 * b),
        lambda a, b: (-3 * np.exp(3 * a + 2 * b), -2 * np.exp(3 * a + 2 * b)),
    ),
}
NAMES = ("a", "b")


def table(rows=300, seed=0):
    return np.random.default_rng(seed).uniform(0.3, 2.0, (rows, 2))


@cache
def known_of(name):
    law, slopes = LAWS[name]
    X = table(200)
    return X, law(*X.T), np.stack(slopes(*X.T), axis=1), surrogate(whole(X, law(*X.T), NAMES), 0, Clock(20))


FAST = ("product",)


@pytest.fixture(params=[pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in LAWS])
def learned(request):
    return known_of(request.param)


def share(miss, whole):
    """Root mean square of a miss over that of the whole."""
    return np.sqrt(np.mean(miss**2) / np.mean(whole**2))


def test_values_are_those_of_the_function(learned):
    _, y, _, known = learned
    assert known.values.shape == y.shape
    assert share(known.values - y, y - y.mean()) < 0.02


def test_slopes_are_its_derivatives(learned):
    _, _, slopes, known = learned
    assert known.slopes.shape == slopes.shape
    for k in range(2):
        assert share(known.slopes[:, k] - slopes[:, k], slopes[:, k]) < 0.05


def test_the_error_is_about_what_other_rows_see(learned):
    _, y, _, known = learned
    assert 0 <= known.error < 0.02
    assert share(known.values - y, y - y.mean()) < 5 * known.error + 1e-6


def test_a_view_is_learned_in_its_own_columns_and_without_its_factor():
    X = table(100)
    product, m = X[:, 0] * X[:, 1], X[:, 0] ** 3
    view = View(("(a*b)",), (3,), product[:, None], m * np.cos(product), X, "a**3", m)
    known = surrogate(view, 0, Clock(10))
    assert share(known.values - np.cos(product), np.cos(product)) < 0.02
    assert share(known.slopes[:, 0] + np.sin(product), np.sin(product)) < 0.1


@pytest.mark.slow
def test_noise_is_seen_in_the_error_and_not_learned():
    X = table(600)
    truth = np.sin(2 * X[:, 0]) + X[:, 1] ** 2
    y = truth + 0.1 * truth.std() * np.random.default_rng(1).normal(size=600)
    known = surrogate(whole(X, y, NAMES), 0, Clock(20))
    assert 0.07 < known.error < 0.15
    assert share(known.values - truth, truth - truth.mean()) < 0.06


def test_pure_noise_is_known_to_be_unknown():
    X = table(60)
    known = surrogate(whole(X, np.random.default_rng(1).normal(size=60), NAMES), 0, Clock(10))
    assert known is None or known.error > 0.8


def test_the_same_seed_gives_the_same_and_nothing_global_moves():
    X = table(40)
    view = whole(X, X[:, 0] * X[:, 1], NAMES)
    before = torch.get_rng_state().tolist()
    one, other = surrogate(view, 3, Clock()), surrogate(view, 3, Clock())
    np.testing.assert_array_equal(one.slopes, other.slopes)
    assert one.error == other.error
    assert torch.get_rng_state().tolist() == before


def test_time_is_kept():
    X = table(2000)
    clock = Clock(1.0)
    surrogate(whole(X, np.random.default_rng(1).normal(size=2000), NAMES), 0, clock)
    assert clock.seconds < 2.5
