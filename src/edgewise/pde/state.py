"""Where a solution stands: a network for every unknown on common knots, and the problem's own parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from edgewise import splines
from edgewise.network import KAN
from edgewise.pde.ansatz import Ansatz, ansatz
from edgewise.pde.creases import bent
from edgewise.pde.problem import Problem
from edgewise.pde.residuals import System
from edgewise.pde.separable import factors, separable

NEW_SHARE = 1e-3


@dataclass
class State:
    """Networks of one rank and degree, the cells of every axis, and the values of ``problem.parameters``.

    ``numbers`` says how many numbers there are where windows of time leave fewer free than ``free`` holds.
    """

    problem: Problem
    unknowns: dict[str, Ansatz]
    breakpoints: Float[Tensor, "axes cells_and_1"]
    rank: int
    degree: int
    generator: torch.Generator
    parameters: Tensor = field(default_factory=lambda: torch.zeros(0))
    numbers: int | None = None

    @property
    def cells(self) -> int:
        """Of each axis."""
        return self.breakpoints.shape[1] - 1

    @property
    def count(self) -> int:
        """How many numbers were found: free weights of all networks, and parameters of the problem."""
        return len(self.free()) if self.numbers is None else self.numbers

    @property
    def per_cell(self) -> int:
        """Gauss points in each cell along an axis: enough for the residual's square, which the error's order needs.

        With one fewer, quintic splines fall back from sixth to fourth order. In three dimensions they are too many.
        """
        return 3 if len(self.breakpoints) < 3 else 2

    def system(
        self,
        until: float | None = None,
        per_cell: int | None = None,
        since: float | None = None,
        share: bool = False,
    ) -> System:
        """All residuals on the present cells, in the stretch of time from ``since`` to ``until``."""
        return System(
            self.problem,
            self.unknowns,
            self.breakpoints,
            per_cell=per_cell or self.per_cell,
            until=until,
            since=since,
            share=share,
        )

    def free(self) -> Float[Tensor, " free"]:
        """Everything that moves, as ``System`` lays it out."""
        return torch.cat([*(one.free() for one in self.unknowns.values()), self.parameters])

    def assign(self, free: Float[Tensor, " free"]) -> None:
        """Sets it, in place."""
        start = 0
        for one in self.unknowns.values():
            size = one.free().numel()
            one.assign(free[start : start + size])
            start += size
        self.parameters = free[start:].clone()

    def last_factors(self) -> Int[Tensor, " some"]:
        """Where in ``free`` the factors of the last axis stand; in them alone every unknown is linear."""
        found, start = [], 0
        for one in self.unknowns.values():
            count, last = one.free().numel(), one.network.kan_layers[0].spline.mask[-1]
            found.append(
                torch.arange(start + count - int(last.sum()) * one.subspaces[-1].shape[1], start + count)
            )
            start += count
        return torch.cat(found)

    def values(self, points: Float[Tensor, "n axes"]) -> dict[str, Tensor]:
        """Every unknown at points."""
        with torch.no_grad():
            return {name: one.values(points) for name, one in self.unknowns.items()}


def even(problem: Problem, cells: int, degree: int = 1) -> Float[Tensor, "axes cells_and_1"]:
    """Cells of equal width on every axis, but for the problem's creases."""

    def axis(low: float, high: float, places: Sequence[float]) -> Tensor:
        plain = torch.linspace(low, high, cells + 1 - len(places) * (degree - 1), dtype=torch.float64)
        return bent(plain, places, degree)

    names, bounds = problem.domain.coordinates, problem.domain.bounds
    return torch.stack(
        [axis(*ends, problem.creases.get(name, ())) for name, ends in zip(names, bounds, strict=True)]
    )


def start(
    problem: Problem, rank: int, breakpoints: Float[Tensor, "axes cells_and_1"], degree: int, seed: int
) -> State:
    """Random networks on these cells; parameters at their first guesses."""
    generator = torch.Generator().manual_seed(seed)
    unknowns = {
        name: ansatz(problem, name, separable(breakpoints, rank, degree, generator))
        for name in problem.unknowns
    }
    parameters = torch.tensor(list(problem.parameters.values()), dtype=torch.float64)
    return State(problem, unknowns, breakpoints, rank, degree, generator, parameters)


def moved(
    state: State, breakpoints: Float[Tensor, "axes cells_and_1"], rank: int, problem: Problem | None = None
) -> State:
    """The same functions on other knots, with more products where ``rank`` is larger; new ones are almost zero."""
    problem = problem or state.problem
    unknowns = {}
    for name, one in state.unknowns.items():
        network = separable(breakpoints, rank, state.degree, state.generator)
        _copy(one.network, network, state.rank, rank)
        unknowns[name] = ansatz(problem, name, network)
    return State(
        problem, unknowns, breakpoints, rank, state.degree, state.generator, state.parameters.clone()
    )


def _copy(old: KAN, new: KAN, old_rank: int, rank: int) -> None:
    """Puts the factors of ``old`` into the first products of ``new``, as near as the knots of ``new`` allow."""
    first = new.kan_layers[0].spline
    carried = _carried(old, first.knots)
    axes = first.in_features
    if axes == 1:
        first.weight.data.copy_(carried)
        return
    for axis in range(axes):
        own, before = factors(axes, rank, axis), factors(axes, old_rank, axis)
        if axis == axes - 1:
            first.weight.data[axis][:, own] *= NEW_SHARE
        first.weight.data[axis][:, own[:old_rank]] = carried[axis][:, before]


def _carried(old: KAN, knots: Tensor) -> Tensor:
    spline = old.kan_layers[0].spline
    return splines.transfer(spline.weight.detach(), spline.knots, knots, spline.degree)
