import time

import numpy as np
import pytest
import sympy

from edgewise.symbolic import SearchConfig, search


def table(rows=150, columns=2, low=0.3, high=2.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, (rows, columns))


def names_of(X):
    return [f"x{k}" for k in range(X.shape[1])]


def found(X, y, seconds=20.0, **settings):
    return search(X, y, names_of(X), SearchConfig(max_seconds=seconds, **settings))


def chosen(result):
    return result.candidates[result.chosen].formula


def columns_in(formula):
    return {symbol.name for symbol in formula.sympy().free_symbols}


def noise(rows, seed=1):
    return np.random.default_rng(seed).normal(size=rows)


def is_exactly(result, law, X):
    wider = X.mean(0) + 1.1 * (X - X.mean(0))
    truth = law(*wider.T)
    return (
        result.status == "exact" and np.abs(chosen(result)(wider) - truth).max() < 1e-9 * np.abs(truth).max()
    )


# What the user asked for


@pytest.mark.parametrize("allowed", [(), ("sine",), ("exponential", "logarithm")])
def test_only_allowed_functions_occur_in_any_formula(allowed):
    X = table(80)
    y = np.sqrt(X[:, 0]) * np.exp(np.sin(X[:, 1])) + 0.01 * noise(80)
    result = found(X, y, seconds=2, functions=allowed)
    powers_too = {"exponential", "logarithm"} <= set(allowed)  # exp(k log(u)) is u**k, of u**2 Abs(u)**(2*k)
    may = {"sine": (sympy.sin, sympy.cos), "exponential": (sympy.exp,), "logarithm": (sympy.log,)}
    kinds = (*(kind for name in allowed for kind in may[name]), *([sympy.Abs] if powers_too else []))
    for candidate in result.candidates:
        expression = candidate.formula.sympy()
        assert all(isinstance(part, kinds) for part in expression.atoms(sympy.Function)), expression
        roots = [p for p in expression.atoms(sympy.Pow) if p.exp.is_number and not p.exp.is_Integer]
        assert powers_too or not [p for p in roots if p.free_symbols], expression


@pytest.mark.parametrize("required", [("x2",), ("x0", "x1", "x2")])
def test_every_formula_holds_the_required_columns(required):
    X = table(80, 3)
    result = found(X, X[:, 0] * X[:, 1] + 0.05 * noise(80), seconds=3, required=required)
    assert result.candidates
    assert all(columns_in(candidate.formula) >= set(required) for candidate in result.candidates)
    assert result.status == "approximate"


def test_only_accepted_formulas_are_reported_even_when_another_is_exact():
    X = table(80)
    result = found(X, X[:, 0] * X[:, 1], seconds=2, accept=lambda expression: not expression.has(sympy.Mul))
    assert all(not candidate.formula.sympy().has(sympy.Mul) for candidate in result.candidates)
    assert result.seconds < 5


def test_a_guess_of_the_right_form_is_fitted_and_ends_the_search():
    X = table(100)
    law = lambda a, b: 1.7 * np.sin(2.31 * a * b + 0.4) / (b + np.exp(a * b**2)) ** 0.7  # noqa: E731
    guess = "2*sin(2*x0*x1 + 0.5)/(x1 + exp(x0*x1**2))**0.5"
    result = found(X, law(*X.T), guesses=(guess,))
    assert is_exactly(result, law, X)
    assert result.seconds < 5


def test_a_wrong_guess_does_no_harm():
    X = table(100)
    result = found(X, X[:, 0] * X[:, 1], guesses=("sin(x0)/x1", "log(x0 - 5)", "x0**x1"))
    assert chosen(result).text == "x0*x1"


def test_the_listener_hears_fronts_that_only_improve_and_end_at_the_result():
    X, heard = table(80), []
    result = found(X, np.exp(X[:, 0]) + 0.05 * noise(80), seconds=2, listener=heard.append)
    assert heard
    for front in heard:
        sizes = [candidate.complexity for candidate in front]
        assert sizes == sorted(set(sizes))
        assert all(np.isfinite(candidate.loss) for candidate in front)
    assert {len(one) for one in heard} != {1}
    said = {candidate.formula.text for candidate in heard[-1]}
    assert said & {candidate.formula.text for candidate in result.candidates}


def test_ctrl_c_in_a_listener_keeps_the_best_so_far():
    X, heard = table(80), []

    def stop(front):
        heard.append(front)
        if len(heard) == 2:
            raise KeyboardInterrupt

    result = found(X, X[:, 0] + 0.1 * noise(80), listener=stop)
    assert len(heard) == 2
    assert "interrupted" in result.message
    assert {c.formula.text for c in result.candidates} == {c.formula.text for c in heard[-1]}


# Time: a tenth over the limit, and what one pause of a busy machine may take

PAUSE = 1.0


@pytest.mark.parametrize("columns", [1, 3, 10])
@pytest.mark.parametrize("limit", [1.0, pytest.param(20.0, marks=pytest.mark.slow)])
def test_the_time_limit_is_kept_on_noise(columns, limit):
    X = table(300, columns)
    start = time.perf_counter()
    result = found(X, noise(300), seconds=limit)
    passed = time.perf_counter() - start
    assert passed < 1.1 * limit + PAUSE
    assert result.seconds <= passed
    assert result.status != "exact"


