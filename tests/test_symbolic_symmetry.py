import numpy as np
import pytest
import sympy

from edgewise.symbolic.formula import Formula
from edgewise.symbolic.parser import parse
from edgewise.symbolic.surrogate import Surrogate, surrogate
from edgewise.symbolic.symmetry import CERTAIN, LIKELY, PAIRINGS, reduced, steps
from edgewise.symbolic.views import View, whole
from edgewise.train.clock import Clock

NAMES = ("a", "b", "c")


def seen(text, names=NAMES, low=0.5, high=2.0, rows=300):
    """A law's table and what a perfect surrogate would say of it: its own values and derivatives."""
    X = np.random.default_rng(7).uniform(low, high, (rows, len(names)))
    y, law = Formula(text, names)(X), parse(text, names)
    slopes = [Formula(str(sympy.diff(law, sympy.Symbol(n, real=True))), names)(X) for n in names]
    return whole(X, y, names), Surrogate(y, np.stack(slopes, axis=1), 0.0, None)


def mismatches(text, **settings):
    return {step.name: step.mismatch for step in steps(*seen(text, **settings))}


TRUE = [
    ("exp(a)*sin(b)", "without c"),
    ("a**2*exp(b - c**2)", "a**(2)"),
    ("a*b + a*c**2", "a**(1)"),
    ("sqrt(a)*(b + sin(c))", "a**(1/2)"),
    ("(b + sin(c))/a**(3/2)", "a**(-3/2)"),
    ("sin(a - b)*c", "(a - b)"),
    ("exp(-(a + b)) + c", "(a + b)"),
    ("sin(a*b) + c", "(a*b)"),
    ("log(1 + a/c)*b", "(a/c)"),
    ("exp(-(a**2 + b**2)) + c", "(a**2 + b**2)"),
    ("cos(a**2 - b**2) + c", "(a**2 - b**2)"),
    ("sin(a*b**2) + c", "(a*b**2)"),
    ("sin(a**2*b) + c", "(a**2*b)"),
    ("sin(a/b**2) + c", "(a/b**2)"),
    ("sin(a**2/b) + c", "(a**2/b)"),
    ("b**2*sin(a/b) + b**2*c", "b**(2) and (a/b)"),
    ("sin(a*b)*c/b", "b**(-1) and (a*b)"),
]
FALSE = [
    ("exp(a)*sin(b) + 0.3*c", "without c"),
    ("exp(a) + b*c", "a**(1)"),
    ("a**2 + b*c", "a**(2)"),
    ("a*b + c", "(a - b)"),
    ("a*b + c", "(a + b)"),
    ("exp(a - b) + c", "(a*b)"),
    ("sin(a + 2*b) + c", "(a + b)"),
    ("exp(a*b) + c", "(a/b)"),
    ("exp(-a**2 - 2*b**2) + c", "(a**2 + b**2)"),
    ("cos(a**2 + b**2) + c", "(a**2 - b**2)"),
    ("sin(a*b) + c", "(a*b**2)"),
    ("sin(a**2*b) + c", "(a/b**2)"),
    ("a + b**2/c", "b**(1) and (a/b)"),
    ("sin(a)*b + c", "b**(1) and (a*b)"),
]


@pytest.mark.parametrize(("text", "name"), TRUE)
def test_a_true_structure_agrees_with_exact_derivatives(text, name):
    assert mismatches(text).get(name) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("text", "name"), FALSE)
def test_a_false_structure_does_not(text, name):
    assert mismatches(text).get(name, np.inf) > 2 * CERTAIN


@pytest.mark.parametrize("text", sorted({text for text, _ in TRUE + FALSE}))
def test_a_step_near_certain_is_true_of_the_law(text):
    """Applied, it leaves columns that determine the target: polynomials in them follow it."""
    view, known = seen(text, rows=400)
    for step in steps(view, known):
        if step.mismatch > 1e-9:
            continue
        smaller = step.apply(view, step.columns)
        assert smaller.u.shape[1] < 3
        unit = (smaller.u - smaller.u.mean(0)) / smaller.u.std(0)
        design = np.stack([unit[:, 0] ** i * unit[:, -1] ** j for i in range(9) for j in range(9)], axis=1)
        rest = smaller.target - design @ np.linalg.lstsq(design, smaller.target, rcond=1e-10)[0]
        assert rest.std() < 0.02 * smaller.target.std(), step.name


@pytest.mark.parametrize(("text", "name"), TRUE)
def test_a_step_leads_to_a_view_of_the_same_table(text, name):
    view, known = seen(text)
    step = next(step for step in steps(view, known) if step.name == name)
    smaller = step.apply(view, step.columns)
    assert len(smaller.texts) == len(smaller.costs) == smaller.u.shape[1] == 2
    for k, column in enumerate(smaller.texts):
        np.testing.assert_allclose(Formula(column, NAMES)(view.u), smaller.u[:, k], rtol=1e-12)
    np.testing.assert_allclose(
        Formula(smaller.factor, NAMES)(view.u) * np.ones(300), smaller.m * np.ones(300)
    )
    np.testing.assert_allclose(smaller.m * smaller.target, view.y, rtol=1e-12)
    np.testing.assert_array_equal(smaller.y, view.y)


