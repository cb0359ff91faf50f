r"""The scales of a table in one pass, a block at a time.

Ranges join by minimum and maximum. Counts, means and sums of squared deviations join by

    n = n_a + n_b,   d = m_b - m_a,   m = m_a + d n_b / n,   S = S_a + S_b + d^2 n_a n_b / n,

which keeps its digits where a sum of squares would not. Source: Chan, Golub & LeVeque, *Updating formulae and a
pairwise algorithm for computing sample variances*, Stanford STAN-CS-79-773 (1979).
"""

from typing import NamedTuple

import numpy as np
import torch

from edgewise.data import LARGEST, Scales, scales_of
from edgewise.engines import Engine
from edgewise.errors import InputError
from edgewise.large.sources import Block, Source


class Summary(NamedTuple):
    """Number of some rows, ``low`` and ``high (inputs,)``, ``mean`` and ``squares (outputs,)`` about it."""

    rows: float
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    def joined(self, other: "Summary") -> "Summary":
        """The summary of both sets of rows."""
        count = self.rows + other.rows
        if not count:
            return self
        apart = other.mean - self.mean
        return Summary(
            count,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.mean + apart * (other.rows / count),
            self.squares + other.squares + apart**2 * (self.rows * other.rows / count),
        )


def stream_scales(source: Source, engine: Engine, products: int = 0) -> Scales:
    """``data.measure`` of a whole table; every process reads its share of the blocks and all get the same scales.

    The last ``products`` targets come from product nodes. Raises ``InputError`` where a number is missing, infinite
    or beyond 1e150.
    """
    mine = _nothing(source.features, source.targets)
    for block in range(engine.rank, len(source.block_rows), engine.world):
        mine = mine.joined(_summary(source.read(block), block))
    whole = _nothing(source.features, source.targets)
    for row in engine.gathered(_packed(mine)).numpy():
        whole = whole.joined(_unpacked(row, source.features, source.targets))
    shifted = np.arange(source.targets) < source.targets - products
    deviation = np.sqrt(whole.squares / whole.rows + np.where(shifted, 0.0, whole.mean**2))
    parts = (whole.low, whole.high, np.where(shifted, whole.mean, 0.0), deviation)
    return scales_of(*(torch.from_numpy(part) for part in parts))


def _nothing(features: int, targets: int) -> Summary:
    far, none = np.full(features, np.inf), np.zeros(targets)
    return Summary(0.0, far, -far, none, none)


def _summary(rows: Block, block: int) -> Summary:
    X, y = (part.astype(np.float64, copy=False) for part in rows)
    for name, part in (("features", X), ("targets", y)):
        largest = np.abs(part).max()
        if not largest <= LARGEST:
            raise InputError(
                f"the {name} of block {block} hold a NaN, an infinity or a number beyond {LARGEST:g}; "
                "drop or fill those rows, or use other units"
            )
    mean = y.mean(0)
    return Summary(float(len(X)), X.min(0), X.max(0), mean, ((y - mean) ** 2).sum(0))


def _packed(summary: Summary) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([[summary.rows], *summary[1:]]))[None]


def _unpacked(row: np.ndarray, features: int, targets: int) -> Summary:
    low, high, mean, squares = np.split(row[1:], np.cumsum([features, features, targets]))
    return Summary(float(row[0]), low, high, mean, squares)
