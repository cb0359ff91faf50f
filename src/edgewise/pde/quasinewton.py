r"""L-BFGS for networks whose Jacobian is too large: gradients only, in coordinates that the edges' curvature gives.

``phi(v)`` (see ``edgewise.pde.slopes``) is lowered in ``z``, ``v = v_0 + L^-T z``, where ``L L^T`` is, edge by edge,

    G_e + SHIFT * (mean of G over the edges of the axis),

so every edge alone is, to Gauss-Newton, a unit sphere; the shift keeps products that have hardly grown from being moved
too far. The coordinates are made anew every ``ROUND`` iterations, and L-BFGS starts again. An iteration takes time and
memory in proportion to points times products; a Gauss-Newton step the square and the cube of the unknowns.

A full quasi-Newton matrix, as self-scaled Broyden has, would be as large as the Gauss-Newton matrix that is avoided.

Source: Liu and Nocedal, *On the limited memory BFGS method* (1989), as SciPy has it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import OptimizeResult, minimize
from torch import Tensor

from edgewise.pde.residuals import System
from edgewise.pde.slopes import curvatures, value_and_slope
from edgewise.train.clock import Clock

ROUND, MEMORY = 100, 30
SHIFT, TINY = 1e-2, 1e-12


@dataclass(frozen=True)
class Coordinates:
    """``L`` of every group of edges, ``(edges, reduced, reduced)``, in the order of the unknowns' numbers."""

    factors: tuple[Tensor, ...]

    def step(self, z: Float[Tensor, " free"]) -> Float[Tensor, " free"]:
        """``L^-T z``."""
        return self._solved(z, transposed=True)

    def slope(self, slope: Float[Tensor, " free"]) -> Float[Tensor, " free"]:
        """``L^-1 d phi / dv``, which is ``d phi / dz``."""
        return self._solved(slope, transposed=False)

    def _solved(self, vector: Tensor, *, transposed: bool) -> Tensor:
        sizes = [factor.shape[0] * factor.shape[1] for factor in self.factors]
        found = []
        for factor, own in zip(self.factors, vector.split(sizes), strict=True):
            matrix = factor.mT if transposed else factor
            right = own.view(factor.shape[0], -1, 1)
            found.append(torch.linalg.solve_triangular(matrix, right, upper=transposed).flatten())
        return torch.cat(found)


def coordinates(system: System, free: Float[Tensor, " free"]) -> Coordinates:
    """The coordinates in which each edge's Gauss-Newton matrix at ``free`` is nearly one."""
    found, factors = curvatures(system, free), []
    for name in (*system.unknowns, *system.problem.parameters):
        size = system.unknowns[name].free().numel() if name in system.unknowns else 1
        # An energy that is nowhere convex has no Gauss-Newton matrix.
        factors += [_factor(group) for group in found.get(name, [torch.ones(size, 1, 1, dtype=free.dtype)])]
    return Coordinates(tuple(factors))


def _factor(group: Float[Tensor, "edges reduced reduced"]) -> Tensor:
    mean = group.mean(0)
    unit = torch.eye(len(mean), dtype=mean.dtype)
    size = mean.diagonal().mean()
    return torch.linalg.cholesky(group + SHIFT * mean + (TINY * size if size > 0 else 1.0) * unit)


class Descent:
    """One minimisation by L-BFGS; ``losses`` are ``2 phi`` after every iteration, ``free`` the best so far."""

    def __init__(self, system: System, free: Float[Tensor, " free"], clock: Clock, stall: float) -> None:
        self.system, self.free, self.clock, self.stall = system, free, clock, stall
        self.losses = [value_and_slope(system, free)[0]]
        self._ended = False

    def run(self, steps: int) -> None:
        """Rounds of ``ROUND`` iterations until one pays less than ``stall``, or ``steps`` or the time is over."""
        while not self._ended and len(self.losses) <= steps and not self.clock.expired:
            before = self.losses[-1]
            self._round(min(ROUND, steps + 1 - len(self.losses)))
            self._ended = self._ended or not before - self.losses[-1] > self.stall * abs(self.losses[-1])

    def _round(self, steps: int) -> None:
        start, own = self.free, coordinates(self.system, self.free)

        def function(z: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = value_and_slope(self.system, start + own.step(torch.from_numpy(z)))
            return value / 2, own.slope(slope).numpy()

        def after(intermediate_result: OptimizeResult) -> None:
            if intermediate_result.fun * 2 < self.losses[-1]:
                self.free = start + own.step(torch.from_numpy(intermediate_result.x))
            self.losses.append(min(2 * float(intermediate_result.fun), self.losses[-1]))
            self.clock.tick(loss=f"{self.losses[-1]:.2e}", parameters=len(start))
            if self.clock.expired:
                raise StopIteration

        minimize(
            function,
            np.zeros(len(start)),
            jac=True,
            method="L-BFGS-B",
            callback=after,
            options={"maxiter": steps, "maxcor": MEMORY, "ftol": 0.0, "gtol": 0.0, "maxfun": 10 * steps},
        )
