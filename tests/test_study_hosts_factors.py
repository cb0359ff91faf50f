"""Features needed: rows and counts against formulas written out, and a smoke run of every arm."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.errors import InputError
from edgewise.study.hosts import factors
from edgewise.study.hosts.dictionary.counting import MOST, factors_per_unit, units_per_factor
from edgewise.study.hosts.factors import HOST
from edgewise.study.hosts.trial import Trial

TRIAL = Trial("factors", "mlp", "aligned", seed=0, rate=0.003, steps=6, size=0.1)


def test_rows_are_products_of_pairs():
    X, z, y = (part.double().numpy() for part in factors.rows(replace(TRIAL, size=1.0), "test"))
    np.testing.assert_allclose(z, X[:, ::2] * X[:, 1::2], atol=1e-6)
    np.testing.assert_array_equal((X > 0).sum(1), 4)
    np.testing.assert_allclose(
        y - y.mean(0), (z - z.mean(0)) @ factors.mixing(0) / 0.1135, rtol=0.01, atol=0.02
    )
    np.testing.assert_allclose(y.mean(0), 0, atol=0.05)
    assert y.var() == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(np.linalg.norm(factors.mixing(0), axis=0), 1)


def test_mixed_inputs_are_a_rotation_of_the_same_rows():
    aligned, mixed = (factors.rows(replace(TRIAL, condition=name), "test") for name in ("aligned", "mixed"))
    turn = factors.rotation(0)
    np.testing.assert_allclose(turn @ turn.T, np.eye(32), atol=1e-12)
    np.testing.assert_allclose(mixed.X.numpy(), aligned.X.double().numpy() @ turn, atol=1e-5)
    torch.testing.assert_close(mixed.y, aligned.y)


def test_parts_share_no_row_and_arms_share_all():
    train, test = factors.rows(TRIAL, "train").X, factors.rows(TRIAL, "test").X
    assert not (train[:300, None] == test[None, :300]).all(-1).any()
    torch.testing.assert_close(factors.rows(replace(TRIAL, arm="kan"), "test").X, test)


def test_units_that_are_factors_count_as_one(rng):
    z = rng.normal(size=(4000, 5))
    assert factors_per_unit(3 * z[:, ::-1], z) == pytest.approx(1, abs=0.01)
    assert units_per_factor(np.c_[rng.normal(size=4000), z], z) == 1
    sums = z @ np.array([[1, 1, 0, 0, 0], [1, -1, 0, 0, 0]]).T
    assert factors_per_unit(sums, z) == pytest.approx(2, abs=0.05)
    assert units_per_factor(sums, z[:, :2]) == 2
    assert factors_per_unit(z.sum(1, keepdims=True), z) == pytest.approx(5, abs=0.2)


def test_units_that_tell_nothing_count_most(rng):
    z = rng.normal(size=(2000, 3))
    assert units_per_factor(rng.normal(size=(2000, 4)), z) == MOST
    assert units_per_factor(np.ones((2000, 4)), z) == MOST
    assert factors_per_unit(np.ones((2000, 4)), z) == 3


def selected(units, factor):
    """Forward selection by ordinary least squares, as slowly as it can be done."""

    def explained(columns):
        table = np.c_[np.ones(len(units)), units[:, columns]]
        left = factor - table @ np.linalg.lstsq(table, factor)[0]
        return 1 - left.var() / factor.var()

    full, chosen = explained(range(units.shape[1])), []
    while len(chosen) < MOST:
        rest = [u for u in range(units.shape[1]) if u not in chosen]
        chosen.append(max(rest, key=lambda u: explained([*chosen, u])))
        if explained(chosen) >= 0.9 * full:
            return len(chosen)
    return MOST


def test_units_are_chosen_as_least_squares_would(rng):
    z = rng.normal(size=(500, 4))
    units = np.tanh(z @ rng.normal(size=(4, 15))) + 0.1 * rng.normal(size=(500, 15))
    expected = [selected(units, column) for column in z.T]
    assert units_per_factor(units, z) == np.mean(expected)
    assert 1 < np.mean(expected) < MOST


def test_nodes_are_what_the_last_layer_weighs():
    for arm in ("mlp", "kan"):
        network = factors.drawn(replace(TRIAL, arm=arm))
        X = factors.rows(TRIAL, "test").X[:7]
        found, last = factors.nodes(network, X), network.layers[1]
        with torch.no_grad():
            made = found @ last.weight + last.bias if arm == "mlp" else last(found)
            torch.testing.assert_close(made, network(X))


def test_arms_have_the_same_parameters():
    counts = [factors.drawn(replace(TRIAL, arm=arm, size=1.0)).living() for arm in HOST.arms]
    assert max(counts) / min(counts) < 1.02


@pytest.mark.parametrize(("arm", "condition"), [*((arm, "aligned") for arm in HOST.arms), ("kan", "mixed")])
def test_every_arm_runs(arm, condition):
    outcome = factors.run(replace(TRIAL, arm=arm, condition=condition))
    assert outcome.status == "done"
    assert outcome.error > 0
    of_edges = {"factors_per_edge", "edges_per_factor"}
    assert set(outcome.numbers) == set(HOST.numbers) - (set() if arm.startswith("kan") else of_edges)
    if arm == "kan":  # by construction, where every input belongs to one factor
        assert (outcome.numbers["factors_per_edge"] < 1.3) == (condition == "aligned")


def test_a_trial_gives_the_same_again():
    once, again, other = (factors.run(replace(TRIAL, seed=seed)) for seed in (0, 0, 1))
    assert (once.error, once.valid, once.numbers) == (again.error, again.valid, again.numbers)
    assert once.error != other.error


def test_tuning_needs_no_counts():
    outcome = factors.run(replace(TRIAL, stage="tuning"))
    assert outcome.numbers == {}
    assert outcome.valid == factors.run(TRIAL).valid


def test_what_diverges_knows_nothing():
    outcome = factors.run(replace(TRIAL, rate=1e38))
    assert outcome.status == "diverged"
    assert outcome.error == outcome.chance == 1
    assert {contrast.value for contrast in HOST.headlines} <= set(outcome.numbers)


def test_an_unknown_arm_is_named():
    with pytest.raises(InputError, match="'cnn' is not known; choose one of: mlp"):
        factors.run(replace(TRIAL, arm="cnn"))
