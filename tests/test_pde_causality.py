"""Causal weights, beside their formula and SciPy's stepping."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from edgewise import InputError
from edgewise.pde import (
    Box,
    Interval,
    Problem,
    SolveConfig,
    dirichlet,
    energy,
    initial,
    initial_rate,
    periodic,
    solve,
)
from edgewise.pde.causality import LEAST, Causal, follow, weighted
from edgewise.pde.fitting import fit
from edgewise.pde.state import even, start
from edgewise.train.clock import Clock

MOMENTS = torch.linspace(0, 20, 201, dtype=torch.float64)


def pendulum():
    """Released far from the bottom: ``a'' = -sin a``, ``a(0) = 2``, as a system."""
    return Problem(
        ("a", "w"),
        Interval(t=(0, 20)),
        {"angle": lambda a, w: a.t - w, "rate": lambda a, w: w.t + torch.sin(a.value)},
        {"start": initial("a", 2.0), "rest": initial("w", 0.0)},
    )


@pytest.fixture(scope="module")
def swing():
    """By Runge-Kutta steps."""
    found = solve_ivp(
        lambda t, y: [y[1], -np.sin(y[0])],
        (0, 20),
        [2.0, 0.0],
        t_eval=MOMENTS.numpy(),
        rtol=1e-10,
        atol=1e-12,
    )
    return torch.tensor(found.y[0])


def error(solution, expected):
    gap = solution(t=MOMENTS)["a"].detach() - expected
    return float(gap.norm() / expected.norm())


@pytest.mark.parametrize("seed", range(3))
def test_a_pendulum_is_followed_from_any_start(seed, swing):
    solution = solve(pendulum(), causal=100.0, seed=seed, max_seconds=60)
    assert error(solution, swing) < 1e-6
    assert solution.status == "converged"
    assert solution.message.startswith("by causal weights, then at once, by least squares")


@pytest.mark.filterwarnings("ignore::edgewise.errors.FitWarning")
def test_all_times_at_once_lose_it(swing):
    """What the weights are for: without them, on the same network, no start of three comes anywhere near."""
    for seed in range(3):
        with torch.no_grad():
            state = start(pendulum(), 1, even(pendulum(), 40), 5, seed)
            fit(state, Clock(60, False))
            gap = state.values(MOMENTS[:, None])["a"] - swing
        assert float(gap.norm() / swing.norm()) > 0.1


def test_rows_are_weighted_by_their_cell_of_time():
    """Beside ``L`` and ``w`` summed by hand, over two equations of different sizes."""
    with torch.no_grad():
        causal = Causal(start(pendulum(), 1, even(pendulum(), 5), 5, 0))
        free = torch.linspace(-1, 1, causal.system.size, dtype=torch.float64)
        plain = [block.rows.clone() for block, _, _ in causal.equations]
        left = causal.left(free)
        causal.weigh(weights := weighted(left, 3.0))
        sizes, expected = causal.system.sizes(free), torch.zeros(5, dtype=torch.float64)
        for (block, _, _), rows in zip(causal.equations, plain, strict=True):
            shares = (causal.system.plain(block, free) / sizes[block.name]).square()
            for k in range(5):
                inside = (block.points[:, 0] > 4 * k) & (block.points[:, 0] < 4 * (k + 1))
                expected[k] += shares[inside].sum() / (2 * int(inside.sum()))
                torch.testing.assert_close(block.rows[inside], rows[inside] * weights[k].sqrt())
    torch.testing.assert_close(left, expected)
    by_hand = [max(np.exp(-3.0 * float(expected[:k].sum())), LEAST) for k in range(5)]
    np.testing.assert_allclose(weights, by_hand, rtol=1e-12)


def test_weights_end_at_one():
    with torch.no_grad():
        state = start(pendulum(), 1, even(pendulum(), 40), 5, 0)
        follow(state, Clock(60, False), 1e3)
        weights = weighted(Causal(state).left(state.free()), 1e3)
    assert float(weights.min()) > 0.9


def test_a_wave_that_is_carried_round():
    """``u_t + 5 u_x = 0`` on a periodic axis: ``sin(2 pi (x - 5 t))``."""
    problem = Problem(
        "u",
        Box(x=(0, 1), t=(0, 1)),
        {"carried": lambda u: u.t + 5 * u.x},
        {"round": periodic("x"), "start": initial("u", lambda x: torch.sin(2 * torch.pi * x))},
    )
    solution = solve(problem, causal=100.0, rank=2, cells=40, max_seconds=60)
    x, t = (grid.flatten() for grid in np.meshgrid(np.linspace(0, 1, 21), np.linspace(0, 1, 21)))
    np.testing.assert_allclose(solution(x=x, t=t), np.sin(2 * np.pi * (x - 5 * t)), atol=1e-4)


@pytest.mark.parametrize(
    ("equation", "conditions", "settings"),
    [
        (lambda u: u.t + u, {}, {}),
        (lambda u: u.t + u, {"start": initial("u", 1.0)}, {"method": "lbfgs"}),
        (energy(lambda u: u.t**2), {"start": initial("u", 1.0)}, {}),
    ],
)
def test_where_there_is_no_order_of_time_or_no_rows(equation, conditions, settings):
    conditions = conditions or {"end": dirichlet("u", 1.0, on="t.high")}
    problem = Problem("u", Interval(t=(0, 1)), {"decay": equation}, conditions)
    with pytest.raises(
        InputError, match=r"causal=10\.0 is for equations with an initial state on the axis t"
    ):
        solve(problem, causal=10.0, **settings)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("inf"), float("nan")])
def test_epsilon_is_positive(epsilon):
    with pytest.raises(InputError, match="expected a positive number"):
        SolveConfig(causal=epsilon)


def test_the_second_order_in_time():
    """``u_tt = -u``, ``u(0) = 1``, at rest: the cosine."""
    problem = Problem(
        "u",
        Interval(t=(0, 20)),
        {"spring": lambda u: u.tt + u.value},
        {"start": initial("u", 1.0), "rest": initial_rate("u", 0.0)},
    )
    solution = solve(problem, causal=100.0, max_seconds=60)
    np.testing.assert_allclose(solution(t=MOMENTS).detach(), torch.cos(MOMENTS), atol=1e-6)
