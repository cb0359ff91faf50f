import re
from itertools import product

import numpy as np
import pytest

from edgewise.symbolic.features import (
    MOST_MONOMIALS,
    Pool,
    applied,
    columns,
    distinct,
    first,
    monomials,
    quotients,
    second,
)
from edgewise.symbolic.formula import Formula

ANY = lambda name: True  # noqa: E731 - a whitelist of everything
NONE = lambda name: False  # noqa: E731
POOLS = {
    "first": lambda plain: first(plain, ANY),
    "second": lambda plain: second(plain, ANY),
    "monomials": monomials,
    "quotients": quotients,
}
RANGES = {
    "positive": (0.3, 2.0),
    "of both signs": (-2.0, 2.0),
    "negative": (-3.0, -0.5),
    "tiny": (1e-9, 2e-9),
}
SAMPLE = 40


def table(count, kind="positive", rows=24):
    """Columns that are all of one kind, but for the last, which is always of both signs."""
    X = np.random.default_rng(count).uniform(*RANGES[kind], (rows, count))
    return X, tuple(f"x{k}" for k in range(count))


def with_zeros(count, rows=24):
    X, names = table(count, "of both signs", rows)
    X[:3, 0], X[2:5, -1] = 0.0, 0.0
    return X, names


def exponents(texts, names):
    """Each text read as a product of whole powers: exponents by column."""
    found = []
    for text in texts:
        powers = dict.fromkeys(names, 0)
        for factor in text.replace("**", "^").split("*"):
            name, _, power = factor.partition("^")
            powers[name] += int(power or 1)
        found.append(tuple(powers.values()))
    return found


def assert_texts_say_their_values(pool, X, names):
    """Equal to rounding, or to what rounding the columns does, which is more for the sine of a large number."""
    nearly_one = 1 + 1e-13 * np.random.default_rng(1).choice([-1, 1], X.shape)
    some = np.random.default_rng(0).permutation(len(pool))[:SAMPLE]
    for k in some:
        values = Formula(pool.texts[k], names)(X)
        turned = Formula(pool.texts[k], names)(X * nearly_one)
        change, scale = np.abs(turned - values), np.abs(values).max()
        if change.max() > 1e-3 * scale:
            continue  # the sine of 1e18 says nothing
        tolerance = 1e-11 * np.abs(values) + 1e-13 * scale + 10 * change.max()
        assert (np.abs(values - pool.values[k]) <= tolerance).all(), pool.texts[k]


@pytest.mark.parametrize("kind", RANGES)
@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("name", POOLS)
def test_the_text_of_a_feature_says_its_values(name, count, kind):
    X, names = table(count, kind)
    assert_texts_say_their_values(POOLS[name](columns(X, names)), X, names)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", POOLS)
def test_columns_with_zeros_leave_undefined_features_out_and_no_others(name, count):
    X, names = with_zeros(count)
    pool = POOLS[name](columns(X, names))
    assert_texts_say_their_values(pool, X, names)
    assert np.isfinite(pool.values).all()
    assert not {"1/(x0)", "x0**-2", "log((x0))"} & set(pool.texts)
    assert "x0" in POOLS["monomials"](columns(X, names)).texts


def test_whole_pools_are_kept_whatever_the_column_is_called():
    X, _ = table(2)
    plain, odd = (first(columns(X, names), ANY) for names in (("x0", "x1"), ("u", "sinus")))
    assert_texts_say_their_values(odd, X, ("u", "sinus"))
    np.testing.assert_array_equal(odd.values, plain.values)
    second_odd = second(columns(X, ("u", "exp_u")), ANY)
    assert_texts_say_their_values(second_odd, X, ("u", "exp_u"))


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_feature_is_a_multiple_of_another_flat_or_undefined(name, count):
    X, names = table(count, "positive", rows=60)
    X *= np.random.default_rng(1).choice([-1, 1], X.shape)
    pool = POOLS[name](columns(X, names))
    assert np.isfinite(pool.values).all()
    assert (pool.values.std(1) > 0).all()
    unit = pool.values / np.linalg.norm(pool.values, axis=1)[:, None]
    turns = np.triu(unit @ unit.T, 1)
    for i, j in np.argwhere(np.abs(turns) > 1 - 1e-12):
        assert np.abs(unit[i] - np.sign(turns[i, j]) * unit[j]).max() > 1e-12, (pool.texts[i], pool.texts[j])


