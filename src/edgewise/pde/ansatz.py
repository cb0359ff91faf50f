r"""One unknown as lift plus network, ``u = A(x) + N(x)``, with what is hard built in.

``A`` takes the pinned values on pinned sides of a box and ``N`` is zero there, because every factor of its products
is: the weights of an edge are ``c = T v``, ``T`` an orthonormal basis of ``{c : sum_m c_m B_m(end) = 0}``. On a
periodic axis the same holds with ``B^(d)_m(high) - B^(d)_m(low)``, ``d < degree``. The lift joins opposite sides by
straight lines:

    A_0 = 0,    A_{j+1} = A_j + sum_end w_end(x_j) (g_end - A_j)|_{x_j = end},

axis after axis, exact on all pinned sides as long as their values agree where they meet.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import splines
from edgewise.edges import SplineEdges
from edgewise.network import KAN
from edgewise.pde.conditions import Condition, Law, Periodic, Symmetry
from edgewise.pde.geometry import Box
from edgewise.pde.jets import Jets, jets
from edgewise.pde.problem import Problem
from edgewise.pde.separable import is_line
from edgewise.pde.taylor import Index, Orders
from edgewise.pde.window import Window

Pins = dict[tuple[int, int], Law]
AGREE = 1e-9


@dataclass(frozen=True)
class Held:
    """What is built into an unknown: values on sides, periodic and mirrored axes, and the names of these conditions."""

    pins: Pins
    periodic: frozenset[int]
    signs: dict[int, int]
    names: frozenset[str]

    def free(self, axis: int, functions: int, degree: int) -> int:
        """How many of an edge's ``functions`` numbers are free along an axis."""
        rest = functions - sum(own == axis for own, _ in self.pins) - degree * (axis in self.periodic)
        return (rest + (self.signs[axis] == 1)) // 2 if axis in self.signs else rest


def held(problem: Problem, unknown: str) -> Held:
    """What can be built into ``unknown``: values on whole sides of a box that agree where they meet."""
    axes = problem.domain.coordinates
    around = {name: axes.index(c.axis) for name, c in problem.conditions.items() if isinstance(c, Periodic)}
    mirrored = {
        name: (axes.index(c.axis), c.sign)
        for name, c in problem.conditions.items()
        if isinstance(c, Symmetry) and c.unknown == unknown
    }
    pins: Pins = {}
    names = {*around, *mirrored}
    for name, one in problem.conditions.items():
        own = _pinned(problem, unknown, one)
        if (
            own
            and not {axis for axis, _ in own} & set(around.values())
            and lift_fits(problem, {**own, **pins})
        ):
            pins, names = {**own, **pins}, names | {name}
    return Held(pins, frozenset(around.values()), dict(mirrored.values()), frozenset(names))


def _pinned(problem: Problem, unknown: str, one: Any) -> Pins:
    """The sides on which a condition can be built in, with its value; none where it cannot."""
    if not isinstance(one, Condition) or not one.hard or one.pins != unknown or one.target is None:
        return {}
    if not isinstance(problem.domain, Box) or set(one.target.names) & set(problem.parameters):
        return {}
    return dict.fromkeys(problem.sides(one) or [], one.target)


class Lift:
    """``A`` of the module's page; ``(n, axes)`` points to ``n`` values, differentiable by autograd."""

    def __init__(self, problem: Problem, pins: Pins) -> None:
        self.problem, self.pins = problem, pins
        self.bounds = problem.domain.bounds

    def __call__(self, points: Float[Tensor, "n axes"]) -> Float[Tensor, " n"]:
        return self._after(points, len(self.bounds))

    def derivatives(self, points: Float[Tensor, "n axes"], orders: Orders) -> Float[Tensor, "indices n"]:
        """Every derivative that ``orders`` holds."""
        x = points.detach().clone().requires_grad_()
        with torch.enable_grad():
            found = [self(x)]
            for index in orders.indices[1:]:
                axis = next(k for k, n in enumerate(index) if n)
                below = tuple(n - (k == axis) for k, n in enumerate(index))
                found.append(_slope(found[orders.place[below]], x, axis))
        return torch.stack([part.detach() for part in found])

    def _after(self, points: Tensor, count: int) -> Tensor:
        """``A_count``."""
        if count == 0:
            return points.new_zeros(len(points))
        value, axis = self._after(points, count - 1), count - 1
        ends = [end for end in (0, 1) if (axis, end) in self.pins]
        for end in ends:
            moved = points.clone()
            moved[:, axis] = self.bounds[axis][end]
            gap = self._target((axis, end), moved) - self._after(moved, count - 1)
            value = value + gap * (self._share(points[:, axis], axis, end) if len(ends) == 2 else 1.0)
        return value

    def _target(self, side: tuple[int, int], points: Tensor) -> Tensor:
        return self.problem.evaluate(self.pins[side], points, {})

    def _share(self, x: Tensor, axis: int, end: int) -> Tensor:
        low, high = self.bounds[axis]
        return (x - low) / (high - low) if end else (high - x) / (high - low)


def lift_fits(problem: Problem, pins: Pins) -> bool:
    """Whether the lift has every pinned value on every pinned side: they agree where sides meet."""
    lift = Lift(problem, pins)
    axes = [torch.linspace(low, high, 5, dtype=torch.float64) for low, high in problem.domain.bounds]
    for piece in problem.domain.pieces:
        if piece.side in pins:
            points = piece.sample(axes)[0]
            target = lift._target(piece.side, points)
            if not torch.allclose(lift(points), target, rtol=AGREE, atol=AGREE):
                return False
    return True


