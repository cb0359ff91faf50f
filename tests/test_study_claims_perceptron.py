"""Perceptrons: Jacobians against automatic differentiation, learned functions that start as tanh."""

import numpy as np
import pytest
import torch

from edgewise.study.claims.perceptron import Kind, Perceptron, PerceptronTrial, fit_perceptron
from edgewise.study.claims.tournament import Table


@pytest.mark.parametrize("learned", [False, True])
def test_the_jacobian_is_that_of_automatic_differentiation(learned):
    generator = torch.Generator().manual_seed(0)
    net = Perceptron(3, (4, 5), learned)
    v, X = net.start(generator), torch.randn(7, 3, generator=generator, dtype=torch.float64)
    v = v + 0.1 * torch.randn(len(v), generator=generator, dtype=torch.float64)
    values, jacobian = net.linearise(v, X)
    expected = torch.autograd.functional.jacobian(lambda v: net.activations(v, X)[-1][:, 0], v)
    torch.testing.assert_close(values, net.activations(v, X)[-1][:, 0])
    torch.testing.assert_close(jacobian, expected)


def test_parameters_are_weights_biases_and_eight_coefficients_a_node():
    assert Perceptron(3, (4, 5)).count == 3 * 4 + 4 + 4 * 5 + 5 + 5 + 1
    assert Perceptron(3, (4, 5), learned=True).count == Perceptron(3, (4, 5)).count + 9 * 8


def test_learned_functions_start_as_tanh():
    X = torch.linspace(-4, 4, 30, dtype=torch.float64)[:, None]
    plain, learned = (Perceptron(1, (1,), kind) for kind in (False, True))
    v = plain.start(torch.Generator().manual_seed(3))
    w = learned.start(torch.Generator().manual_seed(3))
    hidden = learned.activations(w, X)[1]
    weight, bias, _ = learned.layers(w)[0]
    torch.testing.assert_close(hidden, torch.tanh(X @ weight.T + bias))
    torch.testing.assert_close(plain.activations(v, X)[1], hidden)


def test_a_perceptron_learns():
    X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    predict = fit_perceptron(X, 5 + X[:, 0] * X[:, 1], 4.0, 0)
    assert np.abs(predict(X) - 5 - X[:, 0] * X[:, 1]).max() < 1e-3


def test_a_trial_keeps_the_state_that_met_the_held_out_rows_best():
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (60, 2))
    y = X[:, 0] + 0.3 * rng.normal(size=60)  # noise: it will overfit
    table = Table(X, y, np.arange(40), np.arange(40, 60))
    trial = PerceptronTrial(table, Kind((10,), 1e-12), 0)
    for _ in range(200):
        trial.solver.advance()
    trial = PerceptronTrial(table, Kind((10,), 1e-12), 0)
    trial.train(float("inf"))
    held = trial.predict(X[40:]) - y[40:]
    assert np.mean(held**2) / y.var() == pytest.approx(trial.error, rel=1e-9)
    last = trial.net.activations(trial.solver.parameters, table.held_X)[-1][:, 0] - table.held_y
    assert float(last.square().mean()) > trial.error
