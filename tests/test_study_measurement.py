"""Rows: paired data, honest errors, failures that stay."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.study.arms import build
from edgewise.study.cell import Cell
from edgewise.study.matching import matched
from edgewise.study.measurement import error, mean_error, measure, without_splines
from edgewise.study.tables import TEST, VALID, tables
from edgewise.study.training import _Order, fit

CELL = Cell("main", "mlp", "plain", "product:1", 0, 2, 300, 256, 0.0, 0, 0.02, 150, 64, 5)


@pytest.fixture(scope="module")
def row():
    return measure(CELL)


def test_a_cell_measured_twice_gives_the_same_row(row):
    torch.manual_seed(99)
    again = measure(CELL)
    assert replace(again, seconds=row.seconds) == row
    assert row.status == "done"
    assert row.error < 0.5
    assert row.trainable == pytest.approx(300, rel=0.02)


def test_one_thread_is_used_and_the_number_given_back(row):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        measure(replace(CELL, steps=2))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_arms_with_the_same_seed_see_the_same_rows():
    mlp, kan, other = (
        tables(c) for c in (CELL, replace(CELL, arm="kan-noise", depth=3), replace(CELL, seed=1))
    )
    assert torch.equal(mlp.train[0], kan.train[0])
    assert torch.equal(mlp.test[1], kan.test[1])
    assert not torch.equal(mlp.train[0], other.train[0])


def test_scales_come_from_the_training_rows_alone():
    data = tables(replace(CELL, rows=64))
    X, y = data.train
    assert X.abs().max().item() == pytest.approx(1 / 1.02, rel=1e-5)
    assert y.mean().item() == pytest.approx(0, abs=1e-5)
    assert y.std(correction=0).item() == pytest.approx(1, rel=1e-5)
    assert data.test[0].abs().max() > 1 / 1.02  # test rows reach further than 64 training rows
    assert len(data.valid[0]) == 64 < VALID
    assert len(data.test[0]) == TEST


def test_noise_is_on_what_is_learned_from_and_not_on_what_judges():
    clean, noisy = tables(CELL), tables(replace(CELL, noise=0.5))
    assert torch.equal(clean.train[0], noisy.train[0])
    correlation = np.corrcoef(clean.train[1][:, 0], noisy.train[1][:, 0])[0, 1]
    assert correlation == pytest.approx(1 / 1.25**0.5, abs=0.05)
    assert np.corrcoef(clean.test[1][:, 0], noisy.test[1][:, 0])[0, 1] == pytest.approx(1, abs=1e-6)


def test_the_error_is_relative_to_predicting_the_mean():
    data = tables(CELL)
    mean = float(data.test[1].mean())
    assert error(Constant(mean), data.test, data) == pytest.approx(1, rel=1e-6)
    assert mean_error(data) == 1.0
    expected = ((data.test[1] - 0.3).square().mean() / data.test[1].var(correction=0)).sqrt().item()
    assert error(Constant(0.3), data.test, data) == pytest.approx(expected, rel=1e-5)
    assert error(Constant(float("nan")), data.test, data) == float("inf")


class Constant(torch.nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return torch.full((len(x), 1), self.value)


def test_classes_are_judged_by_odds():
    row = measure(replace(CELL, task="digits", parameters=1500, rows=500, steps=60, depth=1))
    data = tables(replace(CELL, task="digits"))
    wrong = int((data.test[1] != data.train[1].mode(dim=0).values).sum())
    assert row.mean_error == pytest.approx((wrong + 0.5) / (len(data.test[1]) - wrong + 0.5))
    assert row.error < row.mean_error / 5


def test_a_training_that_explodes_is_a_row_with_the_mean_s_error():
    row = measure(replace(CELL, rate=1e25))
    assert row.status == "diverged"
    assert row.error == row.mean_error == 1.0


def test_whatever_goes_wrong_is_a_row():
    row = measure(replace(CELL, task="nonsense"))
    assert row.status == "failed"
    assert "nonsense" in row.message
    assert row.error == 1.0


def test_held_out_combinations_have_an_error_of_their_own():
    row = measure(replace(CELL, task="hyperteacher:5:2", steps=20))
    assert row.held_error is not None
    assert row.held_error != row.error


def test_a_kan_without_splines_keeps_its_base_functions_alone(generator):
    network = build(matched("kan-noise", 2, 1, 1, 300, 5), "plain", 0)
    bare = without_splines(network)
    x = torch.rand(5, 2, generator=generator)
    h = x
    for layer in network.layers:
        h = torch.nn.functional.silu(h) @ (layer.spline.weight[:, -1] * layer.spline.mask)
    torch.testing.assert_close(bare(x), h)
    assert not torch.allclose(network(x), h)


def test_the_best_on_validation_rows_is_kept():
    data = tables(CELL)
    network = build(matched("mlp", 2, 1, 2, 300, 5), "plain", 0)
    found = fit(network, data, CELL, 0)
    loss = (network(data.valid[0]) - data.valid[1]).square().mean().item()
    assert found.valid_loss == pytest.approx(loss, rel=1e-5)


def test_batches_show_every_row_once_an_epoch():
    order = _Order(10, 3, 7)
    epochs = [[row for _ in range(3) for row in order.next().tolist()] for _ in range(2)]
    assert all(len(set(epoch)) == 9 for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert len(_Order(10, 64, 7).next()) == 10
