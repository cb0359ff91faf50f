r"""Truncated Taylor series of many functions at many points: the arithmetic of derivatives.

A series holds ``c_a = (d^a u) / a!`` for every multi-index ``a`` of a set that holds, with ``a``, everything below it.
Tensors are ``(indices, n, width)``. With ``d = z - z_0`` the two rules that networks need are

    (u v)_g = sum_{a+b=g} u_a v_b,        (f o z)_g = sum_k f^(k)(z_0) / k!  (d^k)_g,

and both have closed-form adjoints: ``d (u v)_g / d u_a = v_{g-a}`` and ``d (f o z)_g / d z_a = (f' o z)_{g-a}``.

Source: Griewank and Walther, *Evaluating Derivatives*, chapter 13.
"""

from collections.abc import Iterable
from functools import cached_property
from itertools import product
from math import factorial, prod

import torch
from jaxtyping import Float
from torch import Tensor

Index = tuple[int, ...]


class Orders:
    """The multi-indices that a computation carries: those asked for and all below them.

    Example:
        >>> Orders([(2, 0), (0, 1)]).indices
        ((0, 0), (0, 1), (1, 0), (2, 0))
    """

    def __init__(self, wanted: Iterable[Index]) -> None:
        below = {low for index in wanted for low in product(*(range(n + 1) for n in index))}
        self.indices = tuple(sorted(below, key=lambda index: (sum(index), index)))
        self.place = {index: k for k, index in enumerate(self.indices)}

    @property
    def highest(self) -> int:
        """The largest total order."""
        return sum(self.indices[-1])

    @cached_property
    def triples(self) -> tuple[tuple[int, int, int], ...]:
        """``(g, a, b)``, places of all indices with ``a + b = g``."""
        found = []
        for a, b in product(self.indices, repeat=2):
            g = tuple(i + j for i, j in zip(a, b, strict=True))
            if g in self.place:
                found.append((self.place[g], self.place[a], self.place[b]))
        return tuple(found)

    @cached_property
    def factorials(self) -> Float[Tensor, " indices"]:
        """``a!`` of every index: what turns coefficients into derivatives."""
        return torch.tensor([float(prod(map(factorial, a))) for a in self.indices], dtype=torch.float64)

    def along(self, axis: int) -> list[tuple[int, int]]:
        """``(order, place)`` of the pure derivatives along one axis, the value itself first."""
        return [(a[axis], k) for a, k in self.place.items() if sum(a) == a[axis]]

    def multiply(
        self, u: Float[Tensor, "indices n width"], v: Float[Tensor, "indices n width"]
    ) -> Float[Tensor, "indices n width"]:
        """The series of ``u v``."""
        result = torch.zeros_like(u)
        for g, a, b in self.triples:
            result[g].addcmul_(u[a], v[b])
        return result

    def correlate(
        self, upstream: Float[Tensor, "indices n width"], v: Float[Tensor, "indices n width"]
    ) -> Float[Tensor, "indices n width"]:
        """The adjoint of ``u -> u v``: ``sum_g upstream_g v_{g-a}``."""
        result = torch.zeros_like(upstream)
        for g, a, b in self.triples:
            result[a].addcmul_(upstream[g], v[b])
        return result

    def powers(self, z: Float[Tensor, "indices n width"]) -> list[Float[Tensor, "indices n width"]]:
        """``(z - z_0)^k`` for ``k = 0 .. highest``."""
        one, change = torch.zeros_like(z), z.clone()
        one[0], change[0] = 1.0, 0.0
        found = [one]
        for _ in range(self.highest):
            found.append(self.multiply(found[-1], change))
        return found
