r"""Levenberg-Marquardt: the one least-squares engine, for data, equations and formula constants alike.

To minimise ``|r(v)|^2`` it solves at each step

    min_d  |r + J d|^2 + damping |D d|^2,      D_j = the largest |J_j| seen so far,

takes ``v + d`` only when the sum of squares falls, and moves the damping by the ratio of the achieved to the
predicted fall (Nielsen's rule). Far from the solution the normal equations are cheap and good enough; they lose
half of the digits, so once the residual is small each step is solved by QR instead. Where their Cholesky factor
does not exist, the damping grows until it does.

Where ``r`` is linear in some of ``v``, these can be left to variable projection: they are all but undamped, and at
every trial set to where they are best, so that a step is one of the others alone. The projection itself is not
differentiated: that is Kaufman's form.

Sources: More, *The Levenberg-Marquardt algorithm* (1978), for ``D``; Nielsen, *Damping parameter in Marquardt's
method* (1999); Golub and Pereyra, *The differentiation of pseudo-inverses and nonlinear least squares problems whose
variables separate* (1973); Kaufman, *A variable projection method for solving separable nonlinear least squares
problems* (1975).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Linearise = Callable[[Tensor], tuple[Tensor, Tensor]]
Residual = Callable[[Tensor], Tensor]
Normal = Callable[[Tensor], tuple[Tensor, Tensor]]
Solve = Callable[[float], Tensor | None]

SMALL_ENOUGH_FOR_QR = 1e-9
_LARGEST_DAMPING = 1e16
# What is projected is damped by a millionth of what the rest is, and solved for up to this share of its scale.
_FREEDOM, _RIDGE = 1e-3, 1e-13


@dataclass
class Solver:
    """The state of one minimisation; ``advance`` makes one accepted step, or says that none exists.

    ``residual(v)`` gives ``r (n,)`` and ``linearise(v)`` gives ``r`` and ``J (n, p)``, float64. ``loss`` is
    ``|r|^2`` and ``residuals`` its ``r``; scale ``r`` so that 1 means "nothing explained". Who can have ``J^T J`` (of
    which the lower triangle is read) and ``J^T r`` for less than ``J`` costs gives them as ``normal(v)``. ``linear``
    are the indices of what is projected; ``scale (p,)`` is what ``D`` starts from, zero without.
    """

    residual: Residual
    linearise: Linearise
    parameters: Tensor
    damping: float = 1e-2
    normal: Normal | None = None
    linear: Tensor | None = None
    scale: Tensor | None = None
    loss: float = field(init=False)
    residuals: Tensor = field(init=False)
    _growth: float = field(default=2.0, init=False)
    _scale: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self._scale = torch.zeros_like(self.parameters) if self.scale is None else self.scale
        self.residuals = self.residual(self.parameters)
        self.loss = float(self.residuals @ self.residuals)
        if self.linear is not None:
            self._accept(self._projected(self.parameters))

    def advance(self) -> bool:
        """One step down; False when no damping gives one."""
        if self.parameters.numel() == 0 or not self.loss > 0:
            return False
        slope, solve, scale = self._factor()
        while self.damping < _LARGEST_DAMPING:
            step = solve(self.damping)
            if step is not None and self._try(step / scale, self._predicted(slope, step)):
                return True
            self.damping *= self._growth
            self._growth *= 2
        return False

    def _predicted(self, slope: Tensor, step: Tensor) -> float:
        """``|r|^2 - |r + J d|^2`` for the step that solves the damped equations."""
        return float(self.damping * (step @ step) - slope @ step)

    def _try(self, step: Tensor, predicted: float) -> bool:
        before = self.loss
        if not self._accept(self._projected(self.parameters + step)):
            return False
        gain = min((before - self.loss) / max(predicted, 1e-300), 10.0)
        self.damping = max(self.damping * max(0.1, 1 - (2 * gain - 1) ** 3), 1e-18)
        self._growth = 2.0
        return True

    def _accept(self, trial: Tensor) -> bool:
        residuals = self.residual(trial)
        loss = float(residuals @ residuals)
        if not loss < self.loss:
            return False
        self.parameters, self.loss, self.residuals = trial, loss, residuals
        return True

    def _projected(self, trial: Tensor) -> Tensor:
        """The same with the linear ones where they are best; as it is where that cannot be solved for."""
        if self.linear is None:
            return trial
        if self.loss > SMALL_ENOUGH_FOR_QR and self.normal is not None:
            gram, slope = self.normal(trial)
            gram, slope = gram[self.linear][:, self.linear], slope[self.linear]
            scale = _positive(gram.diagonal().sqrt())
            step = _by_cholesky(gram / scale[:, None] / scale, slope / scale, _RIDGE)
        else:
            residuals, jacobian = self.linearise(trial)
            jacobian = jacobian[:, self.linear]
            scale = _positive(torch.linalg.vector_norm(jacobian, dim=0))
            step = _by_qr(*_triangular(jacobian / scale, residuals), _RIDGE)
        return trial if step is None else trial.index_add(0, self.linear, step / scale)

    def _factor(self) -> tuple[Tensor, Solve, Tensor]:
        """``J^T r``, a function from damping to step, both for scaled parameters, and the scale."""
        if self.loss > SMALL_ENOUGH_FOR_QR and self.normal is not None:
            gram, slope = self.normal(self.parameters)
            scale = self._rescaled(gram.diagonal().sqrt())
            gram /= scale[:, None]
            gram /= scale
            slope = slope / scale
            return slope, lambda damping: _by_cholesky(gram, slope, damping), scale
        residuals, jacobian = self.linearise(self.parameters)
        scale = self._rescaled(torch.linalg.vector_norm(jacobian, dim=0))
        jacobian = jacobian / scale
        slope = jacobian.T @ residuals
        if self.loss > SMALL_ENOUGH_FOR_QR:
            gram = jacobian.T @ jacobian
            return slope, lambda damping: _by_cholesky(gram, slope, damping), scale
        triangle, rotated = _triangular(jacobian, residuals)
        return slope, lambda damping: _by_qr(triangle, rotated, damping), scale

    def _rescaled(self, sizes: Tensor) -> Tensor:
        """The largest sizes of columns so far, less for those that are projected."""
        self._scale = torch.maximum(self._scale, sizes)
        scale = _positive(self._scale)
        return (
            scale if self.linear is None else scale.index_copy(0, self.linear, _FREEDOM * scale[self.linear])
        )


def _positive(scale: Tensor) -> Tensor:
    """1 for a column that never was anything."""
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def _by_cholesky(gram: Tensor, slope: Tensor, damping: float) -> Tensor | None:
    damped = gram.clone()
    damped.diagonal().add_(damping)
    factor, failed = torch.linalg.cholesky_ex(damped)
    if failed:
        return None
    return -torch.cholesky_solve(slope[:, None], factor)[:, 0]


def _by_qr(triangle: Tensor, rotated: Tensor, damping: float) -> Tensor:
    columns = triangle.shape[1]
    rows = torch.cat([triangle, damping**0.5 * torch.eye(columns, dtype=triangle.dtype)])
    r, turned = _triangular(rows, torch.cat([rotated, rotated.new_zeros(columns)]))
    return -torch.linalg.solve_triangular(r, turned[:, None], upper=True)[:, 0]


def _triangular(matrix: Tensor, vector: Tensor) -> tuple[Tensor, Tensor]:
    """``R`` and the first entries of ``Q^T vector`` of the matrix's QR, without forming ``Q``."""
    packed, reflectors = torch.geqrf(matrix)
    rows = min(matrix.shape)
    return packed[:rows].triu(), torch.ormqr(packed, reflectors, vector[:, None], transpose=True)[:rows, 0]
