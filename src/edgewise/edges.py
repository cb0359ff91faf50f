r"""Bundles of one-dimensional functions: every input joined to every output by an edge ``phi_io``.

A bundle maps ``x (..., in)`` to ``y_o = sum_i phi_io(x_i)``. Besides ``forward`` it tells

- ``curves(x)``: every edge's value, ``(n, in, out)``;
- ``free()`` / ``assign(vector)``: its free parameters as one vector, and back;
- ``prepare(x)``: all that depends on the inputs but on no parameter, from which follow
  ``recall``: ``y``; ``slopes``: every edge's derivative ``(n, in, out)``; and
  ``columns(prepared, upstream)``: ``d (sum_o upstream_o y_o) / d free``, ``(n, free)``, in closed form.

Least squares, pruning and pictures need nothing else, so nobody but this file differentiates an edge by hand.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from edgewise import kernels
from edgewise.catalogue import Function, function
from edgewise.errors import InputError
from edgewise.kernels.pieces import BASES


def base_function(base: str | None) -> Callable[[Tensor], Tensor] | None:
    """The base function of that name, or None for no base branch."""
    if base is None:
        return None
    if base not in BASES:
        raise InputError(
            f"base={base!r} is not known; choose one of: {', '.join(BASES)}, or None for no base"
        )
    return BASES[base][0]


Prepared = tuple[Tensor, ...]


class AbstractEdges(nn.Module):
    """What every bundle of edges can do; see the module's page."""

    in_features: int
    out_features: int

    @abstractmethod
    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]: ...

    @abstractmethod
    def curves(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "n inputs outputs"]: ...

    @abstractmethod
    def free(self) -> Float[Tensor, " free"]: ...

    @abstractmethod
    def assign(self, vector: Float[Tensor, " free"]) -> None: ...

    @abstractmethod
    def prepare(self, x: Float[Tensor, "n inputs"]) -> Prepared: ...

    @abstractmethod
    def recall(self, prepared: Prepared) -> Float[Tensor, "n outputs"]: ...

    @abstractmethod
    def slopes(self, prepared: Prepared) -> Float[Tensor, "n inputs outputs"]: ...

    @abstractmethod
    def columns(
        self, prepared: Prepared, upstream: Float[Tensor, "n outputs"]
    ) -> Float[Tensor, "n free"]: ...


