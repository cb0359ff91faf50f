import numpy as np
import pytest
from scipy.optimize import curve_fit

from edgewise.symbolic import Formula
from edgewise.symbolic.constants import lifted, standard_errors
from edgewise.symbolic.parser import parse


def opened(text, *names):
    return lifted(parse(text, names), names)


@pytest.mark.parametrize(
    ("text", "template", "values", "exact"),
    [
        ("2.5*x**2 + 1", "k1*x**2 + k2", (2.5, 1), (False, True)),
        ("-x + sqrt(y)/x", "-x + sqrt(y)/x", (), ()),
        ("x**1.7 - x**(3/2)", "-x**k1 + x**k2", (1.7, 1.5), (False, True)),
        ("2*pi*sqrt(x/y)", "k1*sqrt(x/y)", (2 * np.pi,), (True,)),
        ("3.1*pi*x", "pi*k1*x", (3.1,), (False,)),
        ("3.1*x + 3.1*y", "k1*x + k2*y", (3.1, 3.1), (False, False)),
        ("1.234*x*exp(-1.234*y)", "k1*x*exp(-k1*y)", (1.234,), (False,)),
        ("exp(-x/2)", "exp(k1*x)", (-0.5,), (True,)),
        ("1/(exp(1.5*x) - 1)", "1/(k2 + exp(k1*x))", (1.5, -1), (False, True)),
        ("7", "k1", (7,), (True,)),
        ("2.5", "k1", (2.5,), (False,)),
        ("x", "x", (), ()),
        ("0", "0", (), ()),
    ],
)
def test_numbers_become_constants_and_the_shape_stays(text, template, values, exact):
    found = opened(text, "x", "y")
    assert dict(zip(found.values, found.exact, strict=True)) == pytest.approx(
        dict(zip(values, exact, strict=True))
    )
    assert found.text() == template
    X = np.random.default_rng(0).uniform(0.5, 2, (20, 2))
    np.testing.assert_allclose(found.predict(X), Formula(text, ("x", "y"))(X), rtol=1e-12)


def test_labels_avoid_the_names_of_columns():
    assert opened("2.5*k1 + c2*1.5", "k1", "c2").labels() == ("p1", "p2")


def test_slopes_are_those_of_finite_differences(rng):
    found = opened("1.3*x*exp(-0.7*y) + x**1.4", "x", "y")
    X = rng.uniform(0.5, 2, (10, 2))
    for k, column in enumerate(found.jacobian(X).T):
        step = np.zeros(3)
        step[k] = 1e-6
        up, down = (found.predict(X, np.array(found.values) + sign * step) for sign in (1, -1))
        np.testing.assert_allclose(column, (up - down) / 2e-6, rtol=1e-6)


def test_errors_are_those_of_curve_fit(rng):
    x = rng.uniform(0.5, 3, 60)
    y = 2 * np.exp(-0.8 * x) + 0.3 + 0.02 * rng.normal(size=60)
    best, covariance = curve_fit(lambda x, a, b, c: a * np.exp(b * x) + c, x, y, (2.0, -0.8, 0.3))
    a, b, c = (repr(float(number)) for number in best)
    found = opened(f"{a}*exp({b}*x) + {c}", "x")
    mine = dict(zip(found.values, standard_errors(found, x[:, None], y), strict=True))
    for value, error in zip(best, np.sqrt(np.diag(covariance)), strict=True):
        assert mine[float(value)] == pytest.approx(error, rel=1e-3)


def test_a_constant_that_stands_twice_is_one(rng):
    x = rng.uniform(0.5, 2, 60)

    def rise(x, a, b):
        return np.exp(b * x) * np.tanh(b * x) + a

    y = rise(x, 2.0, 1.2345) + 0.01 * rng.normal(size=60)
    best, covariance = curve_fit(rise, x, y, (2.0, 1.2345))
    a, b = (float(number) for number in best)
    found = opened(f"exp({b!r}*x)*tanh({b!r}*x) + {a!r}", "x")
    mine = dict(zip(found.values, standard_errors(found, x[:, None], y), strict=True))
    assert mine == pytest.approx(dict(zip((a, b), np.sqrt(np.diag(covariance)), strict=True)), rel=1e-3)


def test_an_exact_number_is_freed_beside_the_fitted_ones(rng):
    x = rng.uniform(0.5, 3, 80)
    y = 2.3 * x + 1 + 0.1 * rng.normal(size=80)
    found = opened("2.3*x + 1", "x")
    errors = dict(zip(found.written, standard_errors(found, x[:, None], y), strict=True))
    design = np.column_stack([x, np.ones(80)])
    square = np.sum((2.3 * x + 1 - y) ** 2)
    both = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * square / 78)
    assert errors["1"] == pytest.approx(both[1])
    assert errors["2.3"] == pytest.approx((square / 79 / np.sum(x**2)) ** 0.5)


def test_constants_that_the_rows_cannot_tell_apart_are_open(rng):
    X = rng.uniform(0.5, 1, (30, 1))
    found = opened("log(1.5*x + 0.0) + 0.2 + 0.3*x", "x")
    errors = dict(zip(found.written, standard_errors(found, X, found.predict(X) + 0.1), strict=True))
    assert np.isinf([errors["1.5"], errors["0.2"]]).all()
    assert np.isfinite(errors["0.3"])
    assert np.isinf(standard_errors(opened("1.5*x", "x"), X[:1], X[:1, 0])).all()


def test_errors_have_no_value_where_the_formula_has_none():
    X = np.linspace(-1, 1, 10)[:, None]
    assert np.isnan(standard_errors(opened("1.5*log(x)", "x"), X, X[:, 0])).all()


def test_refitting_moves_the_free_constants_alone(rng):
    X = rng.uniform(0.5, 3, (50, 1))
    y = 3 * X[:, 0] ** 1.5 + 2
    found = opened("2.5*x**1.3 + 2.0", "x")
    free = [k for k, value in enumerate(found.values) if value != 2.0]
    values = found.refitted(X, y, free)
    assert sorted(values) == pytest.approx([1.5, 2, 3])
    assert values[next(k for k in range(3) if k not in free)] == 2.0
    assert found.refitted(X[:1], y[:1], free) == found.values
