r"""Width and nodes of a decoder of a given depth, so that all depths have the same parameters beside the embedding.

    parameters = L ( 3 d^2 + 18 d n )      attention with half as many key heads, and a KAN slot of n nodes

Among all widths ``d`` (multiples of 4, from 32 on of 8) and nodes ``n`` within 1.5 % of the budget, the slot is to have
as nearly as possible 2.5 times the parameters of attention (MobileLLM-125M: 3); where none is so close, the closest
is taken.
"""

from math import log

from edgewise.study.hosts.decoder import Plan
from edgewise.study.hosts.slot import INTERVALS
from edgewise.study.layers import DEGREE

TOLERANCE, RATIO, BYTES = 0.015, 2.5, 256
WIDE = 32  # from here on four heads, below two
PER_EDGE = INTERVALS + DEGREE + 1


def shaped(blocks: int, budget: float, passes: int = 1) -> Plan:
    """The plan of a decoder of so many blocks.

    Example:
        >>> plan = shaped(6, 99_300)
        >>> plan.width, plan.nodes, plan.heads
        (40, 16, 4)
    """
    most = int((budget / blocks / 3) ** 0.5)
    widths = [d for d in range(8, max(most, 8) + 1, 4) if d < WIDE or d % 8 == 0]
    choices = [(d, n) for d in widths for n in _near(d, budget / blocks)]
    width, nodes = min(choices, key=lambda choice: _cost(*choice, budget / blocks))
    heads = 4 if width >= WIDE else 2
    return Plan(BYTES, width, heads, heads // 2, blocks, nodes, passes)


def _near(width: int, budget: float) -> list[int]:
    """Numbers of nodes just below and above the budget of a block."""
    exact = (budget - 3 * width**2) / (2 * PER_EDGE * width)
    return [max(2, int(exact)), max(2, int(exact) + 1)]


def _cost(width: int, nodes: int, budget: float) -> tuple[float, float]:
    attention, slot = 3 * width**2, 2 * PER_EDGE * width * nodes
    off = abs(log((attention + slot) / budget))
    return max(off, TOLERANCE), abs(log(slot / attention / RATIO))
