import numpy as np
import pytest

from edgewise.symbolic.formula import Formula
from edgewise.symbolic.views import View, whole

NAMES = ("a", "b")


@pytest.fixture
def X(rng):
    return rng.uniform(0.5, 2.0, (12, 2))


@pytest.fixture
def view(X):
    """``y = a**2 f(a*b)`` with a factor that is negative in places."""
    m = X[:, 0] ** 2 - 1
    return View(("(a*b)",), (3,), (X[:, 0] * X[:, 1])[:, None], np.sin(X[:, 0]), X, "(a**2 - 1)", m)


def test_the_whole_table_is_a_view_that_changes_nothing(X):
    y = X[:, 0] - X[:, 1]
    found = whole(X, y, NAMES)
    assert (found.texts, found.costs, found.factor) == (NAMES, (1, 1), "1")
    np.testing.assert_array_equal(found.target, y)
    np.testing.assert_array_equal(found.weight(), np.ones(12))
    pool = found.columns()
    assert pool.texts == [*NAMES]
    np.testing.assert_array_equal(pool.values, X.T)
    np.testing.assert_array_equal(found.X, X)


def test_the_factor_times_the_target_is_y(view):
    np.testing.assert_allclose(view.m * view.target, view.y, rtol=1e-15)


def test_texts_say_the_columns_and_the_factor(view, X):
    np.testing.assert_allclose(Formula(view.texts[0], NAMES)(X), view.u[:, 0])
    np.testing.assert_allclose(Formula(view.factor, NAMES)(X), view.m)


def test_the_weight_is_the_change_of_y_with_the_target(view):
    step = 1e-6
    change = np.abs(view.m * (view.target + step) - view.m * view.target) / step
    np.testing.assert_allclose(view.weight(), change, rtol=1e-6)
    assert (view.weight() >= 0).all()


def test_columns_keep_what_they_cost(view):
    pool = view.columns()
    assert pool.costs.tolist() == [3]
    assert pool.values.shape == (1, 12)
