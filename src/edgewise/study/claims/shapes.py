r"""Which networks are tried for a formula of the paper: its own, and others that are no larger.

No larger means: no more layers, no more edges and no more hidden nodes than the network of the paper's best figure. Of
``[n, k, 1]``, ``[n, k, 1, 1]`` and ``[n, k, 2, 1]`` the widest such are tried, and ``[n, 1, 1]``.
"""

from itertools import pairwise

from edgewise.study.claims.published import PUBLISHED, TOYS, Shape

MOST = 6
_TAILS = ((1,), (1, 1), (2, 1))
_FREE = ((1,), (1, 1), (2, 1), (3, 1), (2, 1, 1), (2, 2, 1))


def edges(shape: Shape) -> int:
    """Edges of a network without products."""
    return sum(below * above for below, above in pairwise(shape))


def hidden(shape: Shape) -> int:
    """Hidden nodes."""
    return sum(shape[1:-1])


def no_larger(shape: Shape, than: Shape) -> bool:
    """Whether a shape has no more layers, edges and hidden nodes.

    Example:
        >>> no_larger((2, 5, 1), (2, 3, 2, 1, 1))
        True
    """
    return len(shape) <= len(than) and edges(shape) <= edges(than) and hidden(shape) <= hidden(than)


def tried(name: str, inputs: int) -> tuple[Shape, ...]:
    """The shapes for a formula of the paper, the paper's first; a small family for any other table.

    Example:
        >>> tried("kv", 2)
        ((2, 2, 1), (2, 1, 1))
    """
    if name in TOYS:
        return TOYS[name]
    if name not in PUBLISHED:
        return tuple((inputs, *rest) for rest in _FREE)
    row = PUBLISHED[name]
    wide = [_widest(inputs, tail, row.shape) for tail in _TAILS]
    found = dict.fromkeys([row.shape, *row.others, *(shape for shape in wide if shape), (inputs, 1, 1)])
    return tuple(shape for shape in found if no_larger(shape, row.shape))[:MOST]


def _widest(inputs: int, tail: Shape, than: Shape) -> Shape | None:
    fitting = [(inputs, k, *tail) for k in range(1, hidden(than) + 1) if no_larger((inputs, k, *tail), than)]
    return fitting[-1] if fitting else None
