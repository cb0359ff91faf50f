import numpy as np
import pytest
import sympy

from edgewise.symbolic.parser import parse
from edgewise.symbolic.snap import foresight, loss, significant_digits, snapped, standard_errors
from edgewise.symbolic.template import Template


def written(text, **constants):
    """A template in ``x`` with named constants."""
    symbols = {name: sympy.Symbol(name, real=True) for name in ("x", *constants)}
    found = parse(text, list(symbols))
    return Template(
        found,
        (symbols["x"],),
        tuple(symbols[name] for name in constants),
        tuple(float(value) for value in constants.values()),
    )


def rows(law, noise=0.0, count=100, low=0.1, high=2.0):
    rng = np.random.default_rng(0)
    X = rng.uniform(low, high, (count, 1))
    return X, law(X[:, 0]) + noise * rng.normal(size=count)


def line(slope, noise=0.0, count=100):
    """What becomes of ``k*x`` on rows of a straight line."""
    X, y = rows(lambda x: slope * x, noise, count)
    return snapped(written("k*x", k=1.0), X, y)


def at(found, x=1.0):
    return found.predict(np.array([[x]]))[0]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (2.0, "2"),
        (-3.0, "-3"),
        (1.5, "3/2"),
        (-1 / 3, "-1/3"),
        (7 / 12, "7/12"),
        (np.pi, "pi"),
        (-2 * np.pi, "-2*pi"),
        (np.pi / 4, "pi/4"),
        (1 / np.pi, "1/pi"),
        (2**0.5, "sqrt(2)"),
        (-(0.5**0.5), "-sqrt(1/2)"),
        (np.pi**0.5, "sqrt(pi)"),
        ((2 / np.pi) ** 0.5, "sqrt(2/pi)"),
        (100.0, "100"),
    ],
)
def test_exact_numbers_are_recognised_in_noiseless_rows(value, number):
    found = line(value)
    assert found.symbols == ()
    assert found.expression.equals(parse(number, []) * sympy.Symbol("x", real=True))


@pytest.mark.parametrize("value", [2.37, 0.061, 1.25e-9, 3.1e20, 6e23, 1e140])
def test_a_short_decimal_in_noiseless_rows_is_written_short(value):
    found = line(value)
    text = found.text(significant_digits(found, *rows(lambda x: value * x)))
    assert len(text) <= len("1.0e+140*x")
    assert float(parse(text, ["x"]).subs(sympy.Symbol("x", real=True), 1)) == value


@pytest.mark.parametrize(
    "value", [3.1416, 3.14159265, 1.4142, 0.3333333, 2.0000001, 0.707, 9.81, 6.022e23, 1e-7]
)
def test_a_number_that_only_comes_near_stays_as_it_is(value):
    found = line(value)
    text = found.text(significant_digits(found, *rows(lambda x: value * x)))
    assert "pi" not in text
    assert "sqrt" not in text
    assert float(parse(text, ["x"]).subs(sympy.Symbol("x", real=True), 1)) == pytest.approx(value, rel=1e-12)
    assert at(found) == pytest.approx(value, rel=1e-12)


def test_a_constant_known_to_a_fifth_of_itself_stays():
    """2.31 +- 0.4 is written so, not as 2 or 5/2."""
    X, y = rows(lambda x: 2.31 * x)
    error = 0.4 * np.linalg.norm(X)
    noise = np.random.default_rng(1).normal(size=len(X))
    noise -= X[:, 0] * (noise @ X[:, 0]) / (X[:, 0] @ X[:, 0])
    y = y + noise * error / noise.std()
    found = snapped(written("k*x", k=1.0), X, y)
    assert standard_errors(found, X, y)[0] == pytest.approx(0.4, rel=0.02)
    assert found.values == (pytest.approx(2.31),)


def test_a_whole_number_known_well_is_recognised_through_noise():
    assert line(2.0, noise=0.01).symbols == ()


def test_noise_does_not_turn_one_number_into_another():
    for value in (2.31, 1.93, 3.1, 0.72):
        assert at(line(value, noise=0.01, count=400)) == pytest.approx(value, abs=0.005)


def test_a_constant_that_does_nothing_is_dropped():
    X, y = rows(lambda x: 2.3456789 * x)
    found = snapped(written("a*x + b*x**3 + c", a=2.0, b=0.5, c=0.1), X, y)
    assert at(found, 0.0) == 0.0
    assert at(found, 100.0) == pytest.approx(234.56789)


def test_a_term_within_the_noise_is_dropped_and_one_above_it_kept():
    X, y = rows(lambda x: 2.37 * x + 0.53 * x**3, noise=0.05, count=200)
    found = snapped(written("a*x + b*x**3 + c*sin(7*x)", a=1.0, b=1.0, c=1.0), X, y)
    assert not found.expression.has(sympy.sin)
    assert found.expression.has(sympy.Symbol("x", real=True) ** 3)


def test_the_others_are_refitted_around_an_exact_number():
    X, y = rows(lambda x: 2.3456789 * np.sin(np.pi * x) + 0.7654321)
    found = snapped(written("a*sin(b*x) + c", a=2.0, b=3.0, c=1.0), X, y)
    assert found.values == (pytest.approx(2.3456789, rel=1e-10), pytest.approx(0.7654321, rel=1e-10))
    assert sympy.pi in found.expression.atoms(sympy.NumberSymbol)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_exact_numbers_inside_are_found_whatever_the_targets_unit(unit):
    X, y = rows(lambda x: 2.3456789 * unit * np.exp(-(x**2) / 2))
    found = snapped(written("a*exp(b*x**2)", a=2.0 * unit, b=-0.6), X, y)
    assert len(found.symbols) == 1
    assert sympy.Rational(-1, 2) in found.expression.atoms(sympy.Rational)


