r"""The lid-driven cavity at Reynolds number 100 by finite differences, a reference that shares no code with the solver.

Stream function and vorticity on a grid of Chebyshev points, ``x_i = (1 - cos(pi i / n)) / 2``,

    laplace psi = -omega,    laplace omega / Re = psi_y omega_x - psi_x omega_y,

with five-point differences, exact for quartics, and Newton's method on a sparse matrix. The vorticity of the walls is
what makes the normal derivative of ``psi`` the wall's speed; next to corners, where these conditions depend on each
other, Thom's formula ``omega = -2 psi_1 / h^2`` stands in.

Source: Ghia, Ghia and Shin, *High-Re solutions for incompressible flow* (1982), for the equations.
"""

from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sparse
import torch
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from scipy.sparse.linalg import spsolve
from torch import Tensor

Array = NDArray[np.floating]
GRID, WIDTH = 96, 5
REYNOLDS = 100.0
STEPS, CLOSE = 20, 1e-11


def cavity_u(x: Tensor, y: Tensor) -> Tensor:
    """Velocity along the lid."""
    return torch.from_numpy(stream_function(GRID)(x.numpy(), y.numpy(), dy=1, grid=False))


def cavity_v(x: Tensor, y: Tensor) -> Tensor:
    """Velocity towards the lid."""
    return -torch.from_numpy(stream_function(GRID)(x.numpy(), y.numpy(), dx=1, grid=False))


@cache
def stream_function(cells: int) -> RectBivariateSpline:
    """``psi`` on the unit square."""
    x = (1 - np.cos(np.pi * np.arange(cells + 1) / cells)) / 2
    grid = _Grid(x)
    psi, omega = np.zeros(grid.size), np.zeros(grid.size)
    for _ in range(STEPS):
        change = np.asarray(spsolve(grid.jacobian(psi, omega), -grid.residual(psi, omega)))
        psi, omega = psi + change[: grid.size], omega + change[grid.size :]
        if np.abs(change[: grid.size]).max() < CLOSE:
            break
    return RectBivariateSpline(x, x, psi.reshape(len(x), len(x)), kx=3, ky=3)


class _Grid:
    """Differences on the grid, and which of its points are where."""

    def __init__(self, x: Array) -> None:
        n = len(x)
        self.size = n * n
        first, second = _differences(x)
        one = sparse.identity(n)
        self.dx, self.dy = sparse.kron(first, one, "csr"), sparse.kron(one, first, "csr")
        self.laplace = (sparse.kron(second, one) + sparse.kron(one, second)).tocsr()
        place, end = np.indices((n, n)).reshape(2, -1), n - 1
        upright = np.isin(place[0], (0, end))
        level = np.isin(place[1], (0, end))
        beside = upright & np.isin(place[1], (1, end - 1))
        self.inner = _chosen(~upright & ~level)
        self.edge = _chosen(upright | level)
        self.level = _chosen(level & ~upright)
        self.upright = _chosen(upright & ~level & ~beside)
        self.beside, self.corner = _chosen(beside), _chosen(upright & level)
        self.lid = ((place[1] == end) & ~upright).astype(float)
        near = np.clip(place[0], 1, end - 1) * n + place[1]
        inward = sparse.csr_matrix((np.ones(self.size), (np.arange(self.size), near)), (self.size, self.size))
        self.thom = 2 / (x[1] - x[0]) ** 2 * self.beside @ inward

    def residual(self, psi: Array, omega: Array) -> Array:
        """Of both fields."""
        flow = (self.dy @ psi) * (self.dx @ omega) - (self.dx @ psi) * (self.dy @ omega)
        first = self.inner @ (self.laplace @ psi + omega) + self.edge @ psi
        second = self.inner @ (self.laplace @ omega / REYNOLDS - flow) + self._walls() @ psi - self.lid
        return np.concatenate([first, second + (self.beside + self.corner) @ omega])

    def jacobian(self, psi: Array, omega: Array) -> Any:
        """By both fields."""
        u, v, across, along = (
            sparse.diags(part) for part in (self.dy @ psi, -(self.dx @ psi), self.dx @ omega, self.dy @ omega)
        )
        by_psi = self.inner @ (along @ self.dx - across @ self.dy) + self._walls()
        by_omega = self.inner @ (self.laplace / REYNOLDS - u @ self.dx - v @ self.dy)
        blocks = [
            [self.inner @ self.laplace + self.edge, self.inner],
            [by_psi, by_omega + self.beside + self.corner],
        ]
        return sparse.bmat(blocks, format="csc")

    def _walls(self) -> Any:
        return self.level @ self.dy + self.upright @ self.dx + self.thom


def _chosen(mask: NDArray[np.bool_]) -> Any:
    return sparse.diags(mask.astype(float))


def _differences(x: Array) -> tuple[Any, Any]:
    """First and second derivative, five points each."""
    n = len(x)
    found = np.zeros((2, n, n))
    for i in range(n):
        start = min(max(i - WIDTH // 2, 0), n - WIDTH)
        near = slice(start, start + WIDTH)
        found[:, i, near] = _weights(x[near] - x[i])
    return sparse.csr_matrix(found[0]), sparse.csr_matrix(found[1])


def _weights(offsets: Array) -> Array:
    """What makes sums of values at ``offsets`` the first and second derivative at zero of every quartic."""
    powers = offsets[None, :] ** np.arange(len(offsets))[:, None]
    wanted = np.zeros((len(offsets), 2))
    wanted[1, 0], wanted[2, 1] = 1.0, 2.0
    return np.linalg.solve(powers, wanted).T
