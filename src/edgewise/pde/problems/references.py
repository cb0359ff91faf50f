r"""Reference solutions that share no code with the solver: Cole-Hopf by quadrature, Fourier modes by ETDRK4.

Burgers' equation ``u_t + u u_x = nu u_xx``, ``u(x, 0) = -sin(pi x)`` has

    u = - int sin(pi y) f(y) exp(-z^2) dz / int f(y) exp(-z^2) dz,    y = x - 2 sqrt(nu t) z,
    f(y) = exp(-cos(pi y) / (2 pi nu)),

done by Gauss-Hermite quadrature: 100 nodes agree with 300 to 1e-14. Other periodic problems are stepped in Fourier
space by the fourth-order exponential scheme and interpolated by quintic splines.

Sources: Basdevant et al., *Spectral and finite difference solutions of the Burgers equation* (1986); Kassam and
Trefethen, *Fourth-order time-stepping for stiff PDEs* (2005).
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from torch import Tensor

Array = NDArray[np.floating]
Modes = NDArray[np.complexfloating]
ROWS = 4000


def burgers(x: Tensor, t: Tensor, nu: float, nodes: int = 100) -> Tensor:
    """Cole-Hopf for ``-sin(pi x)``; see the module's page."""
    z, weight = np.polynomial.hermite.hermgauss(nodes)
    parts = [
        _cole_hopf(a.numpy()[:, None], b.numpy()[:, None], nu, z, weight)
        for a, b in zip(x.split(ROWS), t.split(ROWS), strict=True)
    ]
    return torch.from_numpy(np.concatenate(parts))


def _cole_hopf(x: Array, t: Array, nu: float, z: Array, weight: Array) -> Array:
    y = x - np.sqrt(4 * nu * t) * z
    power = -np.cos(np.pi * y) / (2 * np.pi * nu)
    share = weight * np.exp(power - power.max(axis=1, keepdims=True))
    return -(np.sin(np.pi * y) * share).sum(axis=1) / share.sum(axis=1)


def etdrk4(
    linear: Modes,
    nonlinear: Callable[[Modes], Modes],
    start: Array,
    step: float,
    count: int,
    every: int,
) -> Array:
    """``u_t = L u + N(u)`` on a periodic grid: states ``(1 + count / every, points)``.

    ``linear`` are the symbols of ``L``; ``nonlinear`` gives the Fourier modes of ``N`` from those of ``u``.
    """
    full, half = np.exp(step * linear), np.exp(step * linear / 2)
    circle = np.exp(2j * np.pi * (np.arange(1, 33) - 0.5) / 32)
    z = step * linear[:, None] + circle
    ez = np.exp(z)
    q = step * ((np.exp(z / 2) - 1) / z).mean(axis=1)
    first = step * ((-4 - z + ez * (4 - 3 * z + z**2)) / z**3).mean(axis=1)
    second = step * ((2 + z + ez * (z - 2)) / z**3).mean(axis=1)
    third = step * ((-4 - 3 * z - z**2 + ez * (4 - z)) / z**3).mean(axis=1)
    v, states = np.fft.fft(start), [start]
    for k in range(1, count + 1):
        nv = nonlinear(v)
        a = half * v + q * nv
        na = nonlinear(a)
        nb = nonlinear(half * v + q * na)
        nc = nonlinear(half * a + q * (2 * nb - nv))
        v = full * v + nv * first + 2 * (na + nb) * second + nc * third
        if k % every == 0:
            states.append(np.fft.ifft(v).real)
    return np.array(states)


def allen_cahn(x: Tensor, t: Tensor) -> Tensor:
    """``u_t = 1e-4 u_xx + 5 u - 5 u^3``, periodic on (-1, 1), from ``x^2 cos(pi x)``."""
    return _looked_up(_allen_cahn(1024, 1000), x, t)


def kdv(x: Tensor, t: Tensor) -> Tensor:
    """``u_t + u u_x + 0.0025 u_xxx = 0``, periodic on (-1, 1), from ``cos(pi x)``."""
    return _looked_up(_kdv(1024, 5000), x, t)


@cache
def _allen_cahn(points: int, steps: int) -> RectBivariateSpline:
    x, waves = _grid(points)

    def rest(modes: Modes) -> Modes:
        u = np.fft.ifft(modes).real
        return np.fft.fft(5 * u - 5 * u**3)

    states = etdrk4(-1e-4 * waves**2 + 0j, rest, x**2 * np.cos(np.pi * x), 1 / steps, steps, steps // 250)
    return _interpolated(x, states)


@cache
def _kdv(points: int, steps: int) -> RectBivariateSpline:
    x, waves = _grid(points)

    def rest(modes: Modes) -> Modes:
        return -0.5j * waves * np.fft.fft(np.fft.ifft(modes).real ** 2)

    states = etdrk4(0.0025j * waves**3, rest, np.cos(np.pi * x), 1 / steps, steps, steps // 250)
    return _interpolated(x, states)


def _grid(points: int) -> tuple[Array, Array]:
    """Points of (-1, 1) and wave numbers."""
    return -1 + 2 * np.arange(points) / points, np.pi * np.fft.fftfreq(points, 1 / points)


def _interpolated(x: Array, states: Array) -> RectBivariateSpline:
    closed = np.concatenate([states, states[:, :1]], axis=1)
    return RectBivariateSpline(np.linspace(0, 1, len(states)), np.append(x, 1.0), closed, kx=5, ky=5)


def _looked_up(table: RectBivariateSpline, x: Tensor, t: Tensor) -> Tensor:
    return torch.from_numpy(table(t.numpy(), x.numpy(), grid=False))
