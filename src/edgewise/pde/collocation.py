"""Points where residuals are taken: Gauss points of every cell, edges as dense as those, and held-out points."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import qmc
from torch import Tensor

from edgewise.errors import InputError
from edgewise.pde.geometry import Domain


@dataclass(frozen=True)
class Points:
    """Rows ``(n, coordinates)``, the volume that each stands for, and that of the cell it is in."""

    rows: Float[Tensor, "n coordinates"]
    volumes: Float[Tensor, " n"]
    cells: Float[Tensor, " n"]

    def within(self, axis: int, span: tuple[float, float]) -> "Points":
        """Those whose coordinate lies in ``span``."""
        kept = (self.rows[:, axis] >= span[0]) & (self.rows[:, axis] <= span[1])
        return Points(self.rows[kept], self.volumes[kept], self.cells[kept])


def axis_points(cells: Float[Tensor, " cells_and_1"], per_cell: int) -> tuple[Tensor, Tensor]:
    """Gauss points of every cell of one axis and their weights, which sum to the length.

    Cells between equal breakpoints are no places and have no points.
    """
    nodes, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(per_cell))
    cells = cells.unique_consecutive()
    width = (cells[1:] - cells[:-1])[:, None]
    places = cells[:-1, None] + width * (nodes + 1) / 2
    return places.flatten(), (width * weights / 2).flatten()


def inside(domain: Domain, breakpoints: Float[Tensor, "axes cells_and_1"], per_cell: int) -> Points:
    """The Gauss points of all cells of the product grid that lie in the domain."""
    axes, weights = zip(*(axis_points(cells, per_cell) for cells in breakpoints), strict=True)
    rows = torch.cartesian_prod(*axes).reshape(-1, len(axes))
    volume = torch.cartesian_prod(*weights).reshape(-1, len(axes)).prod(1)
    widths = (cells.unique_consecutive().diff().repeat_interleave(per_cell) for cells in breakpoints)
    cells = torch.cartesian_prod(*widths).reshape(-1, len(axes)).prod(1)
    kept = domain.inside(rows)
    if not bool(kept.any()):
        raise InputError(
            "no point of the grid lies inside the domain; check its shape, or ask for more cells"
        )
    return Points(rows[kept], volume[kept], cells[kept])


def edge_axes(breakpoints: Float[Tensor, "axes cells_and_1"], per_cell: int) -> list[Tensor]:
    """What the pieces of a boundary are sampled with: Gauss points and both ends of every axis."""
    return [torch.cat([cells[:1], axis_points(cells, per_cell)[0], cells[-1:]]) for cells in breakpoints]


def held_out(
    domain: Domain, breakpoints: Float[Tensor, "axes cells_and_1"], count: int, seed: int
) -> Float[Tensor, "n coordinates"]:
    """Scrambled Halton points of the domain, as dense in each cell as the Gauss points are."""
    share = qmc.Halton(len(breakpoints), scramble=True, rng=np.random.default_rng(seed)).random(4 * count)
    rows = torch.stack(
        [
            torch.from_numpy(_warped(column, cells))
            for column, cells in zip(share.T, breakpoints, strict=True)
        ],
        dim=1,
    )
    return rows[domain.inside(rows)][:count]


def _warped(share: np.ndarray, cells: Tensor) -> np.ndarray:
    cells = cells.unique_consecutive()
    return np.interp(share, np.linspace(0.0, 1.0, len(cells)), cells.numpy())
