import numpy as np
import pytest
import torch

from edgewise.network import KAN
from edgewise.symbolic.lookalikes import lookalikes
from edgewise.train import TrainConfig, train


def test_an_edge_that_learned_a_sine_looks_like_one():
    x = torch.linspace(-2, 3, 200, dtype=torch.float64)[:, None]
    y = 2 * torch.sin(2.5 * x + 1) + 4
    net = train(
        KAN([1, 1], intervals=20, dtype=torch.float64), x, y, TrainConfig(max_seconds=5, intervals=(20,))
    ).network
    (found,) = lookalikes(net, x, [(0, 0, 0)]).values()
    assert found[0].name == "sine"
    assert found[0].r2 > 0.9999
    assert [one.r2 for one in found] == sorted((one.r2 for one in found), reverse=True)
    assert [one.complexity for one in found] == sorted((one.complexity for one in found), reverse=True)
    a, b, c, d, _ = found[0].constants
    trace = net.trace(x).layers[0]
    z, truth = trace.inputs[:, 0].numpy(), trace.curves[:, 0, 0].detach().numpy()
    assert c * np.sin(a * z + b) + d == pytest.approx(truth, abs=1e-2)


def test_an_edge_without_a_shape_looks_like_nothing_or_a_constant():
    net = KAN([1, 1], dtype=torch.float64)
    with torch.no_grad():
        net.kan_layers[0].spline.weight.zero_()
    (found,) = lookalikes(net, torch.linspace(0, 1, 20)[:, None], [(0, 0, 0)]).values()
    assert all(one.complexity <= 1 for one in found)
