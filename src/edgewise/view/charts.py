"""Small charts as SVG text for a page: an edge's curve, a column's histogram, predictions against observations.

Nothing but numbers and escaped words goes in; colours come from the page's style sheet.
"""

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray

from edgewise.view.picture import Edge
from edgewise.view.words import number

Array = NDArray[np.float64]

WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 300.0, 170.0, 52.0, 8.0, 10.0, 34.0
STRIP = 14.0
SIDE, EDGE = 380.0, 54.0
MOST_POINTS = 2000


def edge_chart(edge: Edge, label: str) -> str:
    """The curve of an edge with its axes, and below it where the rows of the batch lie."""
    x, y = _across(np.linspace(0.0, 1.0, len(edge.y))), _down(edge)
    low, high = edge.window
    bottom = HIGH - BOTTOM
    parts = [
        f'<rect class="plot" x="{LEFT:g}" y="{TOP:g}" width="{WIDE - LEFT - RIGHT:g}" height="{bottom - TOP:g}"/>',
        _zero_line(edge),
        _bars(edge.visits, LEFT, WIDE - RIGHT, bottom + STRIP, STRIP - 2),
        f'<path class="curve {edge.kind}" d="{path(x, y)}"/>',
        _text(LEFT, HIGH - 4, number(float(edge.x[0])), "start"),
        _text(WIDE - RIGHT, HIGH - 4, number(float(edge.x[-1])), "end"),
        _text(LEFT - 5, TOP + 10, number(high, 3), "end"),
        _text(LEFT - 5, bottom, number(low, 3), "end") if high > low else "",
        '<circle class="dot" r="3.5" hidden=""/>',
    ]
    values = ",".join(f"{value:.5g}" if isfinite(value) else "" for value in edge.y.tolist())
    ends = f'data-low="{edge.x[0]:.8g}" data-high="{edge.x[-1]:.8g}" data-left="{LEFT:g}" data-right="{WIDE - RIGHT:g}"'
    pixels = ",".join(f"{value:.1f}" if isfinite(value) else "" for value in y.tolist())
    return _svg(
        WIDE, HIGH, label, parts, f'class="edge" {ends} data-values="{values}" data-pixels="{pixels}"'
    )


def histogram(counts: Sequence[int] | NDArray[np.int64], label: str) -> str:
    """Bars of counts, without axes."""
    return _svg(120, 24, label, [_bars(np.asarray(counts), 0, 120, 24, 22)], 'class="bars"')


def scatter(observed: Array, predicted: Array, label: str) -> str:
    """Predictions against observations on equal axes with the line of perfect agreement."""
    low = float(min(observed.min(), predicted.min()))
    high = float(max(observed.max(), predicted.max()))
    low, high = (low, high) if high > low else (low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1))
    air = high / 25 - low / 25
    low, high = low - air, high + air
    inner = SIDE - EDGE - 8

    def place(values: Array) -> Array:
        return (values / 2 - low / 2) / (high / 2 - low / 2) * inner

    keep = np.unique(np.linspace(0, len(observed) - 1, min(len(observed), MOST_POINTS)).astype(int))
    x, y = EDGE + place(observed[keep]), SIDE - EDGE - place(predicted[keep])
    dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    floor_ = SIDE - EDGE
    marks = [(value, float(place(np.array(value)))) for value in ticks(low, high)]
    parts = [
        f'<rect class="plot" x="{EDGE:g}" y="8" width="{inner:g}" height="{inner:g}"/>',
        f'<path class="perfect" d="M{EDGE:g} {floor_:g}L{EDGE + inner:g} 8"/>',
        f'<path class="dots" d="{dots}"/>',
        *(_text(EDGE + at, floor_ + 16, number(value), "middle") for value, at in marks),
        *(_text(EDGE - 6, floor_ - at + 4, number(value), "end") for value, at in marks),
        _text(EDGE + inner / 2, SIDE - 18, "observed", "middle"),
        f'<g transform="translate(12 {8 + inner / 2:g}) rotate(-90)">{_text(0, 0, "predicted", "middle")}</g>',
    ]
    return _svg(SIDE, SIDE, label, parts, 'class="scatter"')


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two ends, 1, 2 or 5 times a power of ten apart.

    Example:
        >>> ticks(-0.3, 1.1)
        [0.0, 0.5, 1.0]
    """
    rough = (high / about) - (low / about)
    if not rough > 0 or not isfinite(rough):
        return [low]
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [k * step for k in range(ceil(low / step), floor(high / step) + 1)]


def path(x: Array, y: Array) -> str:
    """An SVG path through the finite points, broken where a point is not."""
    words, pen = [], "M"
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if isfinite(b):
            words.append(f"{pen}{a:.1f} {b:.1f}")
        pen = "L" if isfinite(b) else "M"
    return "".join(words)


def _across(share: Array) -> Array:
    return LEFT + share * (WIDE - LEFT - RIGHT)


def _down(edge: Edge) -> Array:
    """Heights of the curve in the chart; NaN where it is undefined or leaves its window."""
    low, high = edge.window
    half = high / 2 - low / 2 or 1.0
    share = (edge.y - (low / 2 + high / 2)) / half
    share = np.where(np.abs(share) <= 1.0 + 1e-9, share, np.nan)
    middle, reach = (TOP + HIGH - BOTTOM) / 2, (HIGH - BOTTOM - TOP) / 2 - 6
    return middle - reach * share


def _zero_line(edge: Edge) -> str:
    """A line where the edge adds nothing, if that is in sight."""
    low, high = edge.window
    if not low < 0 < high:
        return ""
    middle, reach = (TOP + HIGH - BOTTOM) / 2, (HIGH - BOTTOM - TOP) / 2 - 6
    y = middle + reach * (low + high) / (high - low)
    return f'<path class="zero" d="M{LEFT:g} {y:.1f}H{WIDE - RIGHT:g}"/>'


def _bars(counts: NDArray[np.int64], left: float, right: float, floor_: float, height: float) -> str:
    """Bars whose area tells counts, as one path; a row among thousands still shows."""
    step, largest = (right - left) / len(counts), max(int(counts.max()), 1)
    words = []
    for k, count in enumerate(counts.tolist()):
        if count:
            tall = max(1.0, height * count / largest)
            words.append(f"M{left + k * step + 0.5:.1f} {floor_:g}v{-tall:.1f}h{step - 1:.1f}v{tall:.1f}z")
    return f'<path class="visits" d="{"".join(words)}"/>'


def _text(x: float, y: float, words: str, where: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{where}">{escape(words)}</text>'


def _svg(width: float, height: float, label: str, parts: Iterable[str], attributes: str) -> str:
    named = f'role="img" aria-label="{escape(label)}"'
    return f'<svg viewBox="0 0 {width:g} {height:g}" {named} {attributes}>{"".join(parts)}</svg>'
