import numpy as np
import pytest

from edgewise.errors import InputError
from edgewise.symbolic.formula import Formula
from edgewise.symbolic.opening import opened

TEXTS = [
    "2*sin(3*x) + 0.5",
    "1.25*x**2 + y",
    "x**0.7/y",
    "sqrt(2)*x*y",
    "exp(-x/2)/(1 + 2.5*y)",
    "pi*x - 1/3",
    "x*y",
    "4.2",
    "-0.3*exp(-0.3*x)",
    "(x - 1.5)**2 + (y + 1)**2",
]
NAMES = ("x", "y")


@pytest.fixture
def X(rng):
    return rng.uniform(0.5, 2.0, (20, 2))


@pytest.mark.parametrize("decimals_only", [False, True])
@pytest.mark.parametrize("text", TEXTS)
def test_opened_at_its_own_numbers_a_formula_has_its_own_values(text, decimals_only, X):
    found = opened(text, NAMES, decimals_only)
    np.testing.assert_allclose(found.predict(X), Formula(text, NAMES)(X), rtol=1e-13)
    assert len(found.symbols) == len(found.values)
    assert found.expression.free_symbols <= {*found.features, *found.symbols}


@pytest.mark.parametrize(
    ("text", "every", "decimals"),
    [
        ("2*sin(3*x) + 0.5", {2.0, 3.0, 0.5}, {0.5}),
        ("1.25*x**2 + y", {1.25}, {1.25}),
        ("x**0.7/y", {0.7}, {0.7}),
        ("pi*x - 1/3", {np.pi, -1 / 3}, set()),
        ("x*y", set(), set()),
        ("sqrt(x) - x**3", set(), set()),
    ],
)
def test_which_numbers_are_open(text, every, decimals):
    assert sorted(opened(text, NAMES).values) == pytest.approx(sorted(every))
    assert sorted(opened(text, NAMES, decimals_only=True).values) == pytest.approx(sorted(decimals))


def test_open_numbers_can_be_fitted(X):
    found = opened("2*sin(3*x) + 0.5", NAMES)
    y = 2.1 * np.sin(3.05 * X[:, 0]) + 0.6
    fitted = found.fitted(X, y, range(3), steps=100)
    np.testing.assert_allclose(fitted.predict(X), y, atol=1e-9)


def test_exact_numbers_stay_exact(X):
    found = opened("2*sin(pi*x) + 0.5*x", NAMES, decimals_only=True).fitted(X, X[:, 0], [0])
    assert "2*sin(pi*x)" in found.text([3])


@pytest.mark.parametrize("text", ["2*sin(z)", "x +", "__import__('os')", "x; y"])
def test_what_is_no_formula_of_the_columns_is_refused(text):
    with pytest.raises(InputError):
        opened(text, NAMES)
