r"""Flow through two materials: the coefficient jumps, the solution bends, the energy is least.

``div(a grad u) = -1`` asks for the least ``integral of a |grad u|^2 / 2 - u``, which needs no derivative of ``a`` and
none of ``u`` beyond the first. In layers ``a u'`` is the same on both sides of the jump,

    u' = (K - x) / a,    K from u(1) = 0;

for a square block there are finite volumes, with the harmonic mean of both sides on faces, and Richardson's
extrapolation.
"""

from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sparse
import torch
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse.linalg import spsolve
from torch import Tensor

from edgewise.pde.conditions import dirichlet, energy
from edgewise.pde.geometry import Box
from edgewise.pde.problem import Problem
from edgewise.pde.problems.case import Case

Array = NDArray[np.floating]
JUMP, SLOW, FAST = 0.4, 1.0, 10.0
LOW, HIGH = 0.25, 0.75
FINE = 256


def layers(x: Tensor, y: Tensor) -> Tensor:
    """``u`` where ``a`` is ``SLOW`` left of ``JUMP`` and ``FAST`` right of it."""
    ends = (JUMP**2 / SLOW + (1 - JUMP**2) / FAST) / 2
    k = ends / (JUMP / SLOW + (1 - JUMP) / FAST)
    left = (k * x - x**2 / 2) / SLOW
    right = (k * JUMP - JUMP**2 / 2) / SLOW + (k * (x - JUMP) - (x**2 - JUMP**2) / 2) / FAST
    return torch.where(x < JUMP, left, right)


def block(x: Tensor, y: Tensor) -> Tensor:
    """``u`` where ``a`` is ``FAST`` inside the square from ``LOW`` to ``HIGH`` and ``SLOW`` around it."""
    return torch.from_numpy(_block(FINE)(np.stack([x.numpy(), y.numpy()], axis=-1)))


@cache
def _block(fine: int) -> RegularGridInterpolator:
    """Two grids, extrapolated, between cell centres and the zero edge."""
    coarse, finer = _volumes(fine // 2), _volumes(fine)
    paired = finer.reshape(fine // 2, 2, fine // 2, 2).mean(axis=(1, 3))
    centres = (np.arange(fine // 2) + 0.5) / (fine // 2)
    places = np.concatenate([[0.0], centres, [1.0]])
    values = np.pad(paired + (paired - coarse) / 3, 1)
    return RegularGridInterpolator((places, places), values)


def _volumes(n: int) -> Array:
    """Values at the centres of ``n`` times ``n`` cells."""
    middle = (np.arange(n) + 0.5) / n
    inside = (middle > LOW) & (middle < HIGH)
    a = np.where(inside[:, None] & inside, FAST, SLOW)
    flows = sparse.csr_matrix((n * n, n * n))
    for axis in (0, 1):
        own = np.moveaxis(a, axis, 0)
        faces = np.concatenate([2 * own[:1], 2 * own[1:] * own[:-1] / (own[1:] + own[:-1]), 2 * own[-1:]])
        flows = flows + _along(faces, n, axis)
    return np.asarray(spsolve(flows.tocsc() * n**2, np.ones(n * n))).reshape(n, n)


def _along(faces: Array, n: int, axis: int) -> sparse.csr_matrix:
    """What flows out of every cell along an axis; ``faces`` has that axis first."""
    numbers = np.moveaxis(np.arange(n * n).reshape(n, n), axis, 0)
    here, there, inner = numbers[:-1].ravel(), numbers[1:].ravel(), faces[1:-1].ravel()
    between = sparse.coo_matrix((-inner, (here, there)), (n * n, n * n))
    own = np.moveaxis(faces[1:] + faces[:-1], 0, axis).ravel()
    return (between + between.T + sparse.diags(own)).tocsr()


def _energy(a: Tensor, u: Any) -> Tensor:
    return a * (u.x**2 + u.y**2) / 2 - u.value


def _layers(seed: int) -> Problem:
    """Nothing flows through the sides along the layers, which needs no saying."""

    def density(u: Any, x: Tensor, y: Tensor) -> Tensor:
        return _energy(torch.where(x < JUMP, SLOW, FAST), u)

    return Problem(
        "u",
        Box(x=(0, 1), y=(0, 1)),
        {"darcy": energy(density)},
        {"ends": dirichlet("u", 0.0, on="x")},
        creases={"x": [JUMP]},
    )


def _in_block(seed: int) -> Problem:
    def density(u: Any, x: Tensor, y: Tensor) -> Tensor:
        inside = (x > LOW) & (x < HIGH) & (y > LOW) & (y < HIGH)
        return _energy(torch.where(inside, FAST, SLOW), u)

    return Problem(
        "u",
        Box(x=(0, 1), y=(0, 1)),
        {"darcy": energy(density)},
        {"edge": dirichlet("u", 0.0)},
        creases={"x": [LOW, HIGH], "y": [LOW, HIGH]},
    )


DARCY = (
    Case("darcy-layers", "Darcy, two layers", _layers, {"u": layers}, 1e-2, 180),
    Case("darcy-block", "Darcy, a block in a square", _in_block, {"u": block}, 1e-2, 180),
)
