"""Gauss-Newton on one set of points: from a state to a better one, and how time is marched through."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise import splines
from edgewise.pde.collocation import held_out
from edgewise.pde.refinement import adapted
from edgewise.pde.residuals import System
from edgewise.pde.state import State, moved
from edgewise.train.clock import Clock
from edgewise.train.levenberg import Solver

# Above this many operations a step by QR costs seconds: residuals are scaled so that the normal equations,
# which the splines make cheap, go on longer.
QR_OPERATIONS = 2e9
SCALE = 1e3
STALL_STEPS = 4
# Gauss points in a cell along an axis while time is marched through: half the work, and what follows corrects it.
COARSE = 2
WINDOWS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


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
    until: float | None = None,
    steps: int = 60,
    stall: float = 1e-3,
    per_cell: int | None = None,
) -> Fitted:
    """Minimises the residuals, in place, until the sum of squares falls by less than ``stall`` in four steps."""
    system = state.system(until, per_cell)
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
        clock.tick(loss=f"{solver.loss / scale**2:.2e}", parameters=len(free), until=until)
        if len(losses) > STALL_STEPS and losses[-1 - STALL_STEPS] < losses[-1] * (1 + stall):
            break
    state.assign(solver.parameters)
    by_name = system.by_name(solver.parameters)
    return Fitted(losses[0] / scale**2, losses[-1] / scale**2, by_name, len(losses) - 1)


def march(state: State, clock: Clock, *, steps: int = 12, moving: bool = False) -> State:
    """The solution on longer and longer stretches of time, each continued as it stands at the end of the last.

    With ``moving`` the knots go, after every stretch, to where the solution bends most by then, and it is fitted again.
    """
    time = state.problem.time
    assert time is not None
    low, high = state.problem.domain.bounds[time]
    for share in WINDOWS:
        until = low + share * (high - low)
        fit(state, clock, until=until, steps=steps, stall=1e-2, per_cell=COARSE)
        if moving:
            knots = adapted(state, state.cells, until)
            knots[time] = state.breakpoints[time]
            state = moved(state, knots, state.rank)
            fit(state, clock, until=until, steps=steps, stall=1e-2, per_cell=COARSE)
        if clock.expired:
            break
        hold(state, time, until)
    return state


def hold(state: State, axis: int, until: float) -> None:
    """Continues every factor of an axis beyond ``until`` by its value there, in place."""
    for one in state.unknowns.values():
        edges = one.network.kan_layers[0].spline
        knots = edges.knots[axis : axis + 1]
        low, high = splines.domain(knots, edges.degree)
        t = torch.linspace(float(low), float(high), 40 * state.cells, dtype=torch.float64)[:, None]
        weight = edges.weight.detach()[axis : axis + 1]
        values = splines.evaluate(t.clamp(max=until), weight, knots, edges.degree)
        fitted = splines.fit_coefficients(t, values, knots, edges.degree)
        edges.weight.data[axis] = fitted[0] * edges.mask[axis]


def held_out_residual(state: State, count: int = 2000, seed: int = 1) -> dict[str, float]:
    """Root mean square of every equation at points that no fit has seen."""
    points = held_out(state.problem.domain, state.breakpoints, count, seed)
    system = System(state.problem, state.unknowns, state.breakpoints, points=points, equations_only=True)
    return system.by_name(state.free())
