"""Where an equation holds: intervals, boxes, discs, polygons, what is left of one without another, times time.

A domain has named coordinates, ``bounds``, ``inside(points)`` and ``pieces``, the parts of its boundary by name.
A piece gives points with outward normals. Points are rows ``(n, coordinates)``, float64, in the user's units.

Shapes of the plane take a name of their own where two of a kind meet: ``disc - Disc((0, 0), 0.3, name="hole")``.
``shape * Interval(t=(0, 1))`` adds time, or any other axis.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from edgewise.errors import InputError

Axes = Sequence[Tensor]
Sampled = tuple[Tensor, Tensor]
EDGE = 1e-9


@dataclass(frozen=True)
class Piece:
    """A part of a boundary: ``sample(axes)`` gives points and outward normals, as dense as ``axes`` are.

    ``axes`` are one-dimensional points along every coordinate of the domain, ends included. ``side`` is
    ``(axis, 0 or 1)`` where the piece is a whole side of a box.
    """

    name: str
    sample: Callable[[Axes], Sampled]
    side: tuple[int, int] | None = None


class Domain:
    """What every domain can do; see the module's page."""

    coordinates: tuple[str, ...]
    bounds: tuple[tuple[float, float], ...]
    pieces: tuple[Piece, ...]

    @abstractmethod
    def inside(self, points: Float[Tensor, "n coordinates"]) -> Bool[Tensor, " n"]:
        """Whether points lie within, edges included."""

    def __sub__(self, other: "Domain") -> "Difference":
        return Difference(self, other)

    def __or__(self, other: "Domain") -> "Union":
        return Union(self, other)

    def __mul__(self, other: "Domain") -> "Product":
        return Product(self, other)

    def on(self, where: str) -> tuple[Piece, ...]:
        """Pieces called ``where``: a piece's own name, an axis (both of its sides), or ``"boundary"`` for all."""
        found = tuple(
            p for p in self.pieces if where in ("boundary", p.name) or where == p.name.split(".")[0]
        )
        if not found:
            names = ", ".join(["boundary", *(p.name for p in self.pieces)])
            raise InputError(f"on={where!r} is no part of the boundary; choose one of: {names}")
        return found


class Box(Domain):
    """A product of intervals, ``Box(x=(-1, 1), t=(0, 2))``, with sides ``"x.low"``, ``"x.high"``, ``"t.low"``, ...

    ``"boundary"`` means every side but those of ``t``, which are an initial state and an open end; name them where
    they are meant.

    Example:
        >>> Box(x=(0, 1), y=(0, 2)).inside(torch.tensor([[0.5, 1.5], [1.5, 0.5]]).double()).tolist()
        [True, False]
    """

    def __init__(self, **axes: tuple[float, float]) -> None:
        if not axes:
            raise InputError("a box needs at least one axis; type for instance Box(x=(0, 1), y=(0, 1))")
        for name, ends in axes.items():
            if len(ends) != 2 or not -torch.inf < ends[0] < ends[1] < torch.inf:
                raise InputError(f"{name}={ends!r}: expected (low, high) with low < high, both finite")
        self.coordinates = tuple(axes)
        self.bounds = tuple((float(low), float(high)) for low, high in axes.values())
        self.pieces = tuple(self._side(axis, end) for axis in range(len(axes)) for end in (0, 1))

    def inside(self, points: Float[Tensor, "n coordinates"]) -> Bool[Tensor, " n"]:
        ends = torch.tensor(self.bounds, dtype=points.dtype)
        return ((points >= ends[:, 0]) & (points <= ends[:, 1])).all(1)

    def on(self, where: str) -> tuple[Piece, ...]:
        found = super().on(where)
        return tuple(p for p in found if where != "boundary" or p.name not in ("t.low", "t.high"))

    def _side(self, axis: int, end: int) -> Piece:
        def sample(axes: Axes) -> Sampled:
            fixed = [*axes]
            fixed[axis] = torch.tensor([self.bounds[axis][end]], dtype=torch.float64)
            points = torch.cartesian_prod(*fixed).reshape(-1, len(fixed))
            normals = torch.zeros_like(points)
            normals[:, axis] = 2.0 * end - 1
            return points, normals

        return Piece(f"{self.coordinates[axis]}.{('low', 'high')[end]}", sample, (axis, end))


