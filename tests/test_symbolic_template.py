import numpy as np
import pytest
import sympy
import torch

from edgewise.catalogue import CATALOGUE
from edgewise.network import KAN
from edgewise.symbolic import template
from edgewise.symbolic.parser import parse
from edgewise.symbolic.template import Template

LAWS = pytest.mark.parametrize("law", CATALOGUE.values(), ids=lambda law: law.name)
SIGNS = pytest.mark.parametrize("sign", [1.0, -1.0], ids=["rising", "falling"])


def symbolic(widths, edges):
    """A network of fixed edges ``(level, input, output, name, [a, b, c, d, p])`` between off-centre scales."""
    net = KAN(widths, intervals=1, base=None, dtype=torch.float64, generator=torch.Generator())
    net.input_center.copy_(torch.linspace(0.3, -2.0, net.in_features, dtype=torch.float64))
    net.input_scale.copy_(torch.linspace(1.7, 0.4, net.in_features, dtype=torch.float64))
    net.output_center.fill_(-3.5)
    net.output_scale.fill_(2.25)
    for layer in net.kan_layers:
        for source in range(layer.in_features):
            for target in range(layer.out_features):
                layer.remove_edge(source, target)
    for level, source, target, name, row in edges:
        net.kan_layers[level].fix_edge(source, target, name, torch.tensor(row, dtype=torch.float64))
    return net


def table(net, rng, rows=40):
    """Rows whose scaled inputs fill [-1, 1]."""
    z = rng.uniform(-1, 1, (rows, net.in_features))
    return z * net.input_scale.numpy() + net.input_center.numpy()


def outputs(net, X, output=0):
    with torch.no_grad():
        return net(torch.from_numpy(X))[:, output].numpy()


def interval(law):
    """A stretch of the law's domain without a pole."""
    low, high = max(law.low + 0.1, -1.1), min(law.high - 0.1, 1.6)
    poles = ("reciprocal", "inverse square", "inverse cube")
    return (0.4 if law.name in poles else low), high


def bent(law, low, high, sign):
    """Constants that send an edge's inputs from ``low`` to ``high`` into the law's interval."""
    first, last = interval(law) if sign > 0 else interval(law)[::-1]
    a = (last - first) / (high - low)
    return [a, first - a * low, -1.3, 0.7, 1.7]


def agrees(net, names, rng, output=0):
    X = table(net, rng)
    truth = outputs(net, X, output)
    assert np.isfinite(truth).all()
    found = template(net, names, output).predict(X)
    np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-9 * np.abs(truth).max())


@SIGNS
@LAWS
def test_every_function_below_computes_what_the_network_does(law, sign, rng):
    net = symbolic([1, 1], [(0, 0, 0, law, bent(law, -1.0, 1.0, sign))])
    agrees(net, ["x"], rng)


@SIGNS
@LAWS
def test_every_function_above_computes_what_the_network_does(law, sign, rng):
    below = [
        (0, 0, 0, "square", [1.0, 0.3, 0.4, -0.2, 1.0]),
        (0, 1, 0, "sine", [2.0, 0.5, -0.7, 0.1, 1.0]),
        (0, 2, 0, "linear", [1.0, 0.0, 0.6, 0.3, 1.0]),
    ]
    nodes = symbolic([3, 1], below)
    nodes.output_center.zero_()
    nodes.output_scale.fill_(1.0)
    values = outputs(nodes, table(nodes, rng, 2000))
    net = symbolic(
        [3, 1, 1], [*below, (1, 0, 0, law, bent(law, values.min() - 0.1, values.max() + 0.1, sign))]
    )
    agrees(net, ["x", "y", "z"], rng)


@LAWS
def test_every_function_keeps_its_value_on_a_node_that_nothing_feeds(law, rng):
    inside = sum(interval(law)) / 2
    edges = [
        (0, 0, 0, "sine", [1.0, 0.2, 1.0, 0.0, 1.0]),
        (1, 0, 0, "linear", [1.0, 0.0, 2.0, 0.0, 1.0]),
        (1, 1, 0, law, [1.0, inside, 1.5, 0.2, 1.7]),
    ]
    agrees(symbolic([1, 2, 1], edges), ["x"], rng)


