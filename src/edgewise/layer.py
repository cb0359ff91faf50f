r"""A Kolmogorov-Arnold layer: a learnable function on every edge, a sum on every node.

y_o = sum_i phi_io(x_i),     phi_io a spline plus a base function, or fixed to a catalogue function.
"""

import math
from collections.abc import Iterable
from functools import reduce
from operator import add

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise import splines
from edgewise.catalogue import Function, function
from edgewise.edges import AbstractEdges, Prepared, SplineEdges, SymbolicEdges, base_function
from edgewise.errors import InputError
from edgewise.init import initial_weight


class KANLayer(nn.Module):
    """``(..., in_features)`` to ``(..., out_features)``, like ``nn.Linear`` with a function on every edge.

    Args:
        in_features, out_features: widths, at least 1.
        intervals: cells of each input's spline, at least 1.
        degree: of the splines, 0 to 5.
        domain: ``(low, high)`` where the splines live; beyond it they continue along their tangents.
        base: ``"silu"``, ``"identity"`` or ``None``: the function added to every spline with its own weight.
        init: rule of the initial weights, see ``edgewise.init``.
        depth: layers of the network this one belongs to, for the ``critical`` rule.
        generator: source of randomness; ``None`` is torch's own, as in ``nn.Linear``.

    Example:
        >>> layer = KANLayer(3, 2)
        >>> layer(torch.zeros(7, 4, 3)).shape
        torch.Size([7, 4, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        intervals: int = 5,
        degree: int = 3,
        domain: tuple[float, float] = (-1.0, 1.0),
        base: str | None = "silu",
        init: str = "critical",
        depth: int = 1,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check(in_features, out_features, intervals, degree, domain, depth)
        ends = torch.tensor(domain, dtype=torch.float64)
        knots = splines.uniform_knots(
            ends[:1].expand(in_features), ends[1:].expand(in_features), intervals, degree
        )
        weight = initial_weight(init, knots, degree, base_function(base), out_features, depth, generator)
        kind = {"device": device, "dtype": dtype or torch.get_default_dtype()}
        self.in_features, self.out_features = in_features, out_features
        self.spline = SplineEdges(weight.to(**kind), knots.to(**kind), degree, base)
        self.symbolic = SymbolicEdges(in_features, out_features, (), torch.zeros(0, 5, **kind))

    @property
    def bundles(self) -> tuple[AbstractEdges, ...]:
        """The edge bundles whose sum is the layer, without those that hold no edge."""
        if not self.symbolic.fixed:
            return (self.spline,)
        if torch.compiler.is_compiling() or bool(self.spline.mask.any()):  # a graph cannot branch on a mask
            return (self.spline, self.symbolic)
        return (self.symbolic,)

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        if x.shape[-1:] != (self.in_features,):
            raise InputError(
                f"a layer of {self.in_features} inputs got shape {tuple(x.shape)}; "
                f"its last axis must be {self.in_features}"
            )
        return _sum(bundle(x) for bundle in self.bundles)

    def curves(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "n inputs outputs"]:
        """Value of every edge at every row."""
        return _sum(bundle.curves(x) for bundle in self.bundles)

    def prepare(self, x: Float[Tensor, "n inputs"]) -> tuple[Prepared, ...]:
        """What depends on the inputs but on no parameter, bundle by bundle; see ``edgewise.edges``."""
        return tuple(bundle.prepare(x) for bundle in self.bundles)

    def recall(self, prepared: tuple[Prepared, ...]) -> Float[Tensor, "n outputs"]:
        """The layer's output from prepared inputs."""
        return _sum(bundle.recall(part) for bundle, part in zip(self.bundles, prepared, strict=True))

    def slopes(self, prepared: tuple[Prepared, ...]) -> Float[Tensor, "n inputs outputs"]:
        """Derivative of every edge at every prepared row."""
        return _sum(bundle.slopes(part) for bundle, part in zip(self.bundles, prepared, strict=True))

    def columns(
        self, prepared: tuple[Prepared, ...], upstream: Float[Tensor, "n outputs"]
    ) -> Float[Tensor, "n free"]:
        """Derivative of ``sum_o upstream_o y_o`` with respect to the free parameters."""
        parts = zip(self.bundles, prepared, strict=True)
        return torch.cat([bundle.columns(part, upstream) for bundle, part in parts], dim=1)

    def free(self) -> Float[Tensor, " free"]:
        """The parameters that can move: weights of living spline edges, then constants of fixed edges."""
        return torch.cat([bundle.free() for bundle in self.bundles])

    def assign(self, vector: Float[Tensor, " free"]) -> None:
        """Sets the free parameters from a vector laid out like ``free()``."""
        sizes = [bundle.free().numel() for bundle in self.bundles]
        for bundle, part in zip(self.bundles, vector.split(sizes), strict=True):
            bundle.assign(part)

    def edge(self, source: int, target: int) -> Function | str | None:
        """What joins input ``source`` to output ``target``: its catalogue function, ``"spline"``, or None."""
        for i, o, law in self.symbolic.fixed:
            if (i, o) == (source, target):
                return law
        return "spline" if bool(self.spline.mask[source, target]) else None

    def remove_edge(self, source: int, target: int) -> None:
        """Takes an edge away, in place: a mask for a spline, the entry itself for a fixed function."""
        with torch.no_grad():
            self.spline.mask[source, target] = 0.0
            self.spline.weight[source, :, target] = 0.0
        keep = [k for k, (i, o, _) in enumerate(self.symbolic.fixed) if (i, o) != (source, target)]
        self._set_fixed(tuple(self.symbolic.fixed[k] for k in keep), self.symbolic.constants.detach()[keep])

    def fix_edge(self, source: int, target: int, name: str | Function, constants: Float[Tensor, "5"]) -> None:
        """Puts ``c f(a x + b; p) + d`` on an edge, in place; ``constants`` are ``a, b, c, d, p``."""
        law = function(name) if isinstance(name, str) else name
        self.remove_edge(source, target)
        row = constants.detach().to(self.symbolic.constants)[None]
        self._set_fixed(
            (*self.symbolic.fixed, (source, target, law)),
            torch.cat([self.symbolic.constants.detach(), row]),
        )

    def refit(self, knots: Float[Tensor, "inputs knots"]) -> None:
        """Moves the splines to other knots, in place, keeping their values; exact when these contain the old."""
        old = self.spline
        coef = splines.transfer(old.coef.detach(), old.knots, knots, old.degree)
        weight = torch.cat([coef, old.weight.detach()[:, old.coef.shape[1] :]], dim=1)
        self.spline = SplineEdges(weight, knots.to(old.knots), old.degree, old.base)
        self.spline.mask.copy_(old.mask)

    def _set_fixed(self, fixed: tuple[tuple[int, int, Function], ...], constants: Tensor) -> None:
        self.symbolic = SymbolicEdges(self.in_features, self.out_features, fixed, constants)

    def extra_repr(self) -> str:
        spline = self.spline
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"intervals={spline.intervals}, degree={spline.degree}, base={spline.base!r}"
        )


def _sum(tensors: Iterable[Tensor]) -> Tensor:
    """Sum of at least one tensor."""
    return reduce(add, tensors)


def _check(
    in_features: int,
    out_features: int,
    intervals: int,
    degree: int,
    domain: tuple[float, float],
    depth: int,
) -> None:
    for name, value in (
        ("in_features", in_features),
        ("out_features", out_features),
        ("intervals", intervals),
        ("depth", depth),
    ):
        if not isinstance(value, int) or value < 1:
            raise InputError(f"{name}={value!r}: expected a whole number of at least 1")
    if not isinstance(degree, int) or not 0 <= degree <= splines.MAX_DEGREE:
        raise InputError(f"degree={degree!r}: expected a whole number from 0 to {splines.MAX_DEGREE}")
    if len(domain) != 2 or not -math.inf < domain[0] < domain[1] < math.inf:
        raise InputError(f"domain={domain!r}: expected (low, high) with low < high, both finite")
