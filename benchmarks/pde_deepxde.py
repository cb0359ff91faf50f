"""DeepXDE on edgewise's problems: networks, optimizers and weights as its examples have them.

The functions of the problem are called with DeepXDE's derivatives (``dde.grad``), so the equations are the same ones.
Every condition is a loss of its own with weight one, as is DeepXDE's default; nothing is built in. Periodic axes and
mirrors are residuals of values and first slopes at pairs of points. Networks, iterations and numbers of points are
those of the examples that come with DeepXDE: ``Poisson_Lshape.py`` for steady problems, ``Kovasznay_flow.py`` for
systems, ``burgers.py`` for problems in time, and ``Beltrami_flow.py``, with a fifth of its points, where there are more
than two coordinates. Adam has at most half of the time, L-BFGS the rest. Numbers are of single precision, also
DeepXDE's default.

An energy is lowered as it is, its mean times the volume; there, conditions have edgewise's weights, for a weight of one
would let them give way.
"""

import contextlib
import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from pde_perceptron import Answer
from torch import Tensor

from edgewise.pde.conditions import Condition, Data, Integral, Law, Periodic, Symmetry, dirichlet
from edgewise.pde.fields import Field
from edgewise.pde.geometry import Interval
from edgewise.pde.problem import Problem
from edgewise.pde.problems.case import fresh
from edgewise.pde.taylor import Index

CHECK_EVERY = 10
DENSE = {1: 400, 2: 200, 3: 40}


@dataclass(frozen=True)
class Recipe:
    """What an example of DeepXDE sets."""

    hidden: tuple[int, ...]
    initializer: str
    iterations: int
    domain: int
    boundary: int
    initial: int


STEADY = Recipe((50,) * 4, "Glorot uniform", 50_000, 1200, 120, 120)
SYSTEM = Recipe((50,) * 4, "Glorot uniform", 30_000, 2601, 400, 400)
IN_TIME = Recipe((20,) * 3, "Glorot normal", 15_000, 2540, 80, 160)
IN_SPACE_AND_TIME = Recipe((50,) * 4, "Glorot normal", 30_000, 10_000, 1000, 1000)


def recipe(problem: Problem) -> Recipe:
    """The example nearest to a problem."""
    if len(problem.domain.coordinates) > 2:
        return IN_SPACE_AND_TIME
    if problem.time is not None:
        return IN_TIME
    return SYSTEM if len(problem.unknowns) > 1 else STEADY


def deepxde() -> Callable[[Problem, float, int], Answer]:
    """Loads DeepXDE on torch; gives what solves a problem in so many seconds from a seed."""
    os.environ["DDE_BACKEND"] = "pytorch"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        import deepxde as dde
    _warm_up(dde)
    return partial(solve_deepxde, dde)


