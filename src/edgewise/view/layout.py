"""Where everything in a picture goes, in inches: nodes, one small box for each curve, room for the words.

Levels are stacked from the inputs up. Between two levels lies a band of boxes, one for each edge whose curve is
shown. A layer of up to ``ONE_ROW`` boxes is one row, ordered by source, as in the classic drawing. A larger one
becomes a grid: a column at every node of the wider side, so that a box's column names its input (or output), and
in every column the edge that matters most is nearest to its other end, so that no box hides a strong line. What a
grid cannot hold (``MOST_BOXES``), and what hardly matters in a crowd, keeps its line and loses its box.

A figure of a given size keeps its letters. Boxes share the width; a greater height goes into the room between rows, a
smaller one is taken from that room and from the boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from edgewise.errors import InputError
from edgewise.view.caption import Caption, caption
from edgewise.view.picture import Edge, Node, Picture
from edgewise.view.words import fitted, shortened, text_width

Array = NDArray[np.float64]
Size = tuple[float, float | None]

MARGIN = 0.3
NARROWEST, WIDEST = 3.9, 14.0
ONE_ROW, MOST_BOXES, MOST_COLUMNS, MOST_STACKED = 32, 200, 52, 10
BOX_SHARE, SMALLEST_PITCH = 0.86, 0.26
LARGEST_BOX, GRID_BOX, SMALLEST_GAP, LARGEST_GAP = 0.66, 0.46, 0.34, 1.0
CROWD, NEGLIGIBLE = 40, 0.01
INLET_DROP, FUNCTION_TEXT = 0.3, 0.13
LEAST_WIDTH, MOST_INCHES, LEAST_ROOM, LEAST_BOX = 2.0, 100.0, 0.35, 0.33


@dataclass(frozen=True, eq=False)
class Band:
    """The boxes of one layer: the edges ``shown`` by their place in the layer, box ``centers (k, 2)``, one ``size``."""

    shown: tuple[int, ...]
    centers: Array
    size: float


@dataclass(frozen=True)
class Words:
    """How one level's labels are set: font size in points, angle in degrees, which are ``kept``, height in inches."""

    texts: tuple[str, ...]
    size: float
    angle: int
    kept: tuple[int, ...]
    height: float


@dataclass(frozen=True, eq=False)
class Layout:
    """Positions in inches; ``nodes`` and ``radii`` by level, ``inlets`` (where edges end) and ``bands`` by layer."""

    width: float
    height: float
    nodes: tuple[Array, ...]
    inlets: tuple[Array, ...]
    bands: tuple[Band, ...]
    inputs: Words
    outputs: Words
    radii: tuple[float, ...]
    caption: Caption


def layout(picture: Picture, title_height: float = 0.0, size: Size | None = None) -> Layout:
    """Positions for a picture, leaving ``title_height`` inches above it.

    ``size`` is ``(width, height)`` in inches; without it, or with None as the height, the picture takes what it needs.
    Raises ``InputError`` for a size that cannot hold it.
    """
    natural = _layout(picture, title_height, size, 1.0, 1.0)
    if size is None or size[1] is None:
        return natural
    if size[1] >= natural.height:
        rest = natural.height - _layout(picture, title_height, size, 0.0, 1.0).height
        return _layout(picture, title_height, size, 1.0 + (size[1] - natural.height) / rest, 1.0)
    least = _layout(picture, title_height, size, LEAST_ROOM, LEAST_BOX).height
    if size[1] < least:
        raise InputError(
            f"size=({size[0]:g}, {size[1]:g}) is too low for this network: expected a height of at least "
            f"{ceil(100 * least) / 100:g} in; type size=({size[0]:g}, None) to let the picture choose"
        )
    share = (size[1] - least) / (natural.height - least)
    room, box = (low + share * (1.0 - low) for low in (LEAST_ROOM, LEAST_BOX))
    return _layout(picture, title_height, size, room, box)


