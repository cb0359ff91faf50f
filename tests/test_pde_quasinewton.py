"""L-BFGS in the edges' own coordinates, beside exact solutions."""

import warnings
from itertools import pairwise

import pytest
import torch

from edgewise import InputError
from edgewise.errors import FitWarning
from edgewise.pde import Box, Problem, SolveConfig, dirichlet, energy, solve
from edgewise.pde import quasinewton as module
from edgewise.pde.config import LARGE
from edgewise.pde.problems import case
from edgewise.pde.quasinewton import Descent, coordinates
from edgewise.pde.slopes import curvatures
from edgewise.pde.state import even, start
from edgewise.train.clock import Clock

POISSON = case("poisson")


def solved(**settings):
    return solve(POISSON.build(0), method="lbfgs", adaptive=False, **settings)


def test_poisson_by_gradients_only():
    """On 92 unknowns, as near as least squares comes on these cells."""
    solution, other = (
        solved(rank=2, cells=20, max_seconds=120),
        solve(POISSON.build(0), rank=2, cells=20, adaptive=False),
    )
    assert POISSON.error(solution) < max(2 * POISSON.error(other), 1e-7)
    assert solution.status == "stalled"
    assert "by L-BFGS as asked" in solution.message


@pytest.mark.slow
def test_poisson_with_five_thousand_unknowns(generator):
    """Two hundred iterations from a random start; the solution takes a product, a hundred and nine are there."""
    with torch.no_grad():
        problem = POISSON.build(0)
        state = start(problem, 109, even(problem, 20), 5, 0)
        descent = Descent(state.system(share=True), state.free(), Clock(), 0.0)
        descent.run(200)
        state.assign(descent.free)
        points = 2 * torch.rand(2000, 2, dtype=torch.float64, generator=generator) - 1
        exact = torch.sin(torch.pi * points).prod(1)
        gap = (state.values(points)["u"] - exact).norm() / exact.norm()
    assert state.count > 5000
    assert float(gap) < 1e-3
    assert all(after <= before for before, after in pairwise(descent.losses))


def test_an_equation_that_is_not_linear():
    """``u = sin(pi x) y (1 - y)`` by the source it needs in ``u_xx + u_yy + u^2 = f``."""

    def exact(x, y):
        return torch.sin(torch.pi * x) * y * (1 - y)

    def law(u, x, y):
        sine = torch.sin(torch.pi * x)
        source = -(torch.pi**2) * sine * y * (1 - y) - 2 * sine + exact(x, y) ** 2
        return u.xx + u.yy + u**2 - source

    problem = Problem("u", Box(x=(0, 1), y=(0, 1)), {"law": law}, {"edge": dirichlet("u", 0.0)})
    solution = solve(problem, method="lbfgs", rank=2, cells=8, max_seconds=120)
    x = torch.linspace(0, 1, 21, dtype=torch.float64)[:, None]
    assert float((solution(x=x, y=x.T).detach() - exact(x, x.T)).abs().max()) < 1e-5


def test_an_energy_is_lowered_to_the_solution():
    one = case("darcy-layers")
    solution = solve(one.build(0), method="lbfgs", rank=1, cells=14, max_seconds=120)
    assert one.error(solution) < 1e-4


def test_an_energy_without_a_bottom_is_said():
    problem = Problem(
        "u",
        Box(x=(0, 1), y=(0, 1)),
        {"wrong sign": energy(lambda u: -(u.x**2) - u.y**2 - u.value)},
        {"edge": dirichlet("u", 0.0)},
    )
    with pytest.raises(InputError, match="no lower bound"):
        solve(problem, method="lbfgs", rank=2, cells=6, max_seconds=60)


def test_every_edge_alone_is_a_unit_sphere():
    """``L^-1 G L^-T`` has its values between zero and one, most of them near one."""
    with torch.no_grad():
        state = start(POISSON.build(0), 4, even(POISSON.build(0), 10, 5), 5, 0)
        system, free = state.system(share=True), state.free()
        own, groups = coordinates(system, free), curvatures(system, free)["u"]
        for factor, group in zip(own.factors, groups, strict=True):
            left = torch.linalg.solve_triangular(factor, group, upper=False)
            sizes = torch.linalg.eigvalsh(torch.linalg.solve_triangular(factor, left.mT, upper=False))
            assert float(sizes.min()) >= 0
            assert float(sizes.max()) <= 1 + 1e-9
            assert float(sizes.median()) > 0.9


def test_steps_and_slopes_are_of_one_change_of_coordinates(generator):
    """``(L^-1 g) . z = g . (L^-T z)``."""
    with torch.no_grad():
        state = start(POISSON.build(0), 2, even(POISSON.build(0), 6, 5), 5, 0)
        own = coordinates(state.system(share=True), state.free())
        z, slope = torch.randn(2, len(state.free()), dtype=torch.float64, generator=generator)
        assert float(own.slope(slope) @ z) == pytest.approx(float(slope @ own.step(z)), rel=1e-10)


def test_the_same_seed_gives_the_same_numbers():
    one, two = (solved(rank=2, cells=6, seed=3)(x=0.3, y=0.7) for _ in range(2))
    assert one == two


def counted(monkeypatch, stop):
    """Every evaluation counts; after ``stop`` of them comes Ctrl-C."""
    calls, plain = [], module.value_and_slope

    def watched(system, free):
        calls.append(1)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return plain(system, free)

    monkeypatch.setattr(module, "value_and_slope", watched)
    return calls


def test_ctrl_c_keeps_the_best_so_far(monkeypatch):
    calls = counted(monkeypatch, 60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        solution = solved(rank=2, cells=20, max_seconds=600)
    assert solution.status in ("out of time", "unsure", "diverged")
    assert len(calls) == 60
    assert POISSON.error(solution) < 0.1
    assert solution.history[-1].steps > 20


def test_time_that_is_over_keeps_the_best_so_far():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        solution = solve(POISSON.build(0), rank=109, cells=20, max_parameters=6000, max_seconds=0.5)
    assert solution.status in ("out of time", "unsure", "diverged")
    assert solution.count > 5000
    assert f"by L-BFGS, more than {LARGE} unknowns" in solution.message
    assert solution.seconds < 20


def test_which_method_is_taken():
    assert SolveConfig().chosen(LARGE) == "least-squares"
    assert SolveConfig().chosen(LARGE + 1) == "lbfgs"
    assert SolveConfig(method="least-squares").chosen(10**6) == "least-squares"
    with pytest.raises(InputError, match="choose one of: auto, least-squares, variable-projection, lbfgs"):
        SolveConfig(method="newton")
