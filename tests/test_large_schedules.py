"""Learning-rate schedules beside torch's own."""

import pytest
import torch
from torch.optim import lr_scheduler

from edgewise.large.schedules import rate


def by_torch(make, steps):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule, found = make(optimiser), []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


def test_cosine_is_torchs():
    expected = by_torch(lambda o: lr_scheduler.CosineAnnealingLR(o, 50), 50)
    assert [rate("cosine", step, 50) for step in range(50)] == pytest.approx(expected, abs=1e-12)


def test_one_cycle_is_torchs_nearly():
    """torch's ends one step earlier and at a millionth, not at zero."""
    steps = 1000
    expected = by_torch(lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=steps + 1), steps)
    assert [rate("one-cycle", step, steps) for step in range(steps)] == pytest.approx(expected, abs=0.01)


def test_stable_then_down():
    found = [rate("warmup-stable-decay", step, 10) for step in range(10)]
    assert found == pytest.approx([1.0] * 9 + [0.5])


@pytest.mark.parametrize("schedule", ["constant", "cosine", "warmup-stable-decay"])
def test_the_warm_up_is_a_straight_line(schedule):
    found = [rate(schedule, step, 100, 0.1) for step in range(11)]
    assert found == pytest.approx([(step + 1) / 11 for step in range(11)])
    assert all(0 <= rate(schedule, step, 100, 0.1) <= 1 for step in range(100))
