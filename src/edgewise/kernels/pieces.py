r"""The ``degree + 1`` basis functions that a point touches and its base function, without derivatives recorded.

With even knots of width ``h`` everything follows from ``u = (x - t_m) / h`` in the point's cell ``m``: the recursion
of ``splines`` with all widths known beforehand and no division. Other knots take the same recursion with theirs.
Functions stay apart, one tensor like ``x`` for each, so that every operation runs over plain memory.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgewise import splines

# Knots off by less than this share of a cell do not show in the result.
EVEN = {torch.float32: 2e-6, torch.float64: 1e-13}


def _silu_slope(x: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    return gate * (1 + x * (1 - gate))


def _silu_bend(x: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    return gate * (1 - gate) * (2 + x * (1 - 2 * gate))


BASES: dict[str, tuple[Callable[[Tensor], Tensor], ...]] = {
    "silu": (nn.functional.silu, _silu_slope, _silu_bend),
    "identity": (lambda x: x, torch.ones_like, torch.zeros_like),
}


class Grid(NamedTuple):
    """Knots of several inputs, ``(inputs, knots)``, and what is known of them, one number per input.

    The numbers are ``(inputs,)`` to meet points ``(n, inputs)``, or ``(inputs, 1)`` to meet ``(inputs, n)``.
    ``is_regular``: the cell can be guessed from ``low`` and ``inverse``, one over the mean width. ``is_even``: all
    widths are the same.
    """

    knots: Tensor
    low: Tensor
    high: Tensor
    inverse: Tensor
    degree: int
    is_regular: bool
    is_even: bool

    @property
    def cells(self) -> int:
        return self.knots.shape[1] - 2 * self.degree - 1

    def part(self, start: int, stop: int) -> "Grid":
        """The grid of some of the inputs."""
        some = slice(start, stop)
        return self._replace(
            knots=self.knots[some], low=self.low[some], high=self.high[some], inverse=self.inverse[some]
        )


def survey(knots: Tensor, degree: int, inputs_last: bool) -> Grid:
    """What can be known of ``knots (inputs, knots)``; asked on the CPU only, where no device is waited for."""
    knots = knots.detach().contiguous()
    exact = knots.double()
    low, high = exact[:, degree : degree + 1], exact[:, -degree - 1 :][:, :1]
    step = (high - low) / (knots.shape[1] - 2 * degree - 1)
    worst = torch.inf
    if knots.device.type == "cpu" and knots.numel():
        places = torch.arange(-degree, knots.shape[1] - degree, dtype=exact.dtype, device=knots.device)
        worst = float(((exact - low) / step - places).abs().max())
    column = 0 if inputs_last else slice(1)
    first, last, inverse = (number.to(knots.dtype)[:, column] for number in (low, high, 1 / step))
    return Grid(knots, first, last, inverse, degree, worst <= 0.25, worst <= EVEN[knots.dtype])


def local_jet(x: Tensor, grid: Grid, order: int) -> tuple[Tensor, list[list[Tensor]]]:
    """The first function that can differ from zero at ``x``, and by derivative ``d = 0 .. order`` and function ``r``
    ``B^{(d)}_{first + r}(x)``, continued along the tangent beyond the domain; tensors like ``x``.
    """
    inside = torch.clamp(x, grid.low, grid.high)
    first, left, right = _distances(inside, grid)
    is_outside = x.device.type != "cpu" or not torch.equal(x, inside)
    jet = _climb(left, right, grid, max(order, int(is_outside)))
    if is_outside:
        beyond = x - inside
        jet[0] = [torch.addcmul(value, slope, beyond) for value, slope in zip(jet[0], jet[1], strict=True)]
        if order == 2:
            jet[2] = [bend.masked_fill(beyond != 0, 0) for bend in jet[2]]
    return first, jet[: order + 1]


def places(first: Tensor, features: int, inputs_last: bool) -> Tensor:
    """Where each point's first function stands, flat in ``(n, inputs, features)`` or ``(inputs, features, n)``."""
    whole = {"dtype": torch.int64, "device": first.device}
    if inputs_last:
        return torch.arange(0, first.numel() * features, features, **whole).add_(first.flatten())
    inputs, points = first.shape
    start = torch.arange(inputs, **whole)[:, None] * (features * points) + torch.arange(points, **whole)
    return start.add_(first, alpha=points).flatten()


