import time

import numpy as np
import pytest
import torch
from scipy.special import erf

from edgewise.errors import InputError
from edgewise.symbolic import SearchConfig, search

LAWS = {
    "product": lambda a, b: a * b,
    "hypotenuse": np.hypot,
    "gaussian": lambda a, b: np.exp(-(a**2)),
    "wave": lambda a, b: 1 + a * np.sin(b),
    "two terms in one": lambda a, b: a * (1 / b - 1),
    "nested": lambda a, b: np.exp(np.sin(np.pi * a) + b**2),
}


def table(rows=200, columns=2, low=0.3, high=2.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, (rows, columns))


def found(X, y, seconds=60.0, **settings):
    names = [f"x{k}" for k in range(X.shape[1])]
    return search(X, y, names, SearchConfig(max_seconds=seconds, **settings))


def chosen(result):
    return result.candidates[result.chosen].formula


def is_exactly(result, law, X):
    """Whether the search says it is exact, and is: in the rows given and in new ones beyond their range."""
    wider = X.mean(0) + 1.2 * (X - X.mean(0))
    truth = law(*wider.T)
    off = np.abs(chosen(result)(wider) - truth).max()
    return result.status == "exact" and off < 1e-9 * np.abs(truth).max()


@pytest.fixture(scope="module")
def noisy():
    """A law of one column under noise, searched to the end."""
    X = table(40, 1, -2, 2)
    y = 2 * np.exp(-(X[:, 0] ** 2)) + 0.05 * np.random.default_rng(1).normal(size=40)
    return X, y, found(X, y)


@pytest.fixture(scope="module")
def product():
    X = table()
    return X, LAWS["product"](*X.T), found(X, LAWS["product"](*X.T))


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_law_is_found_exactly(law):
    X = table()
    assert is_exactly(found(X, law(*X.T)), law, X)


def test_simple_laws_are_written_simply(product):
    _, _, result = product
    assert chosen(result).text == "x0*x1"


@pytest.mark.parametrize("shift", [1e4, -1e4])
def test_an_offset_of_the_target_does_not_matter(shift):
    X = table()
    assert is_exactly(found(X, X[:, 0] * X[:, 1] + shift), lambda a, b: a * b + shift, X)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_the_inputs_does_not_matter(unit):
    X = table() * unit
    assert is_exactly(found(X, np.hypot(*X.T) / unit), lambda a, b: np.hypot(a, b) / unit, X)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_the_unit_of_the_target_does_not_matter(unit):
    X = table()
    assert is_exactly(found(X, unit * np.hypot(*X.T)), lambda a, b: unit * np.hypot(a, b), X)


def test_single_precision_rows_give_the_law_up_to_their_rounding():
    X = table().astype(np.float32)
    result = found(X, X[:, 0] * X[:, 1])
    assert chosen(result)(np.array([[3.0, 4.0]])) == pytest.approx(12.0, rel=1e-5)


@pytest.mark.parametrize("level", [3.5, 0.0, -1e6, 1e-9])
def test_a_constant_target_is_that_constant(level):
    result = found(table(50), np.full(50, level))
    assert result.status == "exact"
    assert chosen(result)(np.zeros((2, 2))).tolist() == pytest.approx([level] * 2, rel=1e-12)


def test_a_constant_column_is_left_out():
    X = table()
    X[:, 1] = 7.0
    result = found(X, np.sin(X[:, 0]))
    assert result.status == "exact"
    assert {symbol.name for symbol in chosen(result).sympy().free_symbols} == {"x0"}


def test_five_rows_are_enough_for_a_line():
    X = table(5)
    assert is_exactly(found(X, 2 * X[:, 0] + 1), lambda a, b: 2 * a + 1, X)


def test_five_rows_of_noise_are_no_law():
    result = found(table(5, 1), np.random.default_rng(0).normal(size=5), seconds=6)
    assert result.status != "exact"


def test_pure_noise_has_no_law():
    y = np.random.default_rng(1).normal(size=40)
    result = found(table(40, 1), y, seconds=6)
    assert result.status == "none"
    assert "no law found" in result.message


def test_a_law_under_noise_is_approximate(noisy):
    X, _, result = noisy
    assert result.status == "approximate"
    truth = 2 * np.exp(-(X[:, 0] ** 2))
    assert np.sqrt(np.mean((chosen(result)(X) - truth) ** 2)) < 0.05


def test_losses_are_those_of_the_text_on_held_out_rows(noisy):
    X, y, result = noisy
    held = list(result.held_out)
    for candidate in result.candidates:
        numpy = {name: getattr(np, name) for name in dir(np)} | {"Abs": np.abs, "E": np.e, "erf": erf}
        values = eval(candidate.formula.text, numpy | {"x0": X[held, 0]})
        assert candidate.loss == pytest.approx(np.mean((values - y[held]) ** 2), rel=1e-9)


