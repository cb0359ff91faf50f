"""The host of stiff equations: schemes against closed forms, the oscillator against SciPy, what training sees."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import nn

from edgewise.errors import InputError
from edgewise.study.hosts.stacks import ARMS, living, stack
from edgewise.study.hosts.stiff import HOST, LEVELS, PARAMETERS
from edgewise.study.hosts.stiff.learned import Batches, Learned, fast_decay, jacobians, trajectory_error
from edgewise.study.hosts.stiff.oscillator import (
    HALVES,
    WEIGHTS,
    Segments,
    field,
    period,
    rounds,
    segments,
    solved,
)
from edgewise.study.hosts.stiff.schemes import decay, exact, gradient, path, sensitivity, slope
from edgewise.study.hosts.trial import Trial
from edgewise.study.tasks import seeded

MU = 5.0
DATA = torch.linspace(0.2, 0.9, 12, dtype=torch.float64)


def trial(arm="mlp", condition="mu-5", seed=0, steps=20, size=0.1):
    return Trial("stiff", arm, condition, seed, 0.003, steps, size)


class Truth(nn.Module):
    """The oscillator's own right-hand side, in the units that ``Learned`` expects of a network."""

    def __init__(self, mu, scale, reach):
        super().__init__()
        self.mu, self.reach = mu, reach
        self.register_buffer("scale", scale)

    def forward(self, v):
        x, y = v[..., 0] * self.reach * HALVES[0], v[..., 1] * self.reach * HALVES[1]
        speed = torch.stack([self.mu * (x - x**3 / 3 - y) / HALVES[0], x / self.mu / HALVES[1]], dim=-1)
        return speed / self.scale


def truth(mu, train):
    scale = torch.from_numpy(np.sqrt(np.square(train.mean_speed).mean(0))).float()
    reach = float(np.linalg.norm(train.nodes, axis=-1).max())
    return Learned(Truth(mu, scale, reach), train, 0.0)


def by_hand(scheme, rate, start, step, count):
    y, made = start, []
    for k in range(count):
        here, there = np.cos(k * step), np.cos((k + 1) * step)
        if scheme == "euler":
            y = (y + step * rate * there) / (1 + step * rate)
        else:
            y = (y - step * rate / 2 * (y - here) + step * rate / 2 * there) / (1 + step * rate / 2)
        made.append(y)
    return np.array(made)


@pytest.mark.parametrize("rate", [0.7, 40.0, 3000.0])
@pytest.mark.parametrize("scheme", ["euler", "trapezoid"])
def test_twenty_steps_and_their_gradient_are_those_of_numpy(scheme, rate):
    lam = torch.tensor(rate, dtype=torch.float64)
    np.testing.assert_allclose(
        path(scheme, lam, 2.0, 0.1, 20).numpy(), by_hand(scheme, rate, 2.0, 0.1, 20), rtol=1e-11
    )

    def loss(rate):
        return np.square(by_hand(scheme, rate, 2.0, 0.1, len(DATA)) - DATA.numpy()).mean() / 2

    tiny = 1e-4 * rate
    expected = (loss(rate + tiny) - loss(rate - tiny)) / (2 * tiny)
    assert gradient(scheme, rate, 2.0, DATA, 0.1) == pytest.approx(expected, rel=1e-4)


def test_the_exact_solution_is_scipys():
    found = solve_ivp(
        lambda t, y: -7.0 * (y - np.cos(t)),
        (0, 2),
        [1.7],
        t_eval=0.1 * np.arange(1, 21),
        rtol=1e-10,
        atol=1e-12,
    )
    made = exact(torch.tensor(7.0, dtype=torch.float64), 1.7, 0.1, 20)
    np.testing.assert_allclose(made.numpy(), found.y[0], rtol=1e-7)


def test_a_step_carries_the_derivative_of_the_stability_function():
    for z in (2.0, 50.0, 1e4):
        found = {scheme: sensitivity(scheme, lambda y: -y, 1.0, 0.0, z) for scheme in ("euler", "trapezoid")}
        assert found["euler"] == pytest.approx(-1 / (1 + z) ** 2, rel=1e-5)
        assert found["trapezoid"] == pytest.approx(-1 / (1 + z / 2) ** 2, rel=1e-5)
    assert np.isnan(sensitivity("euler", lambda y: y + 1.0, 1.0, 0.0, 50.0))


@pytest.mark.parametrize("scheme", ["euler", "trapezoid"])
def test_gradients_fall_with_the_square_of_the_rate(scheme):
    stiffness = np.geomspace(1e2, 1e4, 5)
    assert decay(scheme, lambda y: -y, 1.0, 0.0, stiffness) == pytest.approx(2, abs=0.05)
    rates = np.geomspace(1e5, 1e7, 5)
    found = np.array([gradient(scheme, rate, 2.0, DATA, 0.1) for rate in rates])
    assert slope(rates, found) == pytest.approx(-2, abs=0.02)
    assert np.isnan(decay(scheme, lambda y: y, 1.0, 0.0, stiffness))


def test_in_the_first_step_the_exact_derivative_is_gone_where_a_schemes_is_left():
    first = {
        scheme: gradient(scheme, 500.0, 3.0, torch.tensor([0.0], dtype=torch.float64), 0.1)
        for scheme in ("euler", "trapezoid", "exact")
    }
    assert abs(first["trapezoid"]) > abs(first["euler"]) > abs(first["exact"])


