r"""Prompts: points of a function that is another in every prompt, and queries of it.

========= ========================================== ======================= ===========
family    ``f(x)``                                   drawn for every prompt  ``x``
========= ========================================== ======================= ===========
linear    sum_i w_i x_i                              w_i ~ N(0, 1 / 5)       N(0, 1)^5
additive  sum_i g_i(x_i),  g_i = sum_m w_im phi_m    w_im ~ N(0, 1 / 6)      U(-1, 1)^2
composed  sqrt 2 sin( 5/4 sum_i g_i(x_i) )           the same                U(-1, 1)^2
========= ========================================== ======================= ===========

with ``phi = (sqrt 3 x, sqrt 2 cos pi x, sqrt 2 sin pi x)``. All have a mean square of 1, composed ones of 0.96. The
``POINTS`` of a prompt come with noise of deviation ``NOISE``; what is asked for at its ``QUERIES`` is the function
without noise.

Least squares knows what the model has to find out: with ``F`` the features (``x`` itself, or all ``phi_m(x_i)``) it
predicts ``F(query) w``, ``w = (F^T F + lambda)^-1 F^T y``. With ``lambda = NOISE^2 / Var w``, ridge regression, nobody
does better on linear and additive prompts; ``lambda = 0`` is ordinary least squares. On composed prompts the same
features say how far a sum gets.
"""

from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.study.tasks import seeded

POINTS, QUERIES = 16, 8
NOISE = 0.5
COORDINATES = {"linear": 5, "additive": 2, "composed": 2}
FAMILIES = tuple(COORDINATES)


@dataclass(frozen=True)
class Prompts:
    """Points with what was observed there, then queries with what is asked for."""

    x: Float[Tensor, "prompts tokens coordinates"]
    observed: Float[Tensor, "prompts points"]
    asked: Float[Tensor, "prompts queries"]

    def tokens(self) -> Float[Tensor, "prompts tokens entries"]:
        """``(x, y)`` of points, ``(x, 0)`` of queries."""
        y = torch.cat([self.observed, torch.zeros_like(self.asked)], dim=1)
        return torch.cat([self.x, y[..., None]], dim=-1)


def drawn(family: str, count: int, *label: object) -> Prompts:
    """So many prompts, float32; they follow from the label alone."""
    generator, coordinates = seeded("looped", family, *label), COORDINATES[family]
    shape = (count, POINTS + QUERIES, coordinates)
    x = generator.normal(size=shape) if family == "linear" else generator.uniform(-1, 1, shape)
    found = features(family, x)
    weights = generator.normal(size=(count, found.shape[-1], 1)) / found.shape[-1] ** 0.5
    y = (found @ weights)[..., 0]
    if family == "composed":
        y = 2**0.5 * np.sin(1.25 * y)
    observed = y[:, :POINTS] + NOISE * generator.normal(size=(count, POINTS))
    return Prompts(*(torch.from_numpy(part).float() for part in (x, observed, y[:, POINTS:])))


def features(family: str, x: np.ndarray) -> np.ndarray:
    """``F``: of mean square 1 each, so that their weights have variance 1 over their number."""
    if family == "linear":
        return x
    turned = (3**0.5 * x, 2**0.5 * np.cos(pi * x), 2**0.5 * np.sin(pi * x))
    return np.concatenate(turned, axis=-1)


def least_squares(family: str, prompts: Prompts, *, ridge: bool) -> float:
    """Mean square error at the queries of ridge regression, or of ordinary least squares."""
    found = features(family, prompts.x.double().numpy())
    points, queries = found[:, :POINTS], found[:, POINTS:]
    penalty = NOISE**2 * found.shape[-1] if ridge else 0.0
    gram = points.transpose(0, 2, 1) @ points + penalty * np.eye(found.shape[-1])
    moments = points.transpose(0, 2, 1) @ prompts.observed.double().numpy()[..., None]
    predicted = (queries @ np.linalg.solve(gram, moments))[..., 0]
    return float(np.square(predicted - prompts.asked.double().numpy()).mean())
