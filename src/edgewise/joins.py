r"""What happens between the layers of a deep network: a norm before each, a residual join after it.

With ``h`` the nodes below a layer, ``z`` what its edges get and ``f`` what the layer makes of it:

========== ==================================================================== ===============================
norm       ``z``                                                                source
========== ==================================================================== ===============================
None       h
rms        c + s h / rms(h),  c the middle of the domain, s a quarter of it     Zhang & Sennrich, 1910.07467
========== ==================================================================== ===============================

For inputs that are normal across a layer's nodes, ``s`` leaves 95.4 % of them inside the domain; the rest meet the
straight continuation of their splines. The inputs of a network have scales of their own, so its first layer has no
norm.

========== ==================================================================== ===============================
residual   nodes above an inner layer                                           source
========== ==================================================================== ===============================
None       f
plain      h + f                                                                He et al., 1512.03385
scaled     h + f / sqrt(inner layers)                                           Arpit et al., 1902.06853
zero       h + g f,  g learned, 0 at the start                                  Bachlechner et al., 2003.04887
gated      m (f u + (1 - f) v) + (1 - m) h',  u, v learned layers of the        Rigas et al., 2510.23501
           inputs, shared by all; in blocks of two layers, h' the nodes below
           the layer for the first and below the block for the second, m
           learned, 1 and 0 at the start, so that a block starts as identity
========== ==================================================================== ===============================

Inner layers lead from one hidden level to the next; with a residual all hidden levels have the same width.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.errors import InputError
from edgewise.layer import KANLayer

NORMS = ("rms",)
RESIDUALS = ("plain", "scaled", "zero", "gated")
_TINY = 1e-12


def rms_normed(
    h: Float[Tensor, "*batch nodes"], centre: float, scale: float
) -> Float[Tensor, "*batch nodes"]:
    """``centre + scale h / rms(h)``, the root mean square taken over the nodes of each row."""
    return centre + scale * h * torch.rsqrt(h.square().mean(-1, keepdim=True) + _TINY)


def rms_pulled(
    upstream: Float[Tensor, "n nodes"], h: Float[Tensor, "n nodes"], scale: float
) -> Float[Tensor, "n nodes"]:
    """Derivatives with respect to ``rms_normed(h)`` turned into those with respect to ``h``."""
    inverse = torch.rsqrt(h.square().mean(-1, keepdim=True) + _TINY)
    along = (upstream * h).mean(-1, keepdim=True) * inverse.square()
    return scale * inverse * (upstream - along * h)


@final
class Joins(nn.Module):
    """The norm and the residual form of a network with ``levels`` layers; see the module's page."""

    def __init__(
        self,
        widths: tuple[int, ...],
        *,
        norm: str | None,
        residual: str | None,
        domain: tuple[float, float],
        gates: tuple[KANLayer, KANLayer] | None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_joins(widths, norm, residual)
        self.norm, self.residual = norm, residual
        self.domain = (float(domain[0]), float(domain[1]))
        self.levels = len(widths) - 1
        start = self._start()
        self.mix = nn.Parameter(torch.tensor(start, device=device, dtype=dtype)) if start else None
        self.gates = nn.ModuleList(gates or ())

    @property
    def gate_layers(self) -> tuple[KANLayer, ...]:
        """The layers ``u`` and ``v`` of the gated form, typed."""
        return tuple(gate for gate in self.gates if isinstance(gate, KANLayer))

    @property
    def absent(self) -> bool:
        """Whether nothing happens between layers."""
        return self.norm is None and self.residual is None

    @property
    def linear(self) -> bool:
        """Whether the joins have no parameters of their own, so that closed forms hold."""
        return self.residual in (None, "plain", "scaled")

    @property
    def centre(self) -> float:
        """The middle of the domain."""
        return (self.domain[0] + self.domain[1]) / 2

    @property
    def scale(self) -> float:
        """Root mean square of a normed input about the centre: a quarter of the domain."""
        return (self.domain[1] - self.domain[0]) / 4

    def inner(self, level: int) -> bool:
        """Whether the layer below ``level`` leads from one hidden level to the next."""
        return 1 < level < self.levels

    def inputs(self, level: int, nodes: Float[Tensor, "*batch nodes"]) -> Float[Tensor, "*batch nodes"]:
        """What the edges below ``level`` get."""
        return nodes if self.norm is None or level == 1 else rms_normed(nodes, self.centre, self.scale)

    def open(self, entered: Float[Tensor, "*batch inputs"]) -> "Stream":
        """The start of one pass up the network."""
        return Stream(self, entered, tuple(gate(entered) for gate in self.gates))

    def pulled(
        self, level: int, upstream: Float[Tensor, "n nodes"]
    ) -> tuple[Float[Tensor, "n nodes"], Float[Tensor, "n nodes"] | None]:
        """Derivatives with respect to the nodes above, turned into those for ``f`` and, past it, for ``h``."""
        if self.residual is None or not self.inner(level):
            return upstream, None
        return self.factor * upstream, upstream

    def norm_pulled(
        self, level: int, upstream: Float[Tensor, "n nodes"], nodes: Float[Tensor, "n nodes"]
    ) -> Float[Tensor, "n nodes"]:
        """Derivatives with respect to what the edges get turned into those for the nodes below."""
        return upstream if self.norm is None or level == 1 else rms_pulled(upstream, nodes, self.scale)

    @property
    def factor(self) -> float:
        """What the residual multiplies ``f`` with, where that is not learned."""
        return max(1, self.levels - 2) ** -0.5 if self.residual == "scaled" else 1.0

    def _start(self) -> list[float]:
        """Learned shares of the inner layers at the start."""
        count = max(0, self.levels - 2)
        if self.residual == "zero":
            return [0.0] * count
        return [0.0 if self.ends_block(k) else 1.0 for k in range(count)] if self.residual == "gated" else []

    def ends_block(self, inner: int) -> bool:
        """Whether an inner layer, counted from 0, is the last of its block of two."""
        return inner % 2 == 1 or inner == self.levels - 3

    def extra_repr(self) -> str:
        return f"norm={self.norm!r}, residual={self.residual!r}"


class Stream:
    """One pass of a batch up a network: ``nodes`` of the level reached so far."""

    def __init__(self, joins: Joins, entered: Tensor, gates: tuple[Tensor, ...]) -> None:
        self.joins, self.nodes, self._gates = joins, entered, gates
        self._block = entered

    def inputs(self, level: int) -> Tensor:
        """What the edges below ``level`` get."""
        return self.joins.inputs(level, self.nodes)

    def join(self, level: int, made: Float[Tensor, "*batch nodes"]) -> None:
        """Goes on to ``level`` with what its layer made."""
        joins = self.joins
        if joins.residual is None or not joins.inner(level):
            self.nodes = self._block = made
        elif joins.linear:
            self.nodes = self.nodes + joins.factor * made
        elif joins.residual == "zero":
            self.nodes = self.nodes + self._mix(level) * made
        else:
            self._join_gated(level, made)

    def _join_gated(self, level: int, made: Tensor) -> None:
        u, v = self._gates
        mix, last = self._mix(level), self.joins.ends_block(level - 2)
        past = self._block if last else self.nodes
        self.nodes = mix * (made * u + (1 - made) * v) + (1 - mix) * past
        if last:
            self._block = self.nodes

    def _mix(self, level: int) -> Tensor:
        assert self.joins.mix is not None
        return self.joins.mix[level - 2]


def check_joins(widths: tuple[int, ...], norm: str | None, residual: str | None) -> None:
    """Raises ``InputError`` for names that are not known and widths they do not go with."""
    for name, value, known in (("norm", norm, NORMS), ("residual", residual, RESIDUALS)):
        if value is not None and value not in known:
            raise InputError(f"{name}={value!r} is not known; choose one of: {', '.join(known)}, or None")
    hidden = widths[1:-1]
    if norm is not None and 1 in hidden:
        raise InputError(
            "norm='rms' got a hidden level of one node, of which only the sign would be left; "
            "make it two or more, or take norm=None"
        )
    if residual is not None and len(set(hidden)) > 1:
        raise InputError(
            f"residual={residual!r} got hidden levels of widths {list(hidden)}: expected equal ones, "
            "such as [4, 12, 12, 1]"
        )
