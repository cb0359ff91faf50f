import numpy as np
import pytest
import sympy

from edgewise.symbolic.lifting import column_names, lifted
from edgewise.symbolic.opening import opened
from edgewise.symbolic.views import View, whole

NAMES = ("a", "b", "c")


@pytest.fixture
def X(rng):
    return rng.uniform(0.5, 2.0, (20, 3))


def viewed(X):
    a, b, c = X.T
    return View(("(a*b)", "c"), (3, 1), np.column_stack([a * b, c]), a**2, X, "a**2", a**2)


def test_columns_of_a_view_have_plain_names(X):
    assert column_names(viewed(X)) == ("z0", "z1")


@pytest.mark.parametrize("text", ["2.5*sin(1.5*z0) + z1", "z0", "0.5", "exp(-0.3*z0*z1)/(1 + z1**2)"])
def test_a_formula_of_the_view_has_the_tables_values_when_lifted(text, X):
    view = viewed(X)
    inner = opened(text, column_names(view))
    outer = lifted(inner, view, NAMES)
    np.testing.assert_allclose(outer.predict(X), view.m * inner.predict(view.u), rtol=1e-13)


def test_constants_keep_their_names_and_values(X):
    view = viewed(X)
    inner = opened("2.5*sin(1.5*z0) + z1", column_names(view))
    outer = lifted(inner, view, NAMES)
    assert (outer.symbols, outer.values) == (inner.symbols, inner.values)
    assert [symbol.name for symbol in outer.features] == [*NAMES]
    assert outer.expression.free_symbols <= {*outer.features, *outer.symbols}


def test_moving_a_constant_moves_both_alike(X):
    view = viewed(X)
    inner = opened("2.5*sin(1.5*z0) + z1", column_names(view))
    outer = lifted(inner, view, NAMES)
    values = np.array(inner.values) + 0.1
    np.testing.assert_allclose(outer.predict(X, values), view.m * inner.predict(view.u, values), rtol=1e-13)


def test_columns_of_the_table_may_be_called_like_those_of_the_view(X):
    names = ("z1", "z0", "c")
    view = View(("z1", "z0"), (1, 1), X[:, :2], X[:, 0], X, "1", np.ones(1))
    inner = opened("z0 - 2*z1", column_names(view))
    np.testing.assert_allclose(lifted(inner, view, names).predict(X), X[:, 0] - 2 * X[:, 1])


def test_a_whole_table_is_lifted_by_name_alone(X):
    view = whole(X, X[:, 0], NAMES)
    found = lifted(opened("z0*z2", column_names(view)), view, NAMES)
    assert found.expression == sympy.Symbol("a", real=True) * sympy.Symbol("c", real=True)
