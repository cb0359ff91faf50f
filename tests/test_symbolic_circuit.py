import numpy as np
import pytest
import sympy
import torch

from edgewise import load, save
from edgewise.errors import InputError
from edgewise.symbolic import Formula, template
from edgewise.symbolic import circuit as module
from edgewise.symbolic.circuit import circuit
from edgewise.symbolic.parser import parse

NAMES = ("x", "y", "z")
FORMULAS = (
    "3",
    "x",
    "2*x + 1",
    "x + sin(x) + x**2",
    "x*y*z",
    "5*x*(2 + 3*y)",
    "x**y",
    "2**x",
    "sqrt(x**2 + y**2)/(1 + z)",
    "exp(-(x - 0.3)**2/0.2)*sin(3*y)",
    "cos(x) + 0.1*acos(y)",
    "x**6 - y**(-4)*z",
    "abs(x - y)**1.3",
    "besselj(0, 3*x) + erf(y)*tanh(z/x)",
    "1/(x*y + z*exp(-x/y))",
    "(x + y)*(x - y)*(x + z)",
    "atan(x)**2",
)


def rows():
    return np.random.default_rng(0).uniform(0.2, 0.9, (40, 3))


def values(network, X):
    with torch.no_grad():
        return network(torch.from_numpy(X))[:, 0].numpy()


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_and_its_network_agree_to_rounding(text):
    network = circuit(parse(text, NAMES), NAMES)
    expected = Formula(text, NAMES)(rows())
    np.testing.assert_allclose(values(network, rows()), expected, rtol=0, atol=1e-15 * np.abs(expected).max())
    assert not any(bool(layer.spline.mask.any()) for layer in network.kan_layers)


def test_a_simple_formula_is_a_small_network():
    assert circuit(parse("sin(2*x + 1) + 3*y", NAMES), NAMES).widths == ((3, 0), (1, 0))
    assert circuit(parse("x*y + z", NAMES), NAMES).widths == ((3, 0), (1, 1), (1, 0))


def test_the_way_back_is_template():
    network = circuit(parse("3*exp(-2*x)*sin(y + 1) + 0.5", NAMES), NAMES)
    np.testing.assert_allclose(template(network, NAMES).predict(rows()), values(network, rows()), rtol=1e-12)


def test_a_formula_is_saved_like_any_network(tmp_path):
    network = circuit(parse("log(x + y**2)/z", NAMES), NAMES, degree=2)
    save(network, tmp_path / "network")
    np.testing.assert_array_equal(values(load(tmp_path / "network"), rows()), values(network, rows()))
    assert {layer.spline.degree for layer in network.kan_layers} == {2}


def test_its_constants_can_be_trained():
    network = circuit(parse("2*exp(-1.5*x)*y", NAMES), NAMES)
    with torch.no_grad():
        y, jacobian = network.linearise(network.prepare(torch.from_numpy(rows())))
    assert jacobian.shape == (40, 1, network.free().numel())
    np.testing.assert_allclose(y[:, 0], Formula("2*exp(-1.5*x)*y", NAMES)(rows()), rtol=1e-13)


@pytest.mark.parametrize("text", ["sign(x)", "x*sqrt(-2)"])
def test_what_no_edge_can_be_is_refused(text):
    with pytest.raises(InputError, match="expected"):
        circuit(parse(text, NAMES), NAMES)


def test_two_variables_in_one_function_are_refused():
    x, y = sympy.symbols("x y", real=True)
    with pytest.raises(InputError, match="catalogue"):
        circuit(sympy.Max(x, y), NAMES)


def test_a_monster_is_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_NODES", 3)
    with pytest.raises(InputError, match="nodes"):
        circuit(parse("sin(x + y) + sin(x + 2*y) + sin(x + 3*y)", NAMES), NAMES)
