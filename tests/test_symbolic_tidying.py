import numpy as np
import pytest
import sympy
import torch

from edgewise.symbolic.findings import Table, plain_finding
from edgewise.symbolic.formula import Formula, complexity
from edgewise.symbolic.opening import opened
from edgewise.symbolic.parser import parse
from edgewise.symbolic.tidying import simplified, tidied

NAMES = ("a", "b")
TEXTS = [
    "sqrt(0.25*a**2 + 0.25*b**2)",
    "sqrt(a**2*b)",
    "sqrt(a**2)*b",
    "Abs(a)*b",
    "Abs(a*b) + 1",
    "exp(2*log(a))",
    "exp(0.5*log(a) - log(b))",
    "1.5*a + 1.5*b",
    "1.5*a*b - 1.5*b**2",
    "1/(1/a + 1/b)",
    "a/b + b/a",
    "log(a) + log(b)",
    "log(a*b)",
    "a**2 + 2*a*b + b**2",
    "(a**2 - b**2)/(a + b)",
    "1.234567890123*a + sin(1.234567890123*b)",
    "-0.3*exp(-0.3*a)",
    "sqrt(2)*a + sqrt(2)*b",
    "pi*a*b + pi*b",
    "2.5",
    "a",
    "sin(a)**2 + cos(a)**2 + b",
    "1/sqrt(1 - a**2/16)",
    "(a - b)**(-2)",
]
TABLES = {"positive": (0.3, 2.0), "of both signs": (-2.0, 2.0), "negative": (-2.0, -0.3)}


def rows(kind="positive", count=40):
    return np.random.default_rng(2).uniform(*TABLES[kind], (count, 2))


def table(X, y):
    inputs = torch.from_numpy(X)
    return Table(inputs, torch.from_numpy(y)[:, None], inputs, NAMES, 0)


def simple(text, X):
    return simplified(parse(text, NAMES), NAMES, X)


DEFINED = [
    (text, kind) for text in TEXTS for kind in TABLES if np.isfinite(Formula(text, NAMES)(rows(kind))).all()
]


@pytest.mark.parametrize(("text", "kind"), DEFINED)
def test_the_values_stay_and_nodes_never_grow(text, kind):
    X = rows(kind)
    before = Formula(text, NAMES)
    found = simple(text, X)
    after = Formula(sympy.sstr(found, full_prec=False), NAMES)
    np.testing.assert_allclose(after(X), before(X), rtol=1e-8, atol=1e-9 * np.abs(before(X)).max())
    assert complexity(found) <= complexity(before.sympy())
    assert found.free_symbols <= {sympy.Symbol(name, real=True) for name in NAMES}


@pytest.mark.parametrize(
    ("text", "simplest"),
    [
        ("sqrt(0.25*a**2 + 0.25*b**2)", "0.5*sqrt(a**2 + b**2)"),
        ("sqrt(a**2*b**2)", "a*b"),
        ("Abs(a)*b", "a*b"),
        ("exp(2*log(a))", "a**2"),
        ("1.5*a + 1.5*b", "1.5*(a + b)"),
        ("1/(1/a + 1/b)", "a*b/(a + b)"),
        ("(a**2 - b**2)/(a + b)", "a - b"),
    ],
)
def test_formulas_of_positive_columns_are_written_simply(text, simplest):
    assert complexity(simple(text, rows())) <= complexity(parse(simplest, NAMES))


@pytest.mark.parametrize("low", [-1.0, -1e-12])
def test_absolute_values_stay_where_a_column_is_ever_negative(low):
    X = rows()
    X[7, 0] = low
    for text in ("Abs(a)*b", "sqrt(a**2)*b"):
        assert simple(text, X).has(sympy.Abs)
    assert not simple("Abs(b)*a", X).has(sympy.Abs)


def test_a_column_that_only_touches_zero_may_open():
    X = rows()
    X[7, 0] = 0.0
    assert not simple("Abs(a)*b", X).has(sympy.Abs)


@pytest.mark.parametrize("number", ["1.234567", "0.1", "-3.7", "2.5e-07", "6.02e+23"])
def test_decimals_survive(number):
    found = simple(f"sqrt({number}**2*a**2) + {number}*b", rows())
    decimals = {abs(float(one)) for one in found.atoms(sympy.Float)}
    assert decimals
    assert all(one == pytest.approx(abs(float(number)), rel=1e-12) for one in decimals)


def test_different_decimals_are_not_taken_for_one():
    found = simple("1.2345*a + 1.2346*b", rows())
    assert {float(one) for one in found.atoms(sympy.Float)} == {1.2345, 1.2346}


def test_columns_called_like_sympys_own_names_are_columns():
    names = ("S", "beta")
    X = rows()
    found = simplified(parse("sqrt(4*S**2 + 4*beta**2)", names), names, X)
    np.testing.assert_allclose(Formula(str(found), names)(X), 2 * np.hypot(*X.T))
    assert complexity(found) < complexity(parse("sqrt(4*S**2 + 4*beta**2)", names))


def test_a_tidied_finding_says_what_it_leaves():
    X = rows()
    y = 0.731 * np.hypot(*X.T)
    before = plain_finding(
        opened("sqrt(0.534361*a**2 + 0.534361*b**2)", NAMES, decimals_only=True), table(X, y)
    )
    after = tidied(before, table(X, y))
    assert after.formula.complexity < before.formula.complexity
    assert after.exact
    np.testing.assert_allclose(after.formula(X), y, rtol=1e-9)


@pytest.mark.parametrize("text", ["a*b", "0.731*a", "a + b", "2.5"])
def test_what_is_simple_is_itself(text):
    X = rows()
    finding = plain_finding(opened(text, NAMES), table(X, Formula(text, NAMES)(X) + 0.1))
    assert tidied(finding, table(X, Formula(text, NAMES)(X) + 0.1)) is finding


def test_tidying_never_makes_a_noisy_fit_worse(rng):
    X = rows()
    y = np.sqrt(0.5 * X[:, 0] ** 2 + 0.53 * X[:, 1] ** 2) + 0.05 * rng.normal(size=40)
    before = plain_finding(opened("sqrt(0.5*a**2 + 0.53*b**2)", NAMES), table(X, y))
    after = tidied(before, table(X, y))
    assert after.expected <= before.expected * (1 + 1e-5)
    assert after.formula.complexity <= before.formula.complexity


def test_very_long_formulas_are_left_as_they_are():
    X = rows()
    text = " + ".join(f"sin({k}.5*a**2)" for k in range(1, 30))
    finding = plain_finding(opened(text, NAMES, decimals_only=True), table(X, X[:, 0]))
    assert tidied(finding, table(X, X[:, 0])) is finding
