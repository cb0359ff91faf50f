r"""Where knots should be: closer where the solution bends more.

Along each axis the cells share out ``M(x) = (sum_u max |d^2 u / dx^2| / size(u))^(1/2)`` evenly, the largest over
the other axes. A layer of width ``w`` and height one has ``M = 1/w`` over a length ``w``: it gets a fixed share of the
cells however thin it is. ``M`` is smoothed, and ``FLOOR`` times its mean is added: no cell is over four times the mean.

Source: Huang and Russell, *Adaptive Moving Mesh Methods*, chapter 2 (equidistribution).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.pde.conditions import Symmetry
from edgewise.pde.creases import bent
from edgewise.pde.state import State
from edgewise.pde.taylor import Orders

FLOOR = 0.35
ACROSS = 40
ALONG = 4


def adapted(state: State, cells: int, until: float | None = None) -> Float[Tensor, "axes cells_and_1"]:
    """New breakpoints of every axis for the solution as it is, up to the time ``until``."""
    found = [_bent(state, axis, cells, until) for axis in range(len(state.breakpoints))]
    for one in state.problem.conditions.values():
        if isinstance(one, Symmetry):
            axis = state.problem.domain.coordinates.index(one.axis)
            found[axis] = (found[axis] + found[axis][0] + found[axis][-1] - found[axis].flip(0)) / 2
    return torch.stack(found)


def _bent(state: State, axis: int, cells: int, until: float | None) -> Tensor:
    places = state.problem.creases.get(state.problem.domain.coordinates[axis], ())
    plain = _shared_out(*_monitor(state, axis, until), cells - len(places) * (state.degree - 1))
    return bent(plain, places, state.degree)


def _monitor(state: State, axis: int, until: float | None) -> tuple[Tensor, Tensor]:
    """Cells of an axis, ``ALONG`` of them for each of its own, and ``M`` in each."""
    ends = _split(state.breakpoints[axis].unique_consecutive(), ALONG)
    middles = (ends[1:] + ends[:-1]) / 2
    others = [_probe(cells) for cells in state.breakpoints]
    time = state.problem.time
    if until is not None and time is not None:
        others[time] = others[time][others[time] <= until]
    others[axis] = middles
    points = torch.cartesian_prod(*others).reshape(-1, len(others))
    shape = [len(other) for other in others]
    inside = state.problem.domain.inside(points)
    bend = torch.zeros(len(middles), dtype=torch.float64)
    index = tuple(2 * (k == axis) for k in range(len(others)))
    orders = Orders([index])
    for one in state.unknowns.values():
        run = one.jets(points, orders).run(one.free())[..., 0] + one.lifted(points, orders)
        second = (
            (run[orders.place[index]].abs() * inside).view(shape).movedim(axis, 0).reshape(len(middles), -1)
        )
        bend += second.amax(1) / run[0][inside].abs().max().clamp(min=1e-12)
    return ends, bend.sqrt()


def _shared_out(ends: Tensor, monitor: Tensor, cells: int) -> Tensor:
    """Breakpoints with equal shares of the monitor."""
    width = ends[1:] - ends[:-1]
    for _ in range(2 * ALONG):
        padded = torch.cat([monitor[:1], monitor, monitor[-1:]])
        monitor = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    mean = (monitor * width).sum() / width.sum()
    level = torch.where(mean > 0, mean, torch.ones_like(mean))
    share = torch.cat([ends.new_zeros(1), ((monitor + FLOOR * level) * width).cumsum(0)])
    wanted = torch.linspace(0.0, float(share[-1]), cells + 1, dtype=torch.float64)
    place = torch.searchsorted(share, wanted).clamp(1, len(ends) - 1)
    part = (wanted - share[place - 1]) / (share[place] - share[place - 1])
    found = ends[place - 1] + part * (ends[place] - ends[place - 1])
    found[0], found[-1] = ends[0], ends[-1]
    return found


def _split(cells: Tensor, parts: int) -> Tensor:
    share = torch.arange(parts, dtype=torch.float64) / parts
    inner = cells[:-1, None] + (cells[1:] - cells[:-1])[:, None] * share
    return torch.cat([inner.flatten(), cells[-1:]])


def _probe(cells: Tensor) -> Tensor:
    cells = cells.unique_consecutive()
    place = torch.linspace(0.0, len(cells) - 1.0, ACROSS, dtype=torch.float64)
    left = place.long().clamp(max=len(cells) - 2)
    return cells[left] + (place - left) * (cells[left + 1] - cells[left])
