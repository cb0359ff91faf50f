"""A picture drawn with matplotlib's object interface: a dozen artists whatever the number of edges.

All boxes of a layer are one ``PolyCollection``, all curves and all lines one ``LineCollection`` each. Nothing here
touches pyplot, a display or a file.

Each curve is drawn on its own range, ``x`` over the width of its box. Its height is the square root of its range as a
share of the largest range among the edges into the same sum: what moves little looks flat, and still has a shape.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgewise.view.layout import MARGIN, Band, Layout, Words, layout
from edgewise.view.picture import Edge, Node, Picture
from edgewise.view.title import Title, title
from edgewise.view.words import pretty, text_width

Array = NDArray[np.float64]

# Okabe and Ito's blue and vermilion, which every kind of colour vision tells apart; unusual greys, so that the
# page can find and replace them by the colours of the reader's light or dark theme.
COLOURS = {
    "ink": "#20262d",
    "faint": "#707a85",
    "frame": "#b9c0c8",
    "paper": "#fdfefe",
    "spline": "#0072b2",
    "symbolic": "#d55e00",
}
MOST_LINES = 1500
BEND = 13
ROOMY, CROWDED = 0.5, 0.06


def draw(picture: Picture, formula: str | None = None, links: Callable[[Edge], str] | None = None) -> Figure:
    """A figure of the picture; with ``links``, every box leads to ``#`` and the name ``links`` gives its edge."""
    words = title(formula, layout(picture).width - 2 * MARGIN)
    places = layout(picture, words.height)
    figure = Figure(figsize=(places.width, places.height), facecolor=COLOURS["paper"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, places.width), ylim=(0.0, places.height))
    axes.set_axis_off()
    for layer, band in enumerate(places.bands):
        _draw_layer(axes, picture, places, layer, band, links)
    _draw_nodes(axes, picture, places)
    _draw_names(axes, places, picture.nodes[0], places.inputs, 0)
    _draw_names(axes, places, picture.nodes[-1], places.outputs, -1)
    _draw_caption(axes, picture, places)
    _draw_title(axes, places, words)
    return figure


def _draw_layer(
    axes: Axes, picture: Picture, places: Layout, layer: int, band: Band, links: Callable[[Edge], str] | None
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
            colors=[_shade(edges[k], (base if k in boxes else 0.6 * base) + 0.62 * strength[k]) for k in per],
            linewidths=[0.5 + 1.5 * strength[k] for k in per],
            zorder=1,
        )
    )
    if boxes:
        _draw_boxes(axes, edges, list(boxes), band, strength, links)


def _draw_boxes(
    axes: Axes,
    edges: tuple[Edge, ...],
    shown: list[int],
    band: Band,
    strength: list[float],
    links: Callable[[Edge], str] | None,
) -> None:
    half = 0.5 * band.size
    corners = np.array([[-half, -half], [-half, half], [half, half], [half, -half]])
    frames = PolyCollection(
        list(band.centers[:, None, :] + corners),
        facecolors=COLOURS["paper"],
        edgecolors=[_shade(edges[k], 0.2 + 0.6 * strength[k]) for k in shown],
        linewidths=0.7,
        zorder=2,
    )
    heights = _heights(edges)
    curves = LineCollection(
        [
            _curve(edges[k], center, band.size, heights[k])
            for k, center in zip(shown, band.centers, strict=True)
        ],
        colors=[_shade(edges[k], 0.4 + 0.6 * strength[k]) for k in shown],
        linewidths=float(np.clip(3.0 * band.size, 0.9, 1.7)),
        capstyle="round",
        zorder=3,
    )
    if links:
        frames.set_urls([f"#{links(edges[k])}" for k in shown])
    axes.add_collection(frames)
    axes.add_collection(curves)
    for k, center in zip(shown, band.centers, strict=True):
        _draw_function(axes, edges[k], center, band.size)


def _draw_function(axes: Axes, edge: Edge, center: Array, size: float) -> None:
    """The text of a fixed function below its box, where it fits."""
    text = pretty(edge.label)
    points = min(8.5, 1.14 * size / max(text_width(text, 1.0), 1e-9))
    if not text or points < 5.0:
        return
    axes.text(
        center[0],
        center[1] - 0.5 * size - 0.04,
        text,
        fontsize=points,
        color=COLOURS["symbolic"],
        ha="center",
        va="top",
        bbox={"facecolor": COLOURS["paper"], "edgecolor": "none", "pad": 0.8},
        zorder=4,
        usetex=False,
        parse_math=False,
    )


