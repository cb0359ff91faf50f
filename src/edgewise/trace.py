"""The record of one batch in a network. Penalties, pruning, matching and pictures are functions of it."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class LayerTrace:
    """One layer's record: its ``inputs (n, in)``, every edge's ``curves (n, in, out)``, its ``nodes (n, width)``."""

    inputs: Float[Tensor, "n inputs"]
    curves: Float[Tensor, "n inputs outputs"]
    nodes: Float[Tensor, "n nodes"]


@dataclass(frozen=True)
class Trace:
    """What one batch did in a network: immutable, and independent of it.

    ``x`` and ``y`` are in the user's units, the layers in the network's own.
    """

    x: Float[Tensor, "n inputs"]
    layers: tuple[LayerTrace, ...]
    y: Float[Tensor, "n outputs"]
