r"""Nested trees: a target that is a composition of known depth ``D`` and roughness ``kappa``.

Four inputs ``z = sqrt(3) x``, ``x`` uniform in ``[-1, 1]^4``. Every level joins node ``j`` with node ``p``, one and two
places on by turns, in one of two ways, drawn at random and half as often each:

    (h_1(z_j) +- h_2(z_p)) / sqrt 2      functions first, as on the edges of a KAN
    h((z_j +- z_p) / sqrt 2)             sum first, as in the nodes of a perceptron

and is brought back to mean 0 and variance 1, measured once on 4096 rows. The target is ``(z_0 +- z_2) / sqrt 2`` after
``D`` levels, with the sign that keeps them from cancelling; it needs all four inputs at every ``D``. ``h`` are
primitives of roughness ``kappa``, see ``edgewise.study.tasks.primitives``.
"""

from collections.abc import Callable

import numpy as np

from edgewise.study.tasks.primitives import primitive
from edgewise.study.tasks.task import Array, Task, uniform

INPUTS = 4
REFERENCE = 4096
Level = Callable[[Array], Array]


def nested(generator: np.random.Generator, depth: int, roughness: int) -> Task:
    """A tree of ``depth`` levels."""
    reference = 3**0.5 * generator.uniform(-1, 1, (REFERENCE, INPUTS))
    levels: list[Level] = []
    for step in range(depth):
        level = _normalised(_level(generator, 1 + step % 2, roughness), reference)
        levels.append(level)
        reference = level(reference)

    sign = 1.0 if (reference[:, 0] * reference[:, 2]).mean() >= 0 else -1.0

    def target(X: Array) -> Array:
        z = 3**0.5 * X
        for level in levels:
            z = level(z)
        return (z[:, 0] + sign * z[:, 2]) / 2**0.5

    return uniform(INPUTS, target)


def _level(generator: np.random.Generator, step: int, roughness: int) -> Level:
    nodes = [_node(generator, j, (j + step) % INPUTS, roughness) for j in range(INPUTS)]
    return lambda z: np.stack([node(z) for node in nodes], axis=1)


def _node(generator: np.random.Generator, j: int, p: int, roughness: int) -> Level:
    sign = generator.choice([-1.0, 1.0])
    sum_first = generator.random() < 0.5
    first, second = primitive(generator, roughness), primitive(generator, roughness)
    if sum_first:
        return lambda z: first((z[:, j] + sign * z[:, p]) / 2**0.5)
    return lambda z: (first(z[:, j]) + sign * second(z[:, p])) / 2**0.5


def _normalised(level: Level, reference: Array) -> Level:
    made = level(reference)
    mean, spread = made.mean(0), made.std(0)
    return lambda z: (level(z) - mean) / spread
