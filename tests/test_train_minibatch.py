"""Adam on minibatches."""

import importlib

import pytest
import torch

from edgewise.network import KAN
from edgewise.train import TrainConfig, train

train_package = importlib.import_module("edgewise.train")  # the name is taken by the function


def new_network(widths, dtype=torch.float64):
    return KAN(widths, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.fixture
def table(generator):
    X = torch.rand(100, 2, generator=generator, dtype=torch.float64) * 2 - 1
    return X, torch.sin(2 * X[:, :1]) + X[:, 1:] ** 2


def adam(**settings):
    return TrainConfig(
        **({"method": "adam", "max_steps": 15, "batch_size": 20, "learning_rate": 0.1} | settings)
    )


def test_it_learns(table):
    result = train(new_network([2, 1]), *table, adam(max_steps=40))
    assert min(step.validation_loss for step in result.history) < 0.01


def test_an_epoch_is_a_step_of_the_history(table):
    result = train(new_network([2, 1]), *table, adam(max_steps=7))
    assert len(result.history) == 7
    assert result.status == "step limit"


def test_batches_may_be_larger_than_the_table(table):
    assert len(train(new_network([2, 1]), *table, adam(batch_size=1000)).history) == 15


def test_without_held_out_rows_the_objective_decides(table):
    """The penalty outweighs the data here: the network that comes back must be the smaller, not the first."""
    X, y = table
    start = new_network([2, 1])
    fitted = train(start, X, y, adam(sparsity=100.0, validation=0.0)).network
    assert fitted.free().norm() < 0.8 * start.free().norm()


def test_large_tables_are_worked_on_in_float32(table, monkeypatch):
    seen = set()
    target = train_package.objective.Objective
    honest = target.value_and_gradient

    def watched(self, X, y):
        seen.update([X.dtype, y.dtype, self.network.input_center.dtype])
        return honest(self, X, y)

    monkeypatch.setattr(train_package, "MANY_NUMBERS", 10)
    monkeypatch.setattr(target, "value_and_gradient", watched)
    result = train(new_network([2, 1]), *table, adam())
    assert seen == {torch.float32}
    assert result.network.input_center.dtype == torch.float64
