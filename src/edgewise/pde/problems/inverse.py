"""Parameters of equations from 200 measurements with noise of 1 %."""

from math import pi

import torch
from torch import Tensor, exp, sin

from edgewise.pde.conditions import data, dirichlet, initial, odd
from edgewise.pde.geometry import Box
from edgewise.pde.problem import Problem
from edgewise.pde.problems import references
from edgewise.pde.problems.case import Case

DIFFUSIVITY = 0.1
VISCOSITY = 0.05
COUNT, NOISE = 200, 0.01


def _noisy(values: Tensor, generator: torch.Generator) -> Tensor:
    """With errors of 1 % of the root mean square."""
    draw = torch.randn(values.shape, generator=generator, dtype=torch.float64)
    return values + NOISE * values.square().mean().sqrt() * draw


def _diffusion(seed: int) -> Problem:
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(COUNT, 2, generator=generator, dtype=torch.float64)
    values = sin(pi * points[:, 0]) * exp(-DIFFUSIVITY * pi**2 * points[:, 1])
    return Problem(
        "u",
        Box(x=(0, 1), t=(0, 1)),
        {"diffusion": lambda u, D: u.t - D * u.xx},
        {
            "ends": dirichlet("u", 0.0, on="x"),
            "start": initial("u", lambda x: sin(pi * x)),
            "measured": data(points, _noisy(values, generator), "u"),
        },
        parameters={"D": 0.5},
    )


def _burgers(seed: int) -> Problem:
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(COUNT, 2, generator=generator, dtype=torch.float64)
    points[:, 0] = 2 * points[:, 0] - 1
    values = references.burgers(points[:, 0], points[:, 1], VISCOSITY)
    return Problem(
        "u",
        Box(x=(-1, 1), t=(0, 1)),
        {"burgers": lambda u, nu: u.t + u * u.x - nu * u.xx},
        {
            "ends": dirichlet("u", 0.0, on="x"),
            "start": initial("u", lambda x: -sin(pi * x)),
            "mirror": odd("u", "x"),
            "measured": data(points, _noisy(values, generator), "u"),
        },
        parameters={"nu": 0.2},
    )


INVERSE = (
    Case("inverse-diffusion", "D of diffusion from 200 points", _diffusion, {"D": DIFFUSIVITY}, 1e-2, 300),
    Case("inverse-burgers", "nu of Burgers from 200 points", _burgers, {"nu": VISCOSITY}, 1e-2, 300),
)
