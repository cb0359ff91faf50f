r"""A decoder-only transformer around the slot: the trunk that hosts made of language share.

    x = sqrt(d) E[token]
    x = x + s attention(rms(x)),    x = x + s slot(rms(x))        every block ``passes`` times in a row
    logits = rms(x) U^T,    U = E where tied,    s = 1 / sqrt(2 blocks passes)

The norm has no weights and nothing has biases. The factor ``s`` keeps the variance of the stream the same at every
depth at the start; GPT-2 (Radford et al., 2019) has it in the initial weights, here it stays.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from edgewise.errors import InputError
from edgewise.study.hosts.attention import Attention, normed
from edgewise.study.hosts.slot import slot


@dataclass(frozen=True)
class Plan:
    """Sizes of a decoder.

    Args:
        vocabulary: kinds of tokens.
        width: of the stream, divisible by twice ``heads``.
        heads, key_heads: see ``edgewise.study.hosts.attention``.
        blocks: with weights of their own.
        nodes: of the slot, see ``edgewise.study.hosts.slot``.
        passes: how often in a row a block is run.
        tied: whether the embedding also reads the answer out.
    """

    vocabulary: int
    width: int
    heads: int
    key_heads: int
    blocks: int
    nodes: int
    passes: int = 1
    tied: bool = True

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads) or self.heads % self.key_heads:
            raise InputError(
                f"width={self.width} with heads={self.heads} and key_heads={self.key_heads}: expected a width "
                "divisible by twice the heads, and heads divisible by key_heads"
            )


@final
class Block(nn.Module):
    """Attention, then the slot, each added to the stream."""

    def __init__(self, arm: str, plan: Plan, generator: torch.Generator) -> None:
        super().__init__()
        runs = plan.blocks * plan.passes
        self.attention = Attention(plan.width, plan.heads, generator, key_heads=plan.key_heads)
        self.slot = slot(arm, plan.width, plan.nodes, generator, depth=2 * runs)
        self.share = (2 * runs) ** -0.5

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        x = x + self.share * self.attention(normed(x))
        return x + self.share * self.slot(normed(x))


@final
class Decoder(nn.Module):
    """``(batch, time)`` tokens to ``(batch, time, vocabulary)`` logits of the token after each."""

    def __init__(self, arm: str, plan: Plan, generator: torch.Generator) -> None:
        super().__init__()
        self.plan = plan
        self.embedding = _table(plan, generator)
        self.unembedding = None if plan.tied else _table(plan, generator)
        self.blocks = nn.ModuleList(Block(arm, plan, generator) for _ in range(plan.blocks))

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocabulary"]:
        x = functional.embedding(tokens, self.embedding) * self.plan.width**0.5
        for block in self.blocks:
            for _ in range(self.plan.passes):
                x = block(x)
        table = self.embedding if self.unembedding is None else self.unembedding
        return normed(x) @ table.T

    @property
    def size(self) -> int:
        """Parameters of the whole."""
        return sum(p.numel() for p in self.parameters())

    @property
    def in_slots(self) -> int:
        """Parameters of the slots."""
        return sum(p.numel() for name, p in self.named_parameters() if ".slot." in name)


def token_losses(decoder: nn.Module, windows: Int[Tensor, "batch ahead"]) -> Float[Tensor, "batch time"]:
    """``-log p`` in nats of every token of the windows after their first, one column fewer than the windows have."""
    logits = decoder(windows[:, :-1])
    return functional.cross_entropy(logits.transpose(1, 2), windows[:, 1:], reduction="none")


def weights_from(generator: np.random.Generator) -> torch.Generator:
    """A generator of torch's that depends on one of NumPy's."""
    return torch.Generator().manual_seed(int(generator.integers(2**62)))


def _table(plan: Plan, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.randn(plan.vocabulary, plan.width, generator=generator) * plan.width**-0.5)
