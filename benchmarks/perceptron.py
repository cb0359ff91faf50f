"""A tanh perceptron trained with edgewise's own Levenberg-Marquardt, so that a comparison is not one of optimizers.

Sizes and weight decays, the likeliest from several starts, share the first third of the time, twenty of a hundred rows
held out; the best three on those rows share the second third, the best of them gets the last, and new starts of its
kind what it leaves. Rows and target are centred and scaled.
"""

import itertools
import time
from collections.abc import Callable

import numpy as np
import torch

from edgewise.train.levenberg import Solver

TRIALS = (
    ((15, 15), 1e-12),
    ((15, 15), 1e-12),
    ((15, 15), 1e-12),
    ((10, 10), 1e-12),
    ((10, 10), 1e-12),
    ((20, 20), 1e-12),
    ((15, 15), 1e-6),
    ((10, 10), 1e-4),
    ((30,), 1e-8),
    ((10,), 1e-4),
    ((12, 12, 12), 1e-12),
)
HELD_OUT = 0.2
PATIENCE = 400
ROUNDS = ((len(TRIALS), 1 / 3), (3, 2 / 3))


class Perceptron:
    """Values and Jacobian of a tanh perceptron with one output, as functions of one vector of parameters."""

    def __init__(self, inputs: int, hidden: tuple[int, ...]) -> None:
        widths = (inputs, *hidden, 1)
        self.shapes = [(wide, narrow) for narrow, wide in itertools.pairwise(widths)]
        self.count = sum(out * (fan + 1) for out, fan in self.shapes)

    def start(self, generator: torch.Generator) -> torch.Tensor:
        """Weights of variance one over the fan-in, biases as large."""
        parts = [
            torch.randn(out * (fan + 1), generator=generator, dtype=torch.float64) / fan**0.5
            for out, fan in self.shapes
        ]
        return torch.cat(parts)

    def layers(self, parameters: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Weights ``(out, in)`` and bias ``(out,)`` of every layer."""
        pieces = parameters.split([out * (fan + 1) for out, fan in self.shapes])
        return [
            (piece[: out * fan].view(out, fan), piece[out * fan :])
            for piece, (out, fan) in zip(pieces, self.shapes, strict=True)
        ]

    def activations(self, parameters: torch.Tensor, X: torch.Tensor) -> list[torch.Tensor]:
        """What enters every layer, and at the end the output ``(n, 1)``."""
        found = [X]
        layers = self.layers(parameters)
        for k, (weight, bias) in enumerate(layers):
            values = torch.addmm(bias, found[-1], weight.T)
            found.append(values if k == len(layers) - 1 else values.tanh())
        return found

    def linearise(self, parameters: torch.Tensor, X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs ``(n,)`` and their Jacobian ``(n, count)``."""
        found = self.activations(parameters, X)
        slope, parts = torch.ones_like(found[-1]), []
        for (weight, _), entering in zip(self.layers(parameters)[::-1], found[-2::-1], strict=True):
            parts += [slope, (slope[:, :, None] * entering[:, None, :]).flatten(1)]
            slope = (slope @ weight) * (1 - entering**2)
        return found[-1][:, 0], torch.cat(parts[::-1], dim=1)


class Trial:
    """One size and decay on its way down; ``best`` are the parameters that met the held-out rows best."""

    def __init__(
        self, rows: tuple[torch.Tensor, ...], hidden: tuple[int, ...], decay: float, seed: int
    ) -> None:
        self.X, self.y, self.held_X, self.held_y = rows
        self.kind = hidden, decay
        self.net = Perceptron(self.X.shape[1], hidden)
        self.weight, self.pull = len(self.y) ** -0.5, (decay / self.net.count) ** 0.5
        start = self.net.start(torch.Generator().manual_seed(seed))
        self.solver = Solver(self._residual, self._linearise, start)
        self.best, self.error, self.since = start, np.inf, 0

    def train(self, until: float) -> None:
        """Steps until the time of ``time.perf_counter``, the end of progress or of patience."""
        while time.perf_counter() < until and self.since < PATIENCE and self.solver.advance():
            held = self.net.activations(self.solver.parameters, self.held_X)[-1][:, 0] - self.held_y
            error = float(held.square().mean())
            self.since += 1
            if error < self.error:
                self.since = 0 if error < 0.98 * self.error else self.since
                self.best, self.error = self.solver.parameters, error

    def _residual(self, parameters: torch.Tensor) -> torch.Tensor:
        values = self.net.activations(parameters, self.X)[-1][:, 0]
        return torch.cat([(values - self.y) * self.weight, parameters * self.pull])

    def _linearise(self, parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, jacobian = self.net.linearise(parameters, self.X)
        residuals = torch.cat([(values - self.y) * self.weight, parameters * self.pull])
        pull = self.pull * torch.eye(len(parameters), dtype=torch.float64)
        return residuals, torch.cat([jacobian * self.weight, pull])


def fit_perceptron(
    X: np.ndarray, y: np.ndarray, seconds: float, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """The prediction of the best trial."""
    start = time.perf_counter()
    center, spread, middle, scale = X.mean(0), X.std(0), y.mean(), y.std()
    order = np.random.default_rng(seed).permutation(len(y))
    held, kept = np.split(order, [int(HELD_OUT * len(y))])
    scaled_X, scaled_y = torch.tensor((X - center) / spread), torch.tensor((y - middle) / scale)
    rows = (scaled_X[kept], scaled_y[kept], scaled_X[held], scaled_y[held])
    trials = [Trial(rows, hidden, decay, seed + k) for k, (hidden, decay) in enumerate(TRIALS)]
    begun = 0.0
    for count, share in ROUNDS:
        for k, trial in enumerate(sorted(trials, key=lambda trial: trial.error)[:count]):
            trial.train(start + seconds * (begun + (k + 1) * (share - begun) / count))
        begun = share
    for trial in sorted(trials, key=lambda trial: trial.error):
        trial.train(start + seconds)
    while time.perf_counter() < start + seconds:  # nobody has more to gain: other starts of the best size
        hidden, decay = min(trials, key=lambda trial: trial.error).kind
        trials.append(Trial(rows, hidden, decay, seed + len(trials)))
        trials[-1].train(start + seconds)
    best = min(trials, key=lambda trial: trial.error)

    def predict(X: np.ndarray) -> np.ndarray:
        values = best.net.activations(best.best, torch.tensor((X - center) / spread))[-1][:, 0]
        return values.numpy() * scale + middle

    return predict
