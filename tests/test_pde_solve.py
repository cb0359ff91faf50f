"""Whole solutions of small problems, and what is said of bad ones."""

import warnings
from math import pi

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from edgewise import InputError
from edgewise.errors import FitWarning
from edgewise.pde import (
    Box,
    Disc,
    Interval,
    Problem,
    SolveConfig,
    dirichlet,
    energy,
    initial,
    initial_rate,
    neumann,
    odd,
    robin,
    solve,
)
from edgewise.pde.problems import case


def bar(source=2.0):
    return Problem("u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + source}, {"ends": dirichlet("u", 0.0)})


def test_a_bar_under_its_weight():
    solution = solve(bar())
    x = np.linspace(0, 1, 11)
    np.testing.assert_allclose(solution(x=x), x * (1 - x), atol=1e-10)
    np.testing.assert_allclose(solution.derivative("u", "xx", x=x), -2.0, atol=1e-6)
    assert solution.status == "converged"


@pytest.mark.parametrize("name", ["poisson", "heat", "convection"])
def test_built_in_problems_reach_their_targets(name):
    one = case(name)
    solution = solve(one.build(0), max_seconds=one.seconds, tolerance=one.target)
    assert one.error(solution) <= one.target
    assert solution.count <= 2000


@pytest.mark.parametrize(("degree", "slope"), [(3, 3.7), (5, 5.5)])
def test_the_error_falls_with_the_parameters_as_splines_can(degree, slope):
    one = case("poisson")
    solutions = [
        solve(one.build(0), degree=degree, rank=1, cells=cells, adaptive=False)
        for cells in (4, 8, 16, 32, 64)
    ]
    errors, counts = [one.error(s) for s in solutions], [s.count for s in solutions]
    for sizes in (counts, [s.history[-1].cells for s in solutions]):
        assert -np.polyfit(np.log(sizes), np.log(errors), 1)[0] >= slope, errors


@pytest.mark.parametrize("right", [neumann("u", 3.0, on="x.high"), robin("u", 2.0, 1.0, 5.0, on="x.high")])
def test_slopes_and_mixed_conditions(right):
    """``u = x^3`` has slope 3 at the right, and ``2 u + u' = 5`` there."""
    ends = {"left": dirichlet("u", 0.0, on="x.low"), "right": right}
    problem = Problem("u", Interval(x=(0, 1)), {"bend": lambda u, x: u.xx - 6 * x}, ends)
    np.testing.assert_allclose(solve(problem)(x=np.array([0.25, 1.0])), [0.25**3, 1.0], atol=1e-8)


def test_a_solution_is_differentiable_at_query_time():
    solution = solve(bar())
    x = torch.tensor([0.25], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(solution(x=x).sum(), x)
    assert float(slope) == pytest.approx(0.5, abs=1e-7)


def test_points_by_row_or_by_name():
    solution = solve(case("heat").build(0), cells=10, rank=1)
    grid = solution(x=np.linspace(0, 1, 5)[:, None], t=np.linspace(0, 1, 3))
    assert grid.shape == (5, 3)
    assert solution(np.array([[0.25, 0.5]]))[0] == pytest.approx(grid[1, 1], abs=1e-14)
    with pytest.raises(InputError, match=r"solution\(x=\.\.\., t=\.\.\.\)"):
        solution(x=0.5)
    with pytest.raises(InputError, match=r"expected \(n, 2\)"):
        solution(np.zeros((3, 3)))
    with pytest.raises(InputError, match="choose one of: u"):
        solution.derivative("w", "x", x=0.1, t=0.1)


def test_the_same_seed_gives_the_same_numbers():
    one, two = (solve(case("heat").build(0), cells=8, rank=2, seed=3)(x=0.3, t=0.7) for _ in range(2))
    assert one == two


def test_a_problem_without_solution_is_called_diverged():
    contradiction = Problem(
        "u",
        Interval(x=(0, 1)),
        {"one": lambda u: u.x - 1, "two": lambda u: u.x + 1},
        {"left": dirichlet("u", 0.0, on="x.low")},
    )
    with pytest.warns(FitWarning, match="no solution"):
        assert solve(contradiction).status == "diverged"


def test_a_load_between_the_fitted_points_is_seen():
    thin = Problem(
        "u",
        Interval(x=(-1, 1)),
        {"load": lambda u, x: u.xx + 1 + 10 * torch.exp(-(((x - 0.02) / 0.004) ** 2))},
        {"ends": dirichlet("u", 0.0)},
    )
    with pytest.warns(FitWarning, match="between the fitted points"):
        assert solve(thin, cells=4, rank=1, adaptive=False).status == "unsure"


@pytest.mark.parametrize("name", ["poisson", "heat"])
def test_projection_comes_to_the_same_in_fewer_steps(name):
    one = case(name)
    plain, projected = (
        solve(one.build(0), method=method, rank=2, cells=10, max_seconds=60, adaptive=False)
        for method in ("least-squares", "variable-projection")
    )
    assert projected.history[-1].loss == pytest.approx(plain.history[-1].loss, rel=1e-2)
    assert one.error(projected) == pytest.approx(one.error(plain), rel=0.1)
    assert projected.history[-1].steps < plain.history[-1].steps
    assert "by variable projection as asked" in projected.message


def test_projection_where_an_unknown_has_one_coordinate():
    solution = solve(bar(), method="variable-projection")
    assert float(solution(x=0.5)) == pytest.approx(0.25, abs=1e-10)


def test_projection_is_for_linear_problems():
    curved = Problem("u", Interval(x=(0, 1)), {"k": lambda u: u.xx + u**2}, {"ends": dirichlet("u", 1.0)})
    sought = Problem(
        "u",
        Interval(x=(0, 1)),
        {"k": lambda u, D: D * u.xx + 1},
        {"ends": dirichlet("u", 1.0)},
        parameters={"D": 1.0},
    )
    held = Problem("u", Interval(x=(0, 1)), {"k": energy(lambda u: u.x**2)}, {"ends": dirichlet("u", 1.0)})
    for problem in (curved, sought, held):
        with pytest.raises(InputError, match='type method="least-squares"'):
            solve(problem, method="variable-projection")


def test_a_swing_that_was_marched_goes_on_until_it_stands_still():
    """Van der Pol's oscillator, whose corners need more cells than marching has, beside SciPy's integrator."""
    problem = Problem(
        "u",
        Interval(t=(0, 10)),
        {"swing": lambda u: u.tt - 2 * (1 - u.value**2) * u.t + u.value},
        {"start": initial("u", 2.0), "rest": initial_rate("u", 0.0)},
    )
    t = np.linspace(0, 10, 101)
    exact = solve_ivp(
        lambda t, y: [y[1], 2 * (1 - y[0] ** 2) * y[1] - y[0]],
        (0, 10),
        [2.0, 0.0],
        t_eval=t,
        rtol=1e-11,
        atol=1e-12,
    )
    solution = solve(problem, max_seconds=120)
    assert solution.status == "converged"
    assert solution.message.startswith("nonlinear in time: marched, then polished")
    np.testing.assert_allclose(solution(t=t), exact.y[0], atol=1e-5)


def test_a_start_that_neither_cells_nor_products_help_alone():
    """A disc with a hole: seed 2 comes to a network from which only both together lead on."""
    one = case("ring")
    solution = solve(one.build(2), seed=2, max_parameters=400, max_seconds=120)
    assert one.error(solution) < 1e-3


def test_degree_must_exceed_the_derivatives():
    with pytest.raises(InputError, match="type degree=3"):
        solve(bar(), degree=2)


@pytest.mark.parametrize("settings", [{"degree": 9}, {"rank": 0}, {"max_seconds": 0.0}, {"tolerance": -1.0}])
def test_settings_that_cannot_be(settings):
    with pytest.raises(InputError, match="expected"):
        SolveConfig(**settings)


def test_a_constant_is_walked_to_its_value():
    """``u' = -k u^2``, ``u(0) = 1``: ``1 / (1 + k x)``."""
    problem = Problem(
        "u",
        Interval(x=(0, 1)),
        {"decay": lambda u, k: u.x + k * u**2},
        {"left": dirichlet("u", 1.0, on="x.low")},
        constants={"k": 20.0},
    )
    solution = solve(problem, continuation={"k": [1.0, 5.0]})
    x = np.linspace(0, 1, 7)
    np.testing.assert_allclose(solution(x=x), 1 / (1 + 20 * x), atol=1e-5)


def test_diffusivity_from_noisy_measurements():
    one = case("inverse-diffusion")
    inside = 0
    for seed in range(3):
        solution = solve(one.build(seed), seed=seed)
        assert one.error(solution) <= one.target
        low, high = solution.intervals["D"]
        inside += low <= 0.1 <= high
    assert inside >= 2


def test_viscosity_from_noisy_measurements_is_not_left_on_a_plateau():
    """Where neither more cells nor more products gain a third, nu is still a quarter off; both gain a factor of six."""
    one = case("inverse-burgers")
    solution = solve(one.build(0), max_parameters=800, max_seconds=100)
    assert one.error(solution) < 0.1


def test_time_marched_burgers():
    """Wide enough a layer that a few seconds do; the windows and their knots are those of the thin one."""
    from edgewise.pde.problems import references

    nu = 0.08
    problem = Problem(
        "u",
        Box(x=(-1, 1), t=(0, 0.4)),
        {"burgers": lambda u: u.t + u * u.x - nu * u.xx},
        {
            "ends": dirichlet("u", 0.0, on="x"),
            "start": initial("u", lambda x: -torch.sin(pi * x)),
            "mirror": odd("u", "x"),
        },
    )
    solution = solve(problem, cells=28, adaptive=False)
    g = torch.Generator().manual_seed(0)
    x, t = (
        2 * torch.rand(500, dtype=torch.float64, generator=g) - 1,
        0.4 * torch.rand(500, dtype=torch.float64, generator=g),
    )
    exact = references.burgers(x, t, nu)
    assert "windows" in solution.message
    assert float((solution(x=x, t=t).detach() - exact).norm() / exact.norm()) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["burgers", "allen-cahn", "kdv"])
def test_fronts_and_waves_that_travel_far(name):
    one = case(name)
    solution = solve(one.build(0), max_seconds=one.seconds)
    assert one.error(solution) <= one.target
    assert solution.count <= 2000


@pytest.mark.slow
def test_a_lid_drives_a_cavity():
    one = case("cavity")
    solution = solve(one.build(0), rank=10, cells=20, max_seconds=200)
    assert one.error(solution) <= 3e-2


def test_hunters_and_prey():
    """A system of ordinary equations in time beside SciPy's integrator."""
    problem = Problem(
        ("u", "v"),
        Interval(t=(0, 10)),
        {"prey": lambda u, v: u.t - u * (1 - v), "hunter": lambda u, v: v.t - v * (u - 1)},
        {"prey now": initial("u", 2.0), "hunters now": initial("v", 1.0)},
    )

    def rates(t, y):
        return [y[0] * (1 - y[1]), y[1] * (y[0] - 1)]

    t = np.linspace(0, 10, 21)
    exact = solve_ivp(rates, (0, 10), [2, 1], t_eval=t, rtol=1e-10, atol=1e-12)
    found = solve(problem, max_seconds=120)(t=t)
    np.testing.assert_allclose(found["u"], exact.y[0], atol=1e-6)
    np.testing.assert_allclose(found["v"], exact.y[1], atol=1e-6)


def test_a_clamped_beam_has_a_fourth_derivative():
    """A load of 24 on ends that neither move nor turn: ``x^2 (1 - x)^2``."""
    ends = {"ends": dirichlet("w", 0.0), "clamps": neumann("w", 0.0)}
    problem = Problem("w", Interval(x=(0, 1)), {"beam": lambda w: w.xxxx - 24}, ends)
    x = np.linspace(0, 1, 9)
    np.testing.assert_allclose(solve(problem)(x=x), x**2 * (1 - x) ** 2, atol=1e-8)


def test_a_shape_through_time_needs_a_start():
    def cooling(**hot):
        shape = Disc((0, 0), 1) * Interval(t=(0, 1))
        heat = {"heat": lambda u: u.t - u.xx - u.yy}
        return Problem("u", shape, heat, {"rim": dirichlet("u", 0.0), **hot})

    with pytest.raises(InputError, match="ends of 't'"):
        cooling()
    assert cooling(hot=initial("u", 1.0)).time == 2


def test_a_limit_that_comes_too_early_still_gives_a_state():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        solution = solve(case("burgers").build(0), max_seconds=0.3)
    assert solution.status in ("out of time", "diverged", "unsure")
    assert np.isfinite(solution(x=0.3, t=0.5))
    assert solution.seconds < 10
