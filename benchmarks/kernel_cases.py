"""What is measured: shapes, the data that every contestant gets, and the figures aimed at."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

DEGREE = 3
CLEARANCE = 1e-3
WRONG = 1e-3


@dataclass(frozen=True)
class Case:
    """``layers`` layers ``width -> width`` of ``intervals`` on ``batch`` rows; more than one means an Adam step.

    Aimed at: ``perceptron`` and ``jax``, edgewise's time over that of the parameter-matched perceptron in torch and
    in JAX; ``rival``, the time of the fastest exact spline layer from PyPI over edgewise's.
    """

    name: str
    batch: int
    width: int
    intervals: int
    layers: int = 1
    perceptron: float | None = None
    rival: float | None = None
    jax: float | None = None

    @property
    def hidden(self) -> int:
        """Such that ``in*h + h*out`` is ``in*out*(intervals + 4)``, a cubic layer's coefficients and base."""
        return round(self.width * (self.intervals + DEGREE + 1) / 2)

    @property
    def title(self) -> str:
        shape = f"{self.batch} x {self.width} -> {self.width}"
        what = "forward and backward" if self.layers == 1 else f"{self.layers} layers, a whole Adam step"
        return f"{shape}, {self.intervals} intervals, {what}"

    def spline_flops(self, degree: int = DEGREE) -> float:
        """Useful operations of one forward: a sample meets ``degree + 1`` basis functions and a base."""
        return 2.0 * self.layers * self.batch * self.width**2 * (degree + 2)

    def perceptron_flops(self) -> float:
        return 4.0 * self.layers * self.batch * self.width * self.hidden

    @cached_property
    def x(self) -> np.ndarray:
        """Uniform on [-1, 1], float32, clear of the knots of ``intervals + 2`` cells.

        Those belong to the peer of degree 1, whose derivative jumps there: rounding may take either side.
        """
        generator = np.random.default_rng(0)
        x = generator.uniform(-1, 1, (self.batch, self.width)).astype(np.float32)
        while True:
            place = (x + 1.0) * (self.intervals + DEGREE - 1) / 2
            close = np.abs(place - np.round(place)) < CLEARANCE
            if not close.any():
                return x
            x[close] = generator.uniform(-1, 1, close.sum())

    @cached_property
    def upstream(self) -> np.ndarray:
        """The gradient that comes from above; the target of an Adam step."""
        return np.random.default_rng(1).standard_normal((self.batch, self.width)).astype(np.float32)


CASES = {
    case.name: case
    for case in (
        Case("64-5", 1024, 64, 5, perceptron=0.45, rival=4.0, jax=1.0),
        Case("64-20", 1024, 64, 20, perceptron=0.20, rival=8.0),
        Case("64-100", 1024, 64, 100, perceptron=0.06, rival=20.0),
        Case("64-500", 1024, 64, 500),
        Case("256-5", 1024, 256, 5, perceptron=0.40, rival=3.5, jax=1.0),
        Case("768-5", 512, 768, 5, perceptron=0.45, rival=2.5, jax=1.0),
        Case("adam-64-5", 1024, 64, 5, layers=3, perceptron=0.45, rival=3.5),
    )
}
FINE = ("64-500", 2.5)  # time at 500 intervals over that at 5
FORWARD = ("256-5", 0.5)  # forward alone, over the multiply-add peak
SMALL = 80.0  # pykan's time over edgewise's, loss and gradient of a small network
THREADS = 0.85  # speed-up by two threads over that of torch.mm
MEMORY = 6.0  # working memory of a step over batch * (in + out)
