import numpy as np
import pytest
from scipy.optimize import least_squares

from edgewise.symbolic.formula import Formula
from edgewise.symbolic.laws import Law, Term, fit_law, law_template, predicted
from edgewise.symbolic.outputs import OUTPUTS, targets
from edgewise.symbolic.views import View, whole

NAMES = ("a", "b")
OUTPUT = {output.name: output for output in OUTPUTS}
ROWS = 60


def table(rows=ROWS):
    return np.random.default_rng(3).uniform(0.5, 2.0, (rows, 2))


def term(text, X, implicit=False):
    return Term(text, Formula(text, NAMES)(X), implicit)


def law(view, X, texts, output="plain", implicit=()):
    aims = {found.output.name: found for found in targets(view.target, view.weight(), lambda name: True)}
    terms = (*(term(text, X) for text in texts), *(term(text, X, True) for text in implicit))
    return Law(0.0, aims[output], terms, 5)


def noisy(truth, level=0.01):
    return truth * (1 + level * np.random.default_rng(4).normal(size=len(truth)))


X = table()
A, B = X.T
M = A**2
VIEWED = View(("b",), (1,), X[:, 1:], noisy(M * (1 + 0.3 * B)), X, "a**2", M)
CASES = {
    "plain": (whole(X, noisy(1 + 2 * A - B**2), NAMES), ("a", "b**2"), "plain", ()),
    "one term": (whole(X, noisy(np.sin(A) + 3), NAMES), ("sin(a)",), "plain", ()),
    "logarithm": (whole(X, noisy(2 * np.exp(0.5 * A - B)), NAMES), ("a", "b"), "logarithm", ()),
    "reciprocal": (whole(X, noisy(1 / (1 + A * B)), NAMES), ("a*b",), "reciprocal", ()),
    "negative reciprocal": (whole(X, noisy(-1 / (1 + A * B)), NAMES), ("a*b",), "reciprocal", ()),
    "negative logarithm": (whole(X, noisy(-np.exp(A)), NAMES), ("a",), "logarithm", ()),
    "square": (whole(X, noisy(np.sqrt(1 + A * B)), NAMES), ("a*b",), "square", ()),
    "root": (whole(X, noisy((1 + A * B) ** 2), NAMES), ("a*b",), "root", ()),
    "arcsine": (whole(X, noisy(np.sin(0.2 + 0.5 * A)), NAMES), ("a",), "arcsine", ()),
    "rational": (whole(X, noisy((1 + 2 * A) / (1 + 0.7 * B)), NAMES), ("a",), "plain", ("b",)),
    "rational, no top": (whole(X, noisy(2 / (1 + 0.5 * A + B**2)), NAMES), (), "plain", ("a", "b**2")),
    "negative rational": (whole(X, noisy(-(1 + 2 * A) / (1 + 0.7 * B)), NAMES), ("a",), "plain", ("b",)),
    "steep negative rational": (whole(X, noisy(-(1 + A) / (2.1 - B)), NAMES), ("a",), "plain", ("b",)),
    "of a view": (VIEWED, ("b",), "plain", ()),
    "rational of a view": (
        View(("b",), (1,), X[:, 1:], noisy(M / (1 + B)), X, "a**2", M),
        (),
        "plain",
        ("b",),
    ),
}
EACH = pytest.mark.parametrize("case", CASES)


def values_of(some, view, constants):
    """The law written out by hand: ``m T^-1(c0 + sum c f)`` or ``m (c0 + sum c f)/(1 - sum d g)``."""
    plain = [one.values for one in some.terms if not one.implicit]
    inner = constants[0] + sum(c * f for c, f in zip(constants[1:], plain, strict=False))
    below = 1 - sum(
        d * one.values
        for d, one in zip(constants[1 + len(plain) :], [t for t in some.terms if t.implicit], strict=True)
    )
    return some.target.sign * view.m * some.target.output.inverse(inner) / below


@EACH
def test_a_law_is_at_the_least_squares_of_y(case):
    view, texts, output, implicit = CASES[case]
    some = law(view, X, texts, output, implicit)
    fitted = fit_law(some, view)
    best = least_squares(
        lambda k: values_of(some, view, k) - view.y, fitted.constants * 1.05 + 1e-3, xtol=1e-14, ftol=1e-14
    )
    assert fitted.square == pytest.approx(np.mean(best.fun**2), rel=1e-5)
    assert fitted.square == pytest.approx(np.mean((values_of(some, view, fitted.constants) - view.y) ** 2))
    np.testing.assert_allclose(
        values_of(some, view, fitted.constants), values_of(some, view, best.x), rtol=1e-3
    )


@EACH
def test_the_template_has_the_values_of_the_law(case):
    view, texts, output, implicit = CASES[case]
    fitted = fit_law(law(view, X, texts, output, implicit), view)
    written = law_template(fitted, view, NAMES)
    np.testing.assert_allclose(written.predict(X), predicted(fitted, view), rtol=1e-11)
    assert len(written.symbols) == len(written.values) == len(fitted.constants)
    assert written.expression.free_symbols <= {*written.features, *written.symbols}


