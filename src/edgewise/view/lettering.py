"""The words of a drawing: names, title, caption, functions; none of them smaller than ``SMALLEST_TEXT`` points."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from edgewise.view.caption import POINTS, Caption
from edgewise.view.colours import COLOURS, outline
from edgewise.view.layout import MARGIN, Layout, Words
from edgewise.view.picture import Edge, Node
from edgewise.view.title import Title
from edgewise.view.words import pretty, text_width

Array = NDArray[np.float64]

SMALLEST_TEXT = 6.0
NUMBERS = 6.5


def draw_names(axes: Axes, places: Layout, level: tuple[Node, ...], words: Words, which: int) -> None:
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


def draw_caption(axes: Axes, words: Caption) -> None:
    """What colours and shapes mean, and how many curves were left out."""
    x, (y, below) = MARGIN, words.heights
    for kind, text, width in words.keys:
        corners = np.array([x + 0.07, y]) + 0.13 * outline(kind)
        axes.add_patch(Polygon(corners, edgecolor=COLOURS[kind], facecolor=COLOURS["paper"], linewidth=0.9))
        axes.plot([x + 0.14, x + 0.28], [y, y], color=COLOURS[kind], linewidth=2.0, solid_capstyle="round")
        _small_text(axes, x + 0.35, y, text, POINTS)
        x += width
    _small_text(axes, x if below == y else MARGIN, below, words.note, POINTS)


def _small_text(axes: Axes, x: float, y: float, text: str, points: float) -> None:
    axes.text(
        x,
        y,
        text,
        fontsize=points,
        color=COLOURS["faint"],
        va="center",
        zorder=8,
        usetex=False,
        parse_math=False,
    )


def draw_title(axes: Axes, places: Layout, words: Title) -> None:
    """The lines of the title at the top."""
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


def draw_numbers(axes: Axes, points: Array, level: tuple[Node, ...], radius: float) -> None:
    """Small names of hidden nodes, by which a page calls them."""
    for (x, y), node in zip(points, level, strict=True):
        _small_text(axes, x + 1.4 * radius + 0.02, y + 0.05, node.label, NUMBERS)


def draw_function(axes: Axes, edge: Edge, center: Array, size: float) -> None:
    """The text of a fixed function below its box, where it fits."""
    text = pretty(edge.label)
    points = min(8.5, 1.14 * size / max(text_width(text, 1.0), 1e-9))
    if not text or points < SMALLEST_TEXT:
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
