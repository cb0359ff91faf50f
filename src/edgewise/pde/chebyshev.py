r"""Smooth functions of a few coordinates as tables of Chebyshev coefficients, which a file can hold.

    p(x) = sum_k c_k T_k1(s_1) T_k2(s_2) ...,     s_j = (2 x_j - low_j - high_j) / (high_j - low_j),

interpolates a function at the Chebyshev points of every axis. The number of points doubles until the interpolant
meets the function elsewhere to ``CLOSE`` of its size; what is not smooth never does.

Source: Trefethen, *Approximation Theory and Approximation Practice*, chapters 2 to 4.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi

import torch
from jaxtyping import Float
from torch import Tensor

CLOSE = 1e-12
MOST, LONGEST = 1 << 16, 512
FEWEST, CHECKS = 8, 500


@dataclass(frozen=True)
class Chebyshev:
    """``p`` above: ``coefficients`` with one axis for each coordinate, and the ``bounds`` of these."""

    coefficients: Tensor
    bounds: tuple[tuple[float, float], ...]

    def __call__(self, *columns: Float[Tensor, " n"]) -> Tensor:
        """Values ``(n,)`` at points given coordinate by coordinate, which autograd can follow; one without any."""
        if not columns:
            return self.coefficients
        found = self.coefficients.expand(len(columns[0]), *self.coefficients.shape)
        for x, (low, high), count in zip(columns, self.bounds, self.coefficients.shape, strict=True):
            own = _polynomials((2 * x - low - high) / (high - low), count)
            found = torch.einsum("nk,nk...->n...", own, found)
        return found


def interpolant(function: Callable[..., Tensor], bounds: Sequence[tuple[float, float]]) -> Chebyshev | None:
    """A function of ``len(bounds)`` columns, or None where it is not smooth enough.

    Example:
        >>> found = interpolant(lambda x: torch.sin(3 * x), [(0.0, 2.0)])
        >>> found is not None and round(float(found(torch.tensor([0.5]).double())), 9)
        0.997494987
        >>> interpolant(torch.abs, [(-1.0, 1.0)]) is None
        True
    """
    ends = torch.tensor(list(bounds), dtype=torch.float64).reshape(-1, 2)
    generator = torch.Generator().manual_seed(0)
    share = torch.rand(CHECKS, len(ends), dtype=torch.float64, generator=generator)
    places = (ends[:, 0] + share * (ends[:, 1] - ends[:, 0])).T
    truth, count = function(*places), FEWEST
    while count <= LONGEST and count ** len(ends) <= MOST:
        found = Chebyshev(_coefficients(function, ends, count), tuple(map(tuple, ends.tolist())))
        gap = (found(*places) - truth).abs().max()
        if bool(gap <= CLOSE * truth.abs().max()):
            return found
        if not len(ends):
            break
        count *= 2
    return None


def _polynomials(s: Float[Tensor, " n"], count: int) -> Float[Tensor, "n count"]:
    """``T_0 .. T_(count - 1)`` by their recurrence, which autograd takes at the ends too."""
    found = [torch.ones_like(s), s]
    for _ in range(2, count):
        found.append(2 * s * found[-1] - found[-2])
    return torch.stack(found[:count], dim=1)


def _coefficients(function: Callable[..., Tensor], ends: Tensor, count: int) -> Tensor:
    """By the cosine sums of values at the Chebyshev points."""
    angle = pi * (torch.arange(count, dtype=torch.float64) + 0.5) / count
    back = torch.cos(torch.arange(count, dtype=torch.float64)[:, None] * angle) * (2 / count)
    back[0] /= 2
    axes = [(low + high) / 2 + (high - low) / 2 * angle.cos() for low, high in ends]
    grid = torch.cartesian_prod(*axes).reshape(-1, len(axes)) if axes else ends.new_zeros(1, 0)
    found = function(*grid.T).reshape([count] * len(axes))
    for _ in axes:
        found = torch.einsum("i...,ki->...k", found, back)
    return found
