"""The splines' share and what goes without them."""

import math

import pytest
import torch
from torch import nn

from edgewise.block import KANBlock
from edgewise.layer import KANLayer
from edgewise.study.hosts.shares import spline_figures, spline_share, without_splines


def constant(value, base):
    """One edge whose spline is ``value`` everywhere and whose base function has the weight ``base``."""
    layer = KANLayer(1, 1, base="identity")
    with torch.no_grad():
        layer.spline.weight.fill_(value)  # coefficients that are all alike make a constant
        layer.spline.weight[:, -1] = base
    return layer


def test_a_share_by_hand():
    layer, x = constant(2.0, 3.0), torch.tensor([[1.0], [-1.0], [0.5], [-0.5]])
    spline, base = 2.0**2, 3.0**2 * (1 + 1 + 0.25 + 0.25) / 4
    assert spline_share(layer, lambda: layer(x)) == pytest.approx(spline / (spline + base), rel=1e-5)


def test_energies_add_over_layers_and_calls():
    first, second = constant(2.0, 0.0), constant(0.0, 0.5)
    model, x = nn.Sequential(first, second), torch.zeros(3, 1)
    # first: spline 2, rest 0; second: spline 0, rest 0.5 * 2
    assert spline_share(model, lambda: model(x)) == pytest.approx(4 / (4 + 1), rel=1e-5)
    assert spline_share(model, lambda: [model(x), first(x)]) == pytest.approx(8 / (8 + 1), rel=1e-5)


def test_without_coefficients_there_is_no_share(generator):
    block = KANBlock(4, 3, init="noise", generator=generator)
    x = torch.randn(20, 4, generator=generator)
    assert spline_share(block, lambda: block(x)) > 0
    bare = without_splines(block)
    assert spline_share(bare, lambda: bare(x)) == 0
    assert not torch.allclose(bare(x), block(x))


def test_a_bare_copy_leaves_the_original_alone(generator):
    layer = KANLayer(2, 3, init="noise", generator=generator)
    before = layer.spline.weight.detach().clone()
    bare = without_splines(layer)
    assert torch.equal(layer.spline.weight, before)
    assert torch.equal(bare.spline.weight[:, -1], before[:, -1])
    assert not bare.spline.coef.any()


def test_a_model_without_splines_has_no_share_and_hooks_go():
    model = nn.Linear(2, 1)
    assert spline_share(model, lambda: model(torch.ones(1, 2))) is None
    layer = constant(1.0, 1.0)
    with pytest.raises(ZeroDivisionError):
        spline_share(layer, lambda: 1 / 0)
    assert not layer._forward_hooks


def test_the_figures_of_an_outcome():
    layer, x = constant(2.0, 3.0), torch.ones(4, 1)
    found = spline_figures(layer, lambda: layer(x), lambda net: net(x).square().mean().item())
    assert found == {
        "spline_share": pytest.approx(4 / 13, rel=1e-5),
        "spline_damage": pytest.approx(math.log10(9 / 25), rel=1e-5),
    }
    model = nn.Linear(2, 1)
    figures = spline_figures(model, lambda: model(torch.ones(1, 2)), lambda net: 1.0)
    assert figures == {"spline_share": None, "spline_damage": None}
