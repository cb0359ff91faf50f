"""Time in windows: one sum of products, each with a stretch of time of its own."""

import pytest
import torch

from edgewise.pde import Box, Interval, Problem, SolveConfig, data, dirichlet, initial, initial_rate, periodic
from edgewise.pde.marching import Stretches, has_windows, in_windows, joined
from edgewise.pde.separable import separable
from edgewise.pde.state import even
from edgewise.train.clock import Clock

SHAPE = Stretches(windows=3, products=2, slices=3, cells=20)


def spreading(**more):
    """``u_t + u u_x = 0`` from ``u = x``: ``x / (1 + t)``."""
    return Problem(
        "u",
        Box(x=(0, 1), t=(0, 2)),
        {"burgers": lambda u: u.t + u * u.x},
        {"wall": dirichlet("u", 0.0, on="x.low"), "start": initial("u", lambda x: x), **more},
    )


@pytest.fixture(scope="module")
def solved():
    problem = spreading()
    with torch.no_grad():
        return in_windows(problem, even(problem, 20), SHAPE, SolveConfig(), Clock(60, False))


def test_windows_follow_each_other_to_the_solution(solved, generator):
    state, fitted = solved
    points = torch.rand(300, 2, dtype=torch.float64, generator=generator) * torch.tensor([1.0, 2.0])
    exact = points[:, 0] / (1 + points[:, 1])
    torch.testing.assert_close(state.values(points)["u"], exact, rtol=0, atol=1e-5)
    assert fitted.by_name["burgers"] < 1e-3


def test_nothing_jumps_between_windows(solved):
    state, _ = solved
    x = torch.linspace(0, 1, 9, dtype=torch.float64)
    for end in state.breakpoints[1].unique_consecutive()[[3, 6]]:
        before, after = (
            state.values(torch.stack([x, torch.full_like(x, float(end) + step)], dim=1))["u"]
            for step in (-1e-9, 1e-9)
        )
        torch.testing.assert_close(before, after, rtol=0, atol=1e-7)


def test_numbers_are_counted_once(solved):
    """Shapes of 25 numbers less the wall's; time factors of 3 cells, 8 less the start's each."""
    state, _ = solved
    assert state.count == 3 * 2 * (24 + 7)
    assert state.count <= SHAPE.numbers(state.problem, 5)
    assert state.rank == 6


def test_joined_networks_add_up(generator):
    knots = torch.linspace(0, 1, 9, dtype=torch.float64).expand(3, 9)
    parts = [separable(knots, rank, 3, generator) for rank in (1, 2)]
    points = torch.rand(20, 3, dtype=torch.float64, generator=generator)
    whole = joined(parts, knots)(points)
    torch.testing.assert_close(whole, parts[0](points) + parts[1](points))


@pytest.mark.parametrize(
    ("problem", "can"),
    [
        (spreading(), True),
        (spreading(seen=data([[0.5, 0.5]], [0.3])), False),
        (
            Problem(
                "u",
                Box(x=(0, 1), t=(0, 1)),
                {"wave": lambda u: u.tt - u.xx + u**3},
                {"around": periodic("x"), "start": initial("u", 1.0), "rate": initial_rate("u", 0.0)},
            ),
            False,
        ),
        (
            Problem("u", Interval(t=(0, 1)), {"decay": lambda u: u.t + u**2}, {"start": initial("u", 1.0)}),
            False,
        ),
        (
            Problem(
                "u", Box(x=(0, 1), y=(0, 1)), {"a": lambda u: u.xx + u.yy}, {"edge": dirichlet("u", 0.0)}
            ),
            False,
        ),
    ],
)
def test_which_problems_have_windows(problem, can):
    assert has_windows(problem) is can
