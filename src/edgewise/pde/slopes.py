r"""Gradients of all residuals together, and curvatures of each edge alone, without a Jacobian.

With ``phi(v) = |r(v)|^2 / 2 + E(v)``, energies ``E`` where there are any,

    d phi / dv = sum_n  w_n r_n  dR_n / dv,        G_e = sum_n w_n^2 (dR_n / dv_e)^T (dR_n / dv_e),

both summed while they come down the network: memory is that of the points, not of points times parameters. ``G_e``, the
Gauss-Newton matrix of one edge, is what a method of gradients measures its steps by: second derivatives make an edge
of many cells stiff, and products that have hardly grown make it soft.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.pde.blocks import Block
from edgewise.pde.energies import expansion
from edgewise.pde.residuals import System
from edgewise.pde.stages import FirstStage

Curvature = list[Float[Tensor, "edges reduced reduced"]]


def value_and_slope(system: System, free: Float[Tensor, " free"]) -> tuple[float, Float[Tensor, " free"]]:
    """``2 phi``, which is ``|r|^2`` without energies, and ``d phi / dv``."""
    total, slope = 0.0, torch.zeros_like(free)
    for block in system.blocks:
        value, slopes = system.slopes(block, free)
        loss, weight = _weighted(block, value)
        total += loss
        for name, own in slopes.items():
            slope[_place(system, name)] += _gathered(system, block, name, own * weight)
    return total, slope


def curvatures(system: System, free: Float[Tensor, " free"]) -> dict[str, Curvature]:
    """``G_e`` of every edge, by unknown and by axis; of ``problem.parameters`` one number each, by name."""
    moments: dict[tuple[str, str], tuple[FirstStage, list[Tensor]]] = {}
    found: dict[str, Curvature] = {}
    for block in system.blocks:
        for root, weight in _roots(system, block, free):
            for name, own in root.items():
                upstream, key = own * weight, (block.name, name)
                if name in block.jets and block.sums is None:
                    more = block.jets[name].moments(upstream[..., None])
                    before = moments[key][1] if key in moments else None
                    moments[key] = block.jets[name].first, _added(before, more)
                else:
                    found[name] = _added(found.get(name), _squares(block, name, upstream))
    for (_, name), (first, own) in moments.items():
        found[name] = _added(found.get(name), first.curvature(own))
    return found


def _squares(block: Block, name: str, upstream: Tensor) -> Curvature:
    """``G_e`` of a parameter, one row at each point, or of an unknown where all points add up to one row."""
    if name not in block.jets:
        rows = upstream.sum()[None] if block.sums is not None else upstream
        return [rows.square().sum().view(1, 1, 1)]
    first = block.jets[name].first
    parts = block.jets[name].gather(upstream[..., None])[: sum(first.sizes)].split(first.sizes)
    rows = [part.view(len(target), -1) for part, target in zip(parts, first.targets, strict=True)]
    return [row[:, :, None] * row[:, None, :] for row in rows]


def _added(one: list[Tensor] | None, two: list[Tensor]) -> list[Tensor]:
    return two if one is None else [a + b for a, b in zip(one, two, strict=True)]


def _weighted(block: Block, value: Tensor) -> tuple[float, Tensor]:
    """A block's part of ``2 phi``, and the derivative of ``phi`` by the value at every point."""
    if block.law.is_energy:
        assert block.volumes is not None
        return 2 * float(block.volumes @ value), block.volumes
    if block.sums is not None:
        value = (block.sums @ value)[None]
    residual = (value if block.target is None else value - block.target) * block.rows
    weight = block.rows * residual
    return float(residual @ residual), weight if block.sums is None else weight * block.sums


def _roots(system: System, block: Block, free: Tensor) -> list[tuple[dict[str, Tensor], Tensor]]:
    """Rows of the Gauss-Newton matrix as slopes by every leaf and their weights."""
    if not block.law.is_energy:
        weight = block.rows if block.sums is None else block.rows * block.sums
        return [(system.slopes(block, free)[1], weight)]
    assert block.volumes is not None
    leaves = system.leaves(block, free, True)
    with torch.enable_grad():
        roots = expansion(system.values(block, leaves), leaves)[1]
    return [(root, block.volumes.sqrt()) for root in roots]


def _gathered(system: System, block: Block, name: str, upstream: Tensor) -> Tensor:
    return block.jets[name].gather(upstream[..., None]) if name in block.jets else upstream.sum()


def _place(system: System, name: str) -> slice | int:
    if name in system.unknowns:
        return system.slices[name]
    return system.slices["parameters"].start + list(system.problem.parameters).index(name)
