"""Deep supervision: who stays, what is asked, what is averaged."""

import numpy as np
import pytest
import torch

from edgewise.study.hosts import sudoku
from edgewise.study.hosts.recursion import model
from edgewise.study.hosts.recursive import Said, Shape
from edgewise.study.hosts.solving import Weights
from edgewise.study.hosts.supervision import Averaged, Supervision, answers, loss

SHAPE = Shape(width=8, nodes=4)


@pytest.fixture(scope="module")
def puzzles():
    return sudoku.puzzles(range(49), 40, 20, np.random.default_rng(3))


def supervision(puzzles, arm="mlp", condition="fewer", supervised=4, seed=0):
    made = model(arm, condition, Weights(seed), SHAPE)
    return Supervision(made, puzzles, 8, supervised, np.random.default_rng(5))


def test_every_puzzle_stays_for_its_steps_and_starts_anew(puzzles):
    held, calls = supervision(puzzles), []
    held.model.register_forward_hook(lambda _, asked, told: calls.append((*asked, told[0])))
    for step in range(9):
        held.loss(step)
    start = held.model.reader.begun(8)
    for step in range(1, 9):
        (_, before, carried), (state, given, _) = calls[step - 1 : step + 1]
        new = (given != before).any(1)
        assert new.tolist() == [k % 4 == step % 4 for k in range(8)]
        assert torch.equal(state.y[new], start.y[new])
        assert torch.equal(state.z[~new], carried.z[~new])
        assert not torch.equal(carried.y[new], start.y[new])


def test_puzzles_in_training_are_symmetric_to_those_given(puzzles):
    held = supervision(puzzles)
    given, solution = held.given.numpy(), held.solution.numpy()
    assert ((given == 0).sum(1) == 20).all()
    assert ((given == solution) | (given == 0)).all()
    assert sudoku.forced(given)[0].all()
    known = {tuple(row) for row in puzzles.given.tolist()}
    assert not {tuple(row) for row in given.tolist()} & known


def test_what_comes_next_does_not_depend_on_the_model(puzzles):
    one, other = supervision(puzzles), supervision(puzzles, "kan", "recursion", seed=9)
    for step in range(6):
        one.loss(step)
        other.loss(step)
    assert torch.equal(one.given, other.given)


def test_the_loss_is_its_formula(puzzles, rng):
    given, solution = puzzles.given[:5], puzzles.solution[:5]
    digits, halt = rng.normal(size=(5, 36, 6)), rng.normal(size=5)
    for k in (0, 1):  # two puzzles all right
        digits[k] = 9.0 * (solution[k][:, None] == np.arange(1, 7))
    chances = np.exp(digits) / np.exp(digits).sum(-1, keepdims=True)
    of_truth = np.take_along_axis(chances, solution[..., None] - 1, -1)[..., 0]
    wish = 1 / (1 + np.exp(-halt))
    right = np.array([1, 1, 0, 0, 0])
    expected = -np.log(of_truth[given == 0]).mean()
    expected -= 0.5 * (right * np.log(wish) + (1 - right) * np.log(1 - wish)).mean()
    said = Said(torch.from_numpy(digits), torch.from_numpy(halt))
    found = loss(said, torch.from_numpy(given), torch.from_numpy(solution))
    assert found.item() == pytest.approx(expected)


def test_the_mean_of_weights_is_its_formula():
    averaged = Averaged(model("mlp", "direct", Weights(0), SHAPE))
    expected = averaged.live.reader.embedding.detach().clone()
    for step in range(3):
        with torch.no_grad():
            averaged.live.reader.embedding.add_(1.0)
        averaged.update(step)
        share = (1 + step) / (10 + step)
        expected = share * expected + (1 - share) * averaged.live.reader.embedding.detach()
    torch.testing.assert_close(averaged.mean.reader.embedding, expected)
    assert not averaged.mean.reader.embedding.requires_grad
    averaged.update(100_000)
    moved = 0.99 * expected + 0.01 * averaged.live.reader.embedding.detach()
    torch.testing.assert_close(averaged.mean.reader.embedding, moved)


def test_answers_are_those_of_the_model_step_by_step(puzzles):
    made = model("mlp", "fewer", Weights(1), SHAPE)
    found = answers(made, puzzles, 3)
    assert found.right.shape == (3, 40, 36)
    assert found.halt.shape == (3, 40)
    state, given = made.reader.begun(40), torch.from_numpy(puzzles.given)
    for step in range(3):
        with torch.no_grad():
            state, said = made(state, given)
        digit = said.digits.argmax(-1).numpy() + 1
        expected = np.where(puzzles.given > 0, True, digit == puzzles.solution)
        np.testing.assert_array_equal(found.right[step], expected)
        np.testing.assert_allclose(found.halt[step], said.halt.numpy(), rtol=1e-5)
