"""Stacked residuals, their Jacobian and its Gram matrix beside finite differences."""

import pytest
import torch

from edgewise.pde import (
    Box,
    Disc,
    LShape,
    Problem,
    condition,
    data,
    dirichlet,
    even,
    initial,
    integral,
    neumann,
    periodic,
)
from edgewise.pde.residuals import System
from edgewise.pde.state import even as even_cells
from edgewise.pde.state import start

SQUARE = Box(x=(0, 1), y=(0, 1))


def flow():
    return Problem(
        ("u", "p"),
        SQUARE,
        {
            "a": lambda u, p, nu, x: u * u.x + p.y - nu * u.xy * x,
            "b": lambda u, p, k: torch.sin(u) - k * p.xx,
        },
        {
            "edge": dirichlet("u", 1.0, on="x.low"),
            "slope": neumann("p", 2.0, on="y"),
            "mean": integral(lambda p: p.value, 0.3),
            "seen": data([[0.2, 0.3], [0.5, 0.9]], [1.0, 2.0], lambda u, p: u + p),
        },
        parameters={"nu": 0.3},
        constants={"k": 2.0},
    )


def around():
    return Problem(
        "u",
        Box(x=(0, 1), t=(0, 1)),
        {"a": lambda u: u.t + u * u.x},
        {"around": periodic("x"), "start": initial("u", lambda x: torch.sin(6.283185307179586 * x))},
    )


def mirrored():
    return Problem(
        "u",
        Box(x=(0, 1), t=(0, 1)),
        {"a": lambda u: u.t - u.xx * u},
        {"m": even("u", "x"), "ends": condition(lambda u, t: u.x * t, on="x"), "start": initial("u", 0.5)},
    )


def corner():
    return Problem("u", LShape(), {"a": lambda u: u.xx + u.yy + u**2}, {"edge": dirichlet("u", 0.0)})


def ring():
    return Problem(
        "u",
        Disc((0, 0), 1) - Disc((0, 0), 0.3, name="hole"),
        {"a": lambda u: u.xx + u.yy},
        {"edge": neumann("u", 0.0), "level": integral(lambda u: u.value, 0.0)},
    )


BUILDERS = [flow, around, mirrored, corner, ring]


def system_of(problem, cells=4, **settings):
    state = start(problem, 2, even_cells(problem, cells), 4, 0)
    return System(problem, state.unknowns, state.breakpoints, **settings), state.free()


@pytest.mark.parametrize("build", BUILDERS)
def test_the_jacobian_is_the_slope_of_the_residuals(build):
    system, free = system_of(build())
    residual, jacobian = system.linearise(free)
    torch.testing.assert_close(residual, system.residual(free))
    step = 1e-6
    for k in range(0, len(free), 3):
        move = torch.zeros_like(free)
        move[k] = step
        slope = (system.residual(free + move) - system.residual(free - move)) / (2 * step)
        torch.testing.assert_close(jacobian[:, k], slope, rtol=1e-5, atol=1e-5)
    assert jacobian.shape == (len(residual), system.size)


@pytest.mark.parametrize("build", [around, mirrored, corner])
def test_the_gram_matrix_by_cells_is_the_full_one(build):
    system, free = system_of(build(), cells=18)
    assert any(block.axes is not None for block in system.blocks)
    residual, jacobian = system.linearise(free)
    gram, slope = system.normal(free)
    torch.testing.assert_close(gram.tril(), (jacobian.T @ jacobian).tril())
    torch.testing.assert_close(slope, jacobian.T @ residual)


def test_what_is_built_in_holds_whatever_the_parameters(generator):
    problem = around()
    state = start(problem, 2, even_cells(problem, 6), 4, 0)
    state.assign(torch.randn(state.free().shape, dtype=torch.float64, generator=generator))
    t = torch.linspace(0, 1, 9, dtype=torch.float64)
    ends = [torch.stack([torch.full_like(t, x), t], dim=1) for x in (0.0, 1.0)]
    for order in range(4):
        low, high = (state.unknowns["u"].derivative(points, (order, 0)) for points in ends)
        torch.testing.assert_close(low, high, rtol=1e-7, atol=1e-7 * 10.0**order)
    begin = torch.stack([t, torch.zeros_like(t)], dim=1)
    torch.testing.assert_close(state.values(begin)["u"], torch.sin(6.283185307179586 * t), atol=1e-12, rtol=0)


def test_mirrored_unknowns_stay_mirrored(generator):
    problem = mirrored()
    state = start(problem, 2, even_cells(problem, 5), 4, 0)
    state.assign(torch.randn(state.free().shape, dtype=torch.float64, generator=generator))
    points = torch.rand(20, 2, dtype=torch.float64, generator=generator)
    other = points.clone()
    other[:, 0] = 1 - other[:, 0]
    torch.testing.assert_close(state.values(points)["u"], state.values(other)["u"])


def test_points_after_the_present_stretch_of_time_do_not_count():
    late, _ = system_of(around(), until=0.5)
    whole, _ = system_of(around())
    assert len(late.blocks[0].points) == len(whole.blocks[0].points) // 2
    assert float(late.blocks[0].points[:, 1].max()) <= 0.5


def test_an_integral_is_the_integral():
    problem = Problem(
        "u",
        SQUARE,
        {"a": lambda u: u.xx},
        {"edge": dirichlet("u", lambda x, y: x * y), "mass": integral(lambda u, x: u * x, 0.0, weight=1.0)},
    )
    system, free = system_of(problem)
    (mass,) = (block for block in system.blocks if block.name == "mass")
    value = float(system.rows(mass, torch.zeros_like(free))[0])
    assert value == pytest.approx(1 / 6, rel=1e-6)
