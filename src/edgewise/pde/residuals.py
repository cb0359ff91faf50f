r"""All residuals of a problem, stacked by name, with their Jacobian in closed form.

A residual ``R(u, u_x, ..., x, p)`` acts on each point alone. So autograd of ``sum_n R_n``, over numbers and not over
networks, gives ``dR / d (d^a u)`` at every point; ``Jets.columns`` turns these into ``dR / d free``.
``edgewise.pde.blocks`` says where residuals are taken and how they are weighted.
"""

from collections.abc import Mapping
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.pde.ansatz import Ansatz
from edgewise.pde.blocks import Block, Maker, slices
from edgewise.pde.energies import expansion
from edgewise.pde.fields import leaf_field
from edgewise.pde.gram import add_gram
from edgewise.pde.problem import Problem


class System:
    """Residuals of a problem for a vector of free parameters: those of every unknown, then the problem's own.

    With ``share`` features are kept once for every different coordinate, which suits ``edgewise.pde.slopes``.
    """

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
        share: bool = False,
    ) -> None:
        self.problem, self.unknowns = problem, unknowns
        self.floor = 0.0
        self.slices = slices(unknowns, len(problem.parameters))
        span = (-inf if since is None else since, inf if until is None else until)
        maker = Maker(problem, unknowns, breakpoints, per_cell, span, share)
        self.blocks = [*maker.equations(points), *([] if equations_only else maker.conditions())]

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
        return float(block.volumes @ self.plain(block, free))

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
        leaves = self.leaves(block, free, True)
        with torch.enable_grad():
            slopes, roots = expansion(self.values(block, leaves), leaves)
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
        squares: dict[str, list[Tensor]] = {}
        for block in self.blocks:
            leaves = self.leaves(block, free, True)
            value, slopes = self.slopes(block, free, leaves)
            rows = (1, -1, len(value))
            parts = [(slopes[name] * leaf).square().view(rows).sum((0, 1)) for name, leaf in leaves.items()]
            squares.setdefault(block.name, []).append(torch.stack([value.square(), *parts]).sum(0).detach())
        return {name: float(torch.cat(found).mean().sqrt()) for name, found in squares.items()}

    def by_name(self, free: Float[Tensor, " free"]) -> dict[str, float]:
        """Root mean square of every term, without its weight; of an energy the energy."""
        energies = {block.name: 0.0 for block in self.blocks if block.law.is_energy}
        values: dict[str, list[Tensor]] = {}
        for block in self.blocks:
            if block.law.is_energy:
                energies[block.name] += self._energy(block, free)
            else:
                values.setdefault(block.name, []).append(self.plain(block, free))
        return energies | {name: _rms(torch.cat(found)) for name, found in values.items()}

    def plain(self, block: Block, free: Tensor) -> Tensor:
        """A term's residual at its points, without weights."""
        with torch.no_grad():
            found = self.values(block, self.leaves(block, free, False))
        if block.sums is not None and block.target is not None:
            return (block.sums @ found)[None] - block.target
        return found if block.target is None else found - block.target

    def _rows(self, block: Block, free: Tensor, with_jacobian: bool) -> tuple[Tensor, Tensor | None]:
        if not with_jacobian:
            return self.plain(block, free) * block.rows, None
        found, slopes = self.slopes(block, free)
        jacobian = self._columns(block, slopes)
        if block.sums is not None:
            found, jacobian = (block.sums @ found)[None], (block.sums @ jacobian)[None]
        if block.target is not None:
            found = found - block.target
        return found * block.rows, jacobian.mul_(block.rows[:, None])

    def slopes(
        self, block: Block, free: Tensor, leaves: dict[str, Tensor] | None = None
    ) -> tuple[Float[Tensor, " n"], dict[str, Tensor]]:
        """``R`` at every point of a block, and ``dR / d leaf`` of every leaf."""
        leaves = self.leaves(block, free, True) if leaves is None else leaves
        with torch.enable_grad():
            found = self.values(block, leaves)
            slopes = torch.autograd.grad(
                found.sum(), list(leaves.values()), allow_unused=True, materialize_grads=True
            )
        return found.detach(), dict(zip(leaves, slopes, strict=True))

    def leaves(self, block: Block, free: Tensor, with_gradient: bool) -> dict[str, Tensor]:
        """Derivatives of every unknown in the block ``(indices, n)``, and its parameters, one for each point."""
        leaves = {
            name: one.run(free[self.slices[name]])[..., 0] + block.lifts[name]
            for name, one in block.jets.items()
        }
        for name, number in zip(self.problem.parameters, free[self.slices["parameters"]], strict=True):
            if name in block.law.names:
                leaves[name] = number.expand(len(block.points)).clone()
        return {name: leaf.requires_grad_(with_gradient) for name, leaf in leaves.items()}

    def values(self, block: Block, leaves: Mapping[str, Tensor]) -> Tensor:
        """``R`` at every point of a block."""
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


def _add(jacobian: Tensor, block: Block, gram: Tensor) -> None:
    """Adds ``J^T J``, its lower triangle at least."""
    if block.axes is None:
        gram += jacobian.T @ jacobian
    else:
        add_gram(jacobian, block.axes, gram)


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())
