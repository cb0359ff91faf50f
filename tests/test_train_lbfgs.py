"""L-BFGS on all rows: its objective, and what penalties do to a network."""

import pytest
import torch

from edgewise import penalties
from edgewise.network import KAN
from edgewise.train import TrainConfig, train
from edgewise.train.objective import data_loss, objective


def new_network(widths, seed=0):
    return KAN(widths, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def X(generator):
    return torch.rand(80, 3, generator=generator, dtype=torch.float64) * 2 - 1


@pytest.fixture
def y(X):
    return torch.sin(2 * X[:, :1]) + 0.3 * X[:, 1:2]


def test_the_objective_adds_weighted_penalties(X, y):
    net = new_network([3, 2, 1])
    trace = net.trace(X)
    expected = (
        (net(X) - y).square().mean()
        + 0.1 * penalties.sparsity(trace)
        + 0.2 * penalties.entropy(trace)
        + 0.3 * penalties.smoothness(net.kan_layers)
    )
    config = TrainConfig(sparsity=0.1, entropy=0.2, smoothness=0.3)
    torch.testing.assert_close(objective(net, X, y, config), expected)


def test_the_objective_without_penalties_is_the_loss(X, y):
    net = new_network([3, 2, 1])
    torch.testing.assert_close(objective(net, X, y, TrainConfig()), (net(X) - y).square().mean())


def test_cross_entropy_is_minus_the_mean_log_probability():
    logits, classes = torch.tensor([[2.0, 0.0], [0.0, 1.0]]).double(), torch.tensor([[0.0], [1.0]]).double()
    expected = -(logits.softmax(1)[0, 0].log() + logits.softmax(1)[1, 1].log()) / 2
    torch.testing.assert_close(data_loss(logits, classes, "cross-entropy"), expected)


def trained(X, y, **penalty):
    config = TrainConfig(method="lbfgs", max_steps=20, validation=0.0, **penalty)
    return train(new_network([3, 3, 1]), X, y, config).network


def test_sparsity_makes_edges_small(X, y):
    plain, sparse = (penalties.sparsity(trained(X, y, sparsity=s).trace(X)) for s in (0.0, 0.05))
    assert sparse < 0.5 * plain


def test_entropy_leaves_the_work_to_few_edges(X, y):
    plain, few = (penalties.entropy(trained(X, y, entropy=e).trace(X)) for e in (0.0, 0.05))
    assert few < 0.7 * plain


def test_the_loss_falls_at_every_iteration(X, y):
    history = train(new_network([3, 1]), X, y, TrainConfig(method="lbfgs", max_steps=10)).history
    losses = [step.loss for step in history]
    assert losses == sorted(losses, reverse=True)


def test_it_stops_when_held_out_rows_stop_gaining(generator):
    X = torch.rand(60, 1, generator=generator, dtype=torch.float64)
    y = X + 0.3 * torch.randn(60, 1, generator=generator, dtype=torch.float64)
    result = train(KAN([1, 1], intervals=30, generator=generator), X, y, TrainConfig(method="lbfgs"))
    losses = [step.validation_loss for step in result.history]
    assert len(losses) - 1 - losses.index(min(losses)) == 30
    assert result.status == "converged"
    assert f"held-out loss {min(losses):.3g}" in result.message


def test_fixed_edges_learn_too():
    X = torch.linspace(0, 3, 60).double()[:, None]
    net = new_network([1, 1])
    net.kan_layers[0].fix_edge(0, 0, "exponential", torch.tensor([0.5, 0.0, 1.0, 0.0, 1.0]))
    y = 2 * torch.exp(-1.5 * X) + 1
    fitted = train(net, X, y, TrainConfig(method="lbfgs")).network
    torch.testing.assert_close(fitted(X), y, rtol=0, atol=1e-3)
