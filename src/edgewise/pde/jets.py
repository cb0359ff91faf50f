r"""All derivatives of a network by its inputs, and theirs by its parameters, in closed form.

``run(free)`` climbs the layers with truncated series (``edgewise.pde.taylor``) and gives ``d^a u_o (x)`` for every
multi-index ``a`` that was asked for; ``columns(upstream)`` goes down once and gives, for weights ``w_ao(x)``, the
derivative of ``sum_ao w_ao d^a u_o`` by every free parameter, row by row; ``gather(upstream)`` gives the sum of these
rows without making them. A Gauss-Newton step needs nothing more than the one, a gradient the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.pde.stages import AffineStage, FirstStage, SplineStage, first_stage, later_stage
from edgewise.pde.taylor import Orders


@dataclass
class Jets:
    """A network at fixed points; ``run`` first, then ``columns`` of the same parameters."""

    orders: Orders
    widths: tuple[tuple[int, int], ...]
    first: FirstStage
    later: tuple[AffineStage | SplineStage, ...]
    scale: Float[Tensor, " outputs"]
    center: Float[Tensor, " outputs"]
    _below: list[Tensor] = field(default_factory=list, init=False)

    @property
    def sizes(self) -> list[int]:
        """Free parameters of each layer."""
        return [sum(self.first.sizes), *(stage.free for stage in self.later)]

    def run(self, free: Float[Tensor, " free"]) -> Float[Tensor, "indices n outputs"]:
        """Derivatives of every output."""
        own = free.split(self.sizes)
        self._below = [self.first.series(own[0])]
        for stage, part, width in zip(self.later, own[1:], self.widths[1:], strict=False):
            self._below.append(stage.series(_combined(self.orders, self._below[-1], width), part))
        u = _combined(self.orders, self._below[-1], self.widths[-1]) * self.scale
        u[0] += self.center
        return u * self.orders.factorials[:, None, None]

    def columns(self, upstream: Float[Tensor, "indices n outputs"]) -> Float[Tensor, "n free"]:
        """``d (sum_ao upstream_ao d^a u_o) / d free``."""
        jacobian = upstream.new_empty(upstream.shape[1], sum(self.sizes))
        blocks = jacobian.split(self.sizes, dim=1)
        for stage, block, down in zip(self._stages, blocks[::-1], self._down(upstream), strict=True):
            stage.fill(down, block)
        return jacobian

    def gather(self, upstream: Float[Tensor, "indices n outputs"]) -> Float[Tensor, " free"]:
        """The sum of all rows of ``columns``."""
        found = [stage.gather(down) for stage, down in zip(self._stages, self._down(upstream), strict=True)]
        return torch.cat(found[::-1])

    def moments(self, upstream: Float[Tensor, "indices n outputs"]) -> list[Tensor]:
        """What ``FirstStage.curvature`` asks for, of the rows that ``columns`` gives."""
        *_, down = self._down(upstream)
        return self.first.moments(down)

    def at(self, cut: slice) -> "Jets":
        """The network at some of the points; run one of them at a time, since later layers remember the last."""
        return replace(self, first=self.first.at(cut))

    @property
    def _stages(self) -> tuple[AffineStage | SplineStage | FirstStage, ...]:
        """From the last to the first."""
        return (*self.later[::-1], self.first)

    def _down(self, upstream: Tensor) -> Iterator[Tensor]:
        """What comes from above at every stage, from the last to the first."""
        down = upstream * (self.orders.factorials[:, None, None] * self.scale)
        for level in range(len(self.later), -1, -1):
            down = _uncombined(self.orders, down, self._below[level], self.widths[level + 1])
            yield down
            if level:
                down = self.later[level - 1].pull(down)


def jets(
    network: KAN,
    subspaces: tuple[Tensor, ...],
    points: Float[Tensor, "n inputs"],
    orders: Orders,
    share: bool = False,
) -> Jets:
    """A network made ready at points; ``subspaces`` and ``share`` as in ``edgewise.pde.stages.first_stage``.

    Raises ``InputError`` for base functions other than the identity and for edges fixed to a function.
    """
    for layer in network.kan_layers:
        if layer.spline.base not in (None, "identity") or layer.symbolic.fixed:
            raise InputError(
                "equations need networks of splines: expected base=None and no fixed edges; type KAN(..., base=None)"
            )
    spline, *others = [layer.spline for layer in network.kan_layers]
    return Jets(
        orders,
        network.widths,
        first_stage(spline, subspaces, network.enter(points), 1 / network.input_scale, orders, share),
        tuple(later_stage(edges, orders) for edges in others),
        network.output_scale,
        network.output_center,
    )


def _combined(orders: Orders, series: Tensor, width: tuple[int, int]) -> Tensor:
    sums, products = width
    if not products:
        return series
    pairs = orders.multiply(series[..., sums::2], series[..., sums + 1 :: 2])
    return torch.cat([series[..., :sums], pairs], dim=-1)


def _uncombined(orders: Orders, upstream: Tensor, series: Tensor, width: tuple[int, int]) -> Tensor:
    sums, products = width
    if not products:
        return upstream
    below = torch.empty_like(series)
    below[..., :sums] = upstream[..., :sums]
    below[..., sums::2] = orders.correlate(upstream[..., sums:], series[..., sums + 1 :: 2])
    below[..., sums + 1 :: 2] = orders.correlate(upstream[..., sums:], series[..., sums::2])
    return below
