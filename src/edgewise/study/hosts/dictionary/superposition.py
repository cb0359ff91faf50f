r"""Rows in which more features than dimensions are superposed, few at a time, with a known dictionary.

    x = sum_i f_i d_i,    d_i random directions of norm 1,    k of the f_i uniform in [1/2, 3/2], the others 0

Which ``k`` are active is drawn without preference. The null has the mean and covariance of such rows and no features
at all: a normal distribution. Rows come scaled to a mean square of 1 about their mean.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.study.tasks.task import Array

WEAKEST, STRONGEST = 0.5, 1.5


class Superposed(NamedTuple):
    """Rows ``X (n, width)`` and the features ``f (n, features)`` they are made of."""

    X: Float[Tensor, "n width"]
    f: Float[Tensor, "n features"]


class Superposition(NamedTuple):
    """``directions (features, width)`` of norm 1, of which ``active`` at a time make a row.

    ``mean`` and ``scale`` bring rows to mean 0 and mean square 1; ``factor`` is given for the null alone: the lower
    triangle whose product with its transpose is the covariance of scaled rows.
    """

    directions: Array
    active: int
    mean: Array
    scale: float
    factor: Array | None = None

    def draw(self, count: int, rng: np.random.Generator) -> Superposed:
        """Rows with their features; those of the null have features too, which have no part in them."""
        f = _features(count, len(self.directions), self.active, rng)
        X = (f @ self.directions - self.mean) * self.scale
        if self.factor is not None:
            X = rng.normal(size=X.shape) @ self.factor.T
        return Superposed(torch.from_numpy(X.astype(np.float32)), torch.from_numpy(f.astype(np.float32)))


def superposition(features: int, width: int, active: int, rng: np.random.Generator) -> Superposition:
    """A random dictionary with the exact mean and mean square of its rows."""
    directions = rng.normal(size=(features, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    middle, _ = _moments(features, active)
    spread = np.trace(covariance(directions, active)) / width
    return Superposition(directions, active, middle * directions.sum(0), float(spread**-0.5))


def null(known: Superposition) -> Superposition:
    """The same without features."""
    scaled = covariance(known.directions, known.active) * known.scale**2
    return known._replace(factor=np.linalg.cholesky(scaled))


def covariance(directions: Array, active: int) -> Array:
    """Of unscaled rows, ``(width, width)``: sum over pairs of cov(f_i, f_j) d_i d_j^T."""
    features = len(directions)
    middle, square = _moments(features, active)
    amplitude = (WEAKEST + STRONGEST) / 2
    together = amplitude**2 * active * (active - 1) / (features * (features - 1))
    cov = np.full((features, features), together - middle**2)
    np.fill_diagonal(cov, square - middle**2)
    return directions.T @ cov @ directions


def _moments(features: int, active: int) -> tuple[float, float]:
    """E[f_i] and E[f_i^2]."""
    share = active / features
    third = (STRONGEST**3 - WEAKEST**3) / (3 * (STRONGEST - WEAKEST))
    return share * (WEAKEST + STRONGEST) / 2, share * third


def _features(count: int, features: int, active: int, rng: np.random.Generator) -> Array:
    chosen = rng.random((count, features)).argpartition(active - 1, axis=1)[:, :active]
    f = np.zeros((count, features))
    np.put_along_axis(f, chosen, rng.uniform(WEAKEST, STRONGEST, (count, active)), axis=1)
    return f
