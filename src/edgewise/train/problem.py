"""A network and its rows as a least-squares problem."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.data import split_rows
from edgewise.edges import SplineEdges
from edgewise.network import KAN

FEWEST_TO_SPLIT = 10
FEWEST_FOR_GRAM = 64
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

    def share(self, rank: int, world: int) -> "Rows":
        """Every ``world``-th row from number ``rank`` on: what one of several processes works on."""
        if world == 1:
            return self
        parts = (self.X, self.y, self.held_X, self.held_y)
        return Rows(*(part[rank::world].contiguous() for part in parts))


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
        fused = network.fused()
        self.fused = fused if fused is not None and fused.dtype == rows.X.dtype else None
        self.weight = rows.y.numel() ** -0.5
        self.prepared = self.prepare(rows.X)
        self.roughness = [
            Roughness(
                _rough_rows(layer.spline, smoothness),
                layer.spline.living()[0].numel(),
                layer.symbolic.free().numel(),
            )
            for layer in network.kan_layers
        ]

    def prepare(self, X: Float[Tensor, "n inputs"]) -> Any:
        """Rows made ready for ``scaled``: any rows, the problem's own or others."""
        return self.network.prepare(X) if self.fused is None else self.network.enter(X).contiguous()

    def scaled(self, parameters: Tensor, prepared: Any) -> Float[Tensor, "n outputs"]:
        """Outputs at prepared rows in the network's own scale."""
        if self.fused is not None:
            return self.fused.outputs(parameters, prepared)
        self.network.assign(parameters)
        with torch.no_grad():
            return self.network.scaled(prepared)

    def residual(self, parameters: Tensor) -> Tensor:
        """``r`` at these parameters."""
        return self._residual(parameters, self.scaled(parameters, self.prepared))

    def linearise(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """``r`` and its Jacobian."""
        if self.fused is not None:
            y, jacobian = self.fused.linearise(parameters, self.prepared)
        else:
            self.network.assign(parameters)
            with torch.no_grad():
                y, jacobian = self.network.linearise(self.prepared)
        rows = torch.cat([jacobian.flatten(0, 1), self._rough_jacobian])
        rows[: self.rows.y.numel()] *= self.weight
        return self._residual(parameters, y), rows

    @property
    def normal(self) -> Callable[[Tensor], tuple[Tensor, Tensor]] | None:
        """What gives ``J^T J``, of which the lower triangle counts, and ``J^T r``; None where that does not pay."""
        large = self.fused is not None and self.fused.count >= FEWEST_FOR_GRAM
        return self._normal if large and self.rows.X.dtype == torch.float64 else None

    def mean_square(self, residuals: Tensor) -> float:
        """The data's part of the loss."""
        return float(residuals[: self.rows.y.numel()].square().sum())

    def _residual(self, parameters: Tensor, y: Tensor) -> Tensor:
        rough = [part.rows(v) for part, v in self._by_layer(parameters)]
        return torch.cat([(y - self.rows.y).flatten() * self.weight, *rough])

    def _normal(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        assert self.fused is not None
        _, gradient = self.fused.value_and_gradient(parameters, self.prepared, self.rows.y)
        gram = self.fused.gram(parameters, self.prepared).mul_(self.weight**2)
        slope, start = gradient / 2, 0
        for part, v in self._by_layer(parameters):
            slope[start : start + v.numel()] += part.add_normal(v, gram, start)
            start += v.numel()
        return gram, slope

    def _by_layer(self, parameters: Tensor) -> Iterator[tuple["Roughness", Tensor]]:
        yield from zip(self.roughness, parameters.split([part.count for part in self.roughness]), strict=True)

    @cached_property
    def _rough_jacobian(self) -> Tensor:
        return torch.block_diag(*[part.matrix() for part in self.roughness])


@dataclass
class Roughness:
    """One layer's: ``block (rows, features)`` times the weights of each living edge; ``constants`` do not count."""

    block: Float[Tensor, "rows features"]
    edges: int
    constants: int

    @property
    def count(self) -> int:
        """Free parameters of the layer."""
        return self.edges * self.block.shape[1] + self.constants

    def rows(self, parameters: Float[Tensor, " free"]) -> Float[Tensor, " rows"]:
        """Residuals."""
        return (self._weights(parameters) @ self.block.T).flatten()

    def matrix(self) -> Float[Tensor, "rows free"]:
        """Their Jacobian."""
        blocks = torch.kron(torch.eye(self.edges, dtype=self.block.dtype), self.block)
        return torch.nn.functional.pad(blocks, (0, self.constants))

    def add_normal(self, parameters: Tensor, gram: Tensor, start: int) -> Tensor:
        """``J^T r``; adds ``J^T J`` to every edge's own block of ``gram``, in place, from row ``start`` on."""
        inner, size = self.block.T @ self.block, self.block.shape[1]
        row, column = gram.stride()
        places = gram.as_strided(
            (self.edges, size, size), (size * (row + column), row, column), start * (row + column)
        )
        places += inner
        slope = torch.zeros_like(parameters)
        slope[: self.edges * size] = (self._weights(parameters) @ inner).flatten()
        return slope

    def _weights(self, parameters: Tensor) -> Tensor:
        return parameters[: self.count - self.constants].view(self.edges, self.block.shape[1])


def _rough_rows(spline: SplineEdges, smoothness: float) -> Tensor:
    """Rows whose squares sum to one edge's roughness, as a matrix on its weights."""
    functions, features = spline.coef.shape[1], spline.weight.shape[1]
    unit = torch.eye(features, dtype=spline.weight.dtype)
    rows = [unit[:functions].diff(n=spline.degree + 1, dim=0) * _BRIDGE**0.5, unit[functions:] * _BRIDGE**0.5]
    if smoothness:
        rows.append(unit[:functions].diff(n=2, dim=0) * smoothness**0.5)
    return torch.cat(rows)
