"""Where knots go and where residuals are taken."""

import numpy as np
import pytest
import torch

from edgewise import InputError
from edgewise.pde import (
    Box,
    Disc,
    Interval,
    Problem,
    SolveConfig,
    dirichlet,
    initial,
    neumann,
    odd,
    solve,
)
from edgewise.pde.collocation import axis_points, held_out, inside
from edgewise.pde.marching import hold
from edgewise.pde.refinement import adapted, refined
from edgewise.pde.state import even, moved, start

LAYER = Problem(
    "u",
    Box(x=(-1, 1), t=(0, 1)),
    {"any": lambda u: u.t - u.xx},
    {
        "start": initial("u", lambda x: torch.tanh(x / 0.02)),
        "flux": neumann("u", 0.0, on="x"),
        "mirror": odd("u", "x"),
    },
)


def zero_on(problem, cells, rank=2):
    """A state whose network is zero: the unknown is its lift."""
    state = start(problem, rank, even(problem, cells), 5, 0)
    state.assign(torch.zeros_like(state.free()))
    return state


def test_a_layer_gets_a_good_share_of_the_cells_and_mirrors_stay_mirrors():
    knots = adapted(zero_on(LAYER, 40), 40)
    x, t = knots
    assert int((x.abs() < 0.06).sum()) >= 10
    assert float(x.diff().max()) < 4 * 2 / 40
    torch.testing.assert_close(x, -x.flip(0))
    torch.testing.assert_close(t, torch.linspace(0, 1, 41).double())
    assert bool((knots.diff(dim=1) > 0).all())


@pytest.mark.parametrize("rank", [2, 3])
def test_moving_keeps_the_function(rank, generator):
    problem = Problem(
        "u", Box(x=(0, 1), y=(0, 2)), {"a": lambda u: u.xx + u.yy}, {"edge": dirichlet("u", 0.0)}
    )
    state = start(problem, 2, even(problem, 6), 5, 0)
    finer = moved(state, even(problem, 12), rank)
    points = torch.rand(200, 2, dtype=torch.float64, generator=generator) * torch.tensor([1.0, 2.0])
    before, after = state.values(points)["u"], finer.values(points)["u"]
    torch.testing.assert_close(after, before, rtol=0, atol=1e-9 if rank == 2 else 1e-2)
    assert finer.rank == rank


def test_what_is_held_stands_still():
    state = start(LAYER, 2, even(LAYER, 20), 5, 0)
    early, end, late = (torch.tensor([[0.3, t]], dtype=torch.float64) for t in (0.4, 0.5, 0.8))
    before = [state.values(p)["u"] for p in (early, end)]
    hold(state, 1, 0.5)
    torch.testing.assert_close(state.values(early)["u"], before[0], rtol=0, atol=1e-3)
    torch.testing.assert_close(state.values(late)["u"], before[1], rtol=0, atol=1e-2)


def test_gauss_points_integrate_polynomials():
    cells = torch.tensor([0.0, 0.1, 0.7, 2.0], dtype=torch.float64)
    x, weight = axis_points(cells, 3)
    assert float(weight @ x**5) == pytest.approx(2**6 / 6, rel=1e-12)


def test_points_inside_have_the_area():
    disc = Disc((0, 0), 1)
    found = inside(disc, torch.linspace(-1, 1, 61).double().expand(2, 61), 3)
    assert float(found.volumes.sum()) == pytest.approx(np.pi, rel=2e-3)
    assert bool((found.rows.norm(dim=1) <= 1).all())


def test_held_out_points_are_dense_where_cells_are():
    cells = torch.stack([torch.tensor([0.0, 0.1, 1.0]), torch.tensor([0.0, 0.5, 1.0])]).double()
    points = held_out(Box(x=(0, 1), y=(0, 1)), cells, 1000, 0)
    assert len(points) == 1000
    assert float((points[:, 0] < 0.1).double().mean()) == pytest.approx(0.5, abs=0.05)


def test_a_domain_that_no_point_meets():
    thin = Disc((0, 0), 1) - Disc((0.0, 0.0), 0.9999, name="hole")
    with pytest.raises(InputError, match="more cells"):
        inside(thin, torch.linspace(-1, 1, 3).double().expand(2, 3), 1)


def bump(width=0.01):
    """``sin(pi x)`` with a narrow bump on it, a tenth as high: its load is four hundred times the sine's."""

    def exact(x):
        return torch.sin(torch.pi * x) + 0.05 * torch.exp(-(((x - 0.3) / width) ** 2))

    def load(x):
        s = (x - 0.3) / width
        narrow = 0.05 * torch.exp(-(s**2)) * (4 * s**2 - 2) / width**2
        return torch.pi**2 * torch.sin(torch.pi * x) - narrow

    ends = {"ends": dirichlet("u", exact)}
    return Problem("u", Interval(x=(-1, 1)), {"bend": lambda u, x: u.xx + load(x)}, ends), exact


def test_cells_are_halved_where_most_is_left_and_old_knots_stay():
    problem, _ = bump(0.03)
    state = zero_on(problem, 20)
    (found,) = refined(state, 30)
    assert set(state.breakpoints[0].tolist()) < set(found.tolist())
    assert bool((found.diff() > 0).all())
    assert int(((found - 0.3).abs() < 0.1).sum()) >= 9  # one in twenty of the length, where there was one


def test_mirrors_stay_mirrors_and_creases_stay_where_cells_are_halved():
    x, _ = refined(zero_on(LAYER, 20), 30)
    torch.testing.assert_close(x, -x.flip(0))
    creased = Problem(
        "u",
        Interval(x=(0, 1)),
        {"a": lambda u: u.xx + 1},
        {"ends": dirichlet("u", 0.0)},
        creases={"x": [0.4]},
    )
    (found,) = refined(start(creased, 1, even(creased, 20, 5), 5, 0), 24)
    assert len(found) == 25
    assert found.tolist().count(0.4) == 5


def test_a_narrow_bump_is_found_by_its_residual():
    """With 120 unknowns at most; twelve even cells do not see it, and the next levels are no better."""
    problem, exact = bump()
    x = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    error = {}
    for adaptive in (True, "residual"):
        solution = solve(problem, max_parameters=120, adaptive=adaptive)
        error[adaptive] = float((solution(x=x).detach() - exact(x)).norm() / exact(x).norm())
        assert solution.status != "diverged"
    assert error["residual"] < 3e-3
    assert error["residual"] < error[True] / 3


def test_another_word_for_adaptive_is_refused(untyped):
    with pytest.raises(InputError, match='"residual"'):
        SolveConfig(adaptive="bend")
