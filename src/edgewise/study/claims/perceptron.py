r"""Perceptrons trained with edgewise's own Levenberg-Marquardt, so that a comparison is not one of optimizers.

    x_1 = f(W_0 x + b_0),  ...,  y = W_L x_L + b_L         f = tanh on every node, or learned on each:

    f_j(z) = sum_m c_jm B_m(tanh z)

with cubic B-splines of five cells on [-1, 1], which start as tanh exactly. Sizes and weight decays, the likeliest
from several starts, are tuned as ``edgewise.study.claims.tournament`` says.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import splines
from edgewise.study.claims.tournament import Table, best_of
from edgewise.study.tasks.task import Array
from edgewise.train.levenberg import Solver


class Kind(NamedTuple):
    """Hidden layers, weight decay, and whether the functions on the nodes are learned."""

    hidden: tuple[int, ...]
    decay: float
    learned: bool = False


TRIALS = (
    Kind((15, 15), 1e-12),
    Kind((15, 15), 1e-12),
    Kind((15, 15), 1e-12),
    Kind((10, 10), 1e-12),
    Kind((10, 10), 1e-12),
    Kind((20, 20), 1e-12),
    Kind((15, 15), 1e-6),
    Kind((10, 10), 1e-4),
    Kind((30,), 1e-8),
    Kind((10,), 1e-4),
    Kind((12, 12, 12), 1e-12),
)
HELD_OUT = 0.2
PATIENCE = 400
DEGREE, CELLS = 3, 5


class Perceptron:
    """Values and Jacobian of a perceptron with one output, as functions of one vector of parameters."""

    def __init__(self, inputs: int, hidden: tuple[int, ...], learned: bool = False) -> None:
        widths = (inputs, *hidden, 1)
        self.shapes = [(wide, narrow) for narrow, wide in itertools.pairwise(widths)]
        ends = torch.ones(1, dtype=torch.float64)
        self.knots = splines.uniform_knots(-ends, ends, CELLS, DEGREE) if learned else None
        curves = [DEGREE + CELLS if learned else 0] * len(hidden) + [0]
        self.sizes = [
            (out * (fan + 1), out * functions)
            for (out, fan), functions in zip(self.shapes, curves, strict=True)
        ]
        self.count = sum(map(sum, self.sizes))

    def start(self, generator: torch.Generator) -> Float[Tensor, " count"]:
        """Weights of variance one over the fan-in, biases as large, functions that are tanh."""
        parts = []
        for (out, fan), (_, curve) in zip(self.shapes, self.sizes, strict=True):
            parts.append(torch.randn(out * (fan + 1), generator=generator, dtype=torch.float64) / fan**0.5)
            if self.knots is not None and curve:
                parts.append(_identity(self.knots).repeat(out))
        return torch.cat(parts)

    def layers(self, parameters: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Weights ``(out, in)``, bias ``(out,)`` and coefficients ``(out, functions)`` of every layer."""
        pieces = iter(parameters.split([size for pair in self.sizes for size in pair]))
        return [
            (piece[: out * fan].view(out, fan), piece[out * fan :], next(pieces).view(out, -1))
            for piece, (out, fan) in zip(pieces, self.shapes, strict=False)
        ]

    def activations(self, parameters: Tensor, X: Float[Tensor, "n inputs"]) -> list[Tensor]:
        """What enters every layer, and at the end the output ``(n, 1)``."""
        found = [X]
        layers = self.layers(parameters)
        for k, (weight, bias, curve) in enumerate(layers):
            values = torch.addmm(bias, found[-1], weight.T)
            found.append(values if k == len(layers) - 1 else self._bent(values, curve)[0])
        return found

    def linearise(self, parameters: Tensor, X: Float[Tensor, "n inputs"]) -> tuple[Tensor, Tensor]:
        """Outputs ``(n,)`` and their Jacobian ``(n, count)``."""
        layers, entering, bends = self.layers(parameters), [X], []
        for weight, bias, curve in layers[:-1]:
            values, slopes, functions = self._bent(torch.addmm(bias, entering[-1], weight.T), curve)
            entering.append(values)
            bends.append((slopes, functions))
        weight, bias, _ = layers[-1]
        output = torch.addmm(bias, entering[-1], weight.T)
        return output[:, 0], self._jacobian(layers, entering, bends)

    def _jacobian(self, layers: Sequence, entering: list[Tensor], bends: list) -> Tensor:
        """From the output down: ``upstream (n, out)`` is its derivative by what a layer's nodes get."""
        upstream, parts = torch.ones_like(entering[-1][:, :1]), []
        for k in range(len(layers) - 1, -1, -1):
            parts += [upstream, (upstream[:, :, None] * entering[k][:, None, :]).flatten(1)]
            if k:
                slopes, functions = bends[k - 1]
                upstream = upstream @ layers[k][0]
                if functions is not None:
                    parts.append((upstream[:, :, None] * functions).flatten(1))
                upstream = upstream * slopes
        return torch.cat(parts[::-1], dim=1)

    def _bent(self, values: Tensor, curve: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Functions of nodes, their slopes, and the values of basis functions ``(n, nodes, functions)``."""
        bent = values.tanh()
        if self.knots is None:
            return bent, 1 - bent**2, None
        functions, slopes = splines.jet(bent, self.knots.expand(bent.shape[1], -1), DEGREE, 1)
        return (functions * curve).sum(-1), (slopes * curve).sum(-1) * (1 - bent**2), functions


def _identity(knots: Tensor) -> Tensor:
    """Coefficients of ``s(t) = t``: the mean of the inner knots under every basis function."""
    return knots[0, 1:-1].unfold(0, DEGREE, 1).mean(1)


class PerceptronTrial:
    """One size and decay on its way down; ``best`` are the parameters that met the held-out rows best."""

    def __init__(self, table: Table, kind: Kind, seed: int) -> None:
        self.table, self.kind = table, kind
        self.net = Perceptron(table.X.shape[1], kind.hidden, kind.learned)
        self.weight, self.pull = len(table.y) ** -0.5, (kind.decay / self.net.count) ** 0.5
        start = self.net.start(torch.Generator().manual_seed(seed))
        self.solver = Solver(self._residual, self._linearise, start)
        self.best, self.error, self.since = start, np.inf, 0

    @property
    def shape(self) -> str:
        """Widths as they are written."""
        return str([self.table.X.shape[1], *self.kind.hidden, 1])

    @property
    def parameters(self) -> int:
        """How many can move."""
        return self.net.count

    def train(self, until: float) -> None:
        """Steps until the time of ``time.perf_counter``, the end of progress or of patience."""
        while time.perf_counter() < until and self.since < PATIENCE and self.solver.advance():
            held = self._values(self.solver.parameters, self.table.held_X) - self.table.held_y
            error = float(held.square().mean())
            self.since += 1
            if error < self.error:
                self.since = 0 if error < 0.98 * self.error else self.since
                self.best, self.error = self.solver.parameters, error

    def predict(self, X: Array) -> Array:
        """The best state's values in the user's units."""
        return self.table.left(self._values(self.best, self.table.entered(X)))

    def _values(self, parameters: Tensor, X: Tensor) -> Tensor:
        return self.net.activations(parameters, X)[-1][:, 0]

    def _residual(self, parameters: Tensor) -> Tensor:
        misses = self._values(parameters, self.table.X) - self.table.y
        return torch.cat([misses * self.weight, parameters * self.pull])

    def _linearise(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        values, jacobian = self.net.linearise(parameters, self.table.X)
        residuals = torch.cat([(values - self.table.y) * self.weight, parameters * self.pull])
        pull = self.pull * torch.eye(len(parameters), dtype=torch.float64)
        return residuals, torch.cat([jacobian * self.weight, pull])


def tuned(table: Table, kinds: Sequence[Kind], seconds: float, seed: int) -> PerceptronTrial:
    """The best of these kinds."""
    trials = [PerceptronTrial(table, kind, seed + k) for k, kind in enumerate(kinds)]
    return best_of(
        trials, lambda trial, k: PerceptronTrial(table, trial.kind, seed + len(kinds) + k), seconds
    )


def fit_perceptron(X: Array, y: Array, seconds: float, seed: int) -> Callable[[Array], Array]:
    """The prediction of the best trial, twenty of a hundred rows held out."""
    order = np.random.default_rng(seed).permutation(len(y))
    held, kept = np.split(order, [int(HELD_OUT * len(y))])
    return tuned(Table(X, y, kept, held), TRIALS, seconds, seed).predict
