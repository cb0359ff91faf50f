"""A task: where its rows come from, and which kind of target they have."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = tuple[Array, Array]
PARTS = ("train", "valid", "test", "held")


@dataclass(frozen=True)
class Task:
    """A question with as many fresh rows as one asks for.

    ``rows(count, part, generator)`` gives inputs ``(count, inputs)`` and targets ``(count, 1)``; ``part`` is
    ``"train"``, ``"valid"``, ``"test"`` or, where ``held`` says that there is one, ``"held"``: combinations that
    training never shows. ``outputs`` is 1 for a number and the number of classes otherwise. A task from a table has
    fewer rows than one may ask for and then gives all it has.
    """

    inputs: int
    outputs: int
    rows: Callable[[int, str, np.random.Generator], Rows]
    held: bool = False

    @property
    def classes(self) -> bool:
        """Whether targets are class numbers."""
        return self.outputs > 1


def uniform(inputs: int, target: Callable[[Array], Array]) -> Task:
    """``y = target(x)`` with ``x`` uniform in ``[-1, 1]^inputs``."""

    def rows(count: int, part: str, generator: np.random.Generator) -> Rows:
        X = generator.uniform(-1, 1, (count, inputs))
        return X, target(X)[:, None]

    return Task(inputs, 1, rows)


def shuffled(task: Task) -> Task:
    """The same inputs and the same targets, not belonging together: nothing can be learned."""

    def rows(count: int, part: str, generator: np.random.Generator) -> Rows:
        X, y = task.rows(count, part, generator)
        return X, generator.permutation(y)

    return Task(task.inputs, task.outputs, rows)