def test_a_product_of_sums(rng):
    edges = [
        (0, 0, 0, "sine", [1.1, 0.3, -0.8, 0.4, 1.0]),
        (0, 1, 0, "linear", [1.0, 0.0, 0.9, 0.2, 1.0]),
        (0, 1, 1, "exponential", [0.7, 0.4, 1.2, -0.6, 1.0]),
        (0, 0, 1, "square", [1.0, -0.3, -2.0, 0.1, 1.0]),
        (1, 0, 0, "linear", [1.0, 0.0, 3.0, 1.0, 1.0]),
    ]
    agrees(symbolic([2, (0, 1), 1], edges), ["x", "y"], rng)


def test_a_product_under_a_function_beside_a_sum(rng):
    edges = [
        (0, 0, 0, "cube", [1.0, 0.2, 0.3, 0.0, 1.0]),
        (0, 0, 1, "sine", [1.0, 0.0, 0.5, 0.1, 1.0]),
        (0, 1, 2, "hyperbolic tangent", [-1.5, 0.3, 0.8, 0.2, 1.0]),
        (1, 0, 0, "sine", [2.0, 0.1, 1.0, 0.0, 1.0]),
        (1, 1, 0, "exponential", [-1.0, 0.5, 0.7, 0.0, 1.0]),
    ]
    agrees(symbolic([2, (1, 1), 1], edges), ["x", "y"], rng)


@pytest.mark.parametrize("fed", [0, 1])
def test_a_product_with_a_factor_that_nothing_feeds_is_nothing(fed, rng):
    edges = [
        (0, 0, fed, "sine", [1.0, 0.2, 1.0, 0.3, 1.0]),
        (1, 0, 0, "linear", [1.0, 0.0, 1.0, 0.4, 1.0]),
    ]
    agrees(symbolic([1, (0, 1), 1], edges), ["x"], rng)


def test_a_node_read_twice_and_every_output(rng):
    edges = [
        (0, 0, 0, "sine", [1.2, 0.3, 1.0, 0.1, 1.0]),
        (0, 1, 0, "square", [1.0, -0.4, 0.5, 0.0, 1.0]),
        (0, 1, 1, "linear", [1.0, 0.0, -1.5, 0.2, 1.0]),
        (1, 0, 0, "exponential", [0.8, 0.2, 1.3, 0.0, 1.0]),
        (1, 1, 0, "cube", [1.0, 0.1, 0.2, 0.0, 1.0]),
        (1, 0, 1, "gaussian", [0.9, -0.2, 2.0, 0.5, 1.0]),
        (1, 1, 1, "linear", [1.0, 0.0, 0.7, 0.0, 1.0]),
    ]
    net = symbolic([2, 2, 2], edges)
    agrees(net, ["x", "y"], rng, output=0)
    agrees(net, ["x", "y"], rng, output=1)


def test_a_network_of_three_levels(rng):
    edges = [
        (0, 0, 0, "sine", [1.0, 0.2, 1.0, 0.0, 1.0]),
        (0, 1, 0, "square", [1.0, 0.0, 0.5, 0.0, 1.0]),
        (1, 0, 0, "exponential", [0.5, 0.1, 1.0, 0.3, 1.0]),
        (2, 0, 0, "logarithm", [1.0, 1.0, 2.0, 0.0, 1.0]),
    ]
    agrees(symbolic([2, 1, 1, 1], edges), ["x", "y"], rng)


def test_a_network_without_edges_is_its_constant(rng):
    found = template(symbolic([2, 1], []), ["x", "y"])
    assert found.values == (-3.5,)
    assert found.predict(np.zeros((3, 2))).tolist() == [-3.5] * 3


@pytest.mark.parametrize("name", ["p", "u", "k", "k_0", "k_1", "x0", "x1", "arctan", "e", "numpy"])
def test_a_column_may_be_called_like_anything_used_inside(name, rng):
    edges = [
        (0, 0, 0, "power", [1.0, 1.5, 2.0, 1.0, 1.7]),
        (0, 1, 0, "arctangent", [1.0, 0.5, 1.0, 0.0, 1.0]),
    ]
    agrees(symbolic([2, 1], edges), [name, "other"], rng)