def test_candidates_grow_and_scores_are_gains_per_node(noisy):
    _, _, result = noisy
    sizes = [candidate.complexity for candidate in result.candidates]
    assert sizes == sorted(set(sizes))
    assert sizes == [candidate.formula.complexity for candidate in result.candidates]
    for before, after in zip(result.candidates, result.candidates[1:], strict=False):
        gain = np.log(before.loss / after.loss) / (after.complexity - before.complexity)
        assert after.score == pytest.approx(gain)


def test_a_fifth_of_the_rows_is_held_out(product):
    _, _, result = product
    assert len(set(result.held_out)) == 40
    assert all(0 <= row < 200 for row in result.held_out)
    assert result.held_out != found(table(200), np.zeros(200), seed=1).held_out


def test_held_out_rows_do_not_touch_the_formula(product):
    X, y, result = product
    held = list(result.held_out)
    y = y.copy()
    y[held] += np.random.default_rng(2).normal(size=len(held))
    other = found(X, y)
    assert other.held_out == result.held_out
    assert [c.formula for c in other.candidates] == [c.formula for c in result.candidates]
    assert other.status != "exact"
    assert other.candidates[other.chosen].loss > 0.1


def test_too_few_rows_to_hold_any_out_are_said_to_be():
    X = table(4)
    result = found(X, X[:, 0])
    assert result.held_out == ()
    assert "too few to hold any out" in result.message
    assert "held_out" not in result.errors


def test_errors_are_relative_to_the_deviation(noisy):
    _, y, result = noisy
    held = list(result.held_out)
    kept = sorted(set(range(len(y))) - set(held))
    root = np.sqrt(result.candidates[result.chosen].loss)
    assert result.errors["held_out"] == pytest.approx(root / max(np.std(y[held]), np.std(y[kept])), rel=1e-9)


def test_the_network_behind_is_of_the_same_table(product):
    X, y, result = product
    with torch.no_grad():
        values = result.network(torch.from_numpy(X))[:, 0].numpy()
    assert np.sqrt(np.mean((values - y) ** 2)) < 1e-3 * np.std(y)


@pytest.mark.parametrize("limit", [0.5, 2.0])
def test_time_is_kept(limit):
    y = np.random.default_rng(1).normal(size=300)
    start = time.perf_counter()
    result = found(table(300, 3), y, seconds=limit)
    assert time.perf_counter() - start < limit + 1.0
    assert result.seconds <= time.perf_counter() - start
    assert result.candidates


def test_ctrl_c_keeps_what_was_found():
    X = table(400, 3)
    y = np.sin(3 * X[:, 0] * X[:, 1]) + np.random.default_rng(1).normal(size=400)
    heard = []

    def interrupt(candidates):  # where a user's Ctrl-C is raised, but always at the same place
        heard.append(len(candidates))
        if len(heard) == 3:
            raise KeyboardInterrupt

    start = time.perf_counter()
    result = found(X, y, seconds=300, listener=interrupt)
    assert time.perf_counter() - start < 100
    assert "interrupted" in result.message
    assert np.isfinite(result.candidates[0].loss)


@pytest.mark.parametrize("which", ["product", pytest.param("noisy", marks=pytest.mark.slow)])
def test_the_same_seed_gives_the_same_formulas(which, request):
    X, y, result = request.getfixturevalue(which)
    again = found(X, y)
    assert again.candidates == result.candidates
    assert (again.chosen, again.status, again.held_out) == (result.chosen, result.status, result.held_out)


def test_nothing_outside_is_changed():
    X, y = table(60), np.full(60, 2.0) * table(60)[:, 0]
    copies = X.copy(), y.copy()
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    settings = torch.get_default_dtype(), torch.get_num_threads(), np.geterr()
    found(X, y + table(60)[:, 1] ** 2)
    assert before == (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    assert settings == (torch.get_default_dtype(), torch.get_num_threads(), np.geterr())
    np.testing.assert_array_equal(X, copies[0])
    np.testing.assert_array_equal(y, copies[1])


def test_progress_goes_to_standard_error_and_only_when_asked(capsys):
    X = table(60)
    found(X, np.hypot(*X.T), seconds=2)
    assert capsys.readouterr() == ("", "")
    found(X, np.hypot(*X.T), seconds=2, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "search" in err


@pytest.mark.slow
def test_several_processes_find_the_same():
    X = table()
    result = found(X, LAWS["wave"](*X.T), seconds=120, n_jobs=2)
    assert is_exactly(result, LAWS["wave"], X)


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (np.ones((5, 2)), np.ones(4), "5 rows and y has 4"),
        (np.ones((5, 2)), np.ones((5, 2)), "one target at a time"),
        (np.ones((5, 3)), np.ones(5), "2 names for 3 columns"),
        (np.full((5, 2), np.nan), np.ones(5), "NaN"),
        (np.ones(5), np.ones(5), "reshape"),
        (np.ones((0, 2)), np.ones(0), "nothing to learn from"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(X, y, said):
    with pytest.raises(InputError, match=said):
        search(X, y, ["a", "b"])


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_time_limit_must_be_positive(seconds):
    with pytest.raises(InputError, match="max_seconds"):
        SearchConfig(max_seconds=seconds)
