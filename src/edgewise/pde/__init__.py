"""Differential equations solved by Kolmogorov-Arnold networks: write the equation, call ``solve``, call the solution.

Derivatives of splines are exact and their Jacobian is cheap, so a Gauss-Newton method does what minibatches of a
perceptron cannot: many digits in seconds to minutes. See ``docs/equations.md``.
"""

from edgewise.pde.conditions import (
    condition,
    data,
    dirichlet,
    energy,
    even,
    initial,
    initial_rate,
    integral,
    neumann,
    odd,
    periodic,
    robin,
)
from edgewise.pde.config import SolveConfig
from edgewise.pde.geometry import Box, Disc, Interval, LShape, Polygon
from edgewise.pde.problem import Problem
from edgewise.pde.solution import Solution
from edgewise.pde.solve import solve
from edgewise.pde.storage import load

__all__ = [
    "Box",
    "Disc",
    "Interval",
    "LShape",
    "Polygon",
    "Problem",
    "Solution",
    "SolveConfig",
    "condition",
    "data",
    "dirichlet",
    "energy",
    "even",
    "initial",
    "initial_rate",
    "integral",
    "load",
    "neumann",
    "odd",
    "periodic",
    "robin",
    "solve",
]