class Interval(Box):
    """A box of one axis, ``Interval(t=(0, 1))``."""

    def __init__(self, **axis: tuple[float, float]) -> None:
        if len(axis) != 1:
            raise InputError(f"an interval has one axis and got {len(axis)}; type Interval(t=(0, 1))")
        super().__init__(**axis)


class Disc(Domain):
    """Points ``|p - center| <= radius`` of the plane, with the boundary ``name``."""

    def __init__(
        self,
        center: tuple[float, float],
        radius: float,
        name: str = "circle",
        coordinates: tuple[str, str] = ("x", "y"),
    ) -> None:
        if not 0 < radius < torch.inf:
            raise InputError(f"radius={radius!r}: expected a positive number")
        self.center, self.radius, self.coordinates = center, float(radius), coordinates
        self.bounds = tuple((float(c - radius), float(c + radius)) for c in center)
        self.pieces = (Piece(name, self._circle),)

    def inside(self, points: Float[Tensor, "n coordinates"]) -> Bool[Tensor, " n"]:
        away = points - torch.tensor(self.center, dtype=points.dtype)
        return away.norm(dim=1) <= self.radius * (1 + EDGE)

    def _circle(self, axes: Axes) -> Sampled:
        count = 2 * sum(map(len, axes))
        angle = torch.arange(count, dtype=torch.float64) * (2 * pi / count)
        normals = torch.stack([angle.cos(), angle.sin()], dim=1)
        return torch.tensor(self.center, dtype=torch.float64) + self.radius * normals, normals


class Polygon(Domain):
    """The inside of a simple polygon; corners in order, sides ``"name 1"``, ``"name 2"``, ... from the first corner on.

    Example:
        >>> LShape().inside(torch.tensor([[-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]]).double()).tolist()
        [True, True, False]
    """

    def __init__(
        self,
        corners: Sequence[tuple[float, float]],
        name: str = "side",
        coordinates: tuple[str, str] = ("x", "y"),
    ) -> None:
        if len(corners) < 3:
            raise InputError(f"a polygon of {len(corners)} corners: expected at least 3")
        self.corners = torch.tensor([[float(x), float(y)] for x, y in corners], dtype=torch.float64)
        self.coordinates = coordinates
        self.ends = self.corners.roll(-1, 0)
        x, y = self.corners.T
        low, high = self.corners.amin(0), self.corners.amax(0)
        self.bounds = tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))
        self.turn = float(torch.sign((x * self.ends[:, 1] - self.ends[:, 0] * y).sum()))
        self.pieces = tuple(Piece(f"{name} {k + 1}", self._side(k)) for k in range(len(corners)))

    def inside(self, points: Float[Tensor, "n coordinates"]) -> Bool[Tensor, " n"]:
        """By crossings of a ray to the right, and by distance to the sides."""
        start, along = self.corners, self.ends - self.corners
        x, y = points[:, :1], points[:, 1:]
        spans = (start[:, 1] > y) != (self.ends[:, 1] > y)
        height = torch.where(along[:, 1] == 0, torch.ones_like(along[:, 1]), along[:, 1])
        crosses = spans & (x < start[:, 0] + (y - start[:, 1]) / height * along[:, 0])
        share = ((x - start[:, 0]) * along[:, 0] + (y - start[:, 1]) * along[:, 1]) / along.square().sum(1)
        nearest = start + share.clamp(0, 1)[..., None] * along
        touches = (points[:, None] - nearest).norm(dim=2).amin(1) <= EDGE
        return (crosses.sum(1) % 2 == 1) | touches

    def _side(self, k: int) -> Callable[[Axes], Sampled]:
        def sample(axes: Axes) -> Sampled:
            along = self.ends[k] - self.corners[k]
            share = torch.linspace(0.0, 1.0, max(map(len, axes)), dtype=torch.float64)[:, None]
            normal = torch.stack([along[1], -along[0]]) * self.turn / along.norm()
            return self.corners[k] + share * along, normal.expand(len(share), 2)

        return sample


class LShape(Polygon):
    """The square ``(-1, 1)^2`` without its lower right quarter: an inner corner of 270 degrees at the origin."""

    def __init__(self, name: str = "side") -> None:
        super().__init__([(0, 0), (0, -1), (-1, -1), (-1, 1), (1, 1), (1, 0)], name)