def test_steps_of_a_view_with_a_factor_say_the_factor_too():
    view, known = seen("a**2*sin(b*c)")
    step = next(step for step in steps(view, known) if step.name == "a**(2)")
    inner = step.apply(view, step.columns)
    product = View(inner.texts, inner.costs, inner.u, inner.y, inner.X, inner.factor, inner.m)
    b, c = inner.u.T
    exact = Surrogate(np.sin(b * c), np.column_stack([c * np.cos(b * c), b * np.cos(b * c)]), 0.0, None)
    best = next(step for step in steps(product, exact) if step.name == "(b*c)")
    last = best.apply(product, best.columns)
    assert best.mismatch == pytest.approx(0, abs=1e-9)
    assert (last.texts, last.factor) == (("(b*c)",), "a**(2)")
    np.testing.assert_allclose(last.target, np.sin(b * c))


def test_the_most_likely_step_comes_first_and_none_is_hopeless():
    for text, _ in TRUE:
        found = [step.mismatch for step in steps(*seen(text))]
        assert found == sorted(found)
        assert all(0 <= mismatch < LIKELY for mismatch in found)


@pytest.mark.parametrize("low", [-2.0, 0.0])
def test_powers_and_quotients_are_not_taken_of_columns_that_reach_zero(low):
    text = "a*b*sin(c)"
    view, known = seen(text, low=low)
    view.u[0] = 0.0
    for step in steps(view, known):
        smaller = step.apply(view, step.columns)
        assert np.isfinite(smaller.u).all()
        assert np.isfinite(smaller.target).all()


@pytest.mark.parametrize("pairing", PAIRINGS, ids=lambda pairing: pairing.text)
def test_slopes_of_a_pairing_have_the_ratio_of_finite_differences(pairing, rng):
    x, y, step = *rng.uniform(0.5, 2.0, (2, 30)), 1e-6
    by_x = (pairing.value(x + step, y) - pairing.value(x - step, y)) / (2 * step)
    by_y = (pairing.value(x, y + step) - pairing.value(x, y - step)) / (2 * step)
    np.testing.assert_allclose(pairing.by_first(x, y) * by_y, pairing.by_second(x, y) * by_x, rtol=1e-6)
    text = Formula(pairing.text.format("x", "y"), ("x", "y"))
    np.testing.assert_allclose(text(np.column_stack([x, y])), pairing.value(x, y))


def learned(text, noise, seed=0, rows=600):
    view, _ = seen(text, rows=rows)
    level = noise * np.std(view.y)
    view = whole(view.u, view.y + level * np.random.default_rng(seed).normal(size=rows), NAMES)
    return view, surrogate(view, seed, Clock(20))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_trained_networks_tell_true_structures_from_false_ones():
    true = faithful = judged = 0
    for number, text in enumerate(sorted({text for text, _ in TRUE + FALSE})[::3]):
        exact = mismatches(text)
        for step in steps(*learned(text, 0.01 * (number % 2))):
            if step.mismatch < CERTAIN:
                judged += 1
                true += exact.get(step.name, 1.0) < 1e-9
                faithful += exact.get(step.name, 1.0) < CERTAIN
    assert judged >= 8
    assert faithful >= 0.95 * judged
    assert true >= 0.9 * judged


@pytest.mark.slow
def test_five_columns_with_a_decoy_become_fewer_without_it():
    names = ("a", "b", "c", "d", "e")
    X = np.random.default_rng(3).uniform(0.5, 2.0, (800, 5))
    a, b, c, d, _ = X.T
    view = whole(X, a * b * np.exp(-c / d), names)
    found = [smaller for smaller, _ in reduced(view, 0, Clock(100))]
    assert found[0].u.shape[1] == 5
    last = found[-1]
    assert last.u.shape[1] <= 2
    assert not any("e" in text for text in (*last.texts, last.factor))
    for smaller in found:
        np.testing.assert_allclose(smaller.m * smaller.target, view.y, rtol=1e-10)


def test_one_column_is_never_reduced_and_no_time_ends_at_once():
    X = np.random.default_rng(3).uniform(0.5, 2.0, (100, 1))
    assert len(list(reduced(whole(X, np.sin(X[:, 0]), ("a",)), 0, Clock(3)))) == 1
    X = np.random.default_rng(3).uniform(0.5, 2.0, (100, 3))
    assert len(list(reduced(whole(X, X.prod(1), NAMES), 0, Clock(1e-9)))) <= 1
