"""Problems in time: heat, convection, Burgers, Allen-Cahn, wave, Korteweg-de Vries, Klein-Gordon."""

from math import pi

from torch import Tensor, cos, exp, sin

from edgewise.pde.conditions import condition, dirichlet, even, initial, initial_rate, periodic
from edgewise.pde.geometry import Box
from edgewise.pde.problem import Problem
from edgewise.pde.problems import references
from edgewise.pde.problems.case import Case

VISCOSITY = 0.01 / pi


def _heat(seed: int) -> Problem:
    return Problem(
        "u",
        Box(x=(0, 1), t=(0, 1)),
        {"heat": lambda u: u.t - 0.1 * u.xx},
        {"ends": dirichlet("u", 0.0), "start": initial("u", lambda x: sin(pi * x))},
    )


def _convection(seed: int) -> Problem:
    return Problem(
        "u",
        Box(x=(0, 2 * pi), t=(0, 1)),
        {"convection": lambda u: u.t + 30 * u.x},
        {"ends": periodic("x"), "start": initial("u", lambda x: sin(x))},
    )


def _burgers(seed: int) -> Problem:
    return Problem(
        "u",
        Box(x=(-1, 1), t=(0, 1)),
        {"burgers": lambda u, nu: u.t + u * u.x - nu * u.xx},
        {
            "ends": dirichlet("u", 0.0, on="x"),
            "start": initial("u", lambda x: -sin(pi * x)),
        },
        constants={"nu": VISCOSITY},
    )


def _allen_cahn(seed: int) -> Problem:
    """The state is even, so its periodic continuation has no slope at the ends from the first moment on.

    At the first moment it has: a slope in time ``t`` weighs the more the later it is.
    """
    return Problem(
        "u",
        Box(x=(-1, 1), t=(0, 1)),
        {"reaction": lambda u: u.t - 1e-4 * u.xx + 5 * u**3 - 5 * u},
        {
            "ends": condition(lambda u, t: t * u.x, on="x", weight=0.1),
            "start": initial("u", lambda x: x**2 * cos(pi * x)),
            "mirror": even("u", "x"),
        },
    )


def _wave(seed: int) -> Problem:
    return Problem(
        "u",
        Box(x=(0, 1), t=(0, 1)),
        {"wave": lambda u: u.tt - 4 * u.xx},
        {
            "ends": dirichlet("u", 0.0),
            "start": initial("u", lambda x: sin(pi * x) + sin(4 * pi * x) / 2),
            "rest": initial_rate("u", 0.0),
        },
    )


def _kdv(seed: int) -> Problem:
    return Problem(
        "u",
        Box(x=(-1, 1), t=(0, 1)),
        {"kdv": lambda u: u.t + u * u.x + 0.0025 * u.xxx},
        {"ends": periodic("x"), "start": initial("u", lambda x: cos(pi * x))},
    )


def klein_gordon(x: Tensor, y: Tensor, t: Tensor) -> Tensor:
    """``(x + y) cos 2t + x y sin 2t``."""
    return (x + y) * cos(2 * t) + x * y * sin(2 * t)


def _klein_gordon(seed: int) -> Problem:
    def source(x: Tensor, y: Tensor, t: Tensor) -> Tensor:
        u = klein_gordon(x, y, t)
        return -4 * u + u**2

    return Problem(
        "u",
        Box(x=(-1, 1), y=(-1, 1), t=(0, 3)),
        {"klein-gordon": lambda u, x, y, t: u.tt - u.xx - u.yy + u**2 - source(x, y, t)},
        {
            "sides": dirichlet(
                "u", klein_gordon, hard=False
            ),  # built in, its lift alone would be the solution
            "start": initial("u", lambda x, y: x + y),
            "rate": initial_rate("u", lambda x, y: 2 * x * y),
        },
    )


EVOLUTION = (
    Case("heat", "heat, one mode", _heat, {"u": lambda x, t: sin(pi * x) * exp(-0.1 * pi**2 * t)}, 1e-6, 60),
    Case("convection", "convection, beta = 30", _convection, {"u": lambda x, t: sin(x - 30 * t)}, 1e-4, 180),
    Case(
        "burgers",
        "Burgers, nu = 0.01 / pi",
        _burgers,
        {"u": lambda x, t: references.burgers(x, t, VISCOSITY)},
        1e-3,
        300,
    ),
    Case("allen-cahn", "Allen-Cahn, D = 1e-4", _allen_cahn, {"u": references.allen_cahn}, 1e-3, 600),
    Case(
        "wave",
        "wave, two modes",
        _wave,
        {"u": lambda x, t: sin(pi * x) * cos(2 * pi * t) + sin(4 * pi * x) * cos(8 * pi * t) / 2},
        1e-4,
        300,
    ),
    Case(
        "kdv",
        "Korteweg-de Vries, cos(pi x)",
        _kdv,
        {"u": references.kdv},
        1e-3,
        300,
    ),
    Case("klein-gordon", "Klein-Gordon, 2 + 1", _klein_gordon, {"u": klein_gordon}, 1e-3, 300),
)
