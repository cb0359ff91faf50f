r"""How well measurements fix the parameters of an equation.

A least-squares solution moves with its data as ``dv = H^+ J_d^T de``, ``H = J^T J`` of all residuals and ``J_d`` the
rows of the data; errors of variance ``s^2`` give

    cov(v) = s^2 w^2 H^+ J_d^T J_d H^+,      s^2 = sum (u - d)^2 / (n - parameters),

whatever weights the other terms have. Scale and sign that products of factors leave open do not touch the parameters;
``H^+`` leaves them alone.
"""

import torch

from edgewise.pde.conditions import Data
from edgewise.pde.config import LARGE
from edgewise.pde.state import State

DEVIATIONS = 1.959964
CUT = 1e-13


def parameter_intervals(state: State) -> dict[str, tuple[float, float]]:
    """95 % intervals by name; empty without parameters or data, and beyond ``LARGE`` unknowns."""
    problem = state.problem
    names = [name for name, one in problem.conditions.items() if isinstance(one, Data)]
    free = state.free()
    if not problem.parameters or not names or len(free) > LARGE:
        return {}
    system = state.system()
    inverse = _pseudo_inverse(system.normal(free)[0])[-len(problem.parameters) :]
    variance = torch.zeros(len(problem.parameters), dtype=torch.float64)
    for block in system.blocks:
        if block.name in names:
            residual, jacobian = system.rows(block, free)
            weight = block.rows[0]
            count = max(len(residual) - len(problem.parameters), 1)
            scatter = (residual / weight).square().sum() / count
            variance += (inverse @ jacobian.T).square().sum(1) * scatter * weight**2
    reach = DEVIATIONS * variance.sqrt()
    low, high = state.parameters - reach, state.parameters + reach
    return {name: (float(a), float(b)) for name, a, b in zip(problem.parameters, low, high, strict=True)}


def _pseudo_inverse(gram: torch.Tensor) -> torch.Tensor:
    full = gram.tril() + gram.tril(-1).T
    scale = full.diagonal().sqrt().clamp(min=1e-300)
    values, vectors = torch.linalg.eigh(full / scale[:, None] / scale)
    kept = torch.where(values > CUT * values[-1], 1 / values, torch.zeros_like(values))
    return (vectors * kept) @ vectors.T / scale[:, None] / scale
