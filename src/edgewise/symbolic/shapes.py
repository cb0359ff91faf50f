"""Shapes of network to try on a table, the simplest first.

===================  ============================================  ===============================
shape                function                                      network
===================  ============================================  ===============================
sum                  f1(x1) + ... + fn(xn)                         [n, 1]
outer                g(f1(x1) + ... + fn(xn))                      [n, 1, 1]
product              F(some) G(the others) + constant              [n, (0, 1), 1], straight on top
sum and product      f1(x1) + ... + fn(xn) + F(some) G(others)     [n, (1, 1), 1], straight on top
outer product        g(F(some) G(the others))                      [n, (0, 1), 1]
two terms            g1(f1 + ... + fn) + g2(h1 + ... + hn)         [n, 2, 1]
===================  ============================================  ===============================

``F`` and ``G`` are sums of functions of their own inputs. For up to four inputs every split of the inputs into two
groups is tried; beyond, each input against the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import torch

from edgewise.network import KAN, Width

MOST_INPUTS_TO_SPLIT = 4


@dataclass(frozen=True)
class Shape:
    """Widths, the edges ``(level, input, output)`` left out, and whether the top edges are straight lines."""

    name: str
    widths: tuple[Width, ...]
    absent: tuple[tuple[int, int, int], ...] = ()
    straight_top: bool = False

    @property
    def edges(self) -> int:
        """Number of edges that are to be learned."""
        pairs = [(width, 0) if isinstance(width, int) else width for width in self.widths]
        per_level = [sum(below) * (above[0] + 2 * above[1]) for below, above in pairwise(pairs)]
        return sum(per_level[:-1] if self.straight_top else per_level) - len(self.absent)

    def build(self, generator: torch.Generator, intervals: int = 5) -> KAN:
        """A fresh float64 network of this shape, without base functions."""
        net = KAN(self.widths, intervals=intervals, base=None, generator=generator, dtype=torch.float64)
        for level, source, target in self.absent:
            net.kan_layers[level].remove_edge(source, target)
        if self.straight_top:
            top = net.kan_layers[-1]
            line = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0])
            for source in range(top.in_features):
                top.fix_edge(source, 0, "linear", line)
        return net


def shapes(inputs: int) -> Iterator[Shape]:
    """All shapes for so many inputs, the simplest first."""
    yield Shape("sum", (inputs, 1))
    yield Shape("outer", (inputs, 1, 1))
    splits = list(_splits(inputs))
    for split in splits:
        yield _product("product", (inputs, (0, 1), 1), split, 0, straight_top=True)
    for split in splits:
        yield _product("sum and product", (inputs, (1, 1), 1), split, 1, straight_top=True)
    for split in splits:
        yield _product("outer product", (inputs, (0, 1), 1), split, 0, straight_top=False)
    yield Shape("two terms", (inputs, 2, 1))


def _splits(inputs: int) -> Iterator[tuple[int, ...]]:
    """The first group of each split of the inputs into two, input 0 always in it."""
    if inputs > MOST_INPUTS_TO_SPLIT:
        yield from ((i,) for i in range(inputs))
        return
    for size in range(inputs - 1):
        for others in combinations(range(1, inputs), size):
            yield (0, *others)


def _product(
    name: str, widths: tuple[Width, ...], group: tuple[int, ...], first: int, straight_top: bool
) -> Shape:
    """Sub-nodes ``first`` and ``first + 1`` are the factors; each input feeds one of them."""
    inputs = widths[0] if isinstance(widths[0], int) else sum(widths[0])
    absent = tuple((0, i, first + 1 if i in group else first) for i in range(inputs))
    return Shape(name, widths, absent, straight_top)
