"""A network and its rows as a least-squares problem."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.data import split_rows
from edgewise.edges import SplineEdges
from edgewise.network import KAN

FEWEST_TO_SPLIT = 10
_BRIDGE = 1e-8


@dataclass
class Rows:
    """Training and validation rows, targets in the network's own scale; ``held`` may be empty."""

    X: Float[Tensor, "n inputs"]
    y: Float[Tensor, "n outputs"]
    held_X: Float[Tensor, "m inputs"]
    held_y: Float[Tensor, "m outputs"]

    def to(self, kind: torch.dtype) -> "Rows":
        """The same rows as numbers of that kind."""
        return Rows(self.X.to(kind), self.y.to(kind), self.held_X.to(kind), self.held_y.to(kind))


def split_scaled(network: KAN, X: Tensor, y: Tensor, seed: int, share: float = 0.2) -> Rows:
    """The user's rows split in two, targets in the network's own scale; too few rows are not split."""
    kept, held = split_rows(
        X.shape[0], share if X.shape[0] >= FEWEST_TO_SPLIT else 0.0, torch.Generator().manual_seed(seed)
    )
    scaled = (y - network.output_center) / network.output_scale
    return Rows(X[kept], scaled[kept], X[held], scaled[held])


class NetworkProblem:
    """Mean square plus roughness as residuals of the free parameters.

    Roughness is linear in the coefficients. Besides the smoothness asked for there is always a trace of a penalty
    on differences of order ``degree + 1`` and on base weights: nothing for polynomials of that degree, it falls
    with refinement as fast as the squared error does, and it carries the trend across cells that few rows reach.
    """

    def __init__(self, network: KAN, rows: Rows, smoothness: float) -> None:
        self.network, self.rows = network, rows
        self.prepared = network.prepare(rows.X)
        self.weight = rows.y.numel() ** -0.5
        blocks = [_rough_rows(layer.spline, smoothness) for layer in network.kan_layers]
        symbolic = [layer.symbolic.free().numel() for layer in network.kan_layers]
        padded = [torch.nn.functional.pad(b, (0, n)) for b, n in zip(blocks, symbolic, strict=True)]
        self.rough = torch.block_diag(*padded)

    def residual(self, parameters: Tensor) -> Tensor:
        """``r`` at these parameters."""
        self.network.assign(parameters)
        with torch.no_grad():
            r = (self.network.scaled(self.prepared) - self.rows.y).flatten() * self.weight
            return torch.cat([r, self.rough @ parameters])

    def linearise(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """``r`` and its Jacobian."""
        self.network.assign(parameters)
        with torch.no_grad():
            y, jacobian = self.network.linearise(self.prepared)
            r = torch.cat([(y - self.rows.y).flatten() * self.weight, self.rough @ parameters])
            return r, torch.cat([jacobian.flatten(0, 1) * self.weight, self.rough])

    def mean_square(self, residuals: Tensor) -> float:
        """The data's part of the loss."""
        return float(residuals[: self.rows.y.numel()].square().sum())


def _rough_rows(spline: SplineEdges, smoothness: float) -> Tensor:
    """Rows whose squares sum to the layer's roughness, as a matrix on its living edges' weights."""
    functions, features = spline.coef.shape[1], spline.weight.shape[1]
    unit = torch.eye(features, dtype=spline.weight.dtype)
    rows = [unit[:functions].diff(n=spline.degree + 1, dim=0) * _BRIDGE**0.5, unit[functions:] * _BRIDGE**0.5]
    if smoothness:
        rows.append(unit[:functions].diff(n=2, dim=0) * smoothness**0.5)
    edges = spline.living()[0].numel()
    return torch.kron(torch.eye(edges, dtype=unit.dtype), torch.cat(rows))
