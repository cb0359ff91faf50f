"""All diagnostics of a network on one page, and one sentence of advice.

Gradients count as vanishing or exploding when those at the first layer and those at the last are more than a factor
of 100 apart; splines as dead when every layer's have less than a thousandth of the energy and deleting them all
changes the outputs by less than a hundredth of their deviation.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.data import as_matrix, as_tensors
from edgewise.diagnostics.deletion import Deletion, deletion, deletions
from edgewise.diagnostics.gain import Gain, gains, input_gradients, outside, signals
from edgewise.diagnostics.replacement import replacements
from edgewise.network import KAN

MOST_ROWS = 256
FACTOR, ESCAPED, LOST, STRAIGHT = 100.0, 0.2, 1e-3, 0.99
DEAD_SHARE, DEAD_CHANGE = 1e-3, 1e-2


@dataclass(frozen=True)
class LayerDiagnosis:
    """One layer: its ``gain``; shares ``outside`` and ``signal``; the root mean square ``gradient`` of the outputs with
    respect to its inputs; its splines' ``deletion``; ``R^2`` of every edge's ``affine`` and ``silu`` replacement."""

    gain: Gain
    outside: float
    signal: float
    gradient: float
    deletion: Deletion
    affine: Float[Tensor, "inputs outputs"]
    silu: Float[Tensor, "inputs outputs"]


@dataclass(frozen=True)
class Diagnosis:
    """Every layer, the mean square error ``loss`` if there were targets, and all splines ``deleted`` together.

    ``norm`` and ``residual`` are those of the network; ``splines`` says whether any edge still is a spline.
    """

    layers: tuple[LayerDiagnosis, ...]
    loss: float | None
    deleted: Deletion
    norm: str | None
    residual: str | None
    splines: bool

    @property
    def spread(self) -> float:
        """Gradients at the first layer over those at the last; NaN when nothing passes through."""
        first, last = self.layers[0].gradient, self.layers[-1].gradient
        return first / last if last else math.nan

    def lines(self) -> list[str]:
        """A table with a line for every layer: gains measured (predicted), shares in percent."""
        head = "layer  gain             of splines       energy  outside  signal  gradient  without  straight  silu"
        return [head, *(_line(level, layer) for level, layer in enumerate(self.layers, start=1))]


def diagnose(network: KAN, X: Any, y: Any = None) -> Diagnosis:
    """All diagnostics on rows ``X (n, inputs)``, of which at most 256, evenly spaced, are looked at.

    Example:
        >>> net = KAN([2, 5, 1], generator=torch.Generator().manual_seed(0))
        >>> found = diagnose(net, 2 * torch.rand(100, 2) - 1)
        >>> len(found.layers), advice(found)
        (2, 'Nothing to change.')
    """
    inputs, targets = (as_matrix(X, "X"), None) if y is None else as_tensors(X, y)
    chosen = torch.linspace(0, len(inputs) - 1, min(len(inputs), MOST_ROWS)).round().long()
    inputs = inputs[chosen].to(network.input_center)
    targets = None if targets is None else targets[chosen].to(network.input_center)
    with torch.no_grad():
        trace = network.trace(inputs)
    columns = zip(
        gains(network, trace),
        outside(network, trace),
        signals(trace),
        input_gradients(network, inputs).square().mean(1).sqrt().tolist(),
        deletions(network, inputs, targets),
        (found.r2 for found in replacements(trace, "affine")),
        (found.r2 for found in replacements(trace, "silu")),
        strict=True,
    )
    return Diagnosis(
        layers=tuple(LayerDiagnosis(*column) for column in columns),
        loss=None if targets is None else float((trace.y - targets).double().square().mean()),
        deleted=deletion(network, inputs, targets),
        norm=network.joins.norm,
        residual=network.joins.residual,
        splines=any(bool(layer.spline.mask.any()) for layer in network.kan_layers),
    )


def advice(diagnosis: Diagnosis) -> str:
    """What to change, in one sentence; the first rule that applies."""
    for rule in (_gradients, _escape, _offset, _dead):
        if sentence := rule(diagnosis):
            return sentence
    return "Nothing to change."


def _gradients(found: Diagnosis) -> str:
    norm, residual = found.norm or "rms", found.residual or "scaled"
    build = f"build it with norm={norm!r}, residual={residual!r}, init='critical'"
    if not all(math.isfinite(layer.gradient) for layer in found.layers):
        return f"Gradients are no numbers; {build}."
    if found.spread > FACTOR:
        return f"Gradients explode {found.spread:.0e}-fold on their way to the first layer; {build}."
    if found.spread < 1 / FACTOR:
        return f"Gradients vanish {1 / max(found.spread, 1e-300):.0e}-fold on their way to the first layer; {build}."
    return ""


def _escape(found: Diagnosis) -> str:
    level, worst = max(enumerate(found.layers, start=1), key=lambda pair: pair[1].outside)
    if worst.outside <= ESCAPED or not found.splines:
        return ""
    start = f"{worst.outside:.0%} of what layer {level} gets is outside the domain of its splines; "
    if level == 1:
        return start + "scale the inputs or build it with a wider domain=(low, high)."
    if found.norm is None:
        return start + "build it with norm='rms' or a wider domain=(low, high)."
    return start + "build it with a wider domain=(low, high)."


def _offset(found: Diagnosis) -> str:
    level, worst = min(enumerate(found.layers, start=1), key=lambda pair: pair[1].signal)
    if worst.signal >= LOST:
        return ""
    return (
        f"What leaves layer {level} hardly depends on the inputs; build it with init='centred', norm='rms'."
    )


def _dead(found: Diagnosis) -> str:
    live = max(layer.gain.share for layer in found.layers)
    if not found.splines or live >= DEAD_SHARE or found.deleted.change >= DEAD_CHANGE:
        return ""
    return (
        "This network is an MLP in all but name: its splines can be deleted and nobody would notice; "
        "train it longer, or take an MLP, which is cheaper."
    )


def _line(level: int, layer: LayerDiagnosis) -> str:
    gain = layer.gain
    straight, silu = (float((r2 >= STRAIGHT).double().mean()) for r2 in (layer.affine, layer.silu))
    return (
        f"{level:5}  {_pair(gain.measured, gain.predicted):15}  "
        f"{_pair(gain.splines_measured, gain.splines_predicted):15}  {gain.share:6.1%}  {layer.outside:7.1%}  "
        f"{layer.signal:6.1%}  {layer.gradient:8.1e}  {layer.deletion.change:7.2g}  {straight:8.0%}  {silu:4.0%}"
    )


def _pair(measured: float, predicted: float) -> str:
    return (
        " ".join(
            text
            for value, text in ((measured, f"{measured:.3g}"), (predicted, f"({predicted:.3g})"))
            if value == value
        )
        or "none"
    )
