"""A problem with a known answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from scipy.stats import qmc
from torch import Tensor

from edgewise.pde.problem import Problem
from edgewise.pde.solution import Solution

Exact = Callable[..., Tensor]
Derived = Callable[[Solution, Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """``build(seed)`` gives the problem; ``exact`` the reference of every unknown, or of a parameter, by name.

    ``target`` is the relative error that counts as solved within ``seconds``; ``up_to_constant`` names unknowns, like a
    pressure, of which only differences mean anything; ``derived`` tells what ``exact`` knows that is no unknown, from a
    solution and points; ``settings`` go to ``solve``.
    """

    name: str
    title: str
    build: Callable[[int], Problem]
    exact: Mapping[str, Exact | float]
    target: float
    seconds: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    up_to_constant: Sequence[str] = ()
    derived: Mapping[str, Derived] = field(default_factory=dict)

    def error(self, solution: Solution, count: int = 10_000, seed: int = 12345) -> float:
        """Relative L2 error at fresh points, the largest of all unknowns; of parameters the relative error."""
        parameters = [
            abs(solution.parameters[name] - exact) / abs(exact)
            for name, exact in self.exact.items()
            if not callable(exact)
        ]
        return max(*parameters, *self._errors(solution, count, seed), 0.0)

    def _errors(self, solution: Solution, count: int, seed: int) -> list[float]:
        functions = {name: exact for name, exact in self.exact.items() if callable(exact)}
        if not functions:
            return [0.0]
        points = fresh(solution.problem, count, seed)
        found = solution(points)
        values = found if isinstance(found, dict) else {solution.problem.unknowns[0]: found}
        values = values | {name: function(solution, points) for name, function in self.derived.items()}
        return [
            _relative(values[name].detach(), exact(*points.T), name in self.up_to_constant)
            for name, exact in functions.items()
        ]


def fresh(problem: Problem, count: int, seed: int) -> Float[Tensor, "n coordinates"]:
    """Scrambled Sobol points of the domain, even in volume."""
    ends = torch.tensor(problem.domain.bounds, dtype=torch.float64)
    power = max(1, (2 * count - 1).bit_length())
    share = torch.from_numpy(qmc.Sobol(len(ends), scramble=True, rng=seed).random_base2(power))
    points = ends[:, 0] + share * (ends[:, 1] - ends[:, 0])
    return points[problem.domain.inside(points)][:count]


def _relative(found: Tensor, exact: Tensor, shifted: bool) -> float:
    gap = found - exact
    if shifted:
        gap, exact = gap - gap.mean(), exact - exact.mean()
    return float(gap.norm() / exact.norm())