class Difference(Domain):
    """Points of ``whole`` that are not inside ``taken``; the cut keeps the names of ``taken``."""

    def __init__(self, whole: Domain, taken: Domain) -> None:
        _check_same(whole, taken)
        self.coordinates, self.bounds = whole.coordinates, whole.bounds
        self.whole, self.taken = whole, taken
        outer = (_kept(p, lambda x, n: ~taken.inside(x - 1e-6 * n)) for p in whole.pieces)
        inner = (_kept(p, lambda x, n: whole.inside(x), turned=True) for p in taken.pieces)
        self.pieces = (*outer, *inner)

    def inside(self, points: Float[Tensor, "n coordinates"]) -> Bool[Tensor, " n"]:
        return self.whole.inside(points) & ~self.taken.inside(points)


class Union(Domain):
    """Points of either shape."""

    def __init__(self, one: Domain, two: Domain) -> None:
        _check_same(one, two)
        self.coordinates = one.coordinates
        self.one, self.two = one, two
        self.bounds = tuple(
            (min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one.bounds, two.bounds, strict=True)
        )
        outside = ((one, two), (two, one))
        self.pieces = tuple(
            _kept(p, lambda x, n, other=other: ~other.inside(x + 1e-6 * n))
            for own, other in outside
            for p in own.pieces
        )

    def inside(self, points: Float[Tensor, "n coordinates"]) -> Bool[Tensor, " n"]:
        return self.one.inside(points) | self.two.inside(points)


class Product(Domain):
    """Pairs of a point of ``left`` and a point of ``right``, with the coordinates of both."""

    def __init__(self, left: Domain, right: Domain) -> None:
        shared = set(left.coordinates) & set(right.coordinates)
        if shared:
            raise InputError(f"both factors have the coordinate {min(shared)!r}: expected different names")
        self.left, self.right = left, right
        self.coordinates, self.bounds = left.coordinates + right.coordinates, left.bounds + right.bounds
        self.pieces = (
            *(Piece(p.name, self._sample(p, True)) for p in left.pieces),
            *(Piece(p.name, self._sample(p, False)) for p in right.pieces),
        )

    def inside(self, points: Float[Tensor, "n coordinates"]) -> Bool[Tensor, " n"]:
        cut = len(self.left.coordinates)
        return self.left.inside(points[:, :cut]) & self.right.inside(points[:, cut:])

    def on(self, where: str) -> tuple[Piece, ...]:
        found = super().on(where)
        return tuple(p for p in found if where != "boundary" or p.name not in ("t.low", "t.high"))

    def _sample(self, piece: Piece, is_left: bool) -> Callable[[Axes], Sampled]:
        cut = len(self.left.coordinates)

        def sample(axes: Axes) -> Sampled:
            own, others, rest = (
                (axes[:cut], axes[cut:], self.right) if is_left else (axes[cut:], axes[:cut], self.left)
            )
            points, normals = piece.sample(own)
            inner = torch.cartesian_prod(*others).reshape(-1, len(others))
            inner = inner[rest.inside(inner)]
            a, b = points.repeat_interleave(len(inner), 0), inner.repeat(len(points), 1)
            n, zero = normals.repeat_interleave(len(inner), 0), torch.zeros_like(b)
            parts = ((a, b), (n, zero)) if is_left else ((b, a), (zero, n))
            return torch.cat(parts[0], 1), torch.cat(parts[1], 1)

        return sample


def _kept(piece: Piece, keep: Callable[[Tensor, Tensor], Tensor], turned: bool = False) -> Piece:
    """The points of a piece that fulfil ``keep(points, normals)``, normals turned round where asked."""

    def sample(axes: Axes) -> Sampled:
        points, normals = piece.sample(axes)
        kept = keep(points, normals)
        return points[kept], -normals[kept] if turned else normals[kept]

    return Piece(piece.name, sample)


def _check_same(one: Domain, two: Domain) -> None:
    if one.coordinates != two.coordinates:
        raise InputError(
            f"the shapes have coordinates {one.coordinates} and {two.coordinates}: expected the same"
        )
    shared = {p.name for p in one.pieces} & {p.name for p in two.pieces}
    if shared:
        raise InputError(f"both shapes call a boundary {min(shared)!r}; type name=... for one of them")
