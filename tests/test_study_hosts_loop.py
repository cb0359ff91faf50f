"""The training of hosts: best state, divergence, the same recipe as written."""

import pytest
import torch
from torch import nn

from edgewise.large.schedules import rate
from edgewise.study.hosts.loop import LOOKS, Recipe, fit
from edgewise.study.hosts.trial import Trial


class Point(nn.Module):
    """Two numbers."""

    def __init__(self):
        super().__init__()
        self.at = nn.Parameter(torch.tensor([1.0, -2.0]))


def trial(steps=20, rate=0.1):
    return Trial("toy", "mlp", "deep", 0, rate, steps)


def test_it_goes_back_to_its_best_state():
    point, seen = Point(), []

    def valid():
        seen.append(point.at.detach().clone())
        return abs(len(seen) - 4)  # best at the fourth look

    found = fit(point, trial(), lambda step: point.at.square().sum(), valid)
    assert len(seen) == LOOKS
    assert found.valid == 0
    assert found.finite
    assert torch.equal(point.at.detach(), seen[3])
    assert not torch.equal(seen[3], seen[-1])


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_it_stops_at_what_is_not_finite_and_keeps_the_best(broken):
    point, steps = Point(), []

    def loss(step):
        steps.append(step)
        return point.at.square().sum() * (broken if step == 7 else 1.0)

    found = fit(point, trial(), loss, lambda: float(point.at.detach().square().sum()))
    assert steps == list(range(8))
    assert not found.finite
    assert found.valid < 5
    assert torch.isfinite(point.at).all()


def test_a_gradient_that_is_not_finite_stops_too():
    point = Point()
    found = fit(point, trial(), lambda step: (point.at * 0).sqrt().sum(), lambda: 1.0)
    assert not found.finite
    assert point.at.tolist() == [1.0, -2.0]


def test_steps_are_those_of_adamw_under_the_schedule():
    point, plain = Point(), torch.tensor([1.0, -2.0], requires_grad=True)
    recipe = Recipe(decay=0.1, clip=0.5, schedule="cosine")
    values = iter(range(100, 0, -1))
    fit(point, trial(steps=6), lambda step: (point.at**4).sum(), lambda: next(values), recipe)
    m, v, at = torch.zeros(2), torch.zeros(2), plain.detach().clone()
    for step in range(6):
        gradient = 4 * at**3
        gradient = gradient * min(1.0, 0.5 / float(gradient.norm()))
        m, v = 0.9 * m + 0.1 * gradient, 0.95 * v + 0.05 * gradient**2
        size = 0.1 * rate("cosine", step, 6)
        at = at * (1 - size * 0.1)
        at = at - size * (m / (1 - 0.9 ** (step + 1))) / ((v / (1 - 0.95 ** (step + 1))).sqrt() + 1e-8)
    torch.testing.assert_close(point.at.detach(), at, rtol=1e-4, atol=1e-5)


def test_what_comes_after_a_step_may_change_weights():
    point, seen = Point(), []

    def after(step):
        seen.append(step)
        with torch.no_grad():
            point.at.zero_()

    fit(point, trial(steps=3), lambda step: point.at.square().sum(), lambda: -len(seen), after_step=after)
    assert seen == [0, 1, 2]
    assert point.at.tolist() == [0.0, 0.0]
