"""The host of combinations: the teacher by hand, sets that training does not see, the probe, equal sizes, all arms."""

import itertools

import numpy as np
import pytest
import torch
from scipy.special import erf

from edgewise.errors import InputError
from edgewise.study.hosts import combinations
from edgewise.study.hosts.combinations import HOST, SCALES, Rows, covered, decodable, rows_of, set_numbers
from edgewise.study.hosts.stacks import ARMS, stack
from edgewise.study.hosts.trial import Trial
from edgewise.study.tasks import make, seeded
from edgewise.study.tasks.hyperteacher import HIDDEN, INPUTS
from edgewise.study.tasks.primitives import primitive


def trial(arm="mlp", condition="unseen", seed=0, steps=4, size=0.1):
    return Trial("combinations", arm, condition, seed, 0.003, steps, size)


def test_the_teacher_is_the_one_of_the_formula():
    generator = seeded("hyperteacher:8:3", 5)
    W, V = generator.normal(size=(8, HIDDEN, INPUTS)), generator.normal(size=(8, HIDDEN))
    functions = [primitive(generator, 1) for _ in range(HIDDEN)]
    X, y = make("hyperteacher:8:3", 5).rows(6, "train", seeded(1))
    for row, target in zip(X, y[:, 0], strict=True):
        x, c = row[:INPUTS], row[INPUTS:]
        total = 0.0
        for k in range(HIDDEN):
            inner = sum(c[m] * W[m, k] @ x for m in range(8)) / 3**0.5
            total += sum(c[m] * V[m, k] for m in range(8)) * float(functions[k](np.array([inner]))[0]) / 3
        assert target == pytest.approx(total, rel=1e-10)


def sets_in(rows):
    return {tuple(row) for row in (rows.X[:, INPUTS:] > -0.5).int().tolist()}


@pytest.mark.parametrize("condition", ["unseen", "few-sets", "two"])
def test_training_never_shows_what_is_held_out(condition):
    scale = SCALES[condition]
    data = rows_of(scale, 3, 0.5)
    held, shown = sets_in(data["held"]), sets_in(data["test"])
    choices = itertools.combinations(range(10), scale.hot)
    every = {tuple(int(m in chosen) for m in range(10)) for chosen in choices}
    assert held | shown == every
    assert not held & shown
    assert sets_in(data["train"]) <= shown
    assert sets_in(data["valid"]) <= sets_in(data["train"])
    assert np.any(list(sets_in(data["train"])), axis=0).all()


def test_few_sets_are_a_third_of_those_shown():
    kept = covered(make("hyperteacher:10:3", 1), seeded("kept"))
    assert len(kept) == 30
    assert np.bitwise_or.reduce(kept) == 1023
    few = rows_of(SCALES["few-sets"], 1)
    assert len(sets_in(few["train"])) == 30
    assert len(few["train"].y) == len(rows_of(SCALES["unseen"], 1)["train"].y)


def test_sets_are_numbered_by_bits():
    X = np.zeros((2, INPUTS + 3))
    X[0, INPUTS + 0] = X[0, INPUTS + 2] = X[1, INPUTS + 1] = 0.7
    assert set_numbers(X).tolist() == [5, 2]


def test_targets_are_brought_to_scale_by_the_training_rows():
    data = rows_of(SCALES["few-rows"], 2)
    assert float(data["train"].y.mean()) == pytest.approx(0, abs=1e-5)
    assert float(data["train"].y.std()) == pytest.approx(1, abs=1e-3)
    assert combinations.relative(None, data["test"]) == pytest.approx(1, abs=0.01)


def test_a_perceptron_and_its_gradient_are_those_of_numpy():
    module = stack("mlp", 14, 1, 3, 2000, 4).double()
    data = rows_of(SCALES["few-rows"], 0, 0.1)["train"]
    X, y = data.X[:40].double(), data.y[:40].double()
    loss = (module(X)[:, 0] - y).square().mean()
    loss.backward()
    weights = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in module.layers]
    masks = [1.0 if layer.mask is None else layer.mask.numpy() for layer in module.layers]

    def by_hand():
        h = X.numpy()
        for level, ((weight, bias), mask) in enumerate(zip(weights, masks, strict=True)):
            h = h if level == 0 else h * (1 + erf(h / 2**0.5)) / 2
            h = h @ (weight * mask) + bias
        return np.square(h[:, 0] - y.numpy()).mean()

    assert by_hand() == pytest.approx(float(loss.detach()), rel=1e-9)
    for level, place in ((0, (3, 4)), (1, (2, 7)), (3, (5, 0))):
        values = []
        for sign in (1, -1):
            weights[level][0][place] += sign * 1e-5
            values.append(by_hand())
            weights[level][0][place] -= sign * 1e-5
        expected = float(module.layers[level].weight.grad[place])
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_the_probe_reads_weights_that_are_there_and_not_those_that_are_not():
    data = rows_of(SCALES["unseen"], 0, 0.2)
    wide, thin = (stack("mlp", 14, 1, 1, parameters, 0) for parameters in (700, 40))
    assert decodable(wide, data["test"], data["held"]) > 0.98  # one linear layer of many nodes
    assert decodable(thin, data["test"], data["held"]) < 0.6
    noise = Rows(torch.randn(500, 14, generator=torch.Generator().manual_seed(0)), torch.zeros(500))
    assert decodable(wide, noise, data["held"]) > 0.9, "the probe is of the layer, not of the rows"


@pytest.mark.parametrize("condition", ["unseen", "narrow", "wide"])
@pytest.mark.parametrize("arm", ARMS)
def test_arms_have_equal_parameters(arm, condition):
    wanted = SCALES[condition].parameters
    assert stack(arm, 14, 1, combinations.LEVELS, wanted, 0).living() == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_runs(arm):
    outcome = HOST.run(trial(arm))
    assert outcome.status == "done"
    assert 0 < outcome.error < 3
    assert outcome.chance == pytest.approx(1, abs=0.05)
    assert (outcome.spline_damage is not None) == arm.startswith("kan")
    assert set(outcome.numbers) == set(HOST.numbers)


def test_seen_and_unseen_are_one_training_judged_on_two_kinds_of_sets():
    unseen, seen = (HOST.run(trial("kan", condition)) for condition in ("unseen", "seen"))
    assert unseen.numbers == seen.numbers
    assert (unseen.error, seen.error) == (unseen.numbers["held_error"], seen.numbers["seen_error"])
    assert unseen.error != seen.error


def test_a_trial_is_the_same_again_and_another_seed_is_another_teacher():
    once, again, other = (HOST.run(trial("learned", seed=seed)) for seed in (1, 1, 2))
    assert (once.error, once.valid, once.numbers) == (again.error, again.valid, again.numbers)
    assert other.error != once.error


def test_training_learns_the_teacher():
    outcome = HOST.run(Trial("combinations", "mlp", "seen", 0, 0.01, 200, 0.3))
    assert outcome.error < 0.6


def test_a_condition_that_is_none_is_told():
    with pytest.raises(InputError, match="all-sets"):
        HOST.run(trial(condition="all-sets"))