def _warm_up(dde: Any) -> None:
    """A first step loads parts of torch for seconds, which are not to count."""
    problem = Problem("u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + 1}, {"ends": dirichlet("u")})
    solve_deepxde(dde, problem, 0.1, 0)


def solve_deepxde(dde: Any, problem: Problem, seconds: float, seed: int) -> Answer:
    """Adam, then L-BFGS."""
    start, own = time.perf_counter(), recipe(problem)
    dde.config.set_random_seed(seed)
    found = {name: dde.Variable(guess) for name, guess in problem.parameters.items()}
    caller = Caller(dde, problem, found)
    terms = conditions(caller, own, seed)
    data = dde.data.PDE(
        _box(dde, problem),
        caller.equations,
        terms,
        anchors=fresh(problem, own.domain, seed).numpy(),
    )
    widths = [len(problem.domain.coordinates), *own.hidden, len(problem.unknowns)]
    model = dde.Model(data, dde.nn.FNN(widths, "tanh", own.initializer))
    steps = _train(dde, model, list(found.values()), own, start, seconds, _losses(problem, terms))

    def values(points: Tensor) -> dict[str, Tensor]:
        columns = torch.from_numpy(model.predict(points.numpy()).astype(np.float64)).T
        return dict(zip(problem.unknowns, columns, strict=True))

    def slope(unknown: str, index: Index, points: Tensor) -> Tensor:
        place = problem.unknowns.index(unknown)

        def operator(inputs: Tensor, outputs: Tensor) -> Tensor:
            return caller.derivative(inputs, outputs, place, slice(None), index)

        return torch.from_numpy(model.predict(points.numpy(), operator=operator).astype(np.float64))

    parameters = {name: float(variable.detach()) for name, variable in found.items()}
    count = sum(weight.numel() for weight in model.net.parameters()) + len(parameters)
    loss = float(np.sum(model.train_state.loss_train))
    return Answer(problem, values, slope, parameters, count, f"{steps} Adam", {"loss": loss, "adam": steps})


def _box(dde: Any, problem: Problem) -> Any:
    """DeepXDE wants a place, and takes no points of it: all are given."""
    ends = np.array(problem.domain.bounds)
    return dde.geometry.Interval(*ends[0]) if len(ends) == 1 else dde.geometry.Hypercube(*ends.T)


def _losses(problem: Problem, terms: "list[Term]") -> dict[str, Any]:
    """DeepXDE's own mean squares, unless there are energies."""
    energies = [law.is_energy for law in problem.equations.values()]
    if not any(energies):
        return {}
    volume = _volume(problem)

    def energy(_: Tensor, density: Tensor) -> Tensor:
        return density.mean() * volume

    own = [energy if is_energy else "MSE" for is_energy in energies]
    weights = [1.0] * len(own) + [term.weight**2 for term in terms]
    return {"loss": [*own, *["MSE"] * len(terms)], "loss_weights": weights}


def _train(
    dde: Any,
    model: Any,
    variables: list[Any],
    own: Recipe,
    start: float,
    seconds: float,
    losses: dict[str, Any],
) -> int:
    """Returns how many steps Adam made."""

    class Deadline(dde.callbacks.Callback):
        def __init__(self, end: float) -> None:
            super().__init__()
            self.end = end

        def on_epoch_end(self) -> None:
            if time.perf_counter() > self.end:
                self.model.stop_training = True

    options = dde.optimizers.config.LBFGS_options
    options |= {"iter_per_step": CHECK_EVERY, "fun_per_step": CHECK_EVERY * 5 // 4}
    quiet = {"display_every": 10**9, "verbose": 0}
    with contextlib.redirect_stdout(io.StringIO()):
        model.compile("adam", lr=1e-3, external_trainable_variables=variables, verbose=0, **losses)
        model.train(iterations=own.iterations, callbacks=[Deadline(start + seconds / 2)], **quiet)
        steps = model.train_state.iteration
        model.stop_training = False
        model.compile("L-BFGS", external_trainable_variables=variables, verbose=0, **losses)
        model.train(callbacks=[Deadline(start + seconds)], **quiet)
    return steps


class Caller:
    """Calls a problem's functions with DeepXDE's derivatives and variables."""

    def __init__(self, dde: Any, problem: Problem, parameters: dict[str, Any]) -> None:
        self.dde, self.problem, self.parameters = dde, problem, parameters

    def equations(self, inputs: Tensor, outputs: Tensor) -> list[Tensor]:
        """What is left of every equation, ``(n, 1)`` each."""
        return [self.left(law, inputs, outputs)[:, None] for law in self.problem.equations.values()]

    def left(
        self,
        law: Law,
        inputs: Tensor,
        outputs: Tensor,
        rows: slice = slice(None),
        normals: Tensor | None = None,
    ) -> Tensor:
        """What is left of a law at some rows."""
        names = self.problem.domain.coordinates
        fields: dict[str, Any] = {
            name: Field(name, names, partial(self.derivative, inputs, outputs, k, rows))
            for k, name in enumerate(self.problem.unknowns)
        }
        found = self.problem.evaluate(law, inputs[rows], {**fields, **self.parameters}, normals)
        return found.to(outputs.dtype)

    def derivative(self, inputs: Tensor, outputs: Tensor, unknown: int, rows: slice, index: Index) -> Tensor:
        """``d^index u`` by DeepXDE's own derivatives, which it keeps and shares."""
        axes = [axis for axis, order in enumerate(index) for _ in range(order)]
        if not axes:
            return outputs[rows, unknown]
        if len(axes) == 1:
            return self.dde.grad.jacobian(outputs, inputs, i=unknown, j=axes[0])[rows, 0]
        component = unknown if outputs.shape[1] > 1 else 0
        found = self.dde.grad.hessian(outputs, inputs, component=component, i=axes[0], j=axes[1])
        for axis in axes[2:]:
            found = self.dde.grad.jacobian(found, inputs, i=0, j=axis)
        return found[rows, 0]


class Term:
    """A loss at points of its own, as DeepXDE asks for one: ``points`` and ``error``."""

    def __init__(
        self, points: Tensor, left: Callable[[Tensor, Tensor, slice], Tensor], weight: float = 1.0
    ) -> None:
        self.points, self.left, self.weight = points.numpy().astype(np.float32), left, weight

    def collocation_points(self, X: Any) -> np.ndarray:
        """Where the loss is taken."""
        return self.points

    def error(
        self, X: Any, inputs: Tensor, outputs: Tensor, beg: int, end: int, aux_var: Any = None
    ) -> Tensor:
        """What is left there."""
        return self.left(inputs, outputs, slice(beg, end))[:, None]


def conditions(caller: Caller, own: Recipe, seed: int) -> list[Term]:
    """Every condition of the problem as a loss."""
    generator = torch.Generator().manual_seed(seed)
    found: list[Term] = []
    for one in caller.problem.conditions.values():
        if isinstance(one, Condition):
            found.append(_edge(caller, one, own, generator))
        elif isinstance(one, Data):
            found.append(_measured(caller, one))
        elif isinstance(one, Integral):
            found.append(_integral(caller, one, own, seed))
        elif isinstance(one, Periodic):
            found += _around(caller, one, own, seed)
        elif isinstance(one, Symmetry):
            found.append(_mirrored(caller, one, own, seed))
    return found


def _edge(caller: Caller, one: Condition, own: Recipe, generator: torch.Generator) -> Term:
    domain = caller.problem.domain
    axes = [torch.linspace(low, high, DENSE[len(domain.bounds)]).double() for low, high in domain.bounds]
    parts = [piece.sample(axes) for piece in domain.on(one.on)]
    points, normals = (torch.cat(part) for part in zip(*parts, strict=True))
    count = own.initial if one.on == "t.low" else own.boundary
    kept = torch.randperm(len(points), generator=generator)[:count]
    points, normals = points[kept], normals[kept].float()
    return Term(points, lambda x, u, rows: caller.left(one.law, x, u, rows, normals), one.weight)


def _measured(caller: Caller, one: Data) -> Term:
    values = one.values.float()
    return Term(one.points, lambda x, u, rows: caller.left(one.law, x, u, rows) - values)


def _integral(caller: Caller, one: Integral, own: Recipe, seed: int) -> Term:
    """The mean of even points times the volume."""
    points, volume = fresh(caller.problem, own.domain, seed), _volume(caller.problem)
    return Term(
        points, lambda x, u, rows: caller.left(one.law, x, u, rows).mean(0, keepdim=True) * volume - one.value
    )


def _volume(problem: Problem) -> float:
    """Of the domain, by the share of even points of its box that lie inside."""
    ends = torch.tensor(problem.domain.bounds, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    share = torch.rand(20_000, len(ends), dtype=torch.float64, generator=generator)
    inside = problem.domain.inside(ends[:, 0] + share * (ends[:, 1] - ends[:, 0])).double().mean()
    return float((ends[:, 1] - ends[:, 0]).prod() * inside)


def _around(caller: Caller, one: Periodic, own: Recipe, seed: int) -> list[Term]:
    """Values, and slopes along the axis, at both ends; as ``dde.icbc.PeriodicBC`` of orders 0 and 1."""
    problem = caller.problem
    axis, points = problem.domain.coordinates.index(one.axis), fresh(problem, own.boundary, seed)
    low, high = points.clone(), points.clone()
    low[:, axis], high[:, axis] = problem.domain.bounds[axis]
    orders = (
        (0,) * len(problem.domain.bounds),
        tuple(int(k == axis) for k in range(len(problem.domain.bounds))),
    )
    return [
        Term(torch.cat([low, high]), partial(_pair, caller, unknown, index, 1.0))
        for unknown in range(len(problem.unknowns))
        for index in orders
    ]


def _mirrored(caller: Caller, one: Symmetry, own: Recipe, seed: int) -> Term:
    problem = caller.problem
    axis, points = problem.domain.coordinates.index(one.axis), fresh(problem, own.boundary, seed)
    image = points.clone()
    image[:, axis] = sum(problem.domain.bounds[axis]) - points[:, axis]
    unknown, index = problem.unknowns.index(one.unknown), (0,) * len(problem.domain.bounds)
    return Term(torch.cat([points, image]), partial(_pair, caller, unknown, index, float(one.sign)))


def _pair(
    caller: Caller, unknown: int, index: Index, sign: float, inputs: Tensor, outputs: Tensor, rows: slice
) -> Tensor:
    """How far the first half of the rows is from ``sign`` times the second."""
    one, two = caller.derivative(inputs, outputs, unknown, rows, index).chunk(2)
    return one - sign * two
