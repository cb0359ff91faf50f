r"""Targets written down in a line each: rough sums, nulls without structure, iterated maps, products.

============== ============================================================== =======================
name           ``y``                                                          inputs
============== ============================================================== =======================
additive:k     sum_i r_i(sqrt 3 x_i), r_i rough with E[r'^2] = 9 k^2          4, uniform in [-1, 1]
gp             a sample of a Gaussian process, Matern 5/2, length 1,          4, uniform in [-1, 1]
               by 512 random Fourier features
parity:k       the sign of x_1 x_2 ... x_k                                    6, uniform in [-1, 1]
iterated:t     the logistic map m <- (3.8 + 0.1 x_2) m (1 - m), t times       2, m starts at (x_1 + 1) / 2
product:k      u . v, a dot product of two vectors of length k                2 k, uniform in [-1, 1]
============== ============================================================== =======================
"""

import numpy as np

from edgewise.study.tasks.primitives import rough
from edgewise.study.tasks.task import Array, Task, uniform

FEATURES = 512


def additive(generator: np.random.Generator, roughness: int) -> Task:
    """Pure fitting: one layer of functions of one variable is enough."""
    functions = [rough(generator, 9.0 * roughness**2) for _ in range(4)]
    return uniform(4, lambda X: sum((f(3**0.5 * X[:, i]) for i, f in enumerate(functions)), np.zeros(len(X))))


def gaussian_process(generator: np.random.Generator) -> Task:
    """No composition to find; the frequencies of Matern 5/2 are Student's t with 5 degrees of freedom."""
    scale = np.sqrt(5 / generator.chisquare(5, FEATURES))
    frequency = generator.normal(size=(4, FEATURES)) * scale
    phase, weight = generator.uniform(0, 2 * np.pi, FEATURES), generator.normal(size=FEATURES)
    return uniform(4, lambda X: (2 / FEATURES) ** 0.5 * np.cos(X @ frequency + phase) @ weight)


def parity(generator: np.random.Generator, count: int) -> Task:
    """Jumps along every axis: nothing smooth helps. Which inputs count is drawn."""
    chosen = generator.permutation(6)[:count]
    return uniform(6, lambda X: np.sign(X[:, chosen]).prod(1))


def iterated(generator: np.random.Generator, steps: int) -> Task:
    """One function applied again and again: depth is what it is made of. All draws are the same map."""

    def target(X: Array) -> Array:
        state, growth = (X[:, 0] + 1) / 2, 3.8 + 0.1 * X[:, 1]
        for _ in range(steps):
            state = growth * state * (1 - state)
        return state

    return uniform(2, target)


def product(generator: np.random.Generator, length: int) -> Task:
    """A KAN needs two layers for one product. All draws are the same function."""
    return uniform(2 * length, lambda X: (X[:, :length] * X[:, length:]).sum(1))
