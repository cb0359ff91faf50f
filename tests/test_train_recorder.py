"""What is kept of a training run, and that it is what the run was at."""

from itertools import pairwise

import pytest
import torch

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.train import Recorder, Step, TrainConfig, train

X = torch.linspace(-2, 2, 60, dtype=torch.float64)[:, None]
Y = 100 + 10 * torch.sin(2 * X)


def network():
    return KAN([1, 2, 1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("method", ["least-squares", "lbfgs", "adam"])
def test_every_step_is_seen_as_it_was_in_the_users_units(method):
    seen = []
    config = TrainConfig(method=method, max_steps=8, starts=1, intervals=(5,), validation=0)
    result = train(network(), X, Y, config, watch=lambda step, net: seen.append((step, net)))
    assert [step for step, _ in seen[:-1]] == list(result.history)
    for step, net in seen[:-1]:
        with torch.no_grad():
            loss = ((net(X) - Y) ** 2).mean() / ((Y - Y.mean()) ** 2).mean()
        if method != "adam":  # whose loss is the mean over an epoch, while the weights move
            assert float(loss) == pytest.approx(step.loss, rel=1e-6)
        assert torch.allclose(net(X).mean(), Y.mean(), atol=10), "not in the user's units"
    assert seen[-1][1] is result.network
    assert seen[-1][0].validation_loss == min(step.validation_loss for step in result.history)


def test_watching_changes_nothing():
    config = TrainConfig(method="lbfgs", max_steps=10)
    watched = train(network(), X, Y, config, watch=Recorder())
    alone = train(network(), X, Y, config)
    assert torch.equal(watched.network(X), alone.network(X))
    assert [step.loss for step in watched.history] == [step.loss for step in alone.history]


@pytest.mark.parametrize("steps", [1, 3, 4, 9, 100, 1000])
def test_few_are_kept_evenly_and_the_last_is_there(steps):
    recorder = Recorder(most=8)
    nets = [KAN([1, 1])] * steps
    for k, net in enumerate(nets):
        recorder(Step(0.0, 3, 1.0, 1.0 / (k + 1)), net)
    numbers = [frame.number for frame in recorder.frames]
    assert numbers[0] == 0
    assert numbers[-1] == steps - 1
    assert min(8, steps) // 2 <= len(numbers) <= 8
    gaps = {b - a for a, b in pairwise(numbers[:-1])}
    assert len(gaps) <= 1
    assert recorder.frames[-1].loss == 1.0 / steps


def test_nothing_yet_and_too_few():
    assert Recorder().frames == ()
    with pytest.raises(InputError, match="most=2"):
        Recorder(most=2)
