"""Steady problems with known solutions: Poisson, Helmholtz, Darcy, an L-shape, a disc with a hole."""

from math import log, pi

import torch
from torch import Tensor, cos, sin

from edgewise.pde.conditions import dirichlet
from edgewise.pde.geometry import Box, Disc, LShape
from edgewise.pde.problem import Problem
from edgewise.pde.problems.case import Case

HOLE = 0.3


def _poisson(seed: int) -> Problem:
    return Problem(
        "u",
        Box(x=(-1, 1), y=(-1, 1)),
        {"poisson": lambda u, x, y: u.xx + u.yy + 2 * pi**2 * sin(pi * x) * sin(pi * y)},
        {"edge": dirichlet("u", 0.0)},
    )


def _poisson_squared(seed: int) -> Problem:
    def source(x: Tensor, y: Tensor) -> Tensor:
        bend = -(pi**2) * (1 + 4 * y**2) * sin(pi * y**2) + 2 * pi * cos(pi * y**2)
        return sin(pi * x) * bend

    return Problem(
        "u",
        Box(x=(-1, 1), y=(-1, 1)),
        {"poisson": lambda u, x, y: u.xx + u.yy - source(x, y)},
        {"edge": dirichlet("u", 0.0)},
    )


def _helmholtz(seed: int) -> Problem:
    return Problem(
        "u",
        Box(x=(-1, 1), y=(-1, 1)),
        {"helmholtz": lambda u, x, y: u.xx + u.yy + u + (17 * pi**2 - 1) * sin(pi * x) * sin(4 * pi * y)},
        {"edge": dirichlet("u", 0.0)},
    )


def corner(x: Tensor, y: Tensor) -> Tensor:
    """``r^(2/3) sin(2 angle / 3)``, harmonic, zero on both sides of the inner corner, with a singular slope there."""
    angle = torch.remainder(torch.atan2(y, x), 2 * pi)
    return (x * x + y * y) ** (1 / 3) * sin(2 * angle / 3)


def _l_shape(seed: int) -> Problem:
    return Problem(
        "u",
        LShape(),
        {"laplace": lambda u, x, y: (u.xx + u.yy) * (x * x + y * y) ** (2 / 3)},
        {"edge": dirichlet("u", corner)},
    )


def ring(x: Tensor, y: Tensor) -> Tensor:
    """``(r^2 - 1) / 4 + b log r`` with ``b`` for the value one on the hole."""
    square = x * x + y * y
    return (square - 1) / 4 + (1 - (HOLE**2 - 1) / 4) / log(HOLE) * torch.log(square) / 2


def _ring(seed: int) -> Problem:
    return Problem(
        "u",
        Disc((0, 0), 1) - Disc((0, 0), HOLE, name="hole"),
        {"poisson": lambda u, x, y: u.xx + u.yy - 1},
        {"outside": dirichlet("u", 0.0, on="circle"), "hole": dirichlet("u", 1.0, on="hole")},
    )


def _darcy_smooth(seed: int) -> Problem:
    """``div(a grad u) = f`` with ``a = 2 + sin(pi x) cos(pi y)`` and ``f`` from ``u = sin(pi x) sin(2 pi y)``."""

    def flow(u: Tensor, ux: Tensor, uy: Tensor, bend: Tensor, x: Tensor, y: Tensor) -> Tensor:
        slope_x, slope_y = pi * cos(pi * x) * cos(pi * y), -pi * sin(pi * x) * sin(pi * y)
        return (2 + sin(pi * x) * cos(pi * y)) * bend + slope_x * ux + slope_y * uy

    def source(x: Tensor, y: Tensor) -> Tensor:
        u = darcy_smooth(x, y)
        ux = pi * cos(pi * x) * sin(2 * pi * y)
        uy = 2 * pi * sin(pi * x) * cos(2 * pi * y)
        return flow(u, ux, uy, -5 * pi**2 * u, x, y)

    return Problem(
        "u",
        Box(x=(0, 1), y=(0, 1)),
        {"darcy": lambda u, x, y: flow(u.value, u.x, u.y, u.xx + u.yy, x, y) - source(x, y)},
        {"edge": dirichlet("u", 0.0)},
    )


def darcy_smooth(x: Tensor, y: Tensor) -> Tensor:
    """``sin(pi x) sin(2 pi y)``."""
    return sin(pi * x) * sin(2 * pi * y)


STEADY = (
    Case(
        "poisson",
        "Poisson, sin(pi x) sin(pi y)",
        _poisson,
        {"u": lambda x, y: sin(pi * x) * sin(pi * y)},
        1e-6,
        60,
    ),
    Case(
        "poisson-squared",
        "Poisson, sin(pi x) sin(pi y^2)",
        _poisson_squared,
        {"u": lambda x, y: sin(pi * x) * sin(pi * y**2)},
        1e-6,
        60,
    ),
    Case(
        "helmholtz",
        "Helmholtz, sin(pi x) sin(4 pi y)",
        _helmholtz,
        {"u": lambda x, y: sin(pi * x) * sin(4 * pi * y)},
        1e-4,
        120,
    ),
    Case("darcy", "Darcy, smooth coefficient", _darcy_smooth, {"u": darcy_smooth}, 1e-4, 180),
    Case("l-shape", "Laplace on an L-shape", _l_shape, {"u": corner}, 3e-3, 180),
    Case("ring", "Poisson on a disc with a hole", _ring, {"u": ring}, 1e-4, 180),
)