def spread(pieces: list[Tensor], base: Tensor | None, place: Tensor, full: Tensor, axis: int) -> Tensor:
    """Fills ``full``, zeros, with the pieces from ``place`` on along ``axis``, and with the base as the last."""
    flat, stride = full.view(-1), full.stride(axis)
    for r, piece in enumerate(pieces):
        flat[r * stride :].scatter_(0, place, piece.flatten())
    if base is not None:
        full.select(axis, full.shape[axis] - 1).copy_(base)
    return full


def collect(pieces: list[Tensor], base: Tensor | None, place: Tensor, full: Tensor, axis: int) -> Tensor:
    """The sum over the features of ``full`` times what ``spread`` would fill in."""
    flat, stride = full.view(-1), full.stride(axis)
    total = torch.zeros_like(pieces[0]) if base is None else base * full.select(axis, full.shape[axis] - 1)
    for r, piece in enumerate(pieces):
        total.addcmul_(flat[r * stride :].index_select(0, place).view_as(piece), piece)
    return total


def _distances(x: Tensor, grid: Grid) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """The cell, and ``left[j] = x - t_{m+1-j}``, ``right[j] = t_{m+j} - x`` for ``j = 1 .. degree``.

    Even knots: in units of their width. Entry 0 is not used.
    """
    knots, degree, span = grid.knots.flatten(), grid.degree, range(1, grid.degree + 1)
    row = torch.arange(0, knots.numel(), grid.knots.shape[1], dtype=torch.int32, device=x.device)
    row = row.view_as(grid.low)
    if grid.is_regular:
        # From the nearest knot, not from the lowest: x - t is exact however many cells there are.
        near = ((x - grid.low) * grid.inverse).round_()
        index = near.int().clamp_(0, grid.cells).add_(row).flatten()  # NaN becomes some whole number
        off = (x - knots[degree:].index_select(0, index).view_as(x)).mul_(grid.inverse)
        place = off.floor().clamp_(-1, 0).add_(near).clamp_(0, grid.cells - 1)
        cell = place.int().clamp_(0, grid.cells - 1)
        if grid.is_even:
            u = off.add_(near.sub_(place))
            left = [u, *(u if j == 1 else u + (j - 1) for j in span)]
            return cell, left, [u, *(j - u for j in span)]
    else:
        columns = splines.find_cell(x if row.ndim == 1 else x.T, grid.knots, degree) - degree
        cell = (columns if row.ndim == 1 else columns.T).to(torch.int32)
    index = (cell + row).flatten()
    around = {j: knots[degree + j :].index_select(0, index).view_as(x) for j in range(1 - degree, degree + 1)}
    return cell, [x, *(x - around[1 - j] for j in span)], [x, *(around[j] - x for j in span)]


def _climb(left: list[Tensor], right: list[Tensor], grid: Grid, order: int) -> list[list[Tensor]]:
    """Derivatives 0 to ``order`` of the functions, by one climb of the recursion through all lower degrees."""
    values = [torch.ones_like(left[0])]
    lower = [values]
    for k in range(1, grid.degree + 1):
        share = _shares(values, left, right, k, grid.is_even)
        inner = [torch.addcmul(share[r] * right[r + 1], share[r - 1], left[k - r + 1]) for r in range(1, k)]
        values = [share[0] * right[1], *inner, share[-1] * left[1]]
        lower.append(values)
    return [values, *(_raised(lower, left, right, grid, d) for d in range(1, order + 1))]


def _shares(
    values: list[Tensor], left: list[Tensor], right: list[Tensor], k: int, even: bool
) -> list[Tensor]:
    """Functions of degree ``k - 1`` over the widths of their ``k`` cells."""
    if even:
        return values if k == 1 else [value * (1 / k) for value in values]
    return [value / (right[r + 1] + left[k - r]) for r, value in enumerate(values)]


def _raised(
    lower: list[list[Tensor]], left: list[Tensor], right: list[Tensor], grid: Grid, derivative: int
) -> list[Tensor]:
    """The derivative of that order: ``k`` times the difference of neighbours of degree ``k - 1``, degree by degree."""
    if derivative > grid.degree:
        return [torch.zeros_like(value) for value in lower[-1]]
    values = lower[grid.degree - derivative]
    for k in range(grid.degree - derivative + 1, grid.degree + 1):
        if grid.is_even:
            share = [value * grid.inverse for value in values]
        else:
            share = [value * k for value in _shares(values, left, right, k, even=False)]
        inner = [share[r - 1] - share[r] for r in range(1, k)]
        values = [-share[0], *inner, share[-1]]
    return values
