r"""``J^T J`` of residuals of splines, from the few columns that each row touches.

A point in one cell of an axis meets ``degree + 1`` of that axis' functions. With rows sorted by cell, the block of two
axes ``a <= b`` is a sum over the cells of ``a``,

    G_ab = sum_cell J_a[rows of the cell, columns of the cell]^T J_b[rows of the cell],

with about ``(degree + 1) / cells`` of the products that the full matrix takes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.pde.stages import FirstStage


@dataclass(frozen=True)
class Cell:
    """Rows in one cell of an axis and the columns, from the axis' first on, that they touch."""

    rows: Tensor | slice
    columns: Tensor


@dataclass(frozen=True)
class Axis:
    """The columns of one axis of one network, ``start`` to ``stop``, and its cells."""

    start: int
    stop: int
    cells: tuple[Cell, ...]


def axes(first: FirstStage, points: Float[Tensor, "n inputs"], breakpoints: Tensor, start: int) -> list[Axis]:
    """The axes of a network whose first layer's columns begin at ``start``."""
    found = []
    for parts, targets, size, x, cells in zip(
        first.parts, first.targets, first.sizes, points.T, breakpoints, strict=True
    ):
        owner = (
            torch.searchsorted(cells.contiguous(), x.contiguous(), right=True).clamp(1, len(cells) - 1) - 1
        )
        touched = torch.stack([features != 0 for _, features in parts]).any(0)
        groups = [_cell(owner == k, touched, len(targets)) for k in owner.unique().tolist()]
        found.append(Axis(start, start + size, tuple(groups)))
        start += size
    return found


def add_gram(jacobian: Float[Tensor, "n free"], found: list[Axis], gram: Float[Tensor, "free free"]) -> None:
    """Adds the lower triangle of ``J^T J`` to ``gram``, in place; other entries may be filled too."""
    for k, axis in enumerate(found):
        own = jacobian[:, axis.start : axis.stop]
        later = [(other.start, other.stop) for other in found[k + 1 :]]
        for cell in axis.cells:
            rows = own[cell.rows][:, cell.columns]
            columns = cell.columns + axis.start
            gram[columns[:, None], columns] += rows.T @ rows
            for start, stop in later:
                gram[start:stop].index_add_(1, columns, jacobian[cell.rows, start:stop].T @ rows)


def _cell(mine: Tensor, touched: Tensor, edges: int) -> Cell:
    rows = torch.nonzero(mine)[:, 0]
    functions = torch.nonzero(touched[rows].any(0))[:, 0]
    columns = (torch.arange(edges)[:, None] * touched.shape[1] + functions).flatten()
    first, last = int(rows[0]), int(rows[-1])
    return Cell(slice(first, last + 1) if last - first + 1 == len(rows) else rows, columns)
