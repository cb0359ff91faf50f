r"""The terms of a problem at their points: where residuals are taken, and with which weights.

Rows are multiplied by ``weight sqrt(share)``: the sum of squares is a weighted mean square over each term's place. An
equation's cells share by the root of their volume, halfway between all alike, which lets a thin layer with its
crowded points rule, and by volume, which lets it drown: on Burgers' shock the error is a fifth of either's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.pde.ansatz import Ansatz, held
from edgewise.pde.collocation import Points, edge_axes, inside
from edgewise.pde.conditions import Condition, Data, Integral, Law
from edgewise.pde.gram import Axis, axes
from edgewise.pde.jets import Jets
from edgewise.pde.problem import Problem

FEWEST_ROWS = 1000
# Numbers in the series of a piece: few enough to stay in a processor's cache, which halves the time of a gradient.
PIECE = 400_000


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

    def pieces(self) -> list["Block"]:
        """The same term on a few points each; features are those of the whole."""
        size = sum(len(one.orders.indices) * one.first.outputs for one in self.jets.values())
        count = max(1, PIECE // max(size, 1))
        cuts = [slice(start, start + count) for start in range(0, len(self.points), count)]
        return [
            replace(
                self,
                rows=self.rows[cut],
                points=self.points[cut],
                jets={name: one.at(cut) for name, one in self.jets.items()},
                lifts={name: lift[:, cut] for name, lift in self.lifts.items()},
                volumes=None if self.volumes is None else self.volumes[cut],
            )
            for cut in cuts
        ]


@dataclass(frozen=True)
class Maker:
    """Makes the blocks of a problem on these cells, in the stretch ``span`` of time.

    With ``share`` features are kept once for every different coordinate, and equations fall into pieces.
    """

    problem: Problem
    unknowns: Mapping[str, Ansatz]
    breakpoints: Float[Tensor, "axes cells_and_1"]
    per_cell: int
    span: tuple[float, float]
    share: bool = False

    def equations(self, points: Tensor | None) -> list[Block]:
        """At Gauss points of all cells, or at points that are given."""
        if points is None:
            found = inside(self.problem.domain, self.breakpoints, self.per_cell)
            if self.problem.time is not None:
                found = found.within(self.problem.time, self.span)
        else:
            found = Points(points, torch.ones_like(points[:, 0]), torch.ones_like(points[:, 0]))
        rows = (found.volumes / found.cells.sqrt()).sqrt()
        rows = rows / rows.norm()
        blocks = [
            self._block(name, law, found.rows, rows, volumes=found.volumes)
            for name, law in self.problem.equations.items()
        ]
        return [piece for block in blocks for piece in block.pieces()] if self.share else blocks

    def conditions(self) -> list[Block]:
        """Those that are not built into the networks."""
        built_in = frozenset[str]().union(*(held(self.problem, name).names for name in self.problem.unknowns))
        found = []
        for name, one in self.problem.conditions.items():
            if name in built_in:
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
        jets = {one: self.unknowns[one].jets(points, orders[one], self.share) for one in used}
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
        if has_more or self.share or sums is not None or len(points) < FEWEST_ROWS:
            return None
        starts = slices(self.unknowns, 0)
        parts = [axes(one.first, points, self.breakpoints, starts[name].start) for name, one in jets.items()]
        return [axis for part in parts for axis in part]


def slices(unknowns: Mapping[str, Ansatz], parameters: int) -> dict[str, slice]:
    """Where every unknown's free numbers stand, and the problem's own ``"parameters"``."""
    found, start = {}, 0
    for name, one in unknowns.items():
        found[name] = slice(start, start + one.free().numel())
        start = found[name].stop
    return {**found, "parameters": slice(start, start + parameters)}
