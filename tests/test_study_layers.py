"""Layers of the arms against plain formulas and the library's own splines."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from edgewise import kernels, splines
from edgewise.study.layers import DEGREE, GAINS, REACH, Frozen, LearnedNodes, Radial, RationalNodes


def test_learned_nodes_are_the_splines_of_the_library(generator):
    nodes = LearnedNodes(3, 5).double()
    with torch.no_grad():
        nodes.coef.copy_(torch.randn(3, 8, generator=generator))
        nodes.base.copy_(torch.randn(3, generator=generator))
    x = (torch.rand(200, 3, generator=generator, dtype=torch.float64) * 8 - 4).requires_grad_()
    ends = torch.full((3,), REACH, dtype=torch.float64)
    knots = splines.uniform_knots(-ends, ends, 5, DEGREE)
    features = kernels.spline_features(x, knots, DEGREE, "silu", 0)[0]
    expected = (features * torch.cat([nodes.coef, nodes.base[:, None]], dim=1)).sum(-1)
    torch.testing.assert_close(nodes(x), expected)
    (slope,) = torch.autograd.grad(nodes(x).sum(), x, retain_graph=True)
    (expected_slope,) = torch.autograd.grad(expected.sum(), x)
    torch.testing.assert_close(slope, expected_slope)


def test_learned_and_rational_nodes_start_as_silu():
    x = torch.linspace(-3, 3, 101)[:, None].expand(-1, 6)
    silu = torch.nn.functional.silu(x)
    torch.testing.assert_close(LearnedNodes(6, 5)(x), silu)
    assert (RationalNodes(6)(x) - silu).abs().max() < 1.3e-3


def test_rational_nodes_share_their_functions_in_groups(generator):
    nodes = RationalNodes(6)
    with torch.no_grad():
        nodes.top.copy_(torch.randn(4, 6, generator=generator))
        nodes.bottom.copy_(torch.randn(4, 4, generator=generator))
    x = 0.7
    top, bottom = nodes.top[1].tolist(), nodes.bottom[1].tolist()
    above = sum(c * x**k for k, c in enumerate(top))
    below = 1 + abs(sum(c * x ** (k + 1) for k, c in enumerate(bottom)))
    found = nodes(torch.full((1, 6), x))[0]
    assert found[1].item() == pytest.approx(above / below, rel=1e-5)
    assert found[1] == found[5] != found[0]


def test_radial_edges_are_their_formula(generator):
    layer = Radial(2, 3, 5, 4, generator)
    x = torch.randn(7, 2, generator=generator)
    w = layer.weight.detach().numpy()
    expected = np.zeros((7, 3))
    for i in range(2):
        xi = x[:, i].numpy()
        for m, centre in enumerate(np.linspace(-1, 1, 8)):
            expected += np.exp(-(((xi - centre) / 0.4) ** 2))[:, None] * w[i, m]
        expected += (xi / (1 + np.exp(-xi)))[:, None] * w[i, -1]
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_frozen_splines_are_scipys_and_do_not_learn(generator):
    layer = Frozen(2, 3, 5, 4, generator)
    x = torch.rand(9, 2, generator=generator) * 1.8 - 0.9
    expected = np.zeros((9, 3))
    for i in range(2):
        xi = x[:, i].double().numpy()
        for o in range(3):
            curve = BSpline(layer.knots[i].double().numpy(), layer.splines[i, :, o].double().numpy(), DEGREE)
            spline_weight, base_weight = layer.weight[i, :, o].tolist()
            expected[:, o] += spline_weight * curve(xi) + base_weight * xi / (1 + np.exp(-xi))
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-4, atol=1e-5)
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


@pytest.mark.parametrize(
    ("name", "function"), [("gelu", torch.nn.functional.gelu), ("silu", torch.nn.functional.silu)]
)
def test_gains_keep_the_mean_square(name, function):
    z = torch.linspace(-8, 8, 20001, dtype=torch.float64)
    weight = torch.exp(-z * z / 2)
    energy = (weight @ function(z) ** 2 / weight.sum()).item()
    assert GAINS[name] == pytest.approx(1 / energy, rel=0.01)
