"""Least squares from coarse to fine: how far it goes, and that it never hands back a trial."""

import itertools
import math

import pytest
import torch

from edgewise.network import KAN
from edgewise.train import TrainConfig, staircase, train


def new_network(widths, seed=0, **settings):
    return KAN(widths, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, **settings)


def rows(count, seed=1):
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def nested(X):
    return torch.exp(torch.sin(math.pi * X[:, :1]) + X[:, 1:] ** 2)


def product(X):
    return X[:, :1] * X[:, 1:]


def error_of(network, law):
    X = rows(1000, seed=2)
    with torch.no_grad():
        return (network(X) - law(X)).square().mean().sqrt().item()


def test_a_nested_law_is_learned_to_six_digits():
    X = rows(1000)
    result = train(new_network([2, 1, 1]), X, nested(X))
    assert error_of(result.network, nested) <= 1e-6
    assert result.network.intervals == 80


@pytest.mark.parametrize("widths", [[2, (0, 1)], [2, (0, 1), 1]], ids=str)
def test_a_product_is_learned_exactly(widths):
    X = rows(100)
    assert error_of(train(new_network(widths), X, product(X)).network, product) <= 1e-10


def test_a_product_is_learned_by_sums_alone():
    X = rows(200)
    result = train(new_network([2, 2, 1]), X, product(X), TrainConfig(max_steps=30))
    assert error_of(result.network, product) < 1e-3


def test_cells_double_while_rows_can_fill_them():
    X = rows(200)
    result = train(new_network([2, 1]), X, torch.sin(5 * X[:, :1]) + X[:, 1:])
    stages = [intervals for intervals, _ in itertools.groupby(step.intervals for step in result.history)]
    assert stages == [5, 10, 20]


def test_cells_stop_doubling_when_held_out_rows_gain_nothing():
    X = rows(400)
    noise = torch.randn(400, 1, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    result = train(new_network([2, 1]), X, X[:, :1] + 0.3 * noise)
    assert max(step.intervals for step in result.history) <= 10
    assert result.network.intervals == 5


def test_cells_are_those_asked_for():
    X = rows(60)
    result = train(new_network([2, 1]), X, product(X), TrainConfig(intervals=(2, 7), max_steps=10))
    assert {step.intervals for step in result.history} == {2, 7}


def test_smoothness_smooths():
    X = rows(80)
    noisy = torch.sin(4 * X[:, :1]) + torch.randn(80, 1, generator=torch.Generator().manual_seed(4)).double()
    config = {"intervals": (10,), "starts": 1, "validation": 0.0}
    rough, smooth = (
        train(new_network([2, 1]), X, noisy, TrainConfig(smoothness=weight, **config)).network.kan_layers[0]
        for weight in (0.0, 0.1)
    )
    assert bumps(smooth) < 0.05 * bumps(rough)


def bumps(layer):
    return layer.spline.coef.diff(n=2, dim=1).square().sum().item()


def test_hidden_domains_follow_the_activations():
    X = rows(100)
    net = train(new_network([2, 1, 1]), X, nested(X)).network
    hidden = net.trace(X).layers[1].inputs
    knots = net.kan_layers[1].spline.knots[0]
    assert knots[3] <= hidden.min()
    assert hidden.max() <= knots[-4]
    assert (hidden.max() - hidden.min()) / (knots[-4] - knots[3]) > 0.8


def test_a_bad_start_is_helped_by_others():
    net = new_network([2, 1, 1])
    net.assign(net.free() * 0)
    X = rows(200)
    assert error_of(train(net, X, nested(X), TrainConfig(max_steps=40)).network, nested) < 0.05


class Struck(staircase.NetworkProblem):
    """A problem that at one call leaves a hopeless trial in the network, where Ctrl-C strikes."""

    rows_of_the_stage = 0
    calls_to_go = 0

    def residual(self, parameters):
        if self.rows.X.shape[0] == self.rows_of_the_stage:
            type(self).calls_to_go -= 1
            if type(self).calls_to_go == 0:
                self.network.assign(torch.full_like(parameters, 1e6))
                raise KeyboardInterrupt
        return super().residual(parameters)


@pytest.mark.parametrize(
    ("count", "call"), [(80, 10), (80, 60), (100, 2)], ids=["start", "stage", "all rows"]
)
def test_ctrl_c_amid_a_trial_keeps_the_best_and_not_the_trial(count, call, monkeypatch):
    X = rows(100)
    noise = torch.randn(100, 1, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    fatal = type("Fatal", (Struck,), {"rows_of_the_stage": count, "calls_to_go": call})
    monkeypatch.setattr(staircase, "NetworkProblem", fatal)
    result = train(new_network([2, 1]), X, product(X) + X[:, :1] + 0.3 * noise, TrainConfig(starts=4))
    assert (result.status, fatal.calls_to_go) == ("interrupted", 0)
    assert error_of(result.network, product) < 2.0
