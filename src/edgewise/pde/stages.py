r"""The layers of a network as maps from series to series, with their adjoints in closed form.

A stage takes what its nodes are, ``z (indices, n, in)`` as in ``edgewise.pde.taylor``, to ``y (indices, n, out)``, and

- ``pull(upstream)`` gives ``sum_go upstream_go d y_go / d z``;
- ``fill(upstream, jacobian)`` writes ``sum_go upstream_go d y_go / d free``, one column for each free parameter;
- ``gather(upstream)`` gives the sum of these rows without making them, for methods that want gradients only.

Since ``y_g`` is linear in the weights, ``y_g = sum_im G_gim W_imo``, the columns are the features ``G`` times what
comes from above; nothing here is differentiated by autograd.
"""

from dataclasses import dataclass, replace
from itertools import product
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

    ``parts[i]`` lists ``(place, features (n, reduced_i))``; ``targets[i]`` the outputs that input ``i`` reaches. On a
    grid many points share a coordinate: with ``shared`` features have a row for each different one, and ``shared[i]
    (n,)`` says which.
    """

    orders: Orders
    parts: tuple[tuple[Part, ...], ...]
    targets: tuple[Tensor, ...]
    outputs: int
    shared: tuple[Tensor, ...] | None = None

    @property
    def sizes(self) -> list[int]:
        """Free parameters of each input."""
        return [
            part[0][1].shape[1] * len(target) for part, target in zip(self.parts, self.targets, strict=True)
        ]

    def series(self, free: Float[Tensor, " free"]) -> Float[Tensor, "indices n outputs"]:
        """``y`` for these free parameters."""
        rows = len(self.parts[0][0][1] if self.shared is None else self.shared[0])
        y = free.new_zeros(len(self.orders.indices), rows, self.outputs)
        for i, own in enumerate(free.split(self.sizes)):
            weight = own.view(len(self.targets[i]), -1).T
            for place, features in self.parts[i]:
                y[place].index_add_(1, self.targets[i], self._spread(i, features @ weight))
        return y

    def fill(self, upstream: Float[Tensor, "indices n outputs"], jacobian: Float[Tensor, "n free"]) -> None:
        """Writes ``d (upstream y) / d free`` into ``jacobian``."""
        for i, block in enumerate(jacobian.split(self.sizes, dim=1)):
            target = self.targets[i]
            shaped = block.unflatten(1, (len(target), -1))
            for count, (place, features) in enumerate(self.parts[i]):
                above, below = upstream[place][:, target, None], self._spread(i, features)[:, None, :]
                if count:
                    shaped.addcmul_(above, below)
                else:
                    torch.mul(above, below, out=shaped)

    def gather(self, upstream: Float[Tensor, "indices n outputs"]) -> Float[Tensor, " free"]:
        """``sum_n d (upstream y) / d free``."""
        found = []
        for i, (parts, target) in enumerate(zip(self.parts, self.targets, strict=True)):
            terms = [self._summed(i, upstream[place][:, target]).T @ features for place, features in parts]
            found.append(torch.stack(terms).sum(0).flatten())
        return torch.cat(found)

    def moments(self, upstream: Float[Tensor, "indices n outputs"]) -> list[Tensor]:
        """``sum upstream_a upstream_b`` over the points of each coordinate, ``(pairs, m, edges)`` by input."""
        found = []
        for i, (parts, target) in enumerate(zip(self.parts, self.targets, strict=True)):
            above = [upstream[place][:, target] for place, _ in parts]
            found.append(torch.stack([self._summed(i, one * two) for one, two in product(above, repeat=2)]))
        return found

    def curvature(self, moments: list[Tensor]) -> list[Tensor]:
        """``sum_n J^T J`` of the rows of ``fill``, of each edge alone, ``(edges, reduced, reduced)`` by input."""
        found = []
        for parts, own in zip(self.parts, moments, strict=True):
            pairs = product([features for _, features in parts], repeat=2)
            terms = [
                torch.einsum("np,ne,nq->epq", one, weight, two)
                for (one, two), weight in zip(pairs, own, strict=True)
            ]
            found.append(torch.stack(terms).sum(0))
        return found

    def at(self, cut: slice) -> "FirstStage":
        """The layer at some of the points."""
        if self.shared is not None:
            return replace(self, shared=tuple(which[cut] for which in self.shared))
        parts = tuple(tuple((place, rows[cut]) for place, rows in own) for own in self.parts)
        return replace(self, parts=parts)

    def _spread(self, i: int, rows: Tensor) -> Tensor:
        """From the different coordinates of input ``i`` to all points."""
        return rows if self.shared is None else rows[self.shared[i]]

    def _summed(self, i: int, rows: Tensor) -> Tensor:
        """From all points to the different coordinates of input ``i``, added up."""
        if self.shared is None:
            return rows
        return rows.new_zeros(len(self.parts[i][0][1]), rows.shape[1]).index_add_(0, self.shared[i], rows)


def first_stage(
    edges: SplineEdges,
    subspaces: tuple[Tensor, ...],
    z: Float[Tensor, "n inputs"],
    shrink: Float[Tensor, " inputs"],
    orders: Orders,
    share: bool = False,
) -> FirstStage:
    """The first layer at inputs ``z``, each ``shrink_i`` times the user's coordinate and a shift.

    ``subspaces[i] (features, reduced)`` maps the free parameters of an edge from input ``i`` to its weights. With
    ``share`` features are made once for every different coordinate.
    """
    shared, counts = None, [len(z)] * len(subspaces)
    if share:
        columns, shared = zip(*(column.unique(return_inverse=True) for column in z.T), strict=True)
        counts = [len(column) for column in columns]
        z = torch.nn.utils.rnn.pad_sequence(list(columns), batch_first=True).T
    features = spline_features(edges, z, orders.highest)
    parts = tuple(
        tuple(
            (
                place,
                (features[order][:count, i] * (float(shrink[i]) ** order / factorial(order))) @ subspace,
            )
            for order, place in orders.along(i)
        )
        for i, (subspace, count) in enumerate(zip(subspaces, counts, strict=True))
    )
    targets = tuple(torch.nonzero(row)[:, 0] for row in edges.mask)
    return FirstStage(orders, parts, targets, edges.out_features, shared)


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

    def gather(self, upstream: Tensor) -> Tensor:
        return upstream.new_zeros(0)


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

    def gather(self, upstream: Tensor) -> Tensor:
        slopes = torch.einsum("gno,gnif->ifo", upstream, self.features)
        return slopes[self.source, :, self.target].flatten()


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