@final
class SplineEdges(AbstractEdges):
    """Edges ``phi_io(x) = mask_io ( w_io b(x) + sum_m c_imo B_m(x) )`` with one knot vector per input.

    ``weight (in, basis functions [+ 1], out)`` holds ``c`` and, as its last row, the base weights ``w``:
    one matrix product serves both branches. ``mask (in, out)`` is 1 where an edge lives and 0 where not.
    """

    weight: Tensor
    knots: Tensor
    mask: Tensor

    def __init__(
        self,
        weight: Float[Tensor, "inputs features outputs"],
        knots: Float[Tensor, "inputs knots"],
        degree: int,
        base: str | None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = weight.shape[0], weight.shape[2]
        self.degree, self.base = degree, base
        self.weight = nn.Parameter(weight)
        self.register_buffer("knots", knots)
        self.register_buffer("mask", torch.ones_like(weight[:, 0, :]))

    @property
    def intervals(self) -> int:
        """Number of cells of each input's domain."""
        return self.knots.shape[1] - 2 * self.degree - 1

    @property
    def coef(self) -> Float[Tensor, "inputs functions outputs"]:
        """The spline coefficients, a view of ``weight``."""
        return self.weight[:, : self.knots.shape[1] - self.degree - 1]

    def features(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch inputs features"]:
        """Basis functions and base function of each input."""
        return self._jet(x, 0)[0]

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        return kernels.spline_sum(x, self.weight, self.mask, self.knots, self.degree, self.base)

    def curves(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "n inputs outputs"]:
        return self._weighted(self.features(x))

    def living(self) -> tuple[Int[Tensor, " edges"], Int[Tensor, " edges"]]:
        """Input and output index of every edge whose mask is not 0."""
        source, target = torch.nonzero(self.mask, as_tuple=True)
        return source, target

    def free(self) -> Float[Tensor, " free"]:
        source, target = self.living()
        return self.weight.detach()[source, :, target].flatten().clone()

    def assign(self, vector: Float[Tensor, " free"]) -> None:
        source, target = self.living()
        with torch.no_grad():
            self.weight[source, :, target] = vector.reshape(-1, self.weight.shape[1]).to(self.weight.dtype)

    def prepare(self, x: Float[Tensor, "n inputs"]) -> Prepared:
        return tuple(self._jet(x, 1))

    def recall(self, prepared: Prepared) -> Float[Tensor, "n outputs"]:
        weight = self.weight * self.mask[:, None, :]
        return prepared[0].flatten(-2) @ weight.flatten(0, 1)

    def slopes(self, prepared: Prepared) -> Float[Tensor, "n inputs outputs"]:
        return self._weighted(prepared[1])

    def columns(self, prepared: Prepared, upstream: Float[Tensor, "n outputs"]) -> Float[Tensor, "n free"]:
        source, target = self.living()
        return (prepared[0][:, source] * upstream[:, target, None]).flatten(1)

    def _jet(self, x: Tensor, order: int) -> list[Tensor]:
        return kernels.spline_features(x, self.knots, self.degree, self.base, order)

    def _weighted(self, features: Tensor) -> Tensor:
        weight = self.weight * self.mask[:, None, :]
        return torch.einsum("nip,ipo->nio", features, weight)


AFFINE = "abcdp"


@final
class SymbolicEdges(AbstractEdges):
    """Edges fixed to catalogue functions, ``phi(x) = c f(a x + b; p) + d``; all others are absent.

    ``constants (edges, 5)`` holds ``a, b, c, d, p`` of each fixed edge, in the order of ``fixed``, a tuple of
    ``(input, output, function)``. Constants that the data cannot tell apart (see ``Function.free``) stay put.
    """

    constants: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        fixed: tuple[tuple[int, int, Function | str], ...],
        constants: Float[Tensor, "edges 5"],
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.fixed = tuple((i, o, function(f) if isinstance(f, str) else f) for i, o, f in fixed)
        self.constants = nn.Parameter(constants)

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        columns = [x.new_zeros(x.shape[:-1]) for _ in range(self.out_features)]
        for (source, target, law), constant in zip(self.fixed, self.constants, strict=True):
            columns[target] = columns[target] + _symbolic(law, constant, x[..., source])
        return torch.stack(columns, dim=-1)

    def curves(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "n inputs outputs"]:
        full = x.new_zeros(x.shape[0], self.in_features, self.out_features)
        for (source, target, law), constant in zip(self.fixed, self.constants, strict=True):
            full[:, source, target] = _symbolic(law, constant, x[:, source])
        return full

    def prepare(self, x: Float[Tensor, "n inputs"]) -> Prepared:
        return (x,)

    def recall(self, prepared: Prepared) -> Float[Tensor, "n outputs"]:
        return self(prepared[0])

    def slopes(self, prepared: Prepared) -> Float[Tensor, "n inputs outputs"]:
        (x,) = prepared
        full = x.new_zeros(x.shape[0], self.in_features, self.out_features)
        for (source, target, law), constant in zip(self.fixed, self.constants, strict=True):
            a, b, c, _, p = constant
            full[:, source, target] = a * c * law.slope(a * x[:, source] + b, p)
        return full

    def free(self) -> Float[Tensor, " free"]:
        return self.constants.detach()[self._is_free()].clone()

    def assign(self, vector: Float[Tensor, " free"]) -> None:
        with torch.no_grad():
            self.constants[self._is_free()] = vector.to(self.constants.dtype)

    def columns(self, prepared: Prepared, upstream: Float[Tensor, "n outputs"]) -> Float[Tensor, "n free"]:
        (x,) = prepared
        parts = [x.new_zeros(x.shape[0], 0)]
        for (source, target, law), constant in zip(self.fixed, self.constants, strict=True):
            derivatives = _constant_derivatives(law, constant, x[:, source])
            kept = [derivatives[letter] for letter in AFFINE if letter in "cd" + law.free]
            parts.append(torch.stack(kept, dim=-1) * upstream[:, target, None])
        return torch.cat(parts, dim=1)

    def _is_free(self) -> Tensor:
        rows = [[letter in "cd" + law.free for letter in AFFINE] for _, _, law in self.fixed]
        return torch.tensor(rows, dtype=torch.bool, device=self.constants.device).reshape(-1, len(AFFINE))


def _symbolic(law: Function, constant: Tensor, x: Tensor) -> Tensor:
    a, b, c, d, p = constant
    return c * law.value(a * x + b, p) + d


def _constant_derivatives(law: Function, constant: Tensor, x: Tensor) -> dict[str, Tensor]:
    a, b, c, _, p = constant
    u = a * x + b
    value, slope = law.value(u, p), c * law.slope(u, p)
    found = {"a": slope * x, "b": slope, "c": value, "d": torch.ones_like(x)}
    if "p" in law.free:
        found["p"] = c * value * torch.log(u)
    return found
