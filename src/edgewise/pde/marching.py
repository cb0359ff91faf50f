"""Marching through time: on longer and longer stretches, or window after window with products of their own."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import splines
from edgewise.network import KAN
from edgewise.pde.ansatz import Ansatz, ansatz, held
from edgewise.pde.conditions import Data, Integral
from edgewise.pde.config import SolveConfig
from edgewise.pde.creases import creased
from edgewise.pde.fitting import Fitted, fit
from edgewise.pde.levels import MOST_ROWS
from edgewise.pde.problem import Problem
from edgewise.pde.refinement import adapted
from edgewise.pde.separable import factors, separable
from edgewise.pde.state import State, moved
from edgewise.pde.window import windows
from edgewise.train.clock import Clock

# Gauss points in a cell along an axis while time is marched through: half the work, and what follows corrects it.
COARSE = 2
WINDOWS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

STEPS = 40
# Products of a new window start with the shapes of the last one and hardly move.
SLOW = 0.1


@dataclass(frozen=True)
class Stretches:
    """How time is cut: into ``windows`` of ``products`` each on ``slices`` cells, with ``cells`` on other axes."""

    windows: int
    products: int
    slices: int
    cells: int

    @property
    def rank(self) -> int:
        """Products of all windows."""
        return self.windows * self.products

    def numbers(self, problem: Problem, degree: int) -> int:
        """How many numbers are found, at most."""
        others = [k for k in range(len(problem.domain.coordinates)) if k != problem.time]
        found = 0
        for name in problem.unknowns:
            what = held(problem, name)
            shapes = sum(what.free(axis, self.cells + degree, degree) for axis in others)
            found += self.rank * (shapes + self.slices + degree)
        return found

    def rows(self, problem: Problem) -> int:
        """Points in one window, two or three along each cell."""
        axes = len(problem.domain.coordinates)
        per_cell = 3 if axes < 3 else 2
        return per_cell**axes * self.cells ** (axes - 1) * self.slices

    def least(self, degree: int) -> int:
        """The fewest cells: all axes have as many, and time has knots of full multiplicity."""
        return self.windows * self.slices + (self.windows - 1) * (degree - 1)

    def breakpoints(self, knots: Float[Tensor, "axes cells_and_1"], time: int, degree: int) -> Tensor:
        """Knots of every axis: those of time shared out again over the windows and creased at their ends."""
        place = torch.linspace(0, knots.shape[1] - 1, self.windows * self.slices + 1, dtype=torch.float64)
        left = place.long().clamp(max=knots.shape[1] - 2)
        t = knots[time]
        found = knots.clone()
        found[time] = creased(
            t[left] + (place - left) * (t[left + 1] - t[left]), self.slices, degree, self.cells
        )
        return found


STRETCHES = Stretches(windows=4, products=5, slices=8, cells=0)
MOST_CELLS = 100


def stretches(problem: Problem, config: SolveConfig) -> Stretches:
    """The windows of time with as many cells as are asked for, or can be paid for."""
    shape, creased_cells = STRETCHES, (STRETCHES.windows - 1) * (config.degree - 1)
    if config.rank:
        shape = replace(shape, products=max(1, config.rank // shape.windows))
    if config.cells:
        slices = (config.cells - creased_cells) // shape.windows
        shape = replace(shape, slices=min(shape.slices, max(2, slices)))
    least = shape.least(config.degree)
    cells = max(config.cells or MOST_CELLS, least)
    while cells > least and not _pays(replace(shape, cells=cells), problem, config):
        cells -= 1
    return replace(shape, cells=cells)


def _pays(shape: Stretches, problem: Problem, config: SolveConfig) -> bool:
    numbers = shape.numbers(problem, config.degree)
    return numbers <= config.max_parameters and shape.rows(problem) <= MOST_ROWS


def has_windows(problem: Problem) -> bool:
    """Whether a state alone decides what comes after it: first order in time, nothing said of other moments."""
    time = problem.time
    if time is None or len(problem.domain.coordinates) == 1:
        return False
    deepest = max(index[time] for orders in problem.orders.values() for index in orders.indices)
    return deepest == 1 and not any(isinstance(one, Data | Integral) for one in problem.conditions.values())


def in_windows(
    problem: Problem,
    knots: Float[Tensor, "axes cells_and_1"],
    shape: Stretches,
    config: SolveConfig,
    clock: Clock,
) -> tuple[State, Fitted]:
    """The solution window after window, each on top of the last; see ``edgewise.pde.window``."""
    time, degree = problem.time, config.degree
    assert time is not None
    breakpoints = shape.breakpoints(knots, time, degree)
    ends = breakpoints[time].unique_consecutive()[:: shape.slices]
    generator = torch.Generator().manual_seed(config.seed)
    parts: dict[str, list[KAN]] = {name: [] for name in problem.unknowns}
    before: dict[str, Ansatz] = {}
    fits, numbers = [], 0
    for window, low, high in zip(windows(time, ends), ends[:-1], ends[1:], strict=True):
        unknowns = {}
        for name, own in parts.items():
            network = _slow(separable(breakpoints, shape.products, degree, generator), own, time)
            unknowns[name] = ansatz(problem, name, network, window, before.get(name))
            own.append(network)
        state = State(problem, unknowns, breakpoints, shape.products, degree, generator)
        fits.append(fit(state, clock, config, until=float(high), since=float(low), steps=STEPS))
        numbers += state.count
        before = {name: ansatz(problem, name, joined(own, breakpoints)) for name, own in parts.items()}
    rank = shape.rank
    state = State(problem, before, breakpoints, rank, degree, generator, numbers=numbers)
    by_name = state.system(share=True).by_name(state.free())
    steps = sum(one.steps for one in fits)
    return state, Fitted(
        fits[0].before, sum(one.loss for one in fits) / len(fits), by_name, steps, fits[0].method
    )


def _slow(network: KAN, last: list[KAN], time: int) -> KAN:
    """Makes the products of a window small, with the shapes of the last window where there is one."""
    first = network.kan_layers[0].spline
    first.weight.data[time] *= SLOW
    if last:
        kept = first.weight.data[time].clone()
        first.weight.data.copy_(last[-1].kan_layers[0].spline.weight.data)
        first.weight.data[time] = kept
    return network


def joined(parts: list[KAN], breakpoints: Float[Tensor, "axes cells_and_1"]) -> KAN:
    """One sum of all products of networks on the same knots."""
    layers = [part.kan_layers[0].spline for part in parts]
    axes, degree = len(breakpoints), layers[0].degree
    ranks = [int(layer.mask[0].sum()) for layer in layers]
    whole = separable(breakpoints, sum(ranks), degree, torch.Generator().manual_seed(0))
    weight = whole.kan_layers[0].spline.weight.data
    for axis in range(axes):
        own = [
            layer.weight.detach()[axis][:, factors(axes, rank, axis)]
            for layer, rank in zip(layers, ranks, strict=True)
        ]
        weight[axis][:, factors(axes, sum(ranks), axis)] = torch.cat(own, dim=1)
    return whole


def march(state: State, clock: Clock, config: SolveConfig, *, steps: int = 12, moving: bool = False) -> State:
    """The solution on longer and longer stretches of time, each continued as it stands at the end of the last.

    With ``moving`` the knots go, after every stretch, to where the solution bends most by then, and it is fitted again.
    """
    time = state.problem.time
    assert time is not None
    low, high = state.problem.domain.bounds[time]
    for share in WINDOWS:
        until = low + share * (high - low)
        fit(state, clock, config, until=until, steps=steps, stall=1e-2, per_cell=COARSE)
        if moving:
            knots = adapted(state, state.cells, until)
            knots[time] = state.breakpoints[time]
            state = moved(state, knots, state.rank)
            fit(state, clock, config, until=until, steps=steps, stall=1e-2, per_cell=COARSE)
        if clock.expired:
            break
        hold(state, time, until)
    return state


def hold(state: State, axis: int, until: float) -> None:
    """Continues every factor of an axis beyond ``until`` by its value there, in place."""
    for one in state.unknowns.values():
        edges = one.network.kan_layers[0].spline
        knots = edges.knots[axis : axis + 1]
        low, high = splines.domain(knots, edges.degree)
        t = torch.linspace(float(low), float(high), 40 * state.cells, dtype=torch.float64)[:, None]
        weight = edges.weight.detach()[axis : axis + 1]
        values = splines.evaluate(t.clamp(max=until), weight, knots, edges.degree)
        fitted = splines.fit_coefficients(t, values, knots, edges.degree)
        edges.weight.data[axis] = fitted[0] * edges.mask[axis]
