"""Flows with known solutions: Kovasznay's behind a grid."""

from math import pi

import torch
from torch import Tensor, cos, sin

from edgewise.pde.conditions import dirichlet
from edgewise.pde.geometry import Box
from edgewise.pde.problem import Problem
from edgewise.pde.problems.case import Case

REYNOLDS = 20.0
DECAY = REYNOLDS / 2 - (REYNOLDS**2 / 4 + 4 * pi**2) ** 0.5


def kovasznay_u(x: Tensor, y: Tensor) -> Tensor:
    """``1 - exp(decay x) cos(2 pi y)``."""
    return 1 - torch.exp(DECAY * x) * cos(2 * pi * y)


def kovasznay_v(x: Tensor, y: Tensor) -> Tensor:
    """``decay / (2 pi) exp(decay x) sin(2 pi y)``."""
    return DECAY / (2 * pi) * torch.exp(DECAY * x) * sin(2 * pi * y)


def kovasznay_p(x: Tensor, y: Tensor) -> Tensor:
    """``(1 - exp(2 decay x)) / 2``."""
    return (1 - torch.exp(2 * DECAY * x)) / 2


def _kovasznay(seed: int) -> Problem:
    return Problem(
        ("u", "v", "p"),
        Box(x=(-0.5, 1), y=(-0.5, 1.5)),
        {
            "momentum x": lambda u, v, p: u * u.x + v * u.y + p.x - (u.xx + u.yy) / REYNOLDS,
            "momentum y": lambda u, v, p: u * v.x + v * v.y + p.y - (v.xx + v.yy) / REYNOLDS,
            "continuity": lambda u, v: u.x + v.y,
        },
        {
            "u": dirichlet("u", kovasznay_u),
            "v": dirichlet("v", kovasznay_v),
            "outlet": dirichlet("p", kovasznay_p, on="x.high"),
        },
    )


FLOW = (
    Case(
        "kovasznay",
        "Kovasznay flow, Re 20",
        _kovasznay,
        {"u": kovasznay_u, "v": kovasznay_v, "p": kovasznay_p},
        1e-5,
        180,
        up_to_constant=("p",),
    ),
)