@pytest.mark.parametrize("mu", [1.0, 5.0, 50.0])
def test_the_oscillator_is_that_of_the_textbook(mu):
    x, y = 1.3, -0.4
    times = np.linspace(0, period(mu), 30)
    found = solve_ivp(
        lambda _, s: (s[1], mu * (1 - s[0] ** 2) * s[1] - s[0]),
        (0, times[-1]),
        [x, mu * (x - x**3 / 3 - y)],
        "Radau",
        t_eval=times,
        rtol=1e-8,
        atol=1e-9,
    )
    made = solved(mu, np.array([x / HALVES[0], y / HALVES[1]]), times[-1]).sol(times)
    np.testing.assert_allclose(made[0] * HALVES[0], found.y[0], atol=2e-5)


def test_periods_are_the_known_ones():
    assert period(1.0) == pytest.approx(6.663287, abs=2e-5)
    assert period(50.0) == pytest.approx((3 - 2 * np.log(2)) * 50 + 7.01433 / 50 ** (1 / 3), rel=0.01)


@pytest.mark.parametrize("mu", [1.0, 50.0])
def test_segments_are_short_enough_for_their_quadrature(mu):
    cut = segments(mu, seeded("cut"), 3)
    speeds = np.array([[field(mu, v) for v in nodes] for nodes in cut.nodes])
    integral = np.einsum("j,njc->nc", WEIGHTS, speeds)
    scale = np.sqrt(np.square(cut.mean_speed).mean(0))
    assert np.abs((integral - cut.mean_speed) / scale).max() < 1e-4
    assert WEIGHTS.sum() == pytest.approx(1)
    assert (cut.length > 0).all()


def test_starts_of_training_and_test_differ_and_the_seed_fixes_both():
    first, again, other = (segments(MU, seeded("stiff", "train", MU, seed), 3) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.nodes, again.nodes)
    assert first.nodes.shape != other.nodes.shape or not np.allclose(first.nodes, other.nodes)
    _, test = rounds(MU, seeded("stiff", "test", MU, 0), 2, 20)
    distance = np.linalg.norm(first.nodes[:, :1] - test[None, :, 0], axis=-1)
    assert distance.min() > 1e-4


def test_the_true_right_hand_side_misses_nothing_and_follows_the_truth():
    train = segments(MU, seeded(0), 4)
    module = truth(MU, train)
    assert float(Batches(train).missed(module, slice(None)).abs().max()) < 1e-3
    assert trajectory_error(module, *rounds(MU, seeded(1), 2, 50)) < 1e-3
    for scheme, found in fast_decay(module).items():
        assert found == pytest.approx(2, abs=0.1), scheme


def test_the_error_after_an_implicit_step_is_the_solved_one():
    """For a linear right-hand side, where first order is exact: the step is solved in NumPy."""
    A, h = np.array([[-300.0, 20.0], [0.4, -0.1]]), 0.05
    start, end = np.array([0.3, -0.2]), np.array([0.25, -0.1])
    part = (np.array([-1, -(0.2**0.5), 0.2**0.5, 1]) + 1) / 2
    nodes = start + part[:, None] * (end - start)
    segment = Segments(nodes[None], np.array([h]))
    net = nn.Linear(2, 2, bias=False)
    module = Learned(net, segment, 0.0)
    with torch.no_grad():
        net.weight.copy_(torch.from_numpy(A).float() / module.scale[:, None] / module.turn[0, 0])
    np.testing.assert_allclose(
        jacobians(module, torch.from_numpy(start)[None].float())[0] * module.scale[:, None], A, rtol=1e-5
    )
    # one step of the trapezoid: v = start + h A (start + v) / 2
    v = np.linalg.solve(np.eye(2) - h / 2 * A, start + h / 2 * A @ start)
    expected = (end - v) / h / module.scale.numpy()
    found = Batches(segment).solved(module, slice(None))[0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_through_the_solver_the_fast_direction_is_hardly_seen():
    segment = segments(20.0, seeded(2), 2)
    module, batches = truth(20.0, segment), Batches(segment)
    with torch.no_grad():
        module.net.scale *= torch.tensor([1.1, 1.0])  # the fast rate is wrong by a tenth
        where = slice(None)
        slow = batches.length * 20.0 > 2.0
        matched, through = (one(module, where)[slow, 0].abs() for one in (batches.missed, batches.solved))
    assert slow.any()
    assert 0 < float(through.median()) < 0.4 * float(matched.median())


@pytest.mark.parametrize("arm", ARMS)
def test_arms_have_equal_parameters(arm):
    assert living(stack(arm, 2, 2, LEVELS, PARAMETERS, 0)) == pytest.approx(PARAMETERS, rel=0.02)


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_runs(arm):
    outcome = HOST.run(trial(arm))
    assert outcome.status == "done"
    assert 0 < outcome.error < 4
    assert (outcome.spline_damage is not None) == arm.startswith("kan")
    assert (
        {"euler_slope", "trapezoid_slope", "exact_slope", "missed"}
        <= set(outcome.numbers)
        <= set(HOST.numbers)
    )


def test_a_trial_is_the_same_again_and_straight_is_the_same_data():
    names = ("mu-20", "mu-20", "mu-20-straight")
    once, again, straight = (HOST.run(trial("kan", name, steps=40)) for name in names)
    assert (once.error, once.valid, once.numbers) == (again.error, again.valid, again.numbers)
    assert straight.chance == once.chance
    assert straight.error != once.error


def test_training_learns_to_follow_the_oscillator():
    outcome = HOST.run(Trial("stiff", "mlp", "mu-5", 0, 0.01, 300, 0.3))
    assert outcome.error < 0.5 * outcome.chance
    assert outcome.numbers["euler_excess"] == pytest.approx(1, abs=0.1)


def test_through_the_solver_training_runs_too():
    assert HOST.run(trial(condition="mu-20-solved")).status == "done"


def test_a_condition_that_is_none_is_told():
    with pytest.raises(InputError, match="mu-3"):
        HOST.run(trial(condition="mu-3"))