@pytest.mark.parametrize("columns", [1, 3, 10])
def test_the_time_limit_is_kept_on_exact_laws(columns):
    X = table(300, columns)
    y = np.exp(np.sin(3 * X[:, 0])) / (1 + X[:, -1] * X.mean(1)) ** 1.5
    start = time.perf_counter()
    found(X, y, seconds=2.0)
    assert time.perf_counter() - start < 1.1 * 2.0 + PAUSE


def test_a_simple_exact_law_ends_the_search_at_once():
    X = table(300, 3)
    assert found(X, X[:, 0] * np.exp(-X[:, 2])).seconds < 6


# What is found


def test_the_same_seed_gives_the_same_text():
    X = table(120)
    one, other = (found(X, X[:, 0] * np.sin(X[:, 1]), seed=3) for _ in range(2))
    assert [c.formula.text for c in one.candidates] == [c.formula.text for c in other.candidates]
    assert (one.chosen, one.status, one.held_out) == (other.chosen, other.status, other.held_out)


def test_ten_decoy_columns_do_not_hide_a_law_nor_appear_in_it():
    X = table(200, 12)
    law = lambda *x: x[3] * np.sin(x[8])  # noqa: E731
    result = found(X, law(*X.T), seconds=60)
    assert is_exactly(result, law, X)
    assert columns_in(chosen(result)) == {"x3", "x8"}


@pytest.mark.parametrize("columns", [1, pytest.param(2, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_random_smooth_function_is_never_called_exact(columns, seed):
    rng = np.random.default_rng(seed)
    X = table(200, columns)
    waves, phases, sizes = rng.normal(size=(columns, 40)) * 1.5, rng.uniform(0, 6.28, 40), rng.normal(size=40)
    result = found(X, np.cos(X @ waves + phases) @ sizes, seconds=3)
    assert result.status != "exact"
    assert result.errors["held_out"] > 1e-8


@pytest.mark.parametrize("rows", [6, 12, 25])
def test_few_rows_of_noise_are_never_called_exact(rows):
    result = found(table(rows, 2), noise(rows), seconds=2)
    assert result.status != "exact"


# Awkward tables


@pytest.mark.parametrize("rows", [2, 3, 5])
@pytest.mark.parametrize("columns", [1, 3])
def test_very_few_rows_give_a_result(rows, columns):
    result = found(table(rows, columns), noise(rows), seconds=1.5)
    assert result.candidates
    assert all(np.isfinite(chosen(result)(table(rows, columns))))


@pytest.mark.parametrize("level", [0.0, -2.5, 1e30, 1e-30, 3.3, -1.341219714076669, 0.1 + 0.2])
def test_a_constant_target_is_found_at_once(level):
    result = found(table(30, 3), np.full(30, level))
    assert result.status == "exact"
    assert result.seconds < 3
    assert chosen(result)(np.zeros((1, 3)))[0] == pytest.approx(level, rel=1e-12)
    assert columns_in(chosen(result)) == set()


@pytest.mark.parametrize("scale", [1e-9, pytest.param(1e9, marks=pytest.mark.slow)])
@pytest.mark.parametrize("which", [pytest.param("inputs", marks=pytest.mark.slow), "target", "both"])
def test_huge_and_small_scales_do_not_matter(which, scale):
    X = table(120)
    inner = scale if which != "target" else 1.0
    outer = scale if which != "inputs" else 1.0
    law = lambda a, b: outer * (a / inner) * (b / inner) / (a / inner + b / inner)  # noqa: E731
    assert is_exactly(found(inner * X, law(*(inner * X).T)), law, inner * X)


def test_copies_of_a_column_do_no_harm():
    X = table(120)
    X = np.column_stack([X, X[:, 0], X[:, 1]])
    result = found(X, X[:, 0] * np.exp(X[:, 1]))
    assert result.status == "exact"
    np.testing.assert_allclose(chosen(result)(X), X[:, 0] * np.exp(X[:, 1]), rtol=1e-10)


def test_a_column_of_zeros_does_no_harm():
    X = table(120, 3)
    X[:, 1] = 0.0
    law = lambda a, _, c: np.sin(a) / c  # noqa: E731
    result = found(X, law(*X.T))
    assert result.status == "exact"
    np.testing.assert_allclose(chosen(result)(X), law(*X.T), rtol=1e-10)
    assert "x1" not in columns_in(chosen(result))


def test_integer_columns_are_columns():
    X = np.random.default_rng(0).integers(1, 8, (100, 2))
    law = lambda a, b: a**2 / (1.0 + b)  # noqa: E731
    assert is_exactly(found(X, law(*X.T)), law, X.astype(float))


def test_negative_columns_and_zeros_among_values_do_no_harm():
    X = np.random.default_rng(0).integers(-3, 4, (100, 2)).astype(float)
    law = lambda a, b: a**2 - a * b + 1  # noqa: E731
    assert is_exactly(found(X, law(*X.T)), law, X)


@pytest.mark.slow
def test_negative_targets_are_as_good_as_positive_ones():
    X = table(120)
    law = lambda a, b: -(1 + 2 * np.sin(a)) / (1 + 0.7 * np.exp(b))  # noqa: E731
    assert is_exactly(found(X, law(*X.T)), law, X)
