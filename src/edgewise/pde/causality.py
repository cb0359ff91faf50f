r"""Causal weights: what comes later counts once what comes before is solved.

The axis of time is cut into its cells. With ``L_k`` what is left of the equations in cell ``k``, as a share of the mean
square of what they add up, the rows of cell ``i`` are weighted by

    w_i = max(exp(-epsilon sum_{k < i} L_k), 1e-9),

found anew after every few steps. All weights come to one where what is left all along is less than ``1 / epsilon``.

Steps of least squares move what has hardly any weight the farthest, so that later times ran away. Therefore damping is
that of the rows without weights: what has hardly any weight hardly moves, as under gradient descent, for which these
weights were made. Marching is their sharp limit: one up to a moment that moves on, zero after it.

Source: Wang, Sankaran and Perdikaris, *Respecting causality is all you need for training physics-informed neural
networks* (2022).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.pde.state import State
from edgewise.train.clock import Clock
from edgewise.train.levenberg import Solver

# Gauss points in a cell along an axis, steps between weights and rounds of them; the fit that follows corrects it.
COARSE, STEPS, ROUNDS = 2, 3, 200
LEAST, SETTLED = 1e-9, 1e-2


class Causal:
    """The residuals of a state on all its time, weighted by cells of it."""

    def __init__(self, state: State) -> None:
        time = state.problem.time
        assert time is not None
        self.system, ends = state.system(per_cell=COARSE), state.breakpoints[time].unique()
        self.cells = len(ends) - 1
        self.equations = [
            (block, block.rows, (torch.bucketize(block.points[:, time].contiguous(), ends) - 1).clamp(min=0))
            for block in self.system.blocks
            if block.name in state.problem.equations
        ]

    def weigh(self, weights: Float[Tensor, " cells"]) -> None:
        """Multiplies the rows of every cell by the root of its weight."""
        for block, rows, cells in self.equations:
            block.rows = rows * weights[cells].sqrt()

    def left(self, free: Float[Tensor, " free"]) -> Float[Tensor, " cells"]:
        """``L`` of the module's page."""
        sizes = self.system.sizes(free)
        squares = torch.zeros(2, self.cells, dtype=torch.float64)
        for block, _, cells in self.equations:
            share = self.system.plain(block, free) / max(sizes[block.name], 1e-300)
            squares[0].index_add_(0, cells, share.square())
            squares[1].index_add_(0, cells, torch.ones_like(share))
        return squares[0] / squares[1].clamp(min=1)

    def solver(self, free: Float[Tensor, " free"], weights: Float[Tensor, " cells"]) -> Solver:
        """Levenberg-Marquardt by these weights, damped as if there were none."""
        self.weigh(torch.ones_like(weights))
        scale = self.system.normal(free)[0].diagonal().sqrt()
        self.weigh(weights)
        return Solver(
            self.system.residual, self.system.linearise, free, normal=self.system.normal, scale=scale
        )


def follow(state: State, clock: Clock, epsilon: float) -> None:
    """Minimises the residuals by causal weights, in place, until the weights stand still and steps gain nothing."""
    causal, free = Causal(state), state.free()
    weights, gain = torch.zeros(causal.cells, dtype=torch.float64), 1.0
    for _ in range(ROUNDS):
        before, weights = weights, weighted(causal.left(free), epsilon)
        if clock.expired or (gain < SETTLED and float((weights - before).abs().max()) < SETTLED):
            break
        solver = causal.solver(free, weights)
        loss = solver.loss
        _advance(solver, clock, float((weights > 0.5).double().mean()))
        free, gain = solver.parameters, 1 - solver.loss / max(loss, 1e-300)
    state.assign(free)


def _advance(solver: Solver, clock: Clock, share: float) -> None:
    """A few steps by the weights as they are."""
    with clock.heeding():
        for _ in range(STEPS):
            if clock.expired or not solver.advance():
                break
            clock.tick(
                loss=f"{solver.loss:.2e}", parameters=len(solver.parameters), causal=f"{share:.0%} of time"
            )


def weighted(left: Float[Tensor, " cells"], epsilon: float) -> Float[Tensor, " cells"]:
    """``w`` of the module's page.

    Example:
        >>> weighted(torch.tensor([0.125, 0.0, 4.0, 1.0]).double(), 8.0).tolist()
        [1.0, 0.36787944117144233, 0.36787944117144233, 1e-09]
    """
    before = torch.cat([left.new_zeros(1), left.cumsum(0)[:-1]])
    return torch.exp(-epsilon * before).clamp(min=LEAST)
