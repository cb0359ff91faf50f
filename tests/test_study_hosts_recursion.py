"""The tiny recursive model as a host: matched, repeatable, every arm runs; trials of both hosts that solve Sudoku."""

from dataclasses import replace
from math import log10

import numpy as np
import pytest
import torch

from edgewise.study.hosts import solving, sudoku
from edgewise.study.hosts.loop import Trained
from edgewise.study.hosts.recursion import HOST, LOOPS, STACKED, model, run
from edgewise.study.hosts.recursive import Shape
from edgewise.study.hosts.solving import Weights
from edgewise.study.hosts.supervision import answers
from edgewise.study.hosts.trial import Trial

TINY = Trial("recursion", "mlp", "recursion", 0, 0.01, 2, size=0.05)


def parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("condition", [*LOOPS, *STACKED])
def test_arms_have_the_same_parameters(condition):
    models = {arm: model(arm, condition, Weights(0), Shape()) for arm in HOST.arms}
    expected = parameters(models["mlp"])
    for arm, made in models.items():
        assert parameters(made) == pytest.approx(expected, rel=0.02), arm
        slots = parameters(made) - parameters(models["mlp"]) + solving.in_slots(models["mlp"])
        assert solving.in_slots(made) == slots, arm


def test_what_is_not_a_slot_starts_the_same_in_all_arms():
    mlp, kan = (model(arm, "deeper", Weights(4), Shape()) for arm in ("mlp", "kan"))
    for one, other in zip(mlp.nets, kan.nets, strict=True):
        assert all((a.weight == b.weight).all() for a, b in zip(one.mixers, other.mixers, strict=True))
    assert (mlp.reader.embedding == kan.reader.embedding).all()
    assert (mlp.nets[0].mixers[0].weight != mlp.nets[1].mixers[0].weight).any()


def test_conditions_differ_in_calls_and_not_in_the_net():
    made = {name: model("mlp", name, Weights(0), Shape()) for name in HOST.conditions}
    assert parameters(made["recursion"]) == parameters(made["direct"]) == parameters(made["fewer"])
    assert made["recursion"].fast is made["recursion"].slow
    plan = LOOPS["recursion"]
    with_gradient = plan.inner + 1
    compute = plan.calls - with_gradient + 3 * with_gradient  # a call's gradient costs two calls
    assert compute == 3 * STACKED["deeper"]


@pytest.mark.parametrize("arm", HOST.arms)
def test_every_arm_runs(arm):
    found = run(replace(TINY, arm=arm))
    assert found.status == "done"
    assert found.error is not None
    assert 0 < found.error < 100
    assert set(found.numbers) == set(HOST.numbers)
    assert all(0 <= number <= 1 for number in found.numbers.values())
    assert (found.spline_share is not None) == arm.startswith("kan")
    assert (found.spline_damage is not None) == arm.startswith("kan")


@pytest.mark.parametrize("condition", HOST.conditions)
def test_every_condition_runs_and_repeats(condition):
    trial = replace(TINY, condition=condition, arm="kan")
    one, other = (replace(run(trial), seconds=0.0) for _ in range(2))
    assert one == other
    assert replace(run(replace(trial, seed=1)), seconds=0.0) != one


def test_a_training_that_blows_up_has_the_error_of_guessing():
    found = run(replace(TINY, rate=float("inf"), steps=3))
    assert found.status == "diverged"
    assert found.error == found.chance == pytest.approx(5.0, rel=0.05)


def test_odds_and_chance_are_their_formulas(rng):
    puzzles = sudoku.puzzles(range(49), 10, 18, rng)
    right = np.ones((10, 36), dtype=bool)
    blank = np.argwhere(puzzles.given == 0)[:30]
    right[tuple(blank.T)] = False
    assert solving.odds(right, puzzles) == pytest.approx(30.5 / 150.5)
    assert solving.chance(puzzles) == pytest.approx(150.5 / 30.5)


def test_late_cells_are_those_the_first_round_leaves_open(rng):
    puzzles = sudoku.puzzles(range(49), 20, 22, rng)
    late = solving.later(puzzles)
    assert (late.any(1) == (puzzles.rounds > 1)).all()
    easy = np.where(late, 0, puzzles.solution)
    known = (easy[..., None] == np.arange(1, 7)).astype(np.float32)
    assert (sudoku.forced(easy)[0]).all()
    assert known.any(-1).sum() == (~late).sum()


def test_the_damage_is_that_of_taking_the_splines_away():
    test = solving._data(0, 0.05).test
    made = model("kan-noise", "direct", Weights(0), Shape())
    found = solving._outcome(made, test, 1, Trained(1.0, 1.0, True))
    assert found.error == solving.odds(answers(made, test, 1).right[-1], test)
    with torch.no_grad():
        for net in made.nets:
            for slot in net.slots:
                slot.up.spline.coef.zero_()
                slot.down.spline.coef.zero_()
    bare = solving.odds(answers(made, test, 1).right[-1], test)
    assert bare != found.error
    assert found.spline_damage == pytest.approx(log10(bare / found.error))


@pytest.mark.slow
def test_training_gets_beyond_guessing():
    found = run(Trial("recursion", "mlp", "direct", 0, 0.01, 250, size=0.5))
    assert found.error < 1.5
    assert found.numbers["cells"] > 0.4
