r"""Equal means equal: parameters within 2 %, floating-point operations under both published conventions, equal time.

**Parameters.** All hidden levels of an arm have one width: the smallest with which it has at least the parameters asked
for. The rest, up to the next width, goes by dropping random edges from all layers but the last, evenly, so the count of
what can be trained is met within half an edge. Every arm is treated alike, and ``Shape.dropped`` says how many went.

**Operations** of one row, forwards. For a layer of ``n`` inputs and ``m`` outputs with splines of ``G`` intervals and
degree ``k``, one evaluation of the basis costs ``b = 9 k (G + 1.5 k)``:

    shared      n b + 2 n m (G + k + 1) + 4 n          the basis once for every input
    published   n m (b + 2 G - 2.5 k + 1)              the basis once for every edge: Yu et al., arXiv 2407.16674

The second is what the best-known comparison charged KANs with; no implementation since 2024 works that way.

**Time.** An arm's time over the reference's, a power of the square root of 2, so that small differences between
measurements do not make other cells.
"""

from itertools import pairwise
from math import log2
from typing import NamedTuple

from edgewise.errors import InputError
from edgewise.study.arms import Shape, kinds
from edgewise.study.layers import DEGREE, GROUPS

TOLERANCE = 0.02
LARGEST_DROP = 0.5


class Operations(NamedTuple):
    """Floating-point operations a row under the two conventions."""

    shared: float
    published: float


def matched(arm: str, inputs: int, outputs: int, depth: int, parameters: int, intervals: int) -> Shape:
    """The shape of an arm that has ``parameters`` within 2 %; ``InputError`` where there is none."""
    if depth < 1:
        raise InputError(f"depth={depth!r}: expected at least one hidden level")
    named, width = kinds(arm, depth), 2

    def widths() -> tuple[int, ...]:
        return (inputs, *[width] * depth, outputs)

    while (excess := count(named, widths(), intervals) - parameters) < 0:
        width += 1
    dropped = _dropped(named, widths(), intervals, excess)
    if dropped is None:
        raise InputError(
            f"{parameters} parameters are too few for {arm!r} with {depth} hidden levels, {inputs} inputs and "
            f"{outputs} outputs: two nodes a level have {count(named, widths(), intervals)}; ask for more"
        )
    return Shape(arm, widths(), intervals, dropped)


def count(named: tuple[str, ...], widths: tuple[int, ...], intervals: int) -> int:
    """Trainable parameters of layers of these kinds and widths."""
    pairs = zip(named, pairwise(widths), strict=True)
    return sum(n * m * per_edge(kind, intervals) + _beside(kind, n, m, intervals) for kind, (n, m) in pairs)


def per_edge(kind: str, intervals: int) -> int:
    """Trainable parameters of one edge."""
    return {"kan": intervals + DEGREE + 1, "radial": intervals + DEGREE + 1, "frozen": 2}.get(kind, 1)


def _beside(kind: str, below: int, above: int, intervals: int) -> int:
    """Trainable parameters that belong to no edge."""
    if kind in ("kan", "radial", "frozen"):
        return 0
    nodes = {"learned": below * (intervals + DEGREE + 1), "rational": 10 * min(GROUPS, below)}
    return above + nodes.get(kind, 0)


def _dropped(
    named: tuple[str, ...], widths: tuple[int, ...], intervals: int, excess: int
) -> tuple[int, ...] | None:
    """Edges to drop in each layer: the same share of each, what rounding leaves carried on; None if too many."""
    sizes = [n * m for n, m in pairwise(widths[:-1])]
    costs = [per_edge(kind, intervals) for kind in named[:-1]]
    share = excess / sum(size * cost for size, cost in zip(sizes, costs, strict=True))
    if share > LARGEST_DROP:
        return None
    dropped, owed = [], 0.0
    for size, cost in zip(sizes, costs, strict=True):
        owed += share * size * cost
        dropped.append(min(size, round(owed / cost)))
        owed -= dropped[-1] * cost
    return (*dropped, 0)


def operations(shape: Shape) -> Operations:
    """Of one row, forwards, over all layers; dropped edges are not computed cheaper and so are counted."""
    named = kinds(shape.arm, shape.depth)
    pairs = zip(named, pairwise(shape.widths), strict=True)
    found = [_layer_operations(kind, n, m, shape.intervals) for kind, (n, m) in pairs]
    return Operations(sum(one.shared for one in found), sum(one.published for one in found))


def _layer_operations(kind: str, n: int, m: int, G: int) -> Operations:
    k = DEGREE
    basis = 9 * k * (G + 1.5 * k)
    if kind == "kan":
        shared = n * basis + 2 * n * m * (G + k + 1) + 4 * n
        return Operations(shared, n * m * (basis + 2 * G - 2.5 * k + 1))
    a_node = {"gelu": 8, "learned": basis + 2 * (G + k + 1) + 4, "rational": 21, "radial": 4 * (G + k) + 4}
    a_node |= {"frozen": basis + 4}
    an_edge = {"radial": 2 * (G + k + 1), "frozen": 3 * (G + k) + 3}
    cost = n * a_node.get(kind, 0) + n * m * an_edge.get(kind, 2)
    return Operations(cost, cost)


def time_ratio(arm_seconds: float, reference_seconds: float) -> float:
    """``arm / reference`` rounded to a power of the square root of 2.

    Example:
        >>> time_ratio(3.9, 1.0)
        4.0
    """
    return 2.0 ** (round(2 * log2(arm_seconds / reference_seconds)) / 2)
