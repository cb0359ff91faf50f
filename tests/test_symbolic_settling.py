"""Open formulas beside sympy's derivatives, and numbers settled to what they are."""

import numpy as np
import pytest
import sympy

from edgewise.symbolic import Formula
from edgewise.symbolic.settling import OpenFormula

X = np.random.default_rng(0).uniform(0.5, 1.5, (20, 2))


@pytest.mark.parametrize("index", [(0, 0), (1, 0), (0, 2), (2, 1)])
def test_derivatives_are_sympys_at_any_constants(index):
    one = OpenFormula(Formula("1.25*exp(-0.75*x)*sin(pi*y) + x**2*y", ("x", "y")))
    assert sorted(one.values) == [-0.75, 1.25]
    values = [2.0 if value > 0 else -0.5 for value in one.values]
    x, y = sympy.symbols("x y")
    truth = sympy.diff(2 * sympy.exp(-x / 2) * sympy.sin(sympy.pi * y) + x**2 * y, x, index[0], y, index[1])
    np.testing.assert_allclose(
        one.derivative(index, X, values), sympy.lambdify((x, y), truth)(*X.T), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.pi**2 / 10, "exp(-pi**2*x/10)"),
        (2.0 + 1e-12, "exp(-2*x)"),
        (1 / 3, "exp(-x/3)"),
        (1e-15, "1"),
        (1.8100981200139674, "exp(-1.8100981200139674*x)"),
    ],
)
def test_constants_become_simple_numbers_only_where_they_are(value, text):
    one = OpenFormula(Formula("exp(-0.123*x)", ("x", "y")))
    assert one.settled([-value]).text == text


def test_an_undefined_formula_gives_nan():
    one = OpenFormula(Formula("sqrt(x - 1.5)", ("x",)))
    assert np.isnan(one.derivative((1,), np.array([[1.0], [2.0]]), one.values)).tolist() == [True, False]
