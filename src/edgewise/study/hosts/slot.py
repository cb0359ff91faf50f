r"""The slot: what stands where a transformer-like host has its MLP, ``(..., width)`` to ``(..., width)``.

============ ======================================================= ==========================================
arm          ``y``                                                   parameters, for ``nodes`` asked
============ ======================================================= ==========================================
mlp          W2 ( silu(W1 x) * (W3 x) ), a SwiGLU                    3 width hidden
mlp-gelu     W2 gelu(W1 x)                                           2 width hidden
learned      W2 phi(W1 x), a learned spline for every hidden node    2 width hidden + (G + 4) hidden
rational     W2 R(W1 x), four groups of learned rational functions   2 width hidden + 40
kan          ``edgewise.block.KANBlock``, critical start             2 width nodes (G + 4)
kan-noise    the same from pykan's start                             the same
============ ======================================================= ==========================================

``G = 5`` intervals. The KAN block has ``nodes`` hidden nodes; the others get as many hidden nodes as bring them nearest
to its number of parameters. No arm has biases, and none norms its input but the KAN block, which brings it into its
domain; hosts norm before or after the slot as their papers do.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from edgewise.block import KANBlock
from edgewise.errors import InputError
from edgewise.study.layers import DEGREE, GROUPS, LearnedNodes, RationalNodes

INTERVALS = 5
ARMS = ("mlp", "mlp-gelu", "learned", "rational", "kan", "kan-noise")
_GAINS = {"mlp-gelu": 2.35, "learned": 2.81, "rational": 2.81}  # 1 / E[f(z)^2], z ~ N(0, 1)


def slot(
    arm: str,
    width: int,
    nodes: int,
    generator: torch.Generator,
    *,
    depth: int = 2,
    intervals: int = INTERVALS,
) -> nn.Module:
    """A fresh module; ``depth`` counts the layers an input passes through in the whole host, two for every slot."""
    if arm in ("kan", "kan-noise"):
        start = "critical" if arm == "kan" else "noise"
        return KANBlock(width, nodes, intervals=intervals, init=start, depth=depth, generator=generator)
    hidden = hidden_nodes(arm, width, nodes, intervals)
    if arm == "mlp":
        return SwiGLU(width, hidden, generator)
    functions = {
        "mlp-gelu": lambda: nn.GELU(),
        "learned": lambda: LearnedNodes(hidden, intervals),
        "rational": lambda: RationalNodes(hidden),
    }[arm]
    return Bent(width, hidden, functions(), _GAINS[arm], generator)


def hidden_nodes(arm: str, width: int, nodes: int, intervals: int = INTERVALS) -> int:
    """Hidden nodes with which an arm has the parameters of a KAN block of ``nodes``."""
    if arm not in ARMS:
        raise InputError(f"arm {arm!r} is not known; choose one of: {', '.join(ARMS)}")
    if arm.startswith("kan"):
        return nodes
    wanted = 2 * width * nodes * (intervals + DEGREE + 1)
    if arm == "rational":
        wanted -= 10 * GROUPS
    per_node = {"mlp": 3 * width, "learned": 2 * width + intervals + DEGREE + 1}.get(arm, 2 * width)
    return max(1, round(wanted / per_node))


class SwiGLU(nn.Module):
    """``W2 ( silu(W1 x) * (W3 x) )`` without biases (Shazeer, arXiv 2002.05202)."""

    def __init__(self, width: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.gate_up = drawn(width, 2 * hidden, generator)
        self.down = drawn(hidden, width, generator)

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        gate, up = (x @ self.gate_up).chunk(2, dim=-1)
        return (functional.silu(gate) * up) @ self.down


class Bent(nn.Module):
    """``W2 f(W1 x)`` without biases."""

    def __init__(
        self, width: int, hidden: int, nodes: nn.Module, gain: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.up, self.nodes = drawn(width, hidden, generator), nodes
        self.down = drawn(hidden, width, generator, gain)

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        return self.nodes(x @ self.up) @ self.down


def drawn(below: int, above: int, generator: torch.Generator, gain: float = 1.0) -> nn.Parameter:
    """A weight ``(below, above)`` of variance ``gain / below``."""
    return nn.Parameter(torch.randn(below, above, generator=generator) * (gain / below) ** 0.5)
