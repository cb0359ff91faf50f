from math import inf

import numpy as np
import pytest

from edgewise.symbolic.laws import FittedLaw, Law, Term, fit_law
from edgewise.symbolic.outputs import targets
from edgewise.symbolic.refine import length, promising
from edgewise.symbolic.views import whole
from edgewise.train.clock import Clock

NAMES = ("a",)
ROWS = 50


@pytest.fixture
def view(rng):
    X = rng.uniform(0.5, 2.0, (ROWS, 1))
    return whole(X, 1 + 2 * X[:, 0] + 0.01 * rng.normal(size=ROWS), NAMES)


def aim(view):
    return next(targets(view.target, view.weight(), lambda name: True))


def law(view, values, merit=0.0, cost=1, text="a"):
    return Law(merit, aim(view), (Term(text, values),), cost)


def fitted(view, expected, cost=1, constants=2):
    return FittedLaw(law(view, view.u[:, 0], cost=cost), np.ones(constants), expected, expected)


def test_half_the_error_is_worth_so_many_nats(view):
    gain = length(fitted(view, 0.02), view) - length(fitted(view, 0.01), view)
    assert gain == pytest.approx(ROWS / 2 * np.log(2))


def test_nodes_and_constants_are_paid_for(view):
    plain = length(fitted(view, 0.01), view)
    assert length(fitted(view, 0.01, cost=4), view) - plain == pytest.approx(6)
    assert length(fitted(view, 0.01, constants=3), view) - plain == pytest.approx(4)


def test_below_rounding_only_the_formula_counts(view):
    exact, nearly = (length(fitted(view, square, cost=2), view) for square in (0.0, 1e-26))
    assert exact == nearly < length(fitted(view, 1e-8, cost=2), view)
    assert length(fitted(view, 1e-26, cost=1), view) < length(fitted(view, 0.0, cost=2), view)


@pytest.mark.parametrize("expected", [inf, np.nan])
def test_what_is_not_defined_is_infinitely_long(view, expected):
    assert length(fitted(view, expected), view) == inf


def test_units_of_the_target_do_not_change_the_order(view):
    scaled = whole(view.u, 1e6 * view.y, NAMES)
    one = length(fitted(view, 0.02), view) - length(fitted(view, 0.01, cost=9), view)
    other = length(fitted(scaled, 0.02e12), scaled) - length(fitted(scaled, 0.01e12, cost=9), scaled)
    assert one == pytest.approx(other)


def test_laws_are_fitted_the_most_promising_first_and_each_once(view):
    a = view.u[:, 0]
    laws = [
        law(view, a**2, 2.0, text="a**2"),
        law(view, a, 1.0),
        law(view, a, 1.5),
        law(view, a**3, 3, text="a**3"),
    ]
    found = promising(laws, view, Clock())
    assert [one.law.terms[0].text for one in found] == ["a", "a**2", "a**3"]
    assert found[0].square == pytest.approx(fit_law(laws[1], view).square)


def test_laws_far_behind_are_left(view):
    a = view.u[:, 0]
    found = promising([law(view, a, 1.0), law(view, a**2, 1e4, text="a**2")], view, Clock())
    assert [one.law.terms[0].text for one in found] == ["a"]


def test_laws_that_cannot_be_fitted_are_left_out(view):
    laws = [law(view, np.full(ROWS, np.nan), 0.0, text="log(-a)"), law(view, view.u[:, 0], 1.0)]
    assert [one.law.terms[0].text for one in promising(laws, view, Clock())] == ["a"]


def test_nothing_in_nothing_out(view):
    assert promising([], view, Clock()) == []
    assert promising([law(view, view.u[:, 0])], view, Clock(1e-9)) == []