def checked_size(size: Size | None) -> Size | None:
    """A size in inches as it was given; ``InputError`` for anything else."""
    if size is None:
        return None
    try:
        width, height = size
        fits = LEAST_WIDTH <= width <= MOST_INCHES and (height is None or 0 < height <= MOST_INCHES)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise InputError(
            f"size={size!r}: expected (width, height) in inches, {LEAST_WIDTH:g} or wider and at most "
            f"{MOST_INCHES:g}; type size=(3.5, None) for one column of a journal, size=(7, None) for two"
        )
    return size


def _layout(picture: Picture, title_height: float, size: Size | None, room: float, box: float) -> Layout:
    """Positions where the room between rows and the boxes are ``room`` and ``box`` times what they would be."""
    shown = [_shown(layer) for layer in picture.edges]
    inner = size[0] - 2 * MARGIN if size else _inner_width(picture, shown)
    words = [label_plan(_names(picture.nodes[k]), inner / len(picture.nodes[k])) for k in (0, -1)]
    below = caption(picture, sum(map(len, shown)), inner)
    base = below.height + words[0].height + 0.22
    nodes, inlets, bands = [_node_positions(picture.nodes[0], inner, base)], [], []
    for k, edges in enumerate(shown):
        floor = float(nodes[-1][0, 1])
        band, ceiling = _stack(picture, k, edges, inner, floor, room, box)
        above = picture.nodes[k + 1]
        drop = INLET_DROP if any(node.kind == "product" for node in above) else 0.0
        nodes.append(_node_positions(above, inner, ceiling + drop))
        inlets.append(_inlets(above, nodes[-1], inner))
        bands.append(band)
    height = float(nodes[-1][0, 1]) + 0.22 + words[1].height + title_height + MARGIN
    radii = tuple(float(np.clip(0.3 * inner / len(level), 0.035, 0.095)) for level in picture.nodes)
    places = (tuple(nodes), tuple(inlets), tuple(bands))
    return Layout(inner + 2 * MARGIN, height, *places, words[0], words[1], radii, below)


def label_plan(names: tuple[str, ...], spacing: float) -> Words:
    """Labels flat when the longest fits its place, upright otherwise, and thinned out where even those collide."""
    if len(names) == 1:
        names = (fitted(names[0], 0.95 * spacing, 10.5),)
    for size in (10.5, 9.0, 8.0):
        if max(text_width(name, size) for name in names) <= 0.95 * spacing or len(names) == 1:
            return Words(names, size, 0, tuple(range(len(names))), 1.3 * size / 72)
    size = 10.0 if spacing >= 0.5 else 9.0 if spacing >= 0.24 else 7.0
    texts = tuple(shortened(name, 26) for name in names)
    step = max(1, ceil(1.15 * size / 72 / spacing))
    kept = tuple(range(0, len(names), step))
    return Words(texts, size, 90, kept, max(text_width(text, size) for text in texts))


def _names(level: tuple[Node, ...]) -> tuple[str, ...]:
    return tuple(node.label for node in level)


def _shown(edges: tuple[Edge, ...]) -> list[int]:
    """Places of the edges whose curves are drawn, in drawing order."""
    ranked = sorted(range(len(edges)), key=lambda k: (-edges[k].importance, k))
    if len(edges) > CROWD and ranked and edges[ranked[0]].importance > 0:
        ranked = [k for k in ranked if edges[k].importance >= NEGLIGIBLE]
    return sorted(ranked[:MOST_BOXES])


def _inner_width(picture: Picture, shown: list[list[int]]) -> float:
    """Room for the widest row of boxes and the most crowded level."""
    needs = [NARROWEST]
    for k, boxes in enumerate(shown):
        sides = max(len(picture.nodes[k]), len(picture.nodes[k + 1]))
        one_row = len(boxes) <= ONE_ROW
        count = len(boxes) if one_row else min(sides, MOST_COLUMNS)
        needs.append(count * float(np.clip(9.6 / max(count, 1), SMALLEST_PITCH, 0.95 if one_row else 0.7)))
    needs += [len(level) * float(np.clip(6.0 / len(level), 0.16, 0.8)) for level in picture.nodes]
    return min(max(needs), WIDEST)


