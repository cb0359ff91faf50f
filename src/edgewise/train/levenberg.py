r"""Levenberg-Marquardt: the one least-squares engine, for data, equations and formula constants alike.

To minimise ``|r(v)|^2`` it solves at each step

    min_d  |r + J d|^2 + damping |D d|^2,      D_j = the largest |J_j| seen so far,

takes ``v + d`` only when the sum of squares falls, and moves the damping by the ratio of the achieved to the
predicted fall (Nielsen's rule). Far from the solution the normal equations are cheap and good enough; they lose
half of the digits, so once the residual is small (or Cholesky fails) each step is solved by QR instead.

Sources: More, *The Levenberg-Marquardt algorithm* (1978), for ``D``; Nielsen, *Damping parameter in Marquardt's
method* (1999).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Linearise = Callable[[Tensor], tuple[Tensor, Tensor]]
Residual = Callable[[Tensor], Tensor]

SMALL_ENOUGH_FOR_QR = 1e-9
_LARGEST_DAMPING = 1e16


@dataclass
class Solver:
    """The state of one minimisation; ``advance`` makes one accepted step, or says that none exists.

    ``residual(v)`` gives ``r (n,)`` and ``linearise(v)`` gives ``r`` and ``J (n, p)``, float64. ``loss`` is
    ``|r|^2`` and ``residuals`` its ``r``; scale ``r`` so that 1 means "nothing explained".
    """

    residual: Residual
    linearise: Linearise
    parameters: Tensor
    damping: float = 1e-2
    loss: float = field(init=False)
    _growth: float = field(default=2.0, init=False)
    _scale: Tensor = field(init=False)
    residuals: Tensor = field(init=False)
    _jacobian: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self._scale = torch.zeros_like(self.parameters)
        self._relinearise()
        self.loss = float(self.residuals @ self.residuals)

    def advance(self) -> bool:
        """One step down; False when no damping gives one."""
        if self.parameters.numel() == 0 or not self.loss > 0:
            return False
        solve = self._factor()
        while self.damping < _LARGEST_DAMPING:
            step = solve(self.damping)
            if step is not None and self._try(step):
                self._relinearise()
                return True
            self.damping *= self._growth
            self._growth *= 2
        return False

    def _try(self, step: Tensor) -> bool:
        trial = self.parameters + step
        r = self.residual(trial)
        loss = float(r @ r)
        predicted = self.loss - float((self.residuals + self._jacobian @ step).square().sum())
        if not loss < self.loss:
            return False
        gain = min((self.loss - loss) / max(predicted, 1e-300), 10.0)
        self.damping = max(self.damping * max(0.1, 1 - (2 * gain - 1) ** 3), 1e-18)
        self._growth = 2.0
        self.parameters, self.loss = trial, loss
        return True

    def _relinearise(self) -> None:
        self.residuals, self._jacobian = self.linearise(self.parameters)
        self._scale = torch.maximum(self._scale, self._jacobian.square().sum(0).sqrt())

    def _factor(self) -> Callable[[float], Tensor | None]:
        """A function from damping to step, sharing what does not depend on the damping."""
        scale = torch.where(self._scale > 0, self._scale, torch.ones_like(self._scale))
        jacobian = self._jacobian / scale
        if self.loss > SMALL_ENOUGH_FOR_QR:
            gram, slope = jacobian.T @ jacobian, jacobian.T @ self.residuals
            return lambda damping: _by_cholesky(gram, slope, damping, scale)
        q, r = torch.linalg.qr(jacobian)
        return lambda damping: _by_qr(r, q.T @ self.residuals, damping, scale)


def _by_cholesky(gram: Tensor, slope: Tensor, damping: float, scale: Tensor) -> Tensor | None:
    damped = gram + damping * torch.eye(gram.shape[0], dtype=gram.dtype)
    factor, failed = torch.linalg.cholesky_ex(damped)
    if failed:
        return None
    return -torch.cholesky_solve(slope[:, None], factor)[:, 0] / scale


def _by_qr(triangle: Tensor, rotated: Tensor, damping: float, scale: Tensor) -> Tensor | None:
    columns = triangle.shape[1]
    rows = torch.cat([triangle, damping**0.5 * torch.eye(columns, dtype=triangle.dtype)])
    q, r = torch.linalg.qr(rows)
    step = torch.linalg.solve_triangular(r, (q.T[:, : triangle.shape[0]] @ rotated)[:, None], upper=True)
    return -step[:, 0] / scale