@EACH
def test_values_are_those_of_the_constants(case):
    view, texts, output, implicit = CASES[case]
    some = law(view, X, texts, output, implicit)
    fitted = fit_law(some, view)
    np.testing.assert_allclose(predicted(fitted, view), values_of(some, view, fitted.constants), rtol=1e-12)
    assert np.mean((predicted(fitted, view) - view.y) ** 2) < 0.1 * np.var(view.y)


@pytest.mark.parametrize("case", ["plain", "one term", "of a view"])
def test_press_is_the_error_of_rows_left_out(case):
    view, texts, _, _ = CASES[case]
    some = law(view, X, texts)
    design = (view.m * np.array([np.ones(ROWS), *(one.values for one in some.terms)])).T
    misses = []
    for row in range(ROWS):
        rest = np.arange(ROWS) != row
        constants = np.linalg.lstsq(design[rest], view.y[rest], rcond=None)[0]
        misses.append(view.y[row] - design[row] @ constants)
    assert fit_law(some, view).expected == pytest.approx(np.mean(np.square(misses)), rel=1e-9)


@pytest.mark.parametrize("case", ["logarithm", "reciprocal", "rational"])
def test_press_of_curved_laws_is_near_that_of_rows_left_out(case):
    view, texts, output, implicit = CASES[case]
    some = law(view, X, texts, output, implicit)
    misses = []
    for row in range(ROWS):
        rest = np.flatnonzero(np.arange(ROWS) != row)
        fewer = whole(X[rest], view.y[rest], NAMES)
        constants = fit_law(law(fewer, X[rest], texts, output, implicit), fewer).constants
        misses.append((values_of(some, view, constants) - view.y)[row])
    assert fit_law(some, view).expected == pytest.approx(np.mean(np.square(misses)), rel=0.05)


@EACH
def test_exact_laws_leave_rounding(case):
    _, texts, output, implicit = CASES[case]
    before, *_ = CASES[case]
    constants = fit_law(law(before, X, texts, output, implicit), before).constants
    exact = values_of(law(before, X, texts, output, implicit), before, constants)
    view = View(before.texts, before.costs, before.u, exact, X, before.factor, before.m)
    fitted = fit_law(law(view, X, texts, output, implicit), view)
    assert fitted.square < (1e-12 * np.std(exact)) ** 2 or fitted.square < 1e-26
    np.testing.assert_allclose(fitted.constants, constants, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("unit", [1e-12, 1e-3, 1e9])
def test_units_of_the_target_and_of_terms_do_not_matter(unit):
    view = whole(X, unit * CASES["plain"][0].y, NAMES)
    some = law(view, X, ("a", "b**2"))
    scaled = Law(0.0, some.target, tuple(Term(t.text, unit * t.values) for t in some.terms), 5)
    one, other = fit_law(some, view), fit_law(scaled, view)
    reference = fit_law(law(CASES["plain"][0], X, ("a", "b**2")), CASES["plain"][0])
    assert one.square == pytest.approx(unit**2 * reference.square, rel=1e-9)
    assert other.square == pytest.approx(one.square, rel=1e-9)
    assert one.expected == pytest.approx(unit**2 * reference.expected, rel=1e-9)


def test_undefined_and_empty_terms_give_no_law():
    view = CASES["plain"][0]
    for values in (np.full(ROWS, np.nan), np.zeros(ROWS), np.where(np.arange(ROWS) == 0, np.inf, 1.0)):
        some = Law(0.0, law(view, X, ()).target, (Term("a", values),), 1)
        assert fit_law(some, view) is None


def test_a_law_that_leaves_its_transforms_range_gives_none_or_finite_values():
    y = np.where(A > 1.9, 1e-9, A)  # a square near 0 at the end of a steep line
    view = whole(X, y, NAMES)
    fitted = fit_law(law(view, X, ("a", "a**3"), "square"), view)
    assert fitted is None or np.isfinite(predicted(fitted, view)).all()


def test_repeated_terms_do_no_harm():
    view = CASES["plain"][0]
    once, twice = (fit_law(law(view, X, texts), view) for texts in (("a",), ("a", "a")))
    assert twice.square == pytest.approx(once.square)
    np.testing.assert_allclose(predicted(twice, view), predicted(once, view))


def test_the_key_tells_laws_apart_by_transform_terms_and_place():
    view = CASES["reciprocal"][0]
    laws = [
        law(view, X, ("a",)),
        law(view, X, ("b",)),
        law(view, X, ("a",), "reciprocal"),
        law(view, X, (), implicit=("a",)),
    ]
    assert len({one.key for one in laws}) == 4
    assert law(view, X, ("a",)).key == laws[0].key