def _stack(
    picture: Picture, layer: int, shown: list[int], inner: float, floor: float, room: float, box: float
) -> tuple[Band, float]:
    """One layer's boxes above ``floor``, and the height where the edges' ends belong."""
    edges = [picture.edges[layer][k] for k in shown]
    columns, column, row = _grid(edges, len(picture.nodes[layer]), len(picture.nodes[layer + 1]), inner)
    size = box * min(LARGEST_BOX if row.max(initial=0) < 2 else GRID_BOX, BOX_SHARE * inner / columns)
    x = MARGIN + (column + 0.5) / columns * inner
    below = np.array([picture.nodes[layer][edge.source].x for edge in edges]) * inner + MARGIN
    above = np.array([picture.nodes[layer + 1][edge.node].x for edge in edges]) * inner + MARGIN
    words = FUNCTION_TEXT if any(edge.label for edge in edges) else 0.0
    y = floor + room * _gap(x - below) + words + 0.5 * size + row * (size / BOX_SHARE + words)
    top = float(y.max(initial=floor)) + 0.5 * size
    return Band(tuple(shown), np.stack([x, y], axis=1), size), top + room * _gap(above - x)


def _grid(edges: list[Edge], sources: int, targets: int, inner: float) -> tuple[int, Array, Array]:
    """Number of columns, and the column and row of every box."""
    places = np.arange(len(edges), dtype=np.float64)
    most = min(MOST_COLUMNS, int(inner / SMALLEST_PITCH))
    if len(edges) <= min(ONE_ROW, most):
        return max(len(edges), 1), places, np.zeros(len(edges))
    by_source = sources >= targets
    ends = [edge.source if by_source else edge.node for edge in edges]
    rank = _ranks(ends, [edge.importance for edge in edges])
    if max(sources, targets) <= most and rank.max() < MOST_STACKED:
        row = rank.max() - rank if by_source else rank
        return max(sources, targets), np.array(ends, dtype=np.float64), row
    rows = ceil(len(edges) / most)
    column = places // rows
    rank = _ranks(column.tolist(), [edge.importance for edge in edges])
    return ceil(len(edges) / rows), column, rank.max() - rank


def _ranks(columns: Sequence[float], importance: list[float]) -> Array:
    """Each box's place in its column by importance, 0 for the most important."""
    ranks, filled = np.zeros(len(columns)), dict.fromkeys(columns, 0)
    for k in sorted(range(len(columns)), key=lambda k: -importance[k]):
        ranks[k] = filled[columns[k]]
        filled[columns[k]] += 1
    return ranks


def _gap(sideways: Array) -> float:
    """Height of a fan of lines: enough that the flattest of them still climbs."""
    return float(np.clip(0.13 * np.abs(sideways).max(initial=0.0), SMALLEST_GAP, LARGEST_GAP))


def _node_positions(level: tuple[Node, ...], inner: float, height: float) -> Array:
    return np.array([[MARGIN + node.x * inner, height] for node in level])


def _inlets(level: tuple[Node, ...], positions: Array, inner: float) -> Array:
    """Where edges end, ``(subnodes, 2)``: at a sum itself, at two dots below a product."""
    aside = min(0.2, 0.25 * inner / len(level))
    found: dict[int, tuple[float, float]] = {}
    for node, (x, y) in zip(level, positions.tolist(), strict=True):
        if node.kind == "product":
            first, second = node.subnodes
            found[first], found[second] = (x - aside, y - INLET_DROP), (x + aside, y - INLET_DROP)
        else:
            found[node.subnodes[0]] = (x, y)
    return np.array([found[k] for k in range(len(found))])