@LAWS
def test_no_two_constants_do_the_same_work(law, rng):
    """The Jacobian has full rank: what is left is what the data determine."""
    edges = [
        (0, 0, 0, "sine", [1.3, 0.2, 0.5, 0.1, 1.0]),
        (0, 1, 0, "linear", [1.0, 0.0, 0.4, 0.2, 1.0]),
        (1, 0, 0, law, bent(law, -0.95, 1.25, 1.0)),
    ]
    net = symbolic([2, 1, 1], edges)
    slopes = template(net, ["x", "y"]).jacobian(table(net, rng, 200))
    singular = np.linalg.svd(slopes / np.linalg.norm(slopes, axis=0), compute_uv=False)
    assert singular[-1] > 1e-7 * singular[0]


@LAWS
def test_the_jacobian_is_that_of_finite_differences(law, rng):
    edges = [
        (0, 0, 0, "sine", [1.3, 0.2, 0.5, 0.1, 1.0]),
        (1, 0, 0, law, bent(law, -0.6, 0.8, 1.0)),
    ]
    net = symbolic([1, 1, 1], edges)
    found, X = template(net, ["x"]), table(net, rng)
    slopes, values = found.jacobian(X), np.array(found.values)
    assert slopes.shape == (len(X), len(values))
    for column in range(len(values)):
        step = np.zeros(len(values))
        step[column] = 1e-6 * max(1.0, abs(values[column]))
        rise = found.predict(X, values + step) - found.predict(X, values - step)
        np.testing.assert_allclose(slopes[:, column], rise / (2 * step[column]), rtol=1e-5, atol=1e-6)


def written(text, features, **constants):
    """A template from its text, with named constants."""
    expression = parse(text, [*features, *constants])
    symbols = {name: sympy.Symbol(name, real=True) for name in (*features, *constants)}
    return Template(
        expression,
        tuple(symbols[name] for name in features),
        tuple(symbols[name] for name in constants),
        tuple(constants.values()),
    )


def test_fitting_moves_the_free_constants_alone(rng):
    X = rng.uniform(-1, 1, (50, 1))
    given = written("a*sin(b*x) + c", ["x"], a=1.0, b=2.2, c=0.5)
    fitted = given.fitted(X, 2 * np.sin(2 * X[:, 0]) + 0.5, [0, 1])
    assert fitted.values == pytest.approx((2.0, 2.0, 0.5), abs=1e-9)
    assert fitted.values[2] == given.values[2] == 0.5
    assert given.values == (1.0, 2.2, 0.5)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_fitting_does_not_mind_the_targets_unit(unit, rng):
    X = rng.uniform(-1, 1, (50, 1))
    given = written("a*exp(b*x)", ["x"], a=unit, b=1.0)
    fitted = given.fitted(X, 2.5 * unit * np.exp(1.5 * X[:, 0]), [0, 1])
    assert fitted.values == pytest.approx((2.5 * unit, 1.5), rel=1e-9)


def test_fitting_from_where_the_formula_is_undefined_changes_nothing(rng):
    given = written("a*log(x + b)", ["x"], a=1.0, b=-5.0)
    X = rng.uniform(0, 1, (20, 1))
    assert given.fitted(X, X[:, 0], [0, 1]) == given


def test_a_pinned_constant_becomes_an_exact_number_and_takes_idle_ones_along():
    found = written("a*sin(b*x) + c", ["x"], a=1.0, b=2.0, c=3.0)
    half = found.pinned(1, sympy.Rational(1, 2))
    assert [symbol.name for symbol in half.symbols] == ["a", "c"]
    assert half.values == (1.0, 3.0)
    assert half.predict(np.array([[1.0]])) == pytest.approx(np.sin(0.5) + 3)
    assert found.pinned(0, sympy.Integer(0)).values == (3.0,)


def test_the_text_has_the_digits_asked_for():
    found = written("a*x + b", ["x"], a=np.pi, b=1 / 3)
    assert found.text([3, 5]) == "3.14*x + 0.33333"
    assert found.text([15, 15]).startswith("3.14159265358979*x + 0.333333333333333")


def test_the_text_can_be_read_again_at_any_size():
    for size in (1e-250, 1e-5, 1.0, 1e5, 1e250):
        text = written("a*x", ["x"], a=-1.2345 * size).text([15])
        assert float(parse(text, ["x"]).subs(sympy.Symbol("x", real=True), 1)) == pytest.approx(
            -1.2345 * size
        )


def test_values_are_nan_where_the_formula_is_undefined():
    found = written("a*log(x)", ["x"], a=2.0).predict(np.array([[-1.0], [1.0]]))
    np.testing.assert_array_equal(found, [np.nan, 0.0])
