"""Penalties against their written formulas."""

import math

import pytest
import torch

from edgewise import penalties
from edgewise.network import KAN
from edgewise.trace import LayerTrace, Trace


def trace_of(*layers):
    """A trace that holds these curves ``(n, in, out)``."""
    records = tuple(LayerTrace(curves[:, :, 0], curves, curves.sum(1)) for curves in layers)
    return Trace(records[0].inputs, records, records[-1].nodes)


def waves(sizes, rows=8):
    """Curves that swing between plus and minus each edge's size."""
    sign = torch.tensor([1.0, -1.0]).double().repeat(rows // 2)
    return sign[:, None, None] * torch.tensor(sizes, dtype=torch.float64)


def test_the_size_of_an_edge_is_its_root_mean_square(generator):
    curves = torch.randn(50, 3, 2, generator=generator, dtype=torch.float64)
    expected = curves.numpy().std(0) ** 2 + curves.numpy().mean(0) ** 2
    torch.testing.assert_close(penalties.edge_sizes(curves), torch.tensor(expected).sqrt())


def test_sparsity_adds_the_sizes_of_all_layers():
    trace = trace_of(waves([[1.0, 2.0], [0.0, 4.0]]), waves([[3.0], [0.5]]))
    assert penalties.sparsity(trace).item() == pytest.approx(10.5)


def test_entropy_is_that_of_the_shares_layer_by_layer():
    trace = trace_of(waves([[1.0, 3.0]]), waves([[2.0], [2.0]]))
    expected = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75)) + math.log(2)
    assert penalties.entropy(trace).item() == pytest.approx(expected)


def test_entropy_is_zero_when_one_edge_carries_all():
    assert penalties.entropy(trace_of(waves([[5.0, 0.0], [0.0, 0.0]]))).item() == pytest.approx(0.0, abs=1e-9)


def test_entropy_does_not_know_units():
    small, large = (penalties.entropy(trace_of(waves([[1.0 * s, 3.0 * s]]))) for s in (1e-3, 1e3))
    assert small.item() == pytest.approx(large.item())


def test_gradients_exist_even_where_all_is_zero():
    curves = torch.zeros(4, 2, 2, dtype=torch.float64, requires_grad=True)
    trace = trace_of(curves)
    (gradient,) = torch.autograd.grad(penalties.sparsity(trace) + penalties.entropy(trace), curves)
    assert bool(torch.isfinite(gradient).all())


def test_penalties_of_a_network_reach_its_weights(generator):
    net = KAN([2, (1, 1), 1], generator=generator)
    trace = net.trace(torch.rand(20, 2, generator=generator))
    (penalties.sparsity(trace) + penalties.entropy(trace)).backward()
    assert all(layer.spline.weight.grad.abs().sum() > 0 for layer in net.kan_layers)


def test_smoothness_is_the_sum_of_squared_second_differences(generator):
    net = KAN([2, 3, 1], generator=generator, dtype=torch.float64)
    expected = 0.0
    for layer in net.kan_layers:
        c = layer.spline.coef.detach().numpy()
        expected += ((c[:, 2:] - 2 * c[:, 1:-1] + c[:, :-2]) ** 2).sum()
    assert penalties.smoothness(net.kan_layers).item() == pytest.approx(expected)


def test_lines_are_smooth_whatever_the_base_does(generator):
    net = KAN([1, 1], generator=generator, dtype=torch.float64)
    spline = net.kan_layers[0].spline
    with torch.no_grad():
        spline.coef.copy_(torch.arange(8).double()[None, :, None])
    assert penalties.smoothness(net.kan_layers).item() == pytest.approx(0.0, abs=1e-20)


def test_missing_edges_cost_nothing(generator):
    net = KAN([2, 1], generator=generator)
    spline = net.kan_layers[0].spline
    alone = spline.coef[1].diff(n=2, dim=0).square().sum()
    spline.mask[0, 0] = 0.0
    torch.testing.assert_close(penalties.smoothness(net.kan_layers), alone)
