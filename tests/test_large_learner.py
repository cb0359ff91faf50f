"""One step of one batch, beside torch written out."""

import pytest
import torch
from torch import nn

from edgewise.engines import Local
from edgewise.errors import CheckpointError
from edgewise.large import LargeConfig
from edgewise.large.learner import Learner
from edgewise.network import KAN


@pytest.fixture
def rows(generator):
    X = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    return X, X[:, :1].sin()


def new_module(kind="mlp"):
    generator = torch.Generator().manual_seed(0)
    if kind == "kan":
        return KAN([3, 2, 1], generator=generator, dtype=torch.float64)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def learner(module=None, loss="squared", **settings):
    made = {"learning_rate": 0.01, "warmup": 0.0, "schedule": "constant", "precision": "float64"} | settings
    return Learner(module or new_module(), loss, LargeConfig(**made), 100, Local())


def flat(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("kind", ["mlp", "kan"])
def test_steps_are_adamws(rows, kind):
    one, other = learner(new_module(kind), weight_decay=0.1, clip=0.5), new_module(kind)
    optimiser = torch.optim.AdamW(other.parameters(), lr=0.01, weight_decay=0.1)
    for number in range(5):
        loss, wished = one.step(rows, 1.0, number)
        optimiser.zero_grad()
        expected = nn.functional.mse_loss(other(rows[0]), rows[1])
        expected.backward()
        nn.utils.clip_grad_norm_(other.parameters(), 0.5)
        optimiser.step()
        assert loss == pytest.approx(expected.item())
        assert wished == []
    torch.testing.assert_close(flat(one.module), flat(other))


@pytest.mark.parametrize("kind", ["mlp", "kan"])
@pytest.mark.parametrize("pieces", [2, 5, 100])
def test_pieces_make_the_same_step(rows, kind, pieces):
    whole, parts = learner(new_module(kind)), learner(new_module(kind), accumulate=pieces)
    losses = [(whole.step(rows, 1.0, n)[0], parts.step(rows, 1.0, n)[0]) for n in range(3)]
    assert [b for _, b in losses] == pytest.approx([a for a, _ in losses], rel=1e-12)
    torch.testing.assert_close(flat(whole.module), flat(parts.module))


def test_the_average_is_the_running_one(rows):
    one = learner(ema=0.9)
    expected = None
    for number in range(5):
        one.step(rows, 1.0, number)
        now = flat(one.module)
        expected = now if expected is None else 0.9 * expected + 0.1 * now
    with one.shown() as module:
        torch.testing.assert_close(flat(module), expected)


@pytest.mark.parametrize("optimiser", ["adamw", "schedule-free"])
def test_looking_changes_no_bit(rows, optimiser):
    looked, left = learner(optimiser=optimiser), learner(optimiser=optimiser)
    for number in range(6):
        looked.step(rows, 1.0, number)
        left.step(rows, 1.0, number)
        looked.judge(iter([rows]))
        with looked.shown():
            pass
    assert torch.equal(flat(looked.module), flat(left.module))


def test_schedule_free_shows_its_average(rows):
    one = learner(optimiser="schedule-free")
    for number in range(5):
        one.step(rows, 1.0, number)
    before = flat(one.module)
    with one.shown() as module:
        shown = flat(module)
    one.optimiser.eval()
    assert torch.equal(flat(one.module), shown)
    assert not torch.equal(shown, before)


@pytest.mark.parametrize("settings", [{}, {"ema": 0.9}, {"optimiser": "schedule-free"}])
def test_a_state_is_all_the_next_step_needs(rows, settings):
    fresh = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    one, other = learner(**settings), learner(fresh, **settings)
    for number in range(3):
        one.step(rows, 1.0, number)
    other.load(one.state())
    for number in range(3, 6):
        assert one.step(rows, 1.0, number)[0] == other.step(rows, 1.0, number)[0]
    assert torch.equal(flat(one.module), flat(other.module))


def test_a_state_of_another_module_is_refused(rows):
    one = learner()
    one.step(rows, 1.0, 0)
    with pytest.raises(CheckpointError, match=r"0.bias is float64 \(4,\) there and float64 \(5,\) here"):
        learner(nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()).load(one.state())
    with pytest.raises(CheckpointError, match="is missing there"):
        learner(ema=0.9).load(one.state())


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_step_that_is_no_number_is_not_taken(rows, wrong):
    one = learner()
    before = flat(one.module)
    loss, _ = one.step((rows[0] * wrong, rows[1]), 1.0, 0)
    assert loss != loss
    assert torch.equal(flat(one.module), before)


def test_bfloat16_computes_in_it_and_keeps_float32(rows):
    seen = []

    def loss(output, target):
        seen.append(output.dtype)
        return nn.functional.mse_loss(output.float(), target)

    one = learner(new_module().float(), loss=loss, precision="bfloat16")
    one.step(tuple(part.float() for part in rows), 1.0, 0)
    assert seen == [torch.bfloat16]
    assert {p.dtype for p in one.module.parameters()} == {torch.float32}


def test_judging_is_the_mean_in_evaluation_mode(rows):
    module = nn.Sequential(nn.Linear(3, 1), nn.Dropout(0.5)).double()
    one = learner(module)
    expected = nn.functional.mse_loss(module[0](rows[0]), rows[1]).item()
    parts = [tuple(part[a:b] for part in rows) for a, b in ((0, 5), (5, 12))]
    assert one.judge(iter(parts)) == pytest.approx(expected)
    assert module.training


def test_the_learning_rate_follows_the_schedule(rows):
    one = learner(schedule="cosine")
    one.step(rows, 1.0, 50)
    assert one.optimiser.param_groups[0]["lr"] == pytest.approx(0.005)
