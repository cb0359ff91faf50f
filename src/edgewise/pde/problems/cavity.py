r"""Flow in a box under a moving lid, with the corners at which the velocity jumps taken out.

The stream function ``psi``, ``u = psi_y``, ``v = -psi_x``, obeys

    laplace^2 psi / Re = psi_y (laplace psi)_x - psi_x (laplace psi)_y.

Where the lid meets a wall ``u`` jumps from one to zero. There ``psi`` tends to the creeping flow between a sliding and
a resting plate at a right angle. With ``X`` along the lid, ``Y`` away from it and ``angle = atan2(Y, X)`` it is

    psi_0 = -b Y - angle (c X + d Y),    c = 1 / (1 - pi^2 / 4),  d = c pi / 2,  b = -c pi^2 / 4,

whose fourth derivatives add up to zero. ``psi = w + psi_0(left) + psi_0(right)`` leaves a smooth ``w`` to be found.

Source: Taylor, *On scraping viscous fluid from a plane surface* (1962); Botella and Peyret, *Benchmark spectral results
on the lid-driven cavity flow* (1998), who take the corners out in the same way.
"""

from dataclasses import dataclass
from math import pi
from typing import Any

import torch
from torch import Tensor

from edgewise.pde.conditions import condition, dirichlet
from edgewise.pde.geometry import Box
from edgewise.pde.problem import Problem
from edgewise.pde.problems.case import Case
from edgewise.pde.problems.vorticity import cavity_u, cavity_v
from edgewise.pde.solution import Solution

REYNOLDS = 100.0
C = 1 / (1 - pi**2 / 4)
D, B = C * pi / 2, -C * pi**2 / 4


@dataclass(frozen=True)
class Corner:
    """``psi_0`` of the corner at ``(0, 1)``, or ``(1, 1)``, of the unit square, with derivatives."""

    is_right: bool

    def _local(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        along = 1 - x if self.is_right else x
        square = along**2 + (1 - y) ** 2
        return along, 1 - y, torch.where(square > 0, square, torch.ones_like(square))

    @property
    def _sign(self) -> int:
        return 1 if self.is_right else -1

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """``psi_0``."""
        along, below, _ = self._local(x, y)
        return -B * below - torch.atan2(below, along) * (C * along + D * below)

    def x(self, x: Tensor, y: Tensor) -> Tensor:
        """By ``x``."""
        along, below, square = self._local(x, y)
        return self._sign * (C * torch.atan2(below, along) - (C * along + D * below) * below / square)

    def y(self, x: Tensor, y: Tensor) -> Tensor:
        """By ``y``."""
        along, below, square = self._local(x, y)
        return B + D * torch.atan2(below, along) + (C * along + D * below) * along / square

    def bend_x(self, x: Tensor, y: Tensor) -> Tensor:
        """The Laplacian by ``x``."""
        along, below, square = self._local(x, y)
        return self._sign * (2 * D / square - 4 * along * (D * along - C * below) / square**2)

    def bend_y(self, x: Tensor, y: Tensor) -> Tensor:
        """The Laplacian by ``y``."""
        along, below, square = self._local(x, y)
        return -2 * C / square - 4 * below * (D * along - C * below) / square**2


LEFT, RIGHT = Corner(False), Corner(True)


def _near(x: Tensor, y: Tensor) -> Tensor:
    """Distance from the nearer corner, about: the square of what is left of ``w`` there is not integrable."""
    left, right = x**2 + (1 - y) ** 2, (1 - x) ** 2 + (1 - y) ** 2
    return left * right / (left + right)


def _vorticity(w: Any, x: Tensor, y: Tensor, Re: float) -> Tensor:
    speed_y, speed_x = w.y + LEFT.y(x, y) + RIGHT.y(x, y), w.x + LEFT.x(x, y) + RIGHT.x(x, y)
    bend_x = w.xxx + w.xyy + LEFT.bend_x(x, y) + RIGHT.bend_x(x, y)
    bend_y = w.xxy + w.yyy + LEFT.bend_y(x, y) + RIGHT.bend_y(x, y)
    friction = (w.xxxx + 2 * w.xxyy + w.yyyy) / Re
    return _near(x, y) * (friction - speed_y * bend_x + speed_x * bend_y)


def _cavity(seed: int) -> Problem:
    return Problem(
        "w",
        Box(x=(0, 1), y=(0, 1)),
        {"vorticity": _vorticity},
        {
            "left": dirichlet("w", lambda x, y: -RIGHT.value(x, y), on="x.low"),
            "right": dirichlet("w", lambda x, y: -LEFT.value(x, y), on="x.high"),
            "floor": dirichlet("w", lambda x, y: -LEFT.value(x, y) - RIGHT.value(x, y), on="y.low"),
            "lid": dirichlet("w", 0.0, on="y.high"),
            "left stands": condition(lambda w, x, y: w.x + RIGHT.x(x, y), on="x.low"),
            "right stands": condition(lambda w, x, y: w.x + LEFT.x(x, y), on="x.high"),
            "floor stands": condition(lambda w, x, y: w.y + LEFT.y(x, y) + RIGHT.y(x, y), on="y.low"),
            "lid moves": condition(lambda w: w.y + 1, on="y.high"),
        },
        constants={"Re": REYNOLDS},
    )


def _u(solution: Solution, points: Tensor) -> Tensor:
    x, y = points.T
    return solution.derivative("w", "y", points) + LEFT.y(x, y) + RIGHT.y(x, y)


def _v(solution: Solution, points: Tensor) -> Tensor:
    x, y = points.T
    return -solution.derivative("w", "x", points) - LEFT.x(x, y) - RIGHT.x(x, y)


CAVITY = (
    Case(
        "cavity",
        "lid-driven cavity, Re 100",
        _cavity,
        {"u": cavity_u, "v": cavity_v},
        1e-2,
        600,
        derived={"u": _u, "v": _v},
    ),
)
