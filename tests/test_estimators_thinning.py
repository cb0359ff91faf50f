from functools import lru_cache

import numpy as np
import torch

from edgewise.data import measure
from edgewise.estimators import thinning
from edgewise.estimators.thinning import Thinned, lighter, read_off, straightened, thinned
from edgewise.network import KAN
from edgewise.splines import fit_coefficients
from edgewise.symbolic.findings import Table
from edgewise.symbolic.fixing import held_loss, splines_of
from edgewise.train import TrainConfig, train
from edgewise.train.clock import Clock
from edgewise.train.problem import Rows

NOISE = 0.02


@lru_cache(maxsize=2)
def trained(noise=NOISE, rows=300):
    """A network for ``sin(2 x0) + exp(x1)`` of two inputs of three, its rows and the user's targets."""
    generator = np.random.default_rng(0)
    X = torch.from_numpy(generator.uniform(-1, 1, (rows, 3)))
    y = ((2 * X[:, 0]).sin() + X[:, 1].exp())[:, None]
    y += noise * torch.from_numpy(generator.normal(size=(rows, 1)))
    network = KAN(
        [3, 1], intervals=5, base=None, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    network = train(network, X, y, TrainConfig(intervals=(5,), seed=0)).network
    scales = measure(X, y)
    scaled = (y - network.output_center) / network.output_scale
    assert torch.allclose(scales.output_scale, network.output_scale)
    kept = rows * 4 // 5
    return network, Rows(X[:kept], scaled[:kept], X[kept:], scaled[kept:]), y[:kept]


def test_free_numbers_fall_and_the_error_does_not_rise():
    network, rows, y = trained()
    steps = list(thinned(network, rows, y, Clock(), True))
    sizes = [network.free().numel(), *(step.free().numel() for step in steps)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0] / 2
    X = torch.cat([rows.X, rows.held_X])
    truth = ((2 * X[:, :1]).sin() + X[:, 1:2].exp()).detach()
    with torch.no_grad():
        errors = [float((one(X) - truth).square().mean().sqrt()) for one in (network, *steps)]
    assert errors[-1] < 0.7 * errors[0] < NOISE
    assert network.kan_layers[0].edge(2, 0) == "spline"
    assert steps[0].kan_layers[0].edge(2, 0) is None


def test_edges_go_that_the_others_can_replace():
    X = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (200, 2)))
    y = (X[:, :1] + X[:, 1:]) ** 2
    network = KAN(
        [2, 2, 1], intervals=3, base=None, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    network = train(network, X, y, TrainConfig(intervals=(3,), seed=0, validation=0.0)).network
    rows = Rows(X, (y - network.output_center) / network.output_scale, X[:0], y[:0])
    assert held_loss(network, rows) < 1e-8
    smaller = lighter(network, rows, Clock(), False)
    assert len(splines_of(smaller)) <= 4 < len(splines_of(network))
    assert held_loss(smaller, rows) < 1e-8


def test_a_function_of_a_function_gets_a_straight_line():
    X = torch.linspace(-1, 1, 200, dtype=torch.float64)[:, None]
    network = KAN(
        [1, 1, 1], intervals=8, base=None, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    for layer, curve in zip(network.kan_layers, (X.exp() / 3, (3 * X).sin()), strict=True):
        spline = layer.spline
        coef = fit_coefficients(X, curve[:, None], spline.knots, spline.degree)
        spline.weight.data.copy_(coef)
    straight = straightened(network, X, 0, 0, 0)
    with torch.no_grad():
        assert float((network(X) - X.exp().sin()).abs().max()) < 1e-2
        assert float((straight(X) - network(X)).abs().max()) < 1e-2
    assert straight.kan_layers[0].edge(0, 0).name == "linear"
    assert network.kan_layers[0].edge(0, 0) == "spline"


def test_a_network_of_many_edges_is_left_alone(monkeypatch):
    monkeypatch.setattr(thinning, "MOST_TO_CUT", 1)
    network, rows, y = trained()
    assert list(thinned(network, rows, y, Clock(), True)) == []


def test_no_time_leaves_the_pruned_network():
    network, rows, y = trained()
    assert len(list(thinned(network, rows, y, Clock(0.0), True))) == 2


def test_the_formula_is_read_off_the_last_one():
    network, rows, y = trained(noise=0.0)
    *_, last = thinned(network, rows, y, Clock(), False)
    names = ("x0", "x1", "x2")
    found = read_off(last, rows, Table(rows.X, y, rows.X, names, 0), Clock())
    assert any(finding.exact for finding in found)
    assert found[0].formula(np.array([[0.5, 0.2, 9.0]]))[0] == np.sin(1.0) + np.exp(0.2)


def test_the_last_descent_sees_all_rows():
    network, rows, y = trained()
    *_, last = thinned(network, rows, y, Clock(), True)
    run = Thinned(last, rows, [])
    run.on_all_rows()
    X, scaled = torch.cat([rows.X, rows.held_X]), torch.cat([rows.y, rows.held_y])
    with torch.no_grad():
        before, after = (
            float(((one(X) - one.output_center) / one.output_scale - scaled).square().mean())
            for one in (last, run.best)
        )
    assert after < before
    assert run.size == last.free().numel()
    assert run.best is not run.network
