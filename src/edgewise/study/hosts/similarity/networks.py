r"""What stands where neural collaborative filtering has its perceptron: ``[p, q] (..., 2 d)`` to a number.

=========== ================================================================ ===============================
arm         ``y``                                                            products it can hold
=========== ================================================================ ===============================
mlp         a perceptron of three hidden levels, gelu                        none by name
learned     the same with a learned spline for every hidden node             none by name
kan         sum_k phi_k( sum_i phi_ik(x_i) ): splines, then a mix            x_i x_j = ((x_i + x_j)^2 - ..)/2
kan-noise   the same from pykan's start                                      the same
kan-mixed   sum_k phi_k( w_k . x ): a mix, then splines                      ((w . x)^2 - (v . x)^2) / 4
kan-product two layers of splines, pairs of nodes between them multiplied    as many as it has pairs
=========== ================================================================ ===============================

All have the parameters of the published perceptron within 2 %.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.errors import InputError
from edgewise.layer import KANLayer
from edgewise.network import combine
from edgewise.study.hosts.slot import INTERVALS
from edgewise.study.hosts.stacks import stack
from edgewise.study.layers import DEGREE, Dense
from edgewise.study.tasks import seeded

ARMS = ("mlp", "learned", "kan", "kan-noise", "kan-mixed", "kan-product")
SCALE = 0.5  # deviation of what the networks get
_EDGE = INTERVALS + DEGREE + 1
_SUMS = 4


def published(dimension: int, last: int) -> int:
    """Parameters of the perceptron ``2 d -> 4 h -> 2 h -> h -> 1`` with biases.

    Example:
        >>> published(16, 16)
        4737
    """
    widths = (2 * dimension, 4 * last, 2 * last, last, 1)
    return sum((below + 1) * above for below, above in pairwise(widths))


def network(arm: str, dimension: int, parameters: int, seed: int) -> nn.Module:
    """An untrained network of ``2 d`` inputs; its weights follow from the seed alone."""
    if arm not in ARMS:
        raise InputError(f"arm {arm!r} is not known; choose one of: {', '.join(ARMS)}")
    inputs = 2 * dimension
    generator = torch.Generator().manual_seed(int(seeded("weights", seed).integers(2**62)))
    if arm == "kan-mixed":
        return Mixed(inputs, round(parameters / (inputs + 1 + _EDGE)), generator)
    if arm == "kan-product":
        return Products(inputs, product_width(inputs, parameters), generator)
    levels = 2 if arm.startswith("kan") else 3
    return stack(arm, inputs, 1, levels, parameters, seed)


class Mixed(nn.Module):
    """A linear mix of the inputs, then one layer of splines."""

    def __init__(self, inputs: int, nodes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.mix = Dense(inputs, nodes, 1.0, nn.Identity(), generator)
        self.bend = _layer(nodes, 1, generator, depth=1)

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch 1"]:
        return self.bend(self.mix(x))


class Products(nn.Module):
    """Two layers of splines; of the nodes between them ``width = (sums, products)``, see ``edgewise.network``."""

    def __init__(self, inputs: int, width: tuple[int, int], generator: torch.Generator) -> None:
        super().__init__()
        self.width = width
        self.below = _layer(inputs, width[0] + 2 * width[1], generator, depth=2)
        self.above = _layer(sum(width), 1, generator, depth=2)

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch 1"]:
        return self.above(combine(self.below(x), self.width))


def product_width(inputs: int, parameters: int) -> tuple[int, int]:
    """Sums and products that come nearest to the parameters; nearly all of them products.

    Example:
        >>> product_width(16, 3713)
        (1, 12)
    """
    of_sum, of_product = _EDGE * (inputs + 1), _EDGE * (2 * inputs + 1)

    def miss(width: tuple[int, int]) -> int:
        return abs(width[0] * of_sum + width[1] * of_product - parameters)

    widths = [(sums, max(1, round((parameters - sums * of_sum) / of_product))) for sums in range(_SUMS)]
    return min(widths, key=miss)


def _layer(below: int, above: int, generator: torch.Generator, depth: int) -> KANLayer:
    return KANLayer(below, above, intervals=INTERVALS, depth=depth, generator=generator, dtype=torch.float32)