def test_multiples_go_and_the_simplest_of_them_stays():
    x = np.linspace(0.5, 2.0, 30)
    rows = np.array([3 * x, x, -2 * x, x + 1e-3 * x**2, np.ones(30), np.full(30, np.nan), 0 * x])
    pool = distinct(Pool([*"abcdefg"], np.array([3, 2, 1, 4, 1, 1, 1]), rows))
    assert pool.texts == ["c", "d"]
    np.testing.assert_array_equal(pool.values, rows[[2, 3]])
    np.testing.assert_array_equal(pool.costs, [1, 4])


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_simplest_come_first_and_a_longer_text_costs_more(name, count):
    pool = POOLS[name](columns(*table(count)))
    assert (np.diff(pool.costs) >= 0).all()
    assert pool.costs.min() >= 1
    sizes = np.array([len(re.findall(r"[a-z]\w*|\d+|\*\*|[-+*/]", text)) for text in pool.texts])
    assert np.corrcoef(sizes, pool.costs)[0, 1] > 0.8


def test_costs_grow_with_the_cost_of_the_column_and_of_the_operation():
    X, names = table(1)
    dear = Pool(["(a + b)"], np.array([3]), X.T)
    plain, composed = first(columns(X, names), ANY), first(dear, ANY)
    np.testing.assert_array_equal(composed.costs, plain.costs + 2)


@pytest.mark.parametrize("name", ["first", "second"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_functions_that_are_not_allowed_do_not_occur(name, count):
    plain = columns(*table(count))
    build = {"first": first, "second": second}[name]
    texts = " ".join(build(plain, NONE).texts)
    assert not re.search(r"[a-z]{3}", texts)
    assert "sqrt" not in texts
    assert "3/2" not in texts
    only_sines = build(plain, lambda name: name == "sine").texts
    assert {function for text in only_sines for function in re.findall(r"[a-z]{3,}", text)} == {"sin", "cos"}
    everything = build(plain, ANY).texts
    assert {"sqrt", "exp", "log", "sin", "cos", "tanh"} <= {
        function for text in everything for function in re.findall(r"[a-z]{3,}", text)
    }


def test_nothing_applied_is_an_empty_pool():
    pool = applied((), columns(*table(2)), ANY)
    assert len(pool) == 0
    assert len(distinct(pool)) == 0


@pytest.mark.parametrize(
    ("count", "degree"), [(1, 12), (2, 6), (3, 5), (4, 5), (6, 3), (9, 2), (15, 1), (200, 1)]
)
def test_monomials_are_complete_to_their_degree(count, degree):
    X = np.random.default_rng(0).uniform(0.5, 1.5, (30, count))
    names = tuple(f"x{k}" for k in range(count))
    found = exponents(monomials(columns(X, names)).texts, names)
    assert len(set(found)) == len(found)
    assert {sum(powers) for powers in found} == set(range(1, degree + 1))
    if count < 5:
        wanted = {p for p in product(range(degree + 1), repeat=count) if 0 < sum(p) <= degree}
        assert set(found) == wanted


@pytest.mark.parametrize("count", [1, 2])
def test_quotients_hold_every_power_from_minus_two_to_three(count):
    X, names = table(count, rows=60)
    found = exponents(quotients(columns(X, names)).texts, names)
    assert sorted(found) == sorted(p for p in product(range(-2, 4), repeat=count) if any(p))


def test_quotients_of_many_columns_are_the_simplest():
    names = ("a", "b", "c")
    X = table(3, rows=60)[0]
    found = exponents(quotients(columns(X, names)).texts, names)
    assert len(found) == MOST_MONOMIALS
    assert set(product((-1, 0, 1), repeat=3)) - {(0, 0, 0)} <= set(found)
    assert len(quotients(columns(*table(6)))) == 0


def test_pools_joined_hold_both_once():
    X, names = table(2)
    one, other = first(columns(X, names), ANY), columns(X[:, ::-1], names[::-1])
    both = one.joined(other)
    assert sorted(both.texts) == sorted(one.texts)
    new = one.joined(Pool(["x0*x1"], np.array([3]), X[None, :, 0] * X[None, :, 1]))
    assert set(new.texts) == {*one.texts, "x0*x1"}
