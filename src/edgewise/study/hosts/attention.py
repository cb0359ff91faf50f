r"""Attention with rotary positions, and the norm of modern transformers: the parts of a host that are not the slot.

    a = softmax( R(q) R(k)^T / sqrt(d) ) v,      R turns the pairs (i, i + d/2) of position t by t / 10000^(2 i / d)

(Su et al., arXiv 2104.09864; root mean square norm without weights as in ``edgewise.joins``.)
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from edgewise.joins import rms_normed
from edgewise.study.hosts.slot import drawn

BASE = 10_000.0


class Attention(nn.Module):
    """``(batch, time, width)`` to the same, without biases.

    Args:
        heads: of queries; must divide the width into even parts.
        key_heads: of keys and values, each shared by ``heads / key_heads`` queries; all of them unless given.
        causal: whether a position sees only those up to its own.
        rotary: whether positions are turned in; without it attention does not know of order.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        generator: torch.Generator,
        *,
        key_heads: int | None = None,
        causal: bool = True,
        rotary: bool = True,
    ) -> None:
        super().__init__()
        self.heads, self.key_heads = heads, key_heads or heads
        self.causal, self.rotary, self.part = causal, rotary, width // heads
        self.q = drawn(width, width, generator)
        self.kv = drawn(width, 2 * self.key_heads * self.part, generator)
        self.out = drawn(width, width, generator)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        q = self._split(x @ self.q, self.heads)
        k, v = (self._split(part, self.key_heads) for part in (x @ self.kv).chunk(2, dim=-1))
        if self.rotary:
            q, k = turned(q), turned(k)
        shared = self.heads // self.key_heads
        if shared > 1:
            k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return mixed.transpose(1, 2).flatten(2) @ self.out

    def _split(self, x: Tensor, heads: int) -> Tensor:
        return x.unflatten(-1, (heads, self.part)).transpose(1, 2)


def turned(x: Float[Tensor, "batch heads time part"]) -> Float[Tensor, "batch heads time part"]:
    """``R(x)``: rotary positions 0, 1, ... turned in."""
    time, half = x.shape[-2], x.shape[-1] // 2
    speed = BASE ** (-torch.arange(half, dtype=x.dtype) / half)
    angle = torch.arange(time, dtype=x.dtype)[:, None] * speed
    cos, sin = angle.cos(), angle.sin()
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def normed(x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
    """Brought to a root mean square of 1."""
    return rms_normed(x, 0.0, 1.0)
