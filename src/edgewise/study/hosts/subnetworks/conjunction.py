r"""Rows of a conjunction of two subroutines that share no input.

    a = [x_1 x_2 < 0]               the signs of two inputs differ
    b = [x_3^2 + x_4^2 > 2 / pi]    a radius beyond its median
    y = a and b

with ten inputs, uniform in [-1, 1], of which six mean nothing. On such rows ``a`` and ``b`` are independent fair
coins. Rows for ``y`` hold it in one half; the other half breaks the rule in each of the three ways equally often, as in
the paper's pictures, so that neither subroutine alone tells more than three in four.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

INPUTS = 10
MIDDLE = 2 / np.pi  # a circle of half the square's area
_SPARE = 4  # uniform rows drawn for every row kept: half of the kept ones are of the kind that one in four is
_LEAST = 240  # rows below which chance may leave too few of a kind


class Rows(NamedTuple):
    """``X (n, 10)`` and what the two subroutines say of each row."""

    X: Float[Tensor, "n inputs"]
    a: Bool[Tensor, " n"]
    b: Bool[Tensor, " n"]

    @property
    def label(self) -> Bool[Tensor, " n"]:
        """The conjunction."""
        return self.a & self.b


def uniform(count: int, rng: np.random.Generator) -> Rows:
    """Rows in which the subroutines say nothing of each other."""
    X = torch.from_numpy(rng.uniform(-1, 1, (count, INPUTS)).astype(np.float32))
    return Rows(X, X[:, 0] * X[:, 1] < 0, X[:, 2:4].square().sum(1) > MIDDLE)


def balanced(count: int, rng: np.random.Generator) -> Rows:
    """Rows half of which hold the conjunction; ``count`` is raised to 240."""
    count = max(count, _LEAST)
    drawn = uniform(_SPARE * count, rng)
    kind = 2 * drawn.a.int() + drawn.b.int()
    failing = (count - count // 2) // 3
    wanted = (count - count // 2 - 2 * failing, failing, failing, count // 2)
    kept = torch.cat([torch.nonzero(kind == k)[:n, 0] for k, n in enumerate(wanted)])
    kept = kept[torch.from_numpy(rng.permutation(len(kept)))]
    return Rows(*(part[kept] for part in drawn))
