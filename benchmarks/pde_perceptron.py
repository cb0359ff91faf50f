r"""A tanh perceptron for equations, with edgewise's own residuals, points and Levenberg-Marquardt.

What can be built into edgewise's networks is built in here too: ``u = A(x) + D(x) N(x)`` with the same lift ``A`` for
pinned values and ``D`` zero on pinned sides, ``cos`` and ``sin`` of periodic coordinates as inputs, and the mean of
mirror images for symmetries. Derivatives go up as truncated Taylor series and their slopes by every weight come down in
closed form (``edgewise.pde.taylor``), so a step costs what the same step costs edgewise. Unknowns have networks of
their own.

Sizes share the first third of the time, the best three by the residuals at other points the second, and the best of
these the rest; what it leaves goes to new starts of that size. Points move to where the solution bends, as edgewise's
do. Where there is an initial state, every other start is marched through time first.
"""

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import factorial, pi
from typing import Any

import torch
from torch import Tensor

from edgewise.errors import InputError
from edgewise.pde.ansatz import Held, Lift, held
from edgewise.pde.fitting import fit
from edgewise.pde.marching import WINDOWS
from edgewise.pde.problem import Problem
from edgewise.pde.refinement import adapted
from edgewise.pde.residuals import System
from edgewise.pde.state import even
from edgewise.pde.taylor import Index, Orders
from edgewise.train.clock import Clock

SHAPES = ((10, 10), (16, 16), (24, 24), (40, 40), (10, 10, 10), (16, 16, 16), (20, 20, 20), (30, 30, 30))
LARGER = (40, 40, 40)
LIMIT = 2000
ROWS_PER_PARAMETER, FEWEST_ROWS = 4, 1500
OPERATIONS, FEWEST_STEPS = 2e10, 10
ROUNDS = ((None, 1 / 3), (3, 2 / 3))
MARCHED, STEPS = 12, 30
STALLED = 0.02


