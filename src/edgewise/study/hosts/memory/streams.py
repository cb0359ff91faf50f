r"""Streams of pairs to remember: chunks of keys and of their values under a law that may change on the way.

    v = A^T sin(Q u + q) / 2,    u = sin(P k + p)

with ``p, q`` uniform in a turn and normal ``P (8, d)`` of variance ``3 / d``, ``Q (8, 8)`` of 3/4 and ``A (8, 8)`` of
1: a law of two layers, smooth, of no arm's own kind, whose values have mean square 1 whatever the number ``d`` of key
coordinates. Keys lie in ``[-1, 1]^d``: all over it, or, where they wander, in a box of ``2 REACH`` at a place that is
another in every context of the stream. Where the law changes, every context has another ``A``.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.study.tasks import seeded

CHUNK = 8  # pairs a write
CONTEXT = 32  # writes
VALUES = 8  # coordinates of a value
WAVES = 8
REACH = 0.35


@dataclass(frozen=True)
class Stream:
    """What is written, and which of it is asked for at the end.

    Args:
        coordinates: of a key.
        changes: whether every context has a law of its own; then only the last context is asked for.
        wanders: whether the keys of a context lie close together.
    """

    coordinates: int
    changes: bool = False
    wanders: bool = False

    def asked(self, writes: int) -> int:
        """Of the writes, how many of the last are asked for."""
        return (writes - 1) % CONTEXT + 1 if self.changes else writes


@dataclass(frozen=True)
class Pairs:
    """Streams side by side, float32."""

    keys: Float[Tensor, "streams writes chunk key"]
    values: Float[Tensor, "streams writes chunk value"]

    def last(self, writes: int) -> tuple[Float[Tensor, "streams n key"], Float[Tensor, "streams n value"]]:
        """The pairs of the last writes, oldest first."""
        return self.keys[:, -writes:].flatten(1, 2), self.values[:, -writes:].flatten(1, 2)

    def repeated(self, times: int) -> "Pairs":
        """All streams, ``times`` over."""
        return Pairs(self.keys.repeat(times, 1, 1, 1), self.values.repeat(times, 1, 1, 1))


def drawn(stream: Stream, count: int, writes: int, *label: object) -> Pairs:
    """So many streams; each has a law and a generator of its own, which follows from the label and its number."""
    made = [_one(stream, writes, seeded("memory", *label, number)) for number in range(count)]
    keys, values = (torch.from_numpy(np.stack(part)).float() for part in zip(*made, strict=True))
    return Pairs(keys, values)


def _one(stream: Stream, writes: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    below, above = _law(stream.coordinates, generator)
    keys = np.empty((writes, CHUNK, stream.coordinates))
    values = np.empty((writes, CHUNK, VALUES))
    readout = generator.normal(size=(WAVES, VALUES))
    for start in range(0, writes, CONTEXT):
        part = slice(start, start + CONTEXT)
        keys[part] = _keys(stream, keys[part].shape, generator)
        if stream.changes:
            readout = generator.normal(size=(WAVES, VALUES))
        waves = np.sin(np.sin(keys[part] @ below[1:] + below[0]) @ above[1:] + above[0])
        values[part] = waves @ readout / 2
    return keys, values


def _law(coordinates: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Phases, in the first row, and frequencies of the two layers of waves."""
    below = generator.normal(size=(coordinates + 1, WAVES)) * (3 / coordinates) ** 0.5
    above = generator.normal(size=(WAVES + 1, WAVES)) * (6 / WAVES) ** 0.5
    below[0], above[0] = generator.uniform(0, 2 * np.pi, (2, WAVES))
    return below, above


def _keys(stream: Stream, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    keys = generator.uniform(-1, 1, shape)
    if not stream.wanders:
        return keys
    return REACH * keys + (1 - REACH) * generator.uniform(-1, 1, stream.coordinates)