def _slope(value: Tensor, x: Tensor, axis: int) -> Tensor:
    if not value.requires_grad:
        return torch.zeros_like(value)
    (found,) = torch.autograd.grad(
        value.sum(), x, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return found[:, axis]


@dataclass
class Ansatz:
    """One unknown: its network, the lift, and the subspaces of weights; ``free`` and ``assign`` as in ``KAN``."""

    network: KAN
    lift: "Lift | Ansatz | None"
    subspaces: tuple[Tensor, ...]

    def __call__(self, points: Float[Tensor, "n axes"]) -> Float[Tensor, " n"]:
        """``u``, as a lift gives it."""
        return self.values(points)

    def derivatives(self, points: Float[Tensor, "n axes"], orders: Orders) -> Float[Tensor, "indices n"]:
        """Every derivative that ``orders`` holds, as a lift gives them."""
        with torch.no_grad():
            return self.jets(points, orders).run(self.free())[..., 0] + self.lifted(points, orders)

    def values(self, points: Float[Tensor, "n axes"]) -> Float[Tensor, " n"]:
        """``u``."""
        network = self.network(points)[:, 0]
        return network if self.lift is None else network + self.lift(points)

    def jets(self, points: Float[Tensor, "n axes"], orders: Orders, share: bool = False) -> Jets:
        """The network's part, ready at points; ``share`` as in ``edgewise.pde.stages.first_stage``."""
        return jets(self.network, self.subspaces, points, orders, share)

    def lifted(self, points: Float[Tensor, "n axes"], orders: Orders) -> Float[Tensor, "indices n"]:
        """The lift's part of every derivative."""
        if self.lift is None:
            return points.new_zeros(len(orders.indices), len(points))
        return self.lift.derivatives(points, orders)

    def derivative(self, points: Float[Tensor, "n axes"], index: Index) -> Float[Tensor, " n"]:
        """``d^index u``."""
        orders = Orders([index])
        return self.derivatives(points, orders)[orders.place[index]]

    def free(self) -> Float[Tensor, " free"]:
        """The free parameters that come nearest to the network as it is."""
        first, *later = self.network.kan_layers
        parts = [
            (first.spline.weight[i][:, _living(first.spline, i)].T @ subspace).flatten()
            for i, subspace in enumerate(self.subspaces)
        ]
        return torch.cat([*parts, *(layer.free() for layer in later if not is_line(layer.spline))]).detach()

    def assign(self, free: Float[Tensor, " free"]) -> None:
        """Sets the network's weights, in place."""
        first, *later = self.network.kan_layers
        start = 0
        with torch.no_grad():
            for i, subspace in enumerate(self.subspaces):
                living = _living(first.spline, i)
                size = len(living) * subspace.shape[1]
                rows = free[start : start + size].view(len(living), -1)
                first.spline.weight[i][:, living] = subspace @ rows.T
                start += size
            for layer in later:
                if not is_line(layer.spline):
                    size = layer.free().numel()
                    layer.assign(free[start : start + size])
                    start += size


def subspaces(edges: SplineEdges, what: Held, window: Window | None = None) -> tuple[Tensor, ...]:
    """``T`` of the module's page for each input."""
    found = []
    for axis in range(edges.in_features):
        low, high = (end[axis : axis + 1] for end in splines.domain(edges.knots, edges.degree))
        rows = [_row(edges, axis, end, 0) for side, end in ((0, low), (1, high)) if (axis, side) in what.pins]
        if axis in what.periodic:
            rows += [_row(edges, axis, high, d) - _row(edges, axis, low, d) for d in range(edges.degree)]
        if window is not None and axis == window.axis:
            basis = window.basis(edges.knots[axis], edges.degree)
        else:
            basis = _mirrored(edges.weight.shape[1], what.signs.get(axis))
        found.append(_null_space(rows, basis))
    return tuple(found)


def _row(edges: SplineEdges, axis: int, place: Tensor, derivative: int) -> Tensor:
    knots = edges.knots[axis : axis + 1]
    return splines.basis(place[None], knots, edges.degree, derivative)[0, 0]


def _mirrored(columns: int, sign: int | None) -> Tensor:
    """Orthonormal basis of all weights, or of those that are ``sign`` times themselves in reverse."""
    unit = torch.eye(columns, dtype=torch.float64)
    if sign is None:
        return unit
    pairs = (unit + sign * unit.flip(1))[:, : columns // 2] / 2**0.5
    middle = unit[:, columns // 2 : columns // 2 + (columns % 2 if sign == 1 else 0)]
    return torch.cat([pairs, middle], dim=1)


def _null_space(rows: list[Tensor], basis: Tensor) -> Tensor:
    """Orthonormal basis of the part of ``basis`` that all rows map to zero; unchanged wherever they do not reach."""
    if not rows:
        return basis
    matrix = torch.stack([row / row.abs().max() for row in rows]) @ basis
    touched = matrix.abs().amax(0) > 0
    _, sizes, right = torch.linalg.svd(matrix[:, touched])
    rank = int((sizes > 1e-10 * sizes[0]).sum()) if len(sizes) else 0
    return torch.cat([basis[:, touched] @ right[rank:].T, basis[:, ~touched]], dim=1)


def _living(edges: SplineEdges, source: int) -> Tensor:
    return torch.nonzero(edges.mask[source])[:, 0]


def ansatz(
    problem: Problem,
    unknown: str,
    network: KAN,
    window: Window | None = None,
    before: Ansatz | None = None,
) -> Ansatz:
    """An unknown on a network, with what can be built in; in a window, on top of what was found ``before``."""
    what = held(problem, unknown)
    lift = before or (Lift(problem, what.pins) if what.pins else None)
    return Ansatz(network, lift, subspaces(network.kan_layers[0].spline, what, window))
