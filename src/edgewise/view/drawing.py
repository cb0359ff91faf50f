"""A picture drawn with matplotlib's object interface: a dozen artists whatever the number of edges.

All boxes of a layer are one ``PolyCollection``, all curves and all lines one ``LineCollection`` each. Nothing here
touches pyplot, a display or a file.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgewise.view.boxes import Reaches, draw_boxes, shade
from edgewise.view.colours import COLOURS
from edgewise.view.layout import MARGIN, Band, Layout, Size, layout
from edgewise.view.lettering import draw_caption, draw_names, draw_numbers, draw_title
from edgewise.view.picture import Edge, Picture
from edgewise.view.title import Title, title

Array = NDArray[np.float64]

MOST_LINES = 1500
BEND = 13
ROOMY, CROWDED = 0.5, 0.06


def draw(picture: Picture, formula: str | None = None, size: Size | None = None) -> Figure:
    """A figure of the picture, with a formula above it."""
    words = title(formula, layout(picture, size=size and (size[0], None)).width - 2 * MARGIN)
    return draw_on(layout(picture, words.height, size), picture, words)


def draw_on(places: Layout, picture: Picture, words: Title, reaches: Reaches | None = None) -> Figure:
    """A figure with everything at given places; ``reaches`` are the ranges boxes stand for, else their curves' own."""
    figure = Figure(figsize=(places.width, places.height), facecolor=COLOURS["paper"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, places.width), ylim=(0.0, places.height))
    axes.set_axis_off()
    for layer, band in enumerate(places.bands):
        _draw_layer(axes, picture, places, layer, band, reaches)
    _draw_nodes(axes, picture, places)
    draw_names(axes, places, picture.nodes[0], places.inputs, 0)
    draw_names(axes, places, picture.nodes[-1], places.outputs, -1)
    draw_caption(axes, places.caption)
    draw_title(axes, places, words)
    return figure


def _draw_layer(
    axes: Axes, picture: Picture, places: Layout, layer: int, band: Band, reaches: Reaches | None
) -> None:
    edges = picture.edges[layer]
    if not edges:
        return
    boxes = dict(zip(band.shown, band.centers.tolist(), strict=True))
    strength = _strengths(edges)
    order = np.argsort([edge.importance for edge in edges], kind="stable")[-MOST_LINES:].tolist()
    ends = (places.nodes[layer], places.inlets[layer])
    lines = [line for k in order for line in _lines(edges[k], boxes.get(k), band.size, *ends)]
    base = 0.1 * min(1.0, (200 / len(order)) ** 0.5)
    per = [k for k in order for _ in range(2 if k in boxes else 1)]
    axes.add_collection(
        LineCollection(
            lines,
            colors=[shade(edges[k], (base if k in boxes else 0.6 * base) + 0.62 * strength[k]) for k in per],
            linewidths=[0.5 + 1.5 * strength[k] for k in per],
            zorder=1,
        )
    )
    if boxes:
        draw_boxes(axes, edges, list(boxes), band, strength, reaches)


def _strengths(edges: Sequence[Edge]) -> list[float]:
    """Visual weight in [0, 1]: the root of importance, so that a twentieth is still seen; halves if none varies."""
    varied = any(edge.importance > 0 for edge in edges)
    return [edge.importance**0.5 if varied else 0.5 for edge in edges]


def _lines(edge: Edge, box: Sequence[float] | None, size: float, nodes: Array, inlets: Array) -> list[Array]:
    """From the source to the box and on to the target, or straight there when the box is left out."""
    start, end = nodes[edge.source], inlets[edge.target]
    if box is None:
        return [_bent(start, end)]
    x, y = box
    return [_bent(start, np.array([x, y - 0.5 * size])), _bent(np.array([x, y + 0.5 * size]), end)]


def _bent(start: Array, end: Array) -> Array:
    """A gentle S: half a straight line, half one that leaves and arrives upright."""
    t = np.linspace(0.0, 1.0, BEND)
    across = 0.5 * t + 0.5 * t * t * (3.0 - 2.0 * t)
    return np.stack([start[0] + across * (end[0] - start[0]), start[1] + t * (end[1] - start[1])], axis=1)


def _draw_nodes(axes: Axes, picture: Picture, places: Layout) -> None:
    """A level's nodes are one scatter for each kind and one for its sign."""
    for level, points, radius in zip(picture.nodes, places.nodes, places.radii, strict=True):
        for kind, used in product(("input", "sum", "product"), (True, False)):
            found = [node.index for node in level if node.kind == kind and node.used == used]
            if found:
                _draw_glyphs(axes, points[found], radius, kind, COLOURS["ink" if used else "frame"])
    _draw_stems(axes, picture, places)
    for k in range(1, len(picture.nodes) - 1):
        points = places.nodes[k]
        if points[-1, 0] - points[0, 0] >= ROOMY * (len(points) - 1):
            draw_numbers(axes, points, picture.nodes[k], places.radii[k])


def _draw_glyphs(axes: Axes, at: Array, radius: float, kind: str, ink: str) -> None:
    """Inputs are discs, sums circled pluses, products dark diamonds with a cross; discs alone where it is crowded."""
    size = (144 * radius) ** 2
    if kind == "input" or radius < CROWDED:
        axes.scatter(*at.T, s=0.7 * size, marker="o", c=ink, linewidths=0, zorder=6)
        return
    marker, sign, fill, stroke = "o", "+", COLOURS["paper"], ink
    if kind == "product":
        marker, sign, fill, stroke = "D", "x", ink, COLOURS["paper"]
    axes.scatter(*at.T, s=size, marker=marker, c=fill, edgecolors=ink, linewidths=1.0, zorder=6)
    axes.scatter(*at.T, s=0.3 * size, marker=sign, c=stroke, linewidths=1.1, zorder=7)


def _draw_stems(axes: Axes, picture: Picture, places: Layout) -> None:
    """The two dots below each product, where its factors are summed, joined to it."""
    stems, dots = [], []
    for level in picture.nodes[1:]:
        for node in level:
            if node.kind == "product":
                ends = places.inlets[node.level - 1][list(node.subnodes)]
                dots.extend(ends)
                stems.extend(np.stack([end, places.nodes[node.level][node.index]]) for end in ends)
    if stems:
        axes.add_collection(LineCollection(stems, colors=COLOURS["ink"], linewidths=1.2, zorder=5))
        at = np.array(dots)
        axes.scatter(*at.T, s=30, c=COLOURS["ink"], linewidths=0, zorder=6)
