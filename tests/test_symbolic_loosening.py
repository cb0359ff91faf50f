"""Inner constants set free: the same values to start from, and the true ones after a fit."""

import numpy as np
import pytest
import sympy

from edgewise.symbolic.loosening import MOST_CONSTANTS, loosened
from edgewise.symbolic.opening import opened
from edgewise.symbolic.parser import parse
from edgewise.symbolic.template import Template

NAMES = ("x", "y")


@pytest.fixture
def rows():
    return np.random.default_rng(0).uniform(0.5, 2.0, (120, 2))


@pytest.mark.parametrize(
    "text",
    [
        "0.3*sin(2*x) + 1.5*y",
        "1.2*exp(-x*y)",
        "0.7*log(x + y)",
        "2.5/(1 + x**2)",
        "0.4*x**2/y",
        "1.1*sqrt(x)*tanh(y)",
    ],
)
def test_a_loosened_law_starts_with_the_same_values(text, rows):
    written = opened(text, NAMES, decimals_only=True)
    free = loosened(written)
    assert len(free.symbols) > len(written.symbols)
    np.testing.assert_allclose(free.predict(rows), written.predict(rows), rtol=1e-12)


@pytest.mark.parametrize(
    ("near", "true"),
    [
        ("0.9*sin(2*x)*y", lambda x, y: 1.3 * np.sin(2.2 * x + 0.3) * y),
        ("1.0*exp(-x) + 0.5*y", lambda x, y: 1.4 * np.exp(-0.7 * x) + 0.6 * y),
        ("0.8/x + 0.2*y", lambda x, y: 1.5 / (x + 0.4) + 0.2 * y),
    ],
)
def test_the_true_inner_constants_are_a_fit_away(near, true, rows):
    y = true(*rows.T)
    free = loosened(opened(near, NAMES, decimals_only=True))
    fitted = free.fitted(rows, y, range(len(free.symbols)), steps=60)
    np.testing.assert_allclose(fitted.predict(rows), y, atol=1e-7)


def test_powers_and_signs_stay():
    free = loosened(opened("-0.5*x**2 + y", NAMES, decimals_only=True))
    x, y = (sympy.Symbol(name, real=True) for name in NAMES)
    (constant,) = free.symbols
    assert free.expression == -constant * x**2 + y or free.expression == constant * x**2 + y


def test_too_many_constants_are_refused():
    text = " + ".join(f"sin({k}*x)" for k in range(2, 2 + MOST_CONSTANTS))
    symbols = tuple(sympy.Symbol(name, real=True) for name in NAMES)
    assert loosened(Template(parse(text, NAMES), symbols, (), ())) is None
