import numpy as np
import torch

from edgewise.data import measure
from edgewise.estimators import thinning
from edgewise.estimators.thinning import Thinned, read_off, thinned
from edgewise.network import KAN
from edgewise.symbolic.findings import Table
from edgewise.train import TrainConfig, train
from edgewise.train.clock import Clock
from edgewise.train.problem import Rows

NOISE = 0.02


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
    steps = list(thinned(network, rows, y, Clock(), 0.02))
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


def test_a_network_of_many_edges_is_left_alone(monkeypatch):
    monkeypatch.setattr(thinning, "MOST_EDGES", 1)
    network, rows, y = trained()
    assert list(thinned(network, rows, y, Clock(), 0.02)) == []


def test_no_time_leaves_the_pruned_network():
    network, rows, y = trained()
    assert len(list(thinned(network, rows, y, Clock(0.0), 0.02))) == 1


def test_the_formula_is_read_off_the_last_one():
    network, rows, y = trained(noise=0.0)
    *_, last = thinned(network, rows, y, Clock(), 3.0)
    names = ("x0", "x1", "x2")
    found = read_off(last, rows, Table(rows.X, y, rows.X, names, 0), Clock())
    assert any(finding.exact for finding in found)
    assert found[0].formula(np.array([[0.5, 0.2, 9.0]]))[0] == np.sin(1.0) + np.exp(0.2)


def test_the_last_descent_sees_all_rows():
    network, rows, y = trained()
    *_, last = thinned(network, rows, y, Clock(), 0.02)
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