def _strengths(edges: Sequence[Edge]) -> list[float]:
    """Visual weight in [0, 1]: the root of importance, so that a twentieth is still seen; halves if none varies."""
    varied = any(edge.importance > 0 for edge in edges)
    return [edge.importance**0.5 if varied else 0.5 for edge in edges]


def _shade(edge: Edge, alpha: float) -> tuple[float, float, float, float]:
    return to_rgba(COLOURS[edge.kind], alpha)


def _heights(edges: tuple[Edge, ...]) -> Array:
    """Height of each curve as a share of its box."""
    spans = np.array([edge.window[1] - edge.window[0] for edge in edges])
    targets = np.array([edge.target for edge in edges])
    largest = np.zeros(targets.max() + 1)
    np.maximum.at(largest, targets, spans)
    return np.sqrt(spans / np.where(largest > 0, largest, 1.0)[targets])


def _curve(edge: Edge, center: Array, size: float, height: float) -> Array:
    """The curve inside its box; gaps where the function is undefined or leaves its window."""
    low, high = edge.window
    half = (high - low) / 2 if high > low else 1.0
    share = (edge.y - (low + high) / 2) / half
    share[np.abs(share) > 1.0 + 1e-9] = np.nan
    across = np.linspace(-0.42, 0.42, len(share))
    return np.stack([center[0] + across * size, center[1] + 0.4 * size * height * share], axis=1)


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
            _draw_numbers(axes, points, picture.nodes[k], places.radii[k])


def _draw_numbers(axes: Axes, points: Array, level: tuple[Node, ...], radius: float) -> None:
    """Small names of hidden nodes, by which a page calls them."""
    for (x, y), node in zip(points, level, strict=True):
        _small_text(axes, x + 1.4 * radius + 0.02, y + 0.05, node.label, 6.5)


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


def _draw_names(axes: Axes, places: Layout, level: tuple[Node, ...], words: Words, which: int) -> None:
    """Labels below the inputs or above the outputs; grey for a node no edge uses."""
    sign, side = (-1.0, "top") if which == 0 else (1.0, "bottom")
    for k in words.kept:
        x, y = places.nodes[which][k]
        axes.text(
            x,
            y + sign * (places.radii[which] + 0.07),
            words.texts[k],
            fontsize=words.size,
            rotation=words.angle,
            color=COLOURS["ink" if level[k].used else "faint"],
            ha="center",
            va=side,
            zorder=8,
            usetex=False,
            parse_math=False,
        )


def _draw_caption(axes: Axes, picture: Picture, places: Layout) -> None:
    """What the colours mean, and how many curves were left out."""
    kinds = {edge.kind for layer in picture.edges for edge in layer}
    total, drawn = sum(map(len, picture.edges)), sum(len(band.shown) for band in places.bands)
    parts = [("spline", "spline")] * ("spline" in kinds) + [("symbolic", "fixed function")] * (
        "symbolic" in kinds
    )
    x = MARGIN
    for kind, text in parts:
        axes.plot([x, x + 0.22], [0.2, 0.2], color=COLOURS[kind], linewidth=2.0, solid_capstyle="round")
        _small_text(axes, x + 0.29, 0.2, text, 7.5)
        x += 0.29 + text_width(text, 7.5) + 0.2
    note = (
        "stronger line: matters more"
        if drawn == total
        else f"the {drawn} curves that matter most of {total} edges"
    )
    _small_text(axes, x, 0.2, note if total else "no edges left", 7.5)


def _small_text(axes: Axes, x: float, y: float, text: str, points: float) -> None:
    plain: dict[str, Any] = {"usetex": False, "parse_math": False}
    axes.text(x, y, text, fontsize=points, color=COLOURS["faint"], va="center", zorder=8, **plain)


def _draw_title(axes: Axes, places: Layout, words: Title) -> None:
    for k, line in enumerate(words.lines):
        axes.text(
            places.width / 2,
            places.height - 0.6 * MARGIN - words.pitch * (k + 0.5),
            line,
            fontsize=words.size,
            color=COLOURS["ink"],
            ha="center",
            va="center",
            usetex=False,
            parse_math=words.math,
        )
