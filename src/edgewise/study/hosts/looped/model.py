r"""A transformer block, looped or stacked.

    f(u) = norm( h + slot(norm(h)) ),    h = u + attention(norm(u))
    looped    z_0 = 0,  z <- f(z + e),   the same f in every loop, the tokens ``e`` put in again each time
    stacked   z_0 = e,  z <- f_l(z),     another f in every layer, the norm after the last only

Attention is softmax over the points of a prompt alone, from points and queries alike, without positions, since the
order of points means nothing. The prediction at a query is a linear map of its ``z``.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from edgewise.study.hosts.attention import normed
from edgewise.study.hosts.looped.prompts import POINTS
from edgewise.study.hosts.slot import drawn, slot

WIDTH, HEADS, NODES = 32, 4, 6


class Reading(nn.Module):
    """Softmax attention of all tokens to the first ``POINTS``, without biases."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.q, self.out = (drawn(WIDTH, WIDTH, generator) for _ in range(2))
        self.kv = drawn(WIDTH, 2 * WIDTH, generator)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        key, value = (x[:, :POINTS] @ self.kv).chunk(2, dim=-1)
        q, key, value = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (x @ self.q, key, value))
        mixed = functional.scaled_dot_product_attention(q, key, value)
        return mixed.transpose(1, 2).flatten(2) @ self.out


class Block(nn.Module):
    """Attention and slot, each behind a norm and beside a skip."""

    def __init__(self, arm: str, depth: int, generator: torch.Generator) -> None:
        super().__init__()
        self.reading = Reading(generator)
        self.slot = slot(arm, WIDTH, NODES, generator, depth=2 * depth)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        h = x + self.reading(normed(x))
        return h + self.slot(normed(h))


class Looped(nn.Module):
    """One block, ``loops`` times."""

    def __init__(self, arm: str, entries: int, loops: int, generator: torch.Generator) -> None:
        super().__init__()
        self.loops = loops
        self.enter = drawn(entries, WIDTH, generator)
        self.block = Block(arm, loops, generator)
        self.leave = drawn(WIDTH, 1, generator)

    def forward(
        self, tokens: Float[Tensor, "batch time entries"], loops: int | None = None, kept: int = 1
    ) -> Float[Tensor, "kept batch queries"]:
        """Predictions after each of the last ``kept`` loops; gradients go back through these and no further."""
        entered = tokens @ self.enter
        loops = loops or self.loops
        z, predictions = torch.zeros_like(entered), []
        for loop in range(loops):
            with torch.set_grad_enabled(torch.is_grad_enabled() and loop >= loops - kept):
                z = normed(self.block(z + entered))
            if loop >= loops - kept:
                predictions.append((z[:, POINTS:] @ self.leave)[..., 0])
        return torch.stack(predictions)

    def slots(self) -> list[nn.Module]:
        """What stands in the place of the MLP."""
        return [self.block.slot]


class Stacked(nn.Module):
    """As many blocks as the looped one has loops, each passed once."""

    def __init__(self, arm: str, entries: int, layers: int, generator: torch.Generator) -> None:
        super().__init__()
        self.enter = drawn(entries, WIDTH, generator)
        self.blocks = nn.ModuleList(Block(arm, layers, generator) for _ in range(layers))
        self.leave = drawn(WIDTH, 1, generator)

    def forward(
        self, tokens: Float[Tensor, "batch time entries"], loops: int | None = None, kept: int = 1
    ) -> Float[Tensor, "kept batch queries"]:
        """The prediction after the last layer, whatever the loops asked for: a stack has none."""
        z = tokens @ self.enter
        for block in self.blocks:
            z = block(z)
        return (normed(z)[None, :, POINTS:] @ self.leave)[..., 0]

    def slots(self) -> list[nn.Module]:
        """What stands in the place of the MLPs."""
        return [block.slot for block in self.blocks if isinstance(block, Block)]
