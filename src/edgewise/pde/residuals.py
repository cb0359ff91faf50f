r"""All residuals of a problem, stacked by name, with their Jacobian in closed form.

A residual ``R(u, u_x, ..., x, p)`` acts on each point alone. So autograd of ``sum_n R_n``, over numbers and not over
networks, gives ``dR / d (d^a u)`` at every point; ``Jets.columns`` turns these into ``dR / d free``. Rows are
multiplied by ``weight sqrt(share)``: the sum of squares is a weighted mean square over each term's place. An
equation's cells share by the root of their volume, halfway between all alike, which lets a thin layer with its
crowded points rule, and by volume, which lets it drown: on Burgers' shock the error is a fifth of either's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.pde.ansatz import Ansatz, held
from edgewise.pde.collocation import Points, edge_axes, inside
from edgewise.pde.conditions import Condition, Data, Integral, Law
from edgewise.pde.energies import expansion
from edgewise.pde.fields import leaf_field
from edgewise.pde.gram import Axis, add_gram, axes
from edgewise.pde.jets import Jets
from edgewise.pde.problem import Problem

FEWEST_ROWS = 1000


@dataclass
class Block:
    """One term at its points. ``sums``: the rows are added up, with these weights, to one.

    An energy is no residual: its values, times ``volumes``, add up to what shall be least.
    """

    name: str
    law: Law
    rows: Float[Tensor, " rows"]
    points: Float[Tensor, "n coordinates"]
    normals: Float[Tensor, "n coordinates"] | None
    jets: dict[str, Jets]
    lifts: dict[str, Tensor]
    target: Float[Tensor, " m"] | None = None
    sums: Float[Tensor, " n"] | None = None
    volumes: Float[Tensor, " n"] | None = None
    axes: list[Axis] | None = None


class System:
    """Residuals of a problem for a vector of free parameters: those of every unknown, then the problem's own."""

    def __init__(
        self,
        problem: Problem,
        unknowns: Mapping[str, Ansatz],
        breakpoints: Float[Tensor, "axes cells_and_1"],
        *,
        per_cell: int = 3,
        until: float | None = None,
        since: float | None = None,
        points: Float[Tensor, "n coordinates"] | None = None,
        equations_only: bool = False,
    ) -> None:
        self.problem, self.unknowns = problem, unknowns
        self.span = (-inf if since is None else since, inf if until is None else until)
        self.breakpoints, self.per_cell = breakpoints, per_cell
        self.floor = 0.0
        self.slices = _slices(unknowns, len(problem.parameters))
        self.built_in = frozenset[str]().union(*(held(problem, name).names for name in problem.unknowns))
        self.blocks = [*self._equations(points), *([] if equations_only else self._conditions())]

    @property
    def size(self) -> int:
        """Length of the vector."""
        return self.slices["parameters"].stop

    def residual(self, free: Float[Tensor, " free"]) -> Float[Tensor, " rows"]:
        """``r``; energies add ``(2 E + floor)^(1/2)``, zero where ``floor`` is too low."""
        found = [self._rows(block, free, False)[0] for block in self.blocks if not block.law.is_energy]
        if self.has_energy:
            found.append(torch.tensor([max(self.depth(free), 0.0) ** 0.5], dtype=torch.float64))
        return torch.cat(found)

    @property
    def has_energy(self) -> bool:
        """Whether some term is an energy."""
        return any(block.law.is_energy for block in self.blocks)

    def depth(self, free: Float[Tensor, " free"]) -> float:
        """``2 E + floor``."""
        return self.floor + 2 * sum(self._energy(block, free) for block in self.blocks if block.law.is_energy)

    def _energy(self, block: Block, free: Tensor) -> float:
        assert block.volumes is not None
        return float(block.volumes @ self._plain(block, free))

    def linearise(self, free: Float[Tensor, " free"]) -> tuple[Tensor, Tensor]:
        """``r (rows,)`` and ``J (rows, free)``."""
        found = [self._rows(block, free, True) for block in self.blocks]
        return torch.cat([r for r, _ in found]), torch.cat([J for _, J in found if J is not None])

    def normal(self, free: Float[Tensor, " free"]) -> tuple[Tensor, Tensor]:
        """``J^T J``, lower triangle, and ``J^T r``."""
        gram, slope = torch.zeros(self.size, self.size, dtype=torch.float64), torch.zeros_like(free)
        for block in self.blocks:
            if block.law.is_energy:
                slope += self._expanded(block, free, gram)
                continue
            r, jacobian = self.rows(block, free)
            slope += jacobian.T @ r
            _add(jacobian, block, gram)
        return gram, slope

    def _expanded(self, block: Block, free: Tensor, gram: Tensor) -> Tensor:
        """The slope of an energy; what Gauss-Newton takes for its curvature goes to ``gram``."""
        assert block.volumes is not None
        leaves = self._leaves(block, free, True)
        with torch.enable_grad():
            slopes, roots = expansion(self._evaluate(block, leaves), leaves)
        for root in roots:
            _add(self._columns(block, root).mul_(block.volumes.sqrt()[:, None]), block, gram)
        return self._columns(block, slopes).T @ block.volumes

    def rows(self, block: Block, free: Float[Tensor, " free"]) -> tuple[Tensor, Tensor]:
        """A term's part of ``r`` and ``J``."""
        residual, jacobian = self._rows(block, free, True)
        assert jacobian is not None
        return residual, jacobian

    def sizes(self, free: Float[Tensor, " free"]) -> dict[str, float]:
        """Root mean square of what each term adds up, ``(sum_a ((dR / du_a) u_a)^2 + R^2)^(1/2)``."""
        found = {}
        for block in self.blocks:
            leaves = self._leaves(block, free, True)
            with torch.enable_grad():
                value = self._evaluate(block, leaves)
                slopes = torch.autograd.grad(
                    value.sum(), list(leaves.values()), allow_unused=True, materialize_grads=True
                )
            parts = sum(((s * leaf) ** 2).sum() for s, leaf in zip(slopes, leaves.values(), strict=True))
            found[block.name] = float(((value.square().sum() + parts) / len(value)).sqrt())
        return found

    def by_name(self, free: Float[Tensor, " free"]) -> dict[str, float]:
        """Root mean square of every term, without its weight; of an energy the energy."""
        return {
            block.name: self._energy(block, free) if block.law.is_energy else _rms(self._plain(block, free))
            for block in self.blocks
        }

    def _plain(self, block: Block, free: Tensor) -> Tensor:
        with torch.no_grad():
            found = self._evaluate(block, self._leaves(block, free, False))
        if block.sums is not None and block.target is not None:
            return (block.sums @ found)[None] - block.target
        return found if block.target is None else found - block.target

    def _rows(self, block: Block, free: Tensor, with_jacobian: bool) -> tuple[Tensor, Tensor | None]:
        if not with_jacobian:
            return self._plain(block, free) * block.rows, None
        leaves = self._leaves(block, free, True)
        with torch.enable_grad():
            found = self._evaluate(block, leaves)
            slopes = torch.autograd.grad(
                found.sum(), list(leaves.values()), allow_unused=True, materialize_grads=True
            )
        jacobian = self._columns(block, dict(zip(leaves, slopes, strict=True)))
        found = found.detach()
        if block.sums is not None:
            found, jacobian = (block.sums @ found)[None], (block.sums @ jacobian)[None]
        if block.target is not None:
            found = found - block.target
        return found * block.rows, jacobian.mul_(block.rows[:, None])

    def _leaves(self, block: Block, free: Tensor, with_gradient: bool) -> dict[str, Tensor]:
        """Derivatives of every unknown in the block ``(indices, n)``, and its parameters, one for each point."""
        leaves = {
            name: one.run(free[self.slices[name]])[..., 0] + block.lifts[name]
            for name, one in block.jets.items()
        }
        for name, number in zip(self.problem.parameters, free[self.slices["parameters"]], strict=True):
            if name in block.law.names:
                leaves[name] = number.expand(len(block.points)).clone()
        return {name: leaf.requires_grad_(with_gradient) for name, leaf in leaves.items()}

    def _evaluate(self, block: Block, leaves: Mapping[str, Tensor]) -> Tensor:
        coordinates = self.problem.domain.coordinates
        fields = {
            name: leaf_field(name, coordinates, leaf, block.jets[name].orders.place)
            if name in block.jets
            else leaf
            for name, leaf in leaves.items()
        }
        return self.problem.evaluate(block.law, block.points, fields, block.normals)

    def _columns(self, block: Block, slopes: Mapping[str, Tensor]) -> Tensor:
        jacobian = torch.zeros(len(block.points), self.size, dtype=torch.float64)
        for name, one in block.jets.items():
            jacobian[:, self.slices[name]] = one.columns(slopes[name][..., None])
        start = self.slices["parameters"].start
        for k, name in enumerate(self.problem.parameters):
            if name in slopes:
                jacobian[:, start + k] = slopes[name]
        return jacobian

    def _equations(self, points: Tensor | None) -> list[Block]:
        if points is None:
            found = inside(self.problem.domain, self.breakpoints, self.per_cell)
            if self.problem.time is not None:
                found = found.within(self.problem.time, self.span)
        else:
            found = Points(points, torch.ones_like(points[:, 0]), torch.ones_like(points[:, 0]))
        rows = (found.volumes / found.cells.sqrt()).sqrt()
        rows = rows / rows.norm()
        return [
            self._block(name, law, found.rows, rows, volumes=found.volumes)
            for name, law in self.problem.equations.items()
        ]

    def _conditions(self) -> list[Block]:
        found = []
        for name, one in self.problem.conditions.items():
            if name in self.built_in:
                continue
            if isinstance(one, Condition):
                found.append(self._edge(name, one))
            elif isinstance(one, Data):
                rows = one.points.new_full((len(one.points),), one.weight / len(one.points) ** 0.5)
                found.append(self._block(name, one.law, one.points, rows, target=one.values))
            elif isinstance(one, Integral):
                found.append(self._integral(name, one))
        return [block for block in found if len(block.rows)]

    def _edge(self, name: str, one: Condition) -> Block:
        axes = edge_axes(self.breakpoints, self.per_cell)
        parts = [piece.sample(axes) for piece in self.problem.domain.on(one.on)]
        points, normals = (torch.cat(part) for part in zip(*parts, strict=True))
        if self.problem.time is not None:
            t = points[:, self.problem.time]
            kept = (t >= self.span[0]) & (t <= self.span[1])
            points, normals = points[kept], normals[kept]
        rows = points.new_full((len(points),), one.weight / max(len(points), 1) ** 0.5)
        return self._block(name, one.law, points, rows, normals=normals)

    def _integral(self, name: str, one: Integral) -> Block:
        found = inside(self.problem.domain, self.breakpoints, self.per_cell)
        target = torch.tensor([one.value], dtype=torch.float64)
        rows = torch.tensor([one.weight], dtype=torch.float64)
        return self._block(name, one.law, found.rows, rows, target=target, sums=found.volumes)

    def _block(
        self,
        name: str,
        law: Law,
        points: Tensor,
        rows: Tensor,
        normals: Tensor | None = None,
        target: Tensor | None = None,
        sums: Tensor | None = None,
        volumes: Tensor | None = None,
    ) -> Block:
        used = [one for one in self.problem.unknowns if one in law.names]
        orders = self.problem.orders
        jets = {one: self.unknowns[one].jets(points, orders[one]) for one in used}
        lifts = {one: self.unknowns[one].lifted(points, orders[one]) for one in used}
        cells = self._axes(law, points, jets, sums)
        return Block(name, law, rows, points, normals, jets, lifts, target, sums, volumes, cells)

    def _axes(
        self, law: Law, points: Tensor, jets: Mapping[str, Jets], sums: Tensor | None
    ) -> list[Axis] | None:
        """How the block's columns fall apart; None where they do not, or where it would not pay."""
        has_more = any(sum(one.sizes[1:]) for one in jets.values()) or set(law.names) & set(
            self.problem.parameters
        )
        if has_more or sums is not None or len(points) < FEWEST_ROWS:
            return None
        parts = [
            axes(one.first, points, self.breakpoints, self.slices[name].start) for name, one in jets.items()
        ]
        return [axis for part in parts for axis in part]


def _slices(unknowns: Mapping[str, Ansatz], parameters: int) -> dict[str, slice]:
    found, start = {}, 0
    for name, one in unknowns.items():
        found[name] = slice(start, start + one.free().numel())
        start = found[name].stop
    return {**found, "parameters": slice(start, start + parameters)}


def _add(jacobian: Tensor, block: Block, gram: Tensor) -> None:
    """Adds ``J^T J``, its lower triangle at least."""
    if block.axes is None:
        gram += jacobian.T @ jacobian
    else:
        add_gram(jacobian, block.axes, gram)


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())
