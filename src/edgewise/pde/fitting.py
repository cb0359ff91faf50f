"""Gauss-Newton on one set of points: from a state to a better one, and what is left of it elsewhere."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.pde.collocation import held_out
from edgewise.pde.residuals import System
from edgewise.pde.state import State
from edgewise.train.clock import Clock
from edgewise.train.levenberg import Solver

# Above this many operations a step by QR costs seconds: residuals are scaled so that the normal equations,
# which the splines make cheap, go on longer.
QR_OPERATIONS = 2e9
SCALE = 1e3
STALL_STEPS = 4


@dataclass(frozen=True)
class Fitted:
    """How a minimisation ended: sums of squares before and after, root mean squares by name, steps."""

    before: float
    loss: float
    by_name: dict[str, float]
    steps: int


def fit(
    state: State,
    clock: Clock,
    *,
    span: tuple[float, float] | None = None,
    steps: int = 60,
    stall: float = 1e-3,
    per_cell: int | None = None,
) -> Fitted:
    """Minimises the residuals, in place, until the sum of squares falls by less than ``stall`` in four steps."""
    system = state.system(span, per_cell)
    free = state.free()
    scale = SCALE if len(free) ** 2 * sum(len(block.rows) for block in system.blocks) > QR_OPERATIONS else 1.0

    def normal(free: Tensor) -> tuple[Tensor, Tensor]:
        gram, slope = system.normal(free)
        return gram.mul_(scale**2), slope.mul_(scale**2)

    def linearise(free: Tensor) -> tuple[Tensor, Tensor]:
        residual, jacobian = system.linearise(free)
        return residual.mul_(scale), jacobian.mul_(scale)

    solver = Solver(lambda free: system.residual(free) * scale, linearise, free, normal=normal)
    losses = [solver.loss]
    while len(losses) <= steps and not clock.expired and solver.advance():
        losses.append(solver.loss)
        clock.tick(loss=f"{solver.loss / scale**2:.2e}", parameters=len(free), until=span and span[1])
        if len(losses) > STALL_STEPS and losses[-1 - STALL_STEPS] < losses[-1] * (1 + stall):
            break
    state.assign(solver.parameters)
    by_name = system.by_name(solver.parameters)
    return Fitted(losses[0] / scale**2, losses[-1] / scale**2, by_name, len(losses) - 1)


def held_out_residual(state: State, count: int = 2000, seed: int = 1) -> dict[str, float]:
    """Root mean square of every equation at points that no fit has seen."""
    points = held_out(state.problem.domain, state.breakpoints, count, seed)
    system = System(state.problem, state.unknowns, state.breakpoints, points=points, equations_only=True)
    return system.by_name(state.free())
