"""Gauss-Newton on one set of points: from a state to a better one, and what is left of it elsewhere."""

from dataclasses import dataclass

from torch import Tensor

from edgewise.errors import InputError
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
# An energy is measured from a floor below it; where it falls through, from a deeper one.
FLOOR, DEEPER, FLAT = 100.0, 12, 1e-12


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
    since: float | None = None,
    steps: int = 60,
    stall: float = 1e-3,
    per_cell: int | None = None,
) -> Fitted:
    """Minimises the residuals, in place, until the sum of squares falls by less than ``stall`` in four steps."""
    system = state.system(until, per_cell) if since is None else state.system(until, per_cell, since)
    free = state.free()
    scale = SCALE if len(free) ** 2 * sum(len(block.rows) for block in system.blocks) > QR_OPERATIONS else 1.0

    def normal(free: Tensor) -> tuple[Tensor, Tensor]:
        gram, slope = system.normal(free)
        return gram.mul_(scale**2), slope.mul_(scale**2)

    def linearise(free: Tensor) -> tuple[Tensor, Tensor]:
        residual, jacobian = system.linearise(free)
        return residual.mul_(scale), jacobian.mul_(scale)

    if system.has_energy:
        return _lowered(state, system, clock, steps)
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


def _lowered(state: State, system: System, clock: Clock, steps: int) -> Fitted:
    """Lowers an energy as far as it goes, in place, together with the squares of all residuals."""
    free = state.free()
    system.floor = FLOOR * (1 + abs(system.depth(free)))
    before, taken = system.depth(free) - system.floor, 0
    for _ in range(DEEPER):
        solver = Solver(system.residual, system.linearise, free, normal=system.normal)
        losses = [solver.loss]
        while taken < steps and not clock.expired and solver.advance():
            taken += 1
            losses.append(solver.loss)
            clock.tick(loss=f"{solver.loss - system.floor:.6e}", parameters=len(free), until=None)
            if len(losses) > STALL_STEPS and losses[-1 - STALL_STEPS] - losses[-1] < FLAT * system.floor:
                break
        free = solver.parameters
        if system.depth(free) > 0:
            break
        system.floor *= FLOOR
    else:
        names = [name for name, law in state.problem.equations.items() if law.is_energy]
        raise InputError(f"the energy {names[0]!r} has no lower bound: check its sign")
    state.assign(free)
    return Fitted(before, solver.loss - system.floor, system.by_name(free), taken)


def held_out_residual(state: State, count: int = 2000, seed: int = 1) -> dict[str, float]:
    """Root mean square of every equation at points that no fit has seen; an energy at other Gauss points."""
    if any(law.is_energy for law in state.problem.equations.values()):
        system = state.system(per_cell=state.per_cell + 1)
        return {k: v for k, v in system.by_name(state.free()).items() if k in state.problem.equations}
    points = held_out(state.problem.domain, state.breakpoints, count, seed)
    system = System(state.problem, state.unknowns, state.breakpoints, points=points, equations_only=True)
    return system.by_name(state.free())
