r"""The layers of a network as maps from series to series, with their adjoints in closed form.

A stage takes what its nodes are, ``z (indices, n, in)`` as in ``edgewise.pde.taylor``, to ``y (indices, n, out)``, and

- ``pull(upstream)`` gives ``sum_go upstream_go d y_go / d z``;
- ``fill(upstream, jacobian)`` writes ``sum_go upstream_go d y_go / d free``, one column for each free parameter.

Since ``y_g`` is linear in the weights, ``y_g = sum_im G_gim W_imo``, the columns are the features ``G`` times what
comes from above; nothing here is differentiated by autograd.
"""

from dataclasses import dataclass
from math import factorial

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import splines
from edgewise.edges import SplineEdges
from edgewise.pde.separable import is_line
from edgewise.pde.taylor import Orders

Part = tuple[int, Tensor]  # place of a pure derivative, and its features (n, reduced)


@dataclass(frozen=True)
class FirstStage:
    """The first layer at points that stay: features of pure derivatives along each input, made once.

    ``parts[i]`` lists ``(place, features (n, reduced_i))``; ``targets[i]`` the outputs that input ``i`` reaches.
    """

    orders: Orders
    parts: tuple[tuple[Part, ...], ...]
    targets: tuple[Tensor, ...]
    outputs: int

    @property
    def sizes(self) -> list[int]:
        """Free parameters of each input."""
        return [
            part[0][1].shape[1] * len(target) for part, target in zip(self.parts, self.targets, strict=True)
        ]

    def series(self, free: Float[Tensor, " free"]) -> Float[Tensor, "indices n outputs"]:
        """``y`` for these free parameters."""
        rows = self.parts[0][0][1].shape[0]
        y = free.new_zeros(len(self.orders.indices), rows, self.outputs)
        for parts, target, own in zip(self.parts, self.targets, free.split(self.sizes), strict=True):
            weight = own.view(len(target), -1).T
            for place, features in parts:
                y[place].index_add_(1, target, features @ weight)
        return y

    def fill(self, upstream: Float[Tensor, "indices n outputs"], jacobian: Float[Tensor, "n free"]) -> None:
        """Writes ``d (upstream y) / d free`` into ``jacobian``."""
        for parts, target, block in zip(
            self.parts, self.targets, jacobian.split(self.sizes, dim=1), strict=True
        ):
            shaped = block.unflatten(1, (len(target), -1))
            for count, (place, features) in enumerate(parts):
                above = upstream[place][:, target, None]
                if count:
                    shaped.addcmul_(above, features[:, None, :])
                else:
                    torch.mul(above, features[:, None, :], out=shaped)


def first_stage(
    edges: SplineEdges,
    subspaces: tuple[Tensor, ...],
    z: Float[Tensor, "n inputs"],
    shrink: Float[Tensor, " inputs"],
    orders: Orders,
) -> FirstStage:
    """The first layer at inputs ``z``, each ``shrink_i`` times the user's coordinate and a shift.

    ``subspaces[i] (features, reduced)`` maps the free parameters of an edge from input ``i`` to its weights.
    """
    features = spline_features(edges, z, orders.highest)
    parts = tuple(
        tuple(
            (place, (features[order][:, i] * (float(shrink[i]) ** order / factorial(order))) @ subspace)
            for order, place in orders.along(i)
        )
        for i, subspace in enumerate(subspaces)
    )
    targets = tuple(torch.nonzero(row)[:, 0] for row in edges.mask)
    return FirstStage(orders, parts, targets, edges.out_features)


class AffineStage:
    """A layer of straight lines that stays as it is: ``y = constant + z slope``."""

    free = 0

    def __init__(self, edges: SplineEdges, orders: Orders) -> None:
        zero = torch.zeros(1, edges.in_features, dtype=edges.weight.dtype)
        value, slope = (
            torch.einsum("nip,ipo->io", part, edges.weight.detach() * edges.mask[:, None, :])
            for part in spline_features(edges, zero, 1)
        )
        self.constant, self.slope = value.sum(0), slope

    def series(self, z: Tensor, own: Tensor) -> Tensor:
        y = z @ self.slope
        y[0] += self.constant
        return y

    def pull(self, upstream: Tensor) -> Tensor:
        return upstream @ self.slope.T

    def fill(self, upstream: Tensor, jacobian: Tensor) -> None: ...


class SplineStage:
    """Any later layer: features at nodes that move with the parameters below."""

    def __init__(self, edges: SplineEdges, orders: Orders) -> None:
        self.edges, self.orders = edges, orders
        self.source, self.target = edges.living()
        self.free = len(self.source) * edges.weight.shape[1]

    def series(self, z: Tensor, own: Tensor) -> Tensor:
        """``y`` from nodes ``z``; remembers what the adjoints need."""
        rows = own.view(len(self.source), -1)
        weight = torch.zeros_like(self.edges.weight).detach()
        weight[self.source, :, self.target] = rows
        powers = self.orders.powers(z)
        features = spline_features(self.edges, z[0], self.orders.highest + 1)
        self.features = _composed(powers, features)
        slopes = [torch.einsum("nip,ipo->nio", part, weight) for part in features[1:]]
        self.slopes = _composed(powers, slopes)
        return self.features.flatten(2) @ weight.flatten(0, 1)

    def pull(self, upstream: Tensor) -> Tensor:
        below = upstream.new_zeros(*upstream.shape[:2], self.edges.in_features)
        for g, a, b in self.orders.triples:
            below[a] += torch.einsum("no,nio->ni", upstream[g], self.slopes[b])
        return below

    def fill(self, upstream: Tensor, jacobian: Tensor) -> None:
        above, features = upstream[:, :, self.target], self.features[:, :, self.source]
        torch.sum(above[..., None] * features, dim=0, out=jacobian.unflatten(1, (len(self.source), -1)))


def _composed(powers: list[Tensor], derivatives: list[Tensor]) -> Tensor:
    """``sum_k f^(k) / k!  d^k`` for ``powers`` ``d^k (indices, n, in)`` and ``f^(k) (n, in, ...)``."""
    terms = [
        power[..., None] * part / factorial(k)
        for k, (power, part) in enumerate(zip(powers, derivatives, strict=False))
    ]
    return torch.stack(terms).sum(0)


def later_stage(edges: SplineEdges, orders: Orders) -> AffineStage | SplineStage:
    """A fixed layer of straight lines, or a layer that is trained."""
    return AffineStage(edges, orders) if is_line(edges) else SplineStage(edges, orders)


def spline_features(edges: SplineEdges, z: Float[Tensor, "n inputs"], highest: int) -> list[Tensor]:
    """Derivatives ``0 .. highest`` of all features, each ``(n, inputs, features)``; the base is none or identity."""
    found = splines.jet(z, edges.knots, edges.degree, highest)
    if edges.base is None:
        return found
    line = [z, torch.ones_like(z), *[torch.zeros_like(z)] * highest]
    return [torch.cat([part, base[..., None]], dim=-1) for part, base in zip(found, line, strict=False)]
