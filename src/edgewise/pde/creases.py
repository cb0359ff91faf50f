"""Breakpoints at which a spline may bend: knots of full multiplicity.

A breakpoint that is given ``degree`` times leaves a spline of that degree continuous there and no more. The cells
between equal breakpoints have no width; every axis counts as many cells, so that all fit into one tensor.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def creased(
    cells: Float[Tensor, " cells_and_1"], every: int, degree: int, count: int
) -> Float[Tensor, " count_and_1"]:
    """Breakpoints with each ``every``-th inner one ``degree`` times, so that a spline may bend there.

    The last is repeated too, until there are ``count`` cells: what has no width holds no function.

    Example:
        >>> creased(torch.linspace(0, 1, 5).double(), 2, 3, 7).tolist()
        [0.0, 0.25, 0.5, 0.5, 0.5, 0.75, 1.0, 1.0]
    """
    place = torch.arange(len(cells))
    inner = (place % every == 0) & (place > 0) & (place < len(cells) - 1)
    times = torch.where(inner, degree, 1)
    times[-1] += count + 1 - int(times.sum())
    return cells.repeat_interleave(times)


def bent(
    cells: Float[Tensor, " cells_and_1"], places: Sequence[float], degree: int
) -> Float[Tensor, " more"]:
    """Breakpoints with the one nearest to each place moved there, ``degree`` times.

    Example:
        >>> bent(torch.linspace(0, 1, 5).double(), [0.3], 2).tolist()
        [0.0, 0.3, 0.3, 0.5, 0.75, 1.0]
    """
    found, times = cells.clone(), torch.ones(len(cells), dtype=torch.long)
    for place in places:
        free = (times[1:-1] == 1).nonzero()[:, 0] + 1
        nearest = free[(cells[free] - place).abs().argmin()]
        found[nearest], times[nearest] = place, degree
    return found.repeat_interleave(times)
