r"""A Kolmogorov-Arnold network: layers of edges, with sums and, where asked, products on the nodes.

Layer ``l`` turns the nodes ``x`` below it into sub-nodes ``s_o = sum_i phi_io(x_i)``. A width ``(3, 2)`` makes of
seven sub-nodes five nodes: three sums ``s_1, s_2, s_3`` and two products ``s_4 s_5`` and ``s_6 s_7``.

Deep networks may norm what a layer gets and join what it makes to what it got; ``edgewise.joins`` has the forms.

The network carries the affine maps from the user's units to its own and back (``input_center`` and so on), so
``net(x)`` always speaks the user's units, and ``trace(x)`` tells what happened in between without the network
remembering anything.
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise import splines
from edgewise.edges import Prepared
from edgewise.errors import InputError
from edgewise.joins import Joins, check_joins
from edgewise.kernels import which
from edgewise.kernels.network import Bundle, FusedNetwork, serves
from edgewise.layer import KANLayer
from edgewise.trace import LayerTrace, Trace

if TYPE_CHECKING:
    from edgewise.symbolic import Formula

Width = int | tuple[int, int]


class Removed(NamedTuple):
    """What pruning took away: an ``"edge"`` from ``source`` to ``target``, or the ``"node"`` ``source`` of ``level``.

    Indices are those of the network before pruning; ``level`` 0 holds the inputs and the edges above them, ``target``
    is None for nodes.
    """

    kind: str
    level: int
    source: int
    target: int | None


class KAN(nn.Module):
    """A network of ``KANLayer``s, ``(..., widths[0])`` to ``(..., widths[-1])``.

    Args:
        widths: nodes of each level from inputs to outputs, at least two; ``(s, p)`` means ``s`` sums and ``p``
            products of two.
        intervals, degree, domain, base, init, generator, device, dtype: as in ``KANLayer``.
        residual: ``None``, ``"plain"``, ``"scaled"``, ``"zero"`` or ``"gated"``: how inner layers join their inputs.
        norm: ``None`` or ``"rms"``: what brings the inputs of every layer but the first into its domain.

    ``removed`` lists what pruning took from the network this one came from; it is empty otherwise.

    Example:
        >>> net = KAN([2, (3, 2), 1])
        >>> net(torch.zeros(10, 2)).shape
        torch.Size([10, 1])
    """

    removed: tuple[Removed, ...]
    input_center: Tensor
    input_scale: Tensor
    output_center: Tensor
    output_scale: Tensor

    def __init__(
        self,
        widths: Sequence[Width],
        *,
        intervals: int = 5,
        degree: int = 3,
        domain: tuple[float, float] = (-1.0, 1.0),
        base: str | None = "silu",
        init: str = "critical",
        residual: str | None = None,
        norm: str | None = None,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.widths = checked_widths(widths)
        self.removed = ()
        sums = tuple(sum(width) for width in self.widths)
        check_joins(sums, norm, residual)
        kind = {"device": device, "dtype": dtype or torch.get_default_dtype()}

        def layer(below: int, above: int) -> KANLayer:
            return KANLayer(
                below,
                above,
                intervals=intervals,
                degree=degree,
                domain=domain,
                base=base,
                init=init,
                depth=len(sums) - 1,
                generator=generator,
                **kind,
            )

        self.layers = nn.ModuleList(
            layer(below, above + 2 * products)
            for below, (above, products) in zip(sums, self.widths[1:], strict=False)
        )
        gates = (layer(sums[0], sums[1]), layer(sums[0], sums[1])) if residual == "gated" else None
        self.joins = Joins(sums, norm=norm, residual=residual, domain=domain, gates=gates, **kind)
        for name, width in (("input", sum(self.widths[0])), ("output", sum(self.widths[-1]))):
            self.register_buffer(f"{name}_center", torch.zeros(width, **kind))
            self.register_buffer(f"{name}_scale", torch.ones(width, **kind))

    @property
    def in_features(self) -> int:
        """Number of inputs."""
        return sum(self.widths[0])

    @property
    def out_features(self) -> int:
        """Number of outputs."""
        return sum(self.widths[-1])

    @property
    def intervals(self) -> int:
        """Cells of the finest layer's splines."""
        return max(layer.spline.intervals for layer in self.kan_layers)

    @property
    def kan_layers(self) -> tuple[KANLayer, ...]:
        """The layers, typed."""
        return tuple(layer for layer in self.layers if isinstance(layer, KANLayer))

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        """Prediction in the user's units; any leading axes."""
        stream = self.joins.open(self.enter(x))
        for level, layer in enumerate(self.layers, start=1):
            stream.join(level, combine(layer(stream.inputs(level)), self.widths[level]))
        return stream.nodes * self.output_scale + self.output_center

    def trace(self, x: Float[Tensor, "n inputs"]) -> Trace:
        """Runs a batch and records every edge's input and value."""
        stream, records = self.joins.open(self.enter(x)), []
        for level, layer in enumerate(self.kan_layers, start=1):
            inputs = stream.inputs(level)
            curves = layer.curves(inputs)
            stream.join(level, combine(curves.sum(1), self.widths[level]))
            records.append(LayerTrace(inputs, curves, stream.nodes))
        return Trace(x, tuple(records), stream.nodes * self.output_scale + self.output_center)

    def prepare(self, x: Float[Tensor, "n inputs"]) -> tuple[Prepared, ...]:
        """What the first layer needs of a batch and no parameter changes: computed once for many evaluations."""
        return self.kan_layers[0].prepare(self.enter(x))

    def scaled(self, prepared: tuple[Prepared, ...]) -> Float[Tensor, "n outputs"]:
        """Outputs of a prepared batch, before ``output_scale`` and ``output_center``."""
        layers = self.kan_layers
        nodes = combine(layers[0].recall(prepared), self.widths[1])
        stream = self._closed_form_joins().open(nodes)
        for level, layer in enumerate(layers[1:], start=2):
            stream.join(level, combine(layer(stream.inputs(level)), self.widths[level]))
        return stream.nodes

    def fused(self, layout: str = "free", units: bool = False) -> FusedNetwork | None:
        """The network as one compiled call for as long as its shape, masks and knots stay; None where it has none.

        It speaks of weights laid out like ``free()``, or like the spline weights of ``parameters()`` for the layout
        ``"weights"``; of ``enter(x)`` and scaled outputs, or of the user's units. Networks with fixed edges,
        wide ones and those with a norm or a residual have none, nor has ``EDGEWISE_KERNELS=torch``.
        """
        layers = self.kan_layers
        splines_ = [layer.spline for layer in layers]
        bundles = [
            Bundle(spline.knots, spline.mask, *width, spline.base)
            for spline, width in zip(splines_, self.widths[1:], strict=True)
        ]
        degrees = {spline.degree for spline in splines_}
        fixed = any(layer.symbolic.fixed for layer in layers)
        if fixed or not self.joins.absent or not serves(bundles, degrees):
            return None
        return FusedNetwork(bundles, degrees.pop(), layout, self._maps() if units else None)

    def loss_and_gradients(
        self, X: Float[Tensor, "n inputs"], y: Float[Tensor, "n outputs"]
    ) -> tuple[float, tuple[Tensor, ...]]:
        """``mean (net(X) - y)^2`` and its gradient with respect to every entry of ``parameters()``.

        One compiled call for a narrow network on the CPU, autograd for any other.

        Example:
            >>> net = KAN([2, 3, 1])
            >>> loss, gradients = net.loss_and_gradients(torch.zeros(10, 2), torch.zeros(10, 1))
            >>> [g.shape == p.shape for g, p in zip(gradients, net.parameters(), strict=True)]
            [True, True, True, True]
        """
        if X.shape[1:] != (self.in_features,) or y.shape != (X.shape[0], self.out_features):
            raise InputError(
                f"a network of {self.in_features} inputs and {self.out_features} outputs got X "
                f"{tuple(X.shape)} and y {tuple(y.shape)}; expected (n, {self.in_features}) and "
                f"(n, {self.out_features})"
            )
        known = self._known()
        if known.fused is None or not X.dtype == y.dtype == known.fused.dtype or X.device.type != "cpu":
            loss = (self(X) - y).square().mean()
            return loss.item(), torch.autograd.grad(
                loss, list(self.parameters()), allow_unused=True, materialize_grads=True
            )
        with torch.no_grad():
            weights = torch.cat([weight.flatten() for weight in known.weights])
        loss, gradient = known.fused.value_and_gradient(weights, X, y)
        return loss, tuple(
            gradient.as_strided(*place) if isinstance(place, tuple) else place for place in known.places
        )

    def linearise(self, prepared: tuple[Prepared, ...]) -> tuple[Tensor, Tensor]:
        """Scaled outputs ``(n, out)`` of a prepared batch and their Jacobian ``(n, out, free)`` in closed form.

        The columns follow ``free()``. For a spline coefficient, ``dy / dc_imo = dy / ds_o  B_m(x_i)``: one sweep up
        for the values and edge slopes, one sweep down for ``dy / ds``.
        """
        first = self.kan_layers[0].recall(prepared)
        stream = self._closed_form_joins().open(combine(first, self.widths[1]))
        sweep = [_Step(prepared, first, None, stream.nodes)]
        for level, layer in enumerate(self.kan_layers[1:], start=2):
            below = stream.nodes
            ready = layer.prepare(stream.inputs(level))
            made = layer.recall(ready)
            stream.join(level, combine(made, self.widths[level]))
            sweep.append(_Step(ready, made, layer.slopes(ready), below))
        rows = [self._row(sweep, stream.nodes, output) for output in range(self.out_features)]
        return stream.nodes, torch.stack(rows, dim=1)

    def free(self) -> Float[Tensor, " free"]:
        """All parameters of the layers that can move, as one vector; those of joins are not among them."""
        return torch.cat([layer.free() for layer in self.kan_layers])

    def assign(self, vector: Float[Tensor, " free"]) -> None:
        """Sets the free parameters, in place."""
        layers = self.kan_layers
        for layer, part in zip(layers, vector.split([f.free().numel() for f in layers]), strict=True):
            layer.assign(part)

    def refine(self, intervals: int) -> "KAN":
        """The same function on splines of ``intervals`` cells, as a new network.

        Exact when ``intervals`` is a multiple of the present number; the least-squares fit otherwise.
        """
        if not isinstance(intervals, int) or intervals < 1:
            raise InputError(f"intervals={intervals!r}: expected a whole number of at least 1")
        finer = copy.deepcopy(self)
        for layer in finer.kan_layers:
            layer.refit(splines.refine_knots(layer.spline.knots, layer.spline.degree, intervals))
        return finer

    def fix(self, edge: Sequence[int], function: Any, X: Any) -> "KAN":
        """A network with edge ``(layer, source, target)`` fixed to a function; see ``edgewise.editing.fixed``."""
        from edgewise.editing import fixed

        return fixed(self, edge, function, X)

    def cut(self, edge: Sequence[int], X: Any = None) -> "KAN":
        """A network without edge ``(layer, source, target)``; see ``edgewise.editing.cut``."""
        from edgewise.editing import cut

        return cut(self, edge, X)

    def set_free(self, edge: Sequence[int], X: Any = None, *, tolerance: float = 1e-3) -> "KAN":
        """A network with edge ``(layer, source, target)`` a spline again; see ``edgewise.editing.freed``."""
        from edgewise.editing import freed

        return freed(self, edge, X, tolerance)

    def to_formula(
        self,
        X: Any,
        y: Any = None,
        *,
        names: Sequence[str] | None = None,
        output: int = 0,
        max_seconds: float = 60.0,
    ) -> "Formula":
        """One output written as a formula in the user's units: every edge fixed to a function, the whole refitted.

        Rows ``X (n, inputs)`` say where the edges are looked at; targets ``y`` are what the formula is fitted to, the
        network's own outputs when there are none. Needs a network small enough to be read: prune it first. Raises
        ``InputError`` when time runs out or no formula comes near.
        """
        from edgewise.symbolic.conversion import network_formula

        return network_formula(self, X, y, names=names, output=output, max_seconds=max_seconds)

    def _repr_html_(self) -> str | None:
        """The picture a notebook shows; none of a network too large for one."""
        from edgewise.view.snippet import snippet

        return snippet(self)

    def enter(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch inputs"]:
        """The user's units turned into the network's own."""
        if x.shape[-1:] != (self.in_features,):
            raise InputError(
                f"a network of {self.in_features} inputs got shape {tuple(x.shape)}; "
                f"its last axis must be {self.in_features}"
            )
        return (x - self.input_center) / self.input_scale

    def _maps(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.input_center, self.input_scale, self.output_center, self.output_scale

    def _known(self) -> "_Known":
        """What ``loss_and_gradients`` needs, made anew only when something it was made of has changed."""
        known = _KNOWN.get(self)
        if known is None or not known.holds():
            known = _KNOWN[self] = self._make_known()
        return known

    def _make_known(self) -> "_Known":
        tables = [t for m in self.modules() for t in (m._modules, m._parameters, m._buffers)]
        made_of = [(table, name, part) for table in tables for name, part in table.items()]
        buffers, places, start = list(self.buffers()), [], 0
        for p in self.parameters():
            part = torch.empty_like(p, memory_format=torch.contiguous_format, requires_grad=False)
            places.append((p.shape, part.stride(), start) if p.numel() else part)
            start += p.numel()
        weights = [layer.spline.weight for layer in self.kan_layers]
        versions = [buffer._version for buffer in buffers]
        fused = self.fused("weights", units=True)
        return _Known(made_of, buffers, versions, which()[0], weights, places, fused)

    def _closed_form_joins(self) -> Joins:
        if not self.joins.linear:
            raise InputError(
                f"a network with residual={self.joins.residual!r} has no closed-form Jacobian: "
                "expected residual None, 'plain' or 'scaled'; train it with method='lbfgs' or 'adam'"
            )
        return self.joins

    def _row(self, sweep: "list[_Step]", nodes: Tensor, output: int) -> Tensor:
        """Jacobian ``(n, free)`` of one output by one sweep down."""
        upstream = torch.zeros_like(nodes)
        upstream[:, output] = 1.0
        parts = []
        for level in range(len(sweep), 0, -1):
            step = sweep[level - 1]
            upstream, past = self.joins.pulled(level, upstream)
            upstream = uncombine(upstream, step.subnodes, self.widths[level])
            parts.append(self.kan_layers[level - 1].columns(step.ready, upstream))
            if step.slopes is not None:
                upstream = (step.slopes @ upstream[..., None])[..., 0]
                upstream = self.joins.norm_pulled(level, upstream, step.below)
                upstream = upstream if past is None else upstream + past
        return torch.cat(parts[::-1], dim=1)


class _Step(NamedTuple):
    """One layer on the way up: its prepared inputs, its sub-nodes, its edges' slopes, the nodes below."""

    ready: tuple[Prepared, ...]
    subnodes: Tensor
    slopes: Tensor | None  # none for the first layer: nothing below it is free
    below: Tensor


class _Known(NamedTuple):
    """A network as one call, beside all that it was made of."""

    made_of: list  # (table, name, part): what every module and buffer was
    buffers: list[Tensor]
    versions: list[int]
    path: str
    weights: list[Tensor]
    places: (
        list  # shape, strides and start of each parameter's part of a gradient, or the part itself when empty
    )
    fused: FusedNetwork | None

    def holds(self) -> bool:
        """Whether all of it is still there and unchanged."""
        return (
            all(table.get(name) is part for table, name, part in self.made_of)
            and [buffer._version for buffer in self.buffers] == self.versions
            and self.path == which()[0]
        )


_KNOWN: WeakKeyDictionary[KAN, _Known] = WeakKeyDictionary()


def combine(
    subnodes: Float[Tensor, "*batch subnodes"], width: tuple[int, int]
) -> Float[Tensor, "*batch nodes"]:
    """Sums kept as they are, the rest multiplied in pairs."""
    sums, products = width
    if not products:
        return subnodes
    pairs = subnodes[..., sums:]
    return torch.cat([subnodes[..., :sums], pairs[..., 0::2] * pairs[..., 1::2]], dim=-1)


def uncombine(
    upstream: Float[Tensor, "n nodes"], subnodes: Float[Tensor, "n subnodes"], width: tuple[int, int]
) -> Float[Tensor, "n subnodes"]:
    """Derivatives with respect to nodes turned into derivatives with respect to sub-nodes."""
    sums, products = width
    if not products:
        return upstream
    grown = torch.empty_like(subnodes)
    grown[:, :sums] = upstream[:, :sums]
    grown[:, sums::2] = upstream[:, sums:] * subnodes[:, sums + 1 :: 2]
    grown[:, sums + 1 :: 2] = upstream[:, sums:] * subnodes[:, sums::2]
    return grown


def checked_widths(widths: Sequence[Width]) -> tuple[tuple[int, int], ...]:
    """Every entry as ``(sums, products)``; the caller's list is left alone."""
    if isinstance(widths, str) or not isinstance(widths, Sequence) or len(widths) < 2:
        raise InputError(f"widths={widths!r}: expected at least two entries, such as [2, 5, 1]")
    pairs = []
    for entry in widths:
        pair = tuple(entry) if isinstance(entry, Sequence) else (entry, 0)
        if len(pair) != 2 or not all(isinstance(n, int) and n >= 0 for n in pair) or sum(pair) < 1:
            raise InputError(
                f"widths has the entry {entry!r}: expected a positive number or (sums, products)"
            )
        pairs.append(pair)
    if pairs[0][1]:
        raise InputError(
            f"widths starts with {widths[0]!r}: inputs cannot be products; write a single number"
        )
    return tuple(pairs)
