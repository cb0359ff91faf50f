"""The boxes on the edges of a drawing, with a curve in each.

Each curve is drawn on its own range, ``x`` over the width of its box. Its height is the square root of its range as a
share of the largest range among the edges into the same sum: what moves little looks flat, and still has a shape.

Splines and fixed functions differ in colour and in shape: the box of a fixed function has its corners cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from numpy.typing import NDArray

from edgewise.view.colours import COLOURS, outline
from edgewise.view.layout import Band
from edgewise.view.lettering import draw_function
from edgewise.view.picture import Edge

Array = NDArray[np.float64]

Key = tuple[int, int, int]


@dataclass(frozen=True)
class Reach:
    """The ranges ``x`` and ``y`` that the box of an edge stands for."""

    x: tuple[float, float]
    y: tuple[float, float]


Reaches = Mapping[Key, Reach]


def key(edge: Edge) -> Key:
    """What tells an edge from all others of its network."""
    return edge.layer, edge.source, edge.target


def draw_boxes(
    axes: Axes,
    edges: tuple[Edge, ...],
    shown: list[int],
    band: Band,
    strength: list[float],
    reaches: Reaches | None,
) -> None:
    """Frames, curves and functions of the edges ``shown``; without ``reaches`` boxes have their curves' own ranges."""
    outlines = {kind: band.size * outline(kind) for kind in ("spline", "symbolic")}
    frames = PolyCollection(
        [center + outlines[edges[k].kind] for k, center in zip(shown, band.centers, strict=True)],
        facecolors=COLOURS["paper"],
        edgecolors=[shade(edges[k], 0.2 + 0.6 * strength[k]) for k in shown],
        linewidths=0.7,
        zorder=2,
    )
    own = [reaches[key(edge)] if reaches else Reach((edge.x[0], edge.x[-1]), edge.window) for edge in edges]
    heights = _heights(edges, own)
    curves = LineCollection(
        [
            _curve(edges[k], center, band.size, own[k], heights[k])
            for k, center in zip(shown, band.centers, strict=True)
        ],
        colors=[shade(edges[k], 0.4 + 0.6 * strength[k]) for k in shown],
        linewidths=float(np.clip(3.0 * band.size, 0.9, 1.7)),
        capstyle="round",
        zorder=3,
    )
    axes.add_collection(frames)
    axes.add_collection(curves)
    for k, center in zip(shown, band.centers, strict=True):
        draw_function(axes, edges[k], center, band.size)


def shade(edge: Edge, alpha: float) -> tuple[float, float, float, float]:
    """The colour of an edge's kind at an opacity."""
    return to_rgba(COLOURS[edge.kind], alpha)


def _heights(edges: tuple[Edge, ...], reaches: list[Reach]) -> Array:
    """Height of each curve's range as a share of its box."""
    spans = np.array([reach.y[1] - reach.y[0] for reach in reaches])
    targets = np.array([edge.target for edge in edges])
    largest = np.zeros(targets.max() + 1)
    np.maximum.at(largest, targets, spans)
    return np.sqrt(spans / np.where(largest > 0, largest, 1.0)[targets])


def _curve(edge: Edge, center: Array, size: float, reach: Reach, height: float) -> Array:
    """The curve inside its box; gaps where the function is undefined or leaves the range of the box."""
    low, high = reach.y
    half = (high - low) / 2 if high > low else 1.0
    share = (edge.y - (low + high) / 2) / half
    share[np.abs(share) > 1.0 + 1e-9] = np.nan
    left, right = reach.x
    across = (edge.x - left) / (right - left) - 0.5 if right > left else np.linspace(-0.5, 0.5, len(share))
    across = 0.84 * across
    return np.stack([center[0] + across * size, center[1] + 0.4 * size * height * share], axis=1)
