r"""Where knots should be: closer where the solution bends more.

Along each axis the cells share out ``M(x) = (sum_u max |d^2 u / dx^2| / size(u))^(1/2)`` evenly, the largest over
the other axes. A layer of width ``w`` and height one has ``M = 1/w`` over a length ``w``: it gets a fixed share of the
cells however thin it is. ``M`` is smoothed, and ``FLOOR`` times its mean is added: no cell is over four times the mean.

``refined`` asks the equations instead: it halves, again and again, the cells in which the integral of ``R^2`` is
largest, and takes a half to keep a quarter of it. Old knots stay, so the next level has all that the last one had.

Source: Huang and Russell, *Adaptive Moving Mesh Methods*, chapter 2 (equidistribution).
"""

from itertools import pairwise

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
    return torch.stack(_mirrored(state, found))


def refined(state: State, cells: int) -> Float[Tensor, "axes cells_and_1"]:
    """Breakpoints with the cells halved where most is left of the equations; energies leave nothing to go by."""
    if any(law.is_energy for law in state.problem.equations.values()):
        return adapted(state, cells)
    left = _left(state)
    found = [_halved(ends, own, cells) for ends, own in zip(state.breakpoints, left, strict=True)]
    return torch.stack(_mirrored(state, found))


def _left(state: State) -> list[Tensor]:
    """``int R^2`` over every cell of every axis, all equations together, at points between the fitted ones."""
    system = state.system(per_cell=state.per_cell + 1, share=True)
    free, found = state.free(), [torch.zeros(state.cells, dtype=torch.float64) for _ in state.breakpoints]
    for block in system.blocks:
        if block.volumes is not None:
            squares = system.plain(block, free).square() * block.volumes
            for own, ends, x in zip(found, state.breakpoints, block.points.T, strict=True):
                place = torch.searchsorted(ends.contiguous(), x.contiguous()).clamp(1, state.cells) - 1
                own.index_add_(0, place, squares)
    return found


def _halved(ends: Tensor, left: Tensor, cells: int) -> Tensor:
    places, shares = ends.tolist(), left.tolist()
    while len(shares) < cells:
        widths = [high - low for low, high in pairwise(places)]
        k = max(range(len(shares)), key=lambda k: (shares[k], widths[k]))
        places.insert(k + 1, (places[k] + places[k + 1]) / 2)
        shares[k : k + 1] = [shares[k] / 4, shares[k] / 4]
    return torch.tensor(places, dtype=ends.dtype)


def _mirrored(state: State, found: list[Tensor]) -> list[Tensor]:
    """Breakpoints that are their own mirror image along mirrored axes."""
    found = list(found)
    for one in state.problem.conditions.values():
        if isinstance(one, Symmetry):
            axis = state.problem.domain.coordinates.index(one.axis)
            found[axis] = (found[axis] + found[axis][0] + found[axis][-1] - found[axis].flip(0)) / 2
    return found


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