def test_an_offset_does_not_hide_exact_numbers():
    X, y = rows(lambda x: np.sin(3 * x) + 1e4)
    found = snapped(written("a*sin(b*x) + c", a=0.9, b=3.1, c=1e4), X, y)
    assert found.symbols == ()


def test_the_given_template_is_left_alone():
    X, y = rows(lambda x: 2 * x)
    given = written("k*x", k=1.3)
    snapped(given, X, y)
    assert given.values == (1.3,)


def test_settling_never_loses_a_noiseless_fit():
    X, y = rows(lambda x: 1.23456 * np.exp(-0.77777 * x) + 0.12345)
    found = snapped(written("a*exp(b*x) + c", a=1.0, b=-1.0, c=0.0), X, y)
    assert loss(found, X, y) < 1e-24
    assert len(found.symbols) == 3


def test_standard_errors_are_those_of_ordinary_least_squares():
    X, y = rows(lambda x: 3 * x + 1, noise=0.3)
    found = written("a*x + b", a=1.0, b=0.0).fitted(X, y, [0, 1])
    design = np.column_stack([X[:, 0], np.ones(len(X))])
    variance = ((y - found.predict(X)) ** 2).sum() / (len(X) - 2)
    expected = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * variance)
    np.testing.assert_allclose(standard_errors(found, X, y), expected, rtol=1e-9)


def test_a_constant_the_data_leave_open_has_no_finite_error():
    X, y = rows(lambda x: x)
    assert standard_errors(written("x + 0*k*x + k*(x - x)", k=1.0), X, y).tolist() == [np.inf]


def test_constants_fixed_only_together_have_no_finite_errors():
    X, y = rows(lambda x: 1.7 / (1 + x) + x)
    found = written("a/(b + c*x) + d*x", a=1.5, b=0.9, c=0.9, d=1.0).fitted(X, y, range(4), steps=60)
    assert np.isinf(standard_errors(found, X, y)).tolist() == [True, True, True, False]


@pytest.mark.parametrize(("lead", "offset"), [(1.7, 1.0), (1.0, 0.37), (2.9, 1.0)])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_superfluous_constant_goes_and_the_others_become_simple(lead, offset, noise):
    X, y = rows(lambda x: lead / (offset + x**2) + 0.25 * x, noise)
    found = snapped(written("a/(b + c*x**2) + d*x", a=1.4, b=0.8, c=0.9, d=0.2), X, y)
    assert len(found.symbols) < 4
    if not noise:
        numbers = [1.0, *map(float, found.expression.atoms(sympy.Number)), *found.values]
        assert all(np.isclose(numbers, value, rtol=1e-10).any() for value in (lead, offset))
    np.testing.assert_allclose(found.predict(X), y, atol=1e-9 + 4 * noise)


def test_foresight_is_the_error_of_leaving_rows_out_one_at_a_time():
    X, y = rows(lambda x: 3 * x + 1, noise=0.3, count=12)
    given = written("a*x + b", a=1.0, b=0.0)
    left_out = []
    for row in range(len(y)):
        others = np.arange(len(y)) != row
        fitted = given.fitted(X[others], y[others], [0, 1])
        left_out.append((fitted.predict(X[[row]])[0] - y[row]) ** 2)
    fitted = given.fitted(X, y, [0, 1])
    assert foresight(fitted, X, y) == pytest.approx(np.mean(left_out), rel=1e-6)
    assert foresight(fitted, X[:2], y[:2]) == np.inf


def test_a_loss_is_a_mean_square_with_a_floor_and_infinite_where_undefined():
    X, y = rows(lambda x: 2 * x)
    assert loss(written("k*x", k=1.0), X, y) == pytest.approx(np.mean(X**2))
    assert 0 < loss(written("k*x", k=2.0), X, y) < 1e-24
    assert loss(written("k*log(-x)", k=1.0), X, y) == np.inf


def test_digits_are_as_many_as_the_error_warrants():
    X, y = rows(lambda x: 2.31234567 * x, noise=0.1)
    found = written("k*x", k=1.0).fitted(X, y, [0])
    (digits,) = significant_digits(found, X, y)
    (error,) = standard_errors(found, X, y)
    assert abs(float(f"{found.values[0]:.{digits}g}") - found.values[0]) < error / 10
    assert digits < 8
    assert significant_digits(found, X, 2.31234567 * X[:, 0]) >= [digits]


def test_noiseless_rows_warrant_all_digits():
    X, y = rows(lambda x: 2.31234567 * x)
    found = written("k*x", k=1.0).fitted(X, y, [0])
    assert significant_digits(found, X, y)[0] >= 14


@pytest.mark.parametrize("size", [1e-250, 1e-12, 1e12, 1e250])
def test_constants_of_any_weight_have_an_error_without_a_warning(size):
    X, y = rows(lambda x: 3 * x + 1, noise=0.3)
    plain = standard_errors(written("a*x + b", a=3.0, b=1.0), X, y)
    weighed = standard_errors(written(f"{size}*a*x + b", a=3.0 / size, b=1.0), X, y)
    np.testing.assert_allclose(weighed * [size, 1.0], plain, rtol=1e-6)
