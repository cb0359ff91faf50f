import copy

import numpy as np
import pytest
import torch

from edgewise.network import KAN
from edgewise.symbolic.fixing import exchange_functions, fix_edges, held_loss, refit
from edgewise.train import TrainConfig, train
from edgewise.train.clock import Clock
from edgewise.train.problem import Rows, split_scaled


def table(law, count=120, columns=2, noise=0.0):
    rng = np.random.default_rng(6)
    X = rng.uniform(0.3, 2.0, (count, columns))
    y = law(*X.T) + noise * rng.normal(size=count)
    return torch.from_numpy(X), torch.from_numpy(y)[:, None]


def trained(widths, X, y):
    net = KAN(widths, intervals=5, base=None, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    config = TrainConfig(method="least-squares", validation=0.2, intervals=(5, 10))
    net = train(net, X, y, config).network
    return net, split_scaled(net, X, y, 0)


def names(net):
    return sorted(law.name for layer in net.kan_layers for _, _, law in layer.symbolic.fixed)


def relative_error(net, X, y):
    with torch.no_grad():
        return float(((net(X) - y).square().mean() / y.var()).sqrt())


@pytest.fixture
def summed():
    X, y = table(lambda a, b: np.sin(2 * a) + np.exp(b))
    return X, y, *trained([2, 1], X, y)


def test_the_edges_of_a_sum_become_its_functions(summed):
    X, y, net, rows = summed
    fixed = fix_edges(net, rows, Clock())
    assert names(fixed.network) == ["exponential", "sine"]
    assert relative_error(fixed.network, X, y) < 1e-9
    assert fixed.loss == pytest.approx(held_loss(fixed.network, rows))


def test_the_network_given_is_left_alone(summed):
    _, _, net, rows = summed
    before = copy.deepcopy(net.state_dict())
    fix_edges(net, rows, Clock())
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
    assert names(net) == []


def test_only_the_functions_asked_for_are_used(summed):
    from edgewise.catalogue import function

    _, _, net, rows = summed
    fixed = fix_edges(net, rows, Clock(), [function(name) for name in ("linear", "square", "cube")])
    assert set(names(fixed.network)) <= {"linear", "square", "cube"}
    assert fixed.loss > 1e-8


def test_no_time_no_formula(summed):
    _, _, net, rows = summed
    assert fix_edges(net, rows, Clock(1e-9)) is None


def test_held_loss_is_the_mean_square_on_rows_held_out(summed):
    _, _, net, rows = summed
    with torch.no_grad():
        mine = net(rows.held_X) - (rows.held_y * net.output_scale + net.output_center)
    wanted = float((mine / net.output_scale).square().mean())
    assert held_loss(net, rows) == pytest.approx(wanted)
    none = Rows(rows.X, rows.y, rows.X[:0], rows.y[:0])
    assert held_loss(net, none) == pytest.approx(
        float(((net(rows.X).detach() - net.output_center) / net.output_scale - rows.y).square().mean())
    )


def test_refitting_moves_fixed_constants_to_the_least_squares():
    X, y = table(lambda a: 2.7 * np.sin(1.3 * a + 0.4) + 0.2, columns=1)
    net = KAN([1, 1], intervals=1, base=None, dtype=torch.float64, generator=torch.Generator())
    net.kan_layers[0].remove_edge(0, 0)
    net.kan_layers[0].fix_edge(0, 0, "sine", torch.tensor([1.2, 0.5, 2.0, 0.0, 1.0], dtype=torch.float64))
    rows = split_scaled(net, X, y, 0)
    before = held_loss(net, rows)
    refit(net, rows, 60, Clock())
    assert held_loss(net, rows) < 1e-20 < before
    assert relative_error(net, X, y) < 1e-9


def test_a_wrong_function_is_exchanged_for_one_that_says_more_in_less():
    X, y = table(lambda a, b: np.exp(a) + b, noise=0.02)
    net, rows = trained([2, 1], X, y)
    for source, name in ((0, "square"), (1, "linear")):
        net.kan_layers[0].remove_edge(source, 0)
        net.kan_layers[0].fix_edge(
            source, 0, name, torch.tensor([1.0, 0.0, 0.5, 0.0, 1.0], dtype=torch.float64)
        )
    refit(net, rows, 60, Clock())
    better = exchange_functions(net, rows, Clock())
    assert "square" not in names(better)
    noise = (0.02 / float(net.output_scale)) ** 2
    assert held_loss(better, rows) < 2 * noise < held_loss(net, rows)


def test_nothing_is_exchanged_in_an_exact_fit_or_without_time(summed):
    _, _, net, rows = summed
    fixed = fix_edges(net, rows, Clock()).network
    assert exchange_functions(fixed, rows, Clock()) is fixed
    worse = Rows(
        rows.X,
        rows.y
        + 0.3 * torch.randn(rows.y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64),
        rows.held_X,
        rows.held_y + 0.1,
    )
    assert exchange_functions(fixed, worse, Clock(1e-9)) is fixed
