"""A figure of partial dependence: a panel for each input, with the band over rows and where the rows lie."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise.errors import InputError
from edgewise.view.colours import COLOURS
from edgewise.view.dependence import Dependence
from edgewise.view.figure import settled
from edgewise.view.words import fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS, MOST_OUTPUTS, MOST_BANDS, MOST_TICKS = 12, 8, 2, 150
WIDTH, PANEL_WIDTH, PANEL_HEIGHT, HEADER = 7.0, 1.7, 1.7, 0.3
LABEL, TICK = 8.0, 7.0
STRIP = 0.12
INK, GREY, PALE = COLOURS["ink"], COLOURS["faint"], "#d5dae0"
# Okabe and Ito's colours, each with a dash of its own, so that grey print tells them apart too.
STYLES = (
    (COLOURS["spline"], "-"),
    (COLOURS["symbolic"], "--"),
    ("#009e73", "-."),
    ("#cc79a7", ":"),
    ("#56b4e9", (0, (5, 1))),
    ("#e69f00", (0, (3, 1, 1, 1))),
    (INK, (0, (1, 1))),
    (GREY, (0, (7, 2, 1, 2))),
)


def dependence_figure(
    dependences: Sequence[Dependence], *, size: tuple[float, float | None] | None = None
) -> "Figure":
    """A panel for each input: the mean prediction, the band between two quantiles over rows, the rows' density below.

    All panels have the same scale, so what moves the prediction more looks so. Of more than 12 inputs those that move
    it most are shown, in the order of the columns. The band is left out where more than two outputs would hide it.

    Args:
        dependences: from ``partial_dependence``.
        size: ``(width, height)`` in inches; 7 wide and as high as needed when left out. Letters have 7 and 8 points.

    Example:
        >>> import torch
        >>> from edgewise.network import KAN
        >>> from edgewise.view import partial_dependence
        >>> len(dependence_figure(partial_dependence(KAN([2, 1]), torch.rand(50, 2)), size=(3.5, None)).axes)
        2
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from edgewise.view.layout import checked_size

    shown = _strongest(dependences)
    width, height = checked_size(size) or (WIDTH, None)
    columns = min(len(shown), max(1, int(width / PANEL_WIDTH)))
    rows = ceil(len(shown) / columns)
    made = Figure(
        figsize=(width, height or HEADER + PANEL_HEIGHT * rows), facecolor="white", layout="constrained"
    )
    FigureCanvasAgg(made)
    low, high = _range(shown)
    room = (high - low) * STRIP / (1 - STRIP)
    for k, one in enumerate(shown):
        axes = made.add_subplot(rows, columns, k + 1)
        _panel(axes, one, width / columns)
        axes.set_ylim(low - 1.6 * room, high)
        axes.tick_params(labelleft=k % columns == 0, labelsize=TICK, colors=INK, width=0.6, length=2.5)
    _header(made, shown, len(dependences))
    return settled(made)


def _strongest(dependences: Sequence[Dependence]) -> list[Dependence]:
    if not dependences or len(dependences[0].outputs) > MOST_OUTPUTS:
        raise InputError(
            f"a figure of {len(dependences)} inputs and {len(dependences[0].outputs) if dependences else 0} outputs: "
            f"expected one input or more and at most {MOST_OUTPUTS} outputs; pass partial_dependence(net, X)"
        )
    ranked = sorted(range(len(dependences)), key=lambda k: (-dependences[k].reach, k))
    return [dependences[k] for k in sorted(ranked[:MOST_PANELS])]


def _range(shown: Sequence[Dependence]) -> tuple[float, float]:
    """What all panels share, with a little air."""
    drawn = ("low", "high", "mean") if len(shown[0].outputs) <= MOST_BANDS else ("mean",)
    values = np.concatenate([getattr(one, name).ravel() for one in shown for name in drawn])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    air = 0.05 * (high - low) or abs(high) or 1.0
    return low - air, high + air


def _panel(axes: "Axes", one: Dependence, inches: float) -> None:
    few = _few(one)
    for k, (colour, dash) in zip(range(len(one.outputs)), STYLES, strict=False):
        if len(one.outputs) <= MOST_BANDS:
            axes.fill_between(one.x, one.low[:, k], one.high[:, k], color=colour, alpha=0.18, linewidth=0)
        mark: dict[str, Any] = {"marker": "o", "markersize": 3} if few else {}
        axes.plot(
            one.x, one.mean[:, k], color=colour, linestyle=dash, linewidth=1.3, label=one.outputs[k], **mark
        )
    _rows(axes, one)
    axes.set_xlabel(fitted(one.feature, inches - 0.5, LABEL), fontsize=LABEL, color=INK, parse_math=False)
    axes.locator_params(axis="x", nbins=4)
    axes.locator_params(axis="y", nbins=5)
    axes.ticklabel_format(useMathText=False)
    axes.xaxis.get_offset_text().set_fontsize(TICK)
    axes.yaxis.get_offset_text().set_fontsize(TICK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(linewidth=0.6, color=GREY)


def _few(one: Dependence) -> bool:
    """Whether the input is rather a choice among values than a scale."""
    return len(np.unique(one.values)) < 10


def _rows(axes: "Axes", one: Dependence) -> None:
    """Where the rows lie: their density in grey along the bottom, and a tick for each of up to 150."""
    across = axes.get_xaxis_transform()
    if _few(one):
        places, count = np.unique(one.values, return_counts=True)
        axes.vlines(places, 0.0, STRIP * count / count.max(), transform=across, color=PALE, linewidth=5)
    else:
        edges = np.linspace(one.values[0], one.values[-1], len(one.visits) + 1)
        density = STRIP * one.visits / one.visits.max()
        axes.stairs(density, edges, transform=across, fill=True, color=PALE)
    kept = np.linspace(0, len(one.values) - 1, min(len(one.values), MOST_TICKS)).round().astype(int)
    axes.vlines(one.values[kept], 0.0, 0.035, transform=across, color=GREY, linewidth=0.4)


def _header(made: "Figure", shown: Sequence[Dependence], count: int) -> None:
    """The outputs' names, and how many inputs were left out."""
    outputs = shown[0].outputs
    note = f", the {len(shown)} of {count} inputs that move it most" if len(shown) < count else ""
    if len(outputs) == 1:
        made.suptitle(f"{outputs[0]}{note}", fontsize=LABEL, color=INK, parse_math=False)
        return
    lines = made.axes[0].get_lines()
    made.legend(
        lines, outputs, loc="outside upper center", ncols=4, fontsize=TICK, frameon=False, labelcolor=INK
    )