class Tanh:
    """One unknown; has what ``edgewise.pde.residuals`` asks of an ``Ansatz``."""

    def __init__(
        self, problem: Problem, name: str, hidden: tuple[int, ...], generator: torch.Generator
    ) -> None:
        self.bounds = problem.domain.bounds
        self.held = held(problem, name)
        self.lift = Lift(problem, self.held.pins) if self.held.pins else None
        inputs = len(self.bounds) + len(self.held.periodic)
        self.shapes = [(out, fan) for fan, out in itertools.pairwise((inputs, *hidden, 1))]
        self.weights = torch.cat([_glorot(out, fan, generator) for out, fan in self.shapes])

    def free(self) -> Tensor:
        """All weights and biases."""
        return self.weights

    def assign(self, free: Tensor) -> None:
        """Sets them."""
        self.weights = free.clone()

    def layers(self, free: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Weights ``(out, in)`` and bias ``(out,)`` of every layer."""
        pieces = free.split([out * (fan + 1) for out, fan in self.shapes])
        return [
            (piece[: out * fan].view(out, fan), piece[out * fan :])
            for piece, (out, fan) in zip(pieces, self.shapes, strict=True)
        ]

    def jets(self, points: Tensor, orders: Orders, share: bool = False) -> "TanhJets":
        """The network's part, ready at points."""
        return TanhJets(self, points, orders)

    def lifted(self, points: Tensor, orders: Orders) -> Tensor:
        """The lift's part of every derivative."""
        if self.lift is None:
            return points.new_zeros(len(orders.indices), len(points))
        return self.lift.derivatives(points, orders)

    def values(self, points: Tensor) -> Tensor:
        """``u``."""
        orders = Orders([(0,) * len(self.bounds)])
        return self.jets(points, orders).run(self.weights)[0, :, 0] + self.lifted(points, orders)[0]

    def derivative(self, points: Tensor, index: Index) -> Tensor:
        """``d^index u``."""
        orders = Orders([index])
        found = self.jets(points, orders).run(self.weights)[..., 0] + self.lifted(points, orders)
        return found[orders.place[index]]


class TanhJets:
    """All derivatives of a perceptron at fixed points, and theirs by its weights; as ``edgewise.pde.jets.Jets``."""

    def __init__(self, net: Tanh, points: Tensor, orders: Orders) -> None:
        self.orders, self.net = orders, net
        self.sizes = [0, len(net.weights)]
        mirrored = sorted(net.held.signs)
        self.images = [
            (_entering(net, points, orders, flips), _sign(net.held, flips) / 2 ** len(mirrored))
            for flips in _subsets(mirrored)
        ]
        self.distance = _distance(net, points, orders)
        self._seen: list[list[tuple[Tensor, Tensor | None]]] = []

    def run(self, free: Tensor) -> Tensor:
        """Derivatives ``(indices, n, 1)``."""
        self._layers, self._seen = self.net.layers(free), []
        total = sum(self._climbed(inputs) * share for inputs, share in self.images)
        if self.distance is not None:
            total = self.orders.multiply(total, self.distance)
        return total * self.orders.factorials[:, None, None]

    def columns(self, upstream: Tensor) -> Tensor:
        """``d (sum_a upstream_a d^a u) / d weights``, ``(n, weights)``."""
        down = upstream * self.orders.factorials[:, None, None]
        if self.distance is not None:
            down = self.orders.correlate(down, self.distance)
        return sum(
            self._descended(seen, down * share)
            for seen, (_, share) in zip(self._seen, self.images, strict=True)
        )

    def _climbed(self, inputs: Tensor) -> Tensor:
        seen, z = [], inputs
        for k, (weight, bias) in enumerate(self._layers):
            s = z @ weight.T
            s[0] += bias
            if k == len(self._layers) - 1:
                seen.append((z, None))
                z = s
            else:
                y, slope = _tanh(s, self.orders)
                seen.append((z, slope))
                z = y
        self._seen.append(seen)
        return z

    def _descended(self, seen: list[tuple[Tensor, Tensor | None]], down: Tensor) -> Tensor:
        parts = []
        for (weight, _), (z, slope) in zip(reversed(self._layers), reversed(seen), strict=True):
            if slope is not None:
                down = self.orders.correlate(down, slope)
            parts += [down[0], torch.einsum("ano,ani->noi", down, z).flatten(1)]
            down = down @ weight
        return torch.cat(parts[::-1], dim=1)


def _tanh(s: Tensor, orders: Orders) -> tuple[Tensor, Tensor]:
    """Series of ``tanh s`` and of its slope, by ``(k + 1) c_{k+1} = [k = 0] - sum_i c_i c_{k-i}`` at ``s_0``."""
    c = [s[0].tanh()]
    for k in range(orders.highest + 1):
        square = sum(c[i] * c[k - i] for i in range(k + 1))
        c.append((float(k == 0) - square) / (k + 1))
    powers = orders.powers(s)
    value = sum(power * c[k] for k, power in enumerate(powers))
    return value, sum(power * ((k + 1) * c[k + 1]) for k, power in enumerate(powers))


def _entering(net: Tanh, points: Tensor, orders: Orders, flips: tuple[int, ...]) -> Tensor:
    """Series of what enters: coordinates scaled to (-1, 1), or cosine and sine of periodic ones."""
    found = []
    for axis, (low, high) in enumerate(net.bounds):
        way = -1.0 if axis in flips else 1.0
        x = points[:, axis] if way > 0 else low + high - points[:, axis]
        if axis in net.held.periodic:
            rate, along = way * 2 * pi / (high - low), orders.along(axis)
            angle = 2 * pi * (x - low) / (high - low)
            for phase in (0.0, -pi / 2):
                series = points.new_zeros(len(orders.indices), len(points))
                for k, place in along:
                    series[place] = rate**k * torch.cos(angle + phase + k * pi / 2) / factorial(k)
                found.append(series)
        else:
            found.append(_line(orders, axis, (2 * x - low - high) / (high - low), way * 2 / (high - low)))
    return torch.stack(found, dim=-1)


def _line(orders: Orders, axis: int, value: Tensor, slope: float) -> Tensor:
    series = value.new_zeros(len(orders.indices), len(value))
    for k, place in orders.along(axis):
        if k < 2:
            series[place] = slope if k else value
    return series


def _distance(net: Tanh, points: Tensor, orders: Orders) -> Tensor | None:
    """``D``: the product of distances to pinned sides, at most one."""
    total = None
    for axis, end in sorted(net.held.pins):
        low, high = net.bounds[axis]
        both = 2.0 if (axis, 1 - end) in net.held.pins else 1.0
        away = points[:, axis] - low if end == 0 else high - points[:, axis]
        rate = (1.0 if end == 0 else -1.0) * both / (high - low)
        factor = _line(orders, axis, both * away / (high - low), rate)[..., None]
        total = factor if total is None else orders.multiply(total, factor)
    return total


def _subsets(axes: Sequence[int]) -> list[tuple[int, ...]]:
    return [part for k in range(len(axes) + 1) for part in itertools.combinations(axes, k)]


def _sign(what: Held, flips: tuple[int, ...]) -> float:
    sign = 1.0
    for axis in flips:
        sign *= what.signs[axis]
    return sign


def _glorot(out: int, fan: int, generator: torch.Generator) -> Tensor:
    weight = torch.randn(out * fan, generator=generator, dtype=torch.float64) * (2 / (out + fan)) ** 0.5
    return torch.cat([weight, torch.zeros(out, dtype=torch.float64)])


@dataclass
class Perceptrons:
    """Networks of all unknowns on common cells; has what edgewise's fits ask of a ``State``."""

    problem: Problem
    unknowns: dict[str, Tanh]
    breakpoints: Tensor
    parameters: Tensor
    degree: int = 1  # what has no knots needs none for a crease

    @property
    def cells(self) -> int:
        """Of each axis."""
        return self.breakpoints.shape[1] - 1

    @property
    def count(self) -> int:
        """Weights of all networks, and parameters of the problem."""
        return len(self.free())

    @property
    def per_cell(self) -> int:
        """Gauss points in each cell along an axis, as edgewise has them."""
        return 3 if len(self.breakpoints) < 3 else 2

    def system(self, until: float | None = None, per_cell: int | None = None) -> System:
        """All residuals on the present cells, up to a time."""
        count = per_cell or self.per_cell
        return System(self.problem, self.unknowns, self.breakpoints, per_cell=count, until=until)

    def free(self) -> Tensor:
        """Everything that moves."""
        return torch.cat([*(one.free() for one in self.unknowns.values()), self.parameters])

    def assign(self, free: Tensor) -> None:
        """Sets it, in place."""
        start = 0
        for one in self.unknowns.values():
            one.assign(free[start : start + len(one.free())])
            start += len(one.free())
        self.parameters = free[start:].clone()


@dataclass
class Answer:
    """What a peer found, as ``edgewise.pde.problems.Case.error`` asks for it."""

    problem: Problem
    values: Any
    slope: Any
    parameters: dict[str, float]
    count: int
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def derivative(self, unknown: str, by: str, points: Tensor) -> Tensor:
        """``d u / d by``, as a solution gives it."""
        return self.slope(unknown, self.problem.index(unknown, by), points)

    def __call__(self, points: Tensor) -> Any:
        found = self.values(points)
        return found if len(found) > 1 else next(iter(found.values()))


class Trial:
    """One size and start on its way down; ``best`` are the weights that met other points best."""

    def __init__(
        self, problem: Problem, hidden: tuple[int, ...], seed: int, marched: bool, easier: Mapping
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        unknowns = {name: Tanh(problem, name, hidden, generator) for name in problem.unknowns}
        guesses = torch.tensor(list(problem.parameters.values()), dtype=torch.float64)
        self.hidden, self.marched, self.easier, self.seed = hidden, marched, easier, seed
        count = sum(len(one.free()) for one in unknowns.values())
        self.state = Perceptrons(problem, unknowns, even(problem, _cells(problem, count)), guesses)
        self.best, self.error, self.begun, self.stuck = self.state.free(), float("inf"), False, False
        axes = len(self.state.breakpoints)
        self.judge = System(problem, unknowns, even(problem, {1: 200, 2: 31}.get(axes, 8)), per_cell=2)

    def seconds_per_step(self) -> float:
        """A guess at the cost of one step."""
        rows = (self.state.cells * self.state.per_cell) ** len(self.state.breakpoints)
        return 2 * rows * len(self.state.problem.equations) * self.state.count**2 / OPERATIONS

    def train(self, until: float) -> None:
        """Fits and moves the points in turn until the time of ``time.perf_counter``, or until nothing is gained."""
        if not self.begun:
            self._begin(until)
        while time.perf_counter() < until and not self.stuck:
            before = self.error
            fitted = fit(self.state, self._clock(until), steps=STEPS, stall=1e-4)
            self._note(fitted.loss)
            if fitted.steps < STEPS and time.perf_counter() < until:
                self.stuck = before - self.error < STALLED * abs(self.error)
                self.state.breakpoints = adapted(self.state, self.state.cells)

    def _begin(self, until: float) -> None:
        self.begun = True
        whole, time_axis = self.state.problem, self.state.problem.time
        for name, values in self.easier.items():
            for value in values:
                self.state.problem = whole.with_constants(**{name: float(value)})
                fit(self.state, self._clock(until), steps=STEPS)
        self.state.problem = whole
        if self.marched and time_axis is not None:
            low, high = whole.domain.bounds[time_axis]
            for share in WINDOWS:
                clock, end = self._clock(until), low + share * (high - low)
                fit(self.state, clock, until=end, steps=MARCHED, stall=1e-2)

    def _clock(self, until: float) -> Clock:
        return Clock(max(until - time.perf_counter(), 1e-3))

    def _note(self, loss: float) -> None:
        """Judges by what is left at other points, or at the fitted ones where that is more; of energies by these."""
        free, self.judge.floor = self.state.free(), 0.0
        if self.judge.has_energy:
            error = self.judge.depth(free) + float(self._plain(free).square().sum())
        else:
            error = max(loss, float(self.judge.residual(free).square().sum()))
        if error < self.error:
            self.best, self.error = free, error

    def _plain(self, free: Tensor) -> Tensor:
        """Residuals without the last, which stands for the energy."""
        return self.judge.residual(free)[:-1]


def _cells(problem: Problem, count: int) -> int:
    """So many that residuals outnumber ``count`` weights enough."""
    axes = len(problem.domain.coordinates)
    rows = max(FEWEST_ROWS, ROWS_PER_PARAMETER * count / len(problem.equations))
    return max(6, round(rows ** (1 / axes) / (3 if axes < 3 else 2)))


def solve_perceptron(
    problem: Problem, seconds: float, seed: int, continuation: Mapping[str, Sequence[float]] | None = None
) -> Answer:
    """The best trial in the time given."""
    with torch.no_grad():
        trials = _trained(problem, seconds, seed, continuation or {})
    best = min(trials, key=lambda trial: trial.error)
    best.state.assign(best.best)
    unknowns = best.state.unknowns

    def values(points: Tensor) -> dict[str, Tensor]:
        return {name: one.values(points) for name, one in unknowns.items()}

    def slope(unknown: str, index: Index, points: Tensor) -> Tensor:
        return unknowns[unknown].derivative(points, index)

    parameters = dict(zip(problem.parameters, best.state.parameters.tolist(), strict=True))
    note = f"{'x'.join(map(str, best.hidden))}{', marched' if best.marched else ''}"
    details = {"loss": best.error, "trials": len(trials)}
    return Answer(problem, values, slope, parameters, best.state.count, note, details)


def _trained(
    problem: Problem, seconds: float, seed: int, easier: Mapping[str, Sequence[float]]
) -> list[Trial]:
    start = time.perf_counter()
    marches = problem.time is not None
    candidates = [
        Trial(problem, hidden, seed + 100 * k, marches and bool(k % 2), easier)
        for k, hidden in enumerate((*SHAPES, LARGER))
    ]
    within = [trial for trial in candidates if trial.state.count <= LIMIT]
    larger = [trial for trial in candidates if trial.state.count > LIMIT][-1:]
    trials = [*within, *larger]
    slice_ = seconds / 3 / len(trials)
    trials = [trial for trial in trials if FEWEST_STEPS * trial.seconds_per_step() < slice_] or within[:1]
    if not trials:
        raise InputError(f"no perceptron of at most {LIMIT} weights has {len(problem.unknowns)} unknowns")
    begun = 0.0
    for count, share in ROUNDS:
        ranked = sorted(trials, key=lambda trial: trial.error)[:count]
        for k, trial in enumerate(ranked):
            trial.train(start + seconds * (begun + (k + 1) * (share - begun) / len(ranked)))
        begun = share
    for trial in sorted(trials, key=lambda trial: trial.error):
        trial.train(start + seconds)
    while time.perf_counter() < start + seconds:  # nobody has more to gain: other starts of the best size
        best = min(trials, key=lambda trial: trial.error)
        trials.append(Trial(problem, best.hidden, seed + 1000 + len(trials), best.marched, easier))
        trials[-1].train(start + seconds)
    return trials
