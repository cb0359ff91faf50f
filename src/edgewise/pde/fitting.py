"""One minimisation on one set of points: from a state to a better one, and what is left of it elsewhere.

Levenberg-Marquardt solves its steps by the normal equations as long as much is left, and by QR near the end
(``edgewise.train.levenberg``). What the normal equations lose, the next step finds again, since residuals are computed
anew: they cost steps, not digits, until the residual itself is as small as their error. There QR goes on.
"""

from dataclasses import dataclass, field

from torch import Tensor

from edgewise.errors import InputError
from edgewise.pde.collocation import held_out
from edgewise.pde.config import SolveConfig
from edgewise.pde.quasinewton import Descent
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
# Iterations of L-BFGS for a step of Levenberg-Marquardt; and by how much a round of them must pay.
ITERATIONS, ROUND_STALL, ROUND_FLAT = 50, 10.0, 1e-8
LEAST_SQUARES = SolveConfig(method="least-squares")


@dataclass(frozen=True)
class Fitted:
    """How a minimisation ended: sums of squares before and after, root mean squares by name, steps."""

    before: float
    loss: float
    by_name: dict[str, float]
    steps: int
    method: str = field(default="least-squares")


def fit(
    state: State,
    clock: Clock,
    config: SolveConfig = LEAST_SQUARES,
    *,
    until: float | None = None,
    since: float | None = None,
    steps: int = 60,
    stall: float = 1e-3,
    per_cell: int | None = None,
) -> Fitted:
    """Minimises the residuals, in place, until the sum of squares falls by less than ``stall`` in four steps.

    Ctrl-C ends it, and the clock's time, with the best so far.
    """
    free = state.free()
    method = config.chosen(len(free))
    if method == "lbfgs":
        return _descended(state, state.system(until, per_cell, since, share=True), clock, steps, stall)
    system = state.system(until, per_cell) if since is None else state.system(until, per_cell, since)
    scale = SCALE if len(free) ** 2 * sum(len(block.rows) for block in system.blocks) > QR_OPERATIONS else 1.0

    def normal(free: Tensor) -> tuple[Tensor, Tensor]:
        gram, slope = system.normal(free)
        return gram.mul_(scale**2), slope.mul_(scale**2)

    def linearise(free: Tensor) -> tuple[Tensor, Tensor]:
        residual, jacobian = system.linearise(free)
        return residual.mul_(scale), jacobian.mul_(scale)

    if system.has_energy:
        return _lowered(state, system, clock, steps)
    linear = state.last_factors() if method == "variable-projection" else None
    solver = Solver(lambda free: system.residual(free) * scale, linearise, free, normal=normal, linear=linear)
    losses = [solver.loss]
    with clock.heeding():
        while len(losses) <= steps and not clock.expired and solver.advance():
            losses.append(solver.loss)
            clock.tick(loss=f"{solver.loss / scale**2:.2e}", parameters=len(free), until=until)
            if len(losses) > STALL_STEPS and losses[-1 - STALL_STEPS] < losses[-1] * (1 + stall):
                break
    state.assign(solver.parameters)
    by_name = system.by_name(solver.parameters)
    return Fitted(losses[0] / scale**2, losses[-1] / scale**2, by_name, len(losses) - 1, method)


def _descended(state: State, system: System, clock: Clock, steps: int, stall: float) -> Fitted:
    """The same by L-BFGS, in place; an energy until a round of iterations hardly lowers it."""
    descent = Descent(system, state.free(), clock, ROUND_FLAT if system.has_energy else ROUND_STALL * stall)
    with clock.heeding():
        descent.run(ITERATIONS * steps)
    if system.has_energy and descent.losses[-1] < -(FLOOR**DEEPER) * (1 + abs(descent.losses[0])):
        raise _bottomless(state)
    state.assign(descent.free)
    losses, by_name = descent.losses, system.by_name(descent.free)
    return Fitted(losses[0], losses[-1], by_name, len(losses) - 1, "lbfgs")


def _lowered(state: State, system: System, clock: Clock, steps: int) -> Fitted:
    """Lowers an energy as far as it goes, in place, together with the squares of all residuals."""
    free = state.free()
    system.floor = FLOOR * (1 + abs(system.depth(free)))
    before, taken = system.depth(free) - system.floor, 0
    for _ in range(DEEPER):
        solver = Solver(system.residual, system.linearise, free, normal=system.normal)
        losses = [solver.loss]
        with clock.heeding():
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
        raise _bottomless(state)
    state.assign(free)
    return Fitted(before, solver.loss - system.floor, system.by_name(free), taken)


def _bottomless(state: State) -> InputError:
    names = [name for name, law in state.problem.equations.items() if law.is_energy]
    return InputError(f"the energy {names[0]!r} has no lower bound: check its sign")


def held_out_residual(state: State, count: int = 2000, seed: int = 1) -> dict[str, float]:
    """Root mean square of every equation at points that no fit has seen; an energy at other Gauss points."""
    if any(law.is_energy for law in state.problem.equations.values()):
        system = state.system(per_cell=state.per_cell + 1)
        return {k: v for k, v in system.by_name(state.free()).items() if k in state.problem.equations}
    points = held_out(state.problem.domain, state.breakpoints, count, seed)
    system = System(state.problem, state.unknowns, state.breakpoints, points=points, equations_only=True)
    return system.by_name(state.free())
