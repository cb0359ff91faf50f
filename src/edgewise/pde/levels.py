r"""Which network to solve with, and when to take a larger one.

Every level is a rank (products in the sum) and a number of cells on each axis; the solution of one starts the next. An
error is estimated by how far levels move it, ``|u_next - u| / |u_next|`` at points that neither was fitted to: the
larger of the last step to more cells and the last to a higher rank, since either alone may have nothing left to give.
"""

from dataclasses import dataclass

import torch

from edgewise.pde.ansatz import held
from edgewise.pde.fields import leaf_field
from edgewise.pde.problem import Problem
from edgewise.pde.state import State

CELLS, MORE_CELLS = 12, 1.4
RANK, MORE_RANK = 2, 1.6
WORTH, IN_VAIN = 4.0, 1.3
MOST_ROWS = 60_000
LINEAR = 1e-8


@dataclass(frozen=True)
class Level:
    """One solved network, as the solution's history tells it."""

    rank: int
    cells: int
    parameters: int
    loss: float
    steps: int
    seconds: float
    estimate: float | None


@dataclass(frozen=True)
class Size:
    """Rank and cells of a level."""

    rank: int
    cells: int

    def weights(self, problem: Problem, degree: int) -> int:
        """How many numbers that has to find: weights that nothing built in takes, and parameters of the problem."""
        axes = range(len(problem.domain.coordinates))
        rank = 1 if len(axes) == 1 else self.rank
        found = [
            held(problem, name).free(axis, self.cells + degree, degree)
            for name in problem.unknowns
            for axis in axes
        ]
        return rank * sum(found) + len(problem.parameters)


def following(size: Size, last: str, gain: float, axes: int, both: bool = False) -> tuple[Size, str]:
    """The next size and what grows: what grew last, ``"cells"`` or ``"rank"``, as long as that pays, else the other.

    ``gain`` is the factor by which the loss fell when ``last`` grew. With ``both`` both do: a product more may need
    cells that alone gain nothing, and the other way round.
    """
    more_cells = Size(size.rank, round(size.cells * MORE_CELLS))
    more_rank = Size(max(size.rank + 1, round(size.rank * MORE_RANK)), size.cells)
    if axes == 1:
        return more_cells, "cells"
    are_few = (2 * more_cells.cells) ** axes <= MOST_ROWS
    if both:
        return Size(more_rank.rank, more_cells.cells if are_few else size.cells), "both"
    kind = last if gain >= WORTH else {"cells": "rank"}.get(last, "cells")
    return (more_cells, "cells") if kind == "cells" and are_few else (more_rank, "rank")


def is_linear(problem: Problem) -> bool:
    """Whether every equation and condition is linear in the unknowns; parameters to be found make it nonlinear."""
    if problem.parameters:
        return False
    generator = torch.Generator().manual_seed(0)
    count, names = 8, problem.domain.coordinates
    ends = torch.tensor(problem.domain.bounds, dtype=torch.float64)
    share = torch.rand(count, len(names), dtype=torch.float64, generator=generator)
    points = ends[:, 0] + share * (ends[:, 1] - ends[:, 0])
    one, two = (
        {
            name: torch.randn(len(orders.indices), count, dtype=torch.float64, generator=generator)
            for name, orders in problem.orders.items()
        }
        for _ in range(2)
    )
    for law in problem.laws():
        # Along a line an equation is linear where its second differences vanish, an energy where its third do.
        signs = (1.0, -3.0, 3.0, -1.0) if law.is_energy else (1.0, -2.0, 1.0)
        found = torch.zeros(count, dtype=torch.float64)
        largest = 1.0
        for k, sign in enumerate(signs):
            part = {name: one[name] + k / 2 * (two[name] - one[name]) for name in one}
            fields = {k: leaf_field(k, names, v, problem.orders[k].place) for k, v in part.items()}
            value = problem.evaluate(law, points, fields)
            found, largest = found + sign * value, max(largest, float(value.abs().max()))
        if not float(found.abs().max()) <= LINEAR * largest:
            return False
    return True


def distance(one: State, two: State, points: torch.Tensor) -> float:
    """``|u_2 - u_1| / |u_2|``, the largest of all unknowns."""
    before, after = one.values(points), two.values(points)
    return max(
        float((after[name] - before[name]).norm() / after[name].norm().clamp(min=1e-300)) for name in after
    )
