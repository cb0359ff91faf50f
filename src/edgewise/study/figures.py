"""The figures of a report, from the rows; the only place of the study that knows matplotlib."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from edgewise.study.statistics import Frame, bootstrap, slope
from edgewise.study.tasks import checked

COLOURS = (
    "#1b6ca8",
    "#c8553d",
    "#3c896d",
    "#8a5a9e",
    "#b8860b",
    "#4b5666",
    "#d67fa8",
    "#5aa9c9",
    "#7a8f2a",
    "#a03060",
)
MARKERS = "osD^vPX<>*"
APART = 0.07  # of arms beside each other, in octaves of depth

T = TypeVar("T")


class Styles:
    """One colour and marker an arm, the same in every figure."""

    def __init__(self, arms: Sequence[str]) -> None:
        self._place = {arm: i for i, arm in enumerate(arms)}

    def of(self, arm: str) -> dict[str, Any]:
        """Keywords for ``plot``."""
        i = self._place[arm]
        return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "markersize": 4}


def errors(lines: Frame, styles: Styles) -> bytes:
    """Error against depth, a panel a form: medians over task instances, with quartiles."""
    lines = lines[lines["role"] == "depth"]
    forms = sorted(lines["form"].unique())
    with drawn(len(forms), "hidden levels", "relative error") as (axes, png):
        for ax, form in zip(axes, forms, strict=True):
            for shift, (arm, rows) in _beside(lines[lines["form"] == form].groupby("arm")):
                by_task = np.log10(rows["e"]).groupby([rows["depth"], rows["instance"]]).mean().unstack(0)
                low, middle, high = (10 ** by_task.quantile(q) for q in (0.25, 0.5, 0.75))
                spread = [middle - low, high - middle]
                ax.errorbar(
                    middle.index * shift, middle, spread, label=arm, elinewidth=0.5, **styles.of(str(arm))
                )
            _depth_axis(ax, lines["depth"], form)
            logarithmic(ax.yaxis)
    return png.getvalue()


def advantage(pairs: Frame, styles: Styles) -> bytes:
    """Advantage against depth, a panel a form: means over task instances with bootstrap intervals."""
    return _over_depth(pairs[pairs["role"] == "depth"], ["form"], styles)


def elsewhere(pairs: Frame, styles: Styles) -> bytes:
    """The same on tasks of other kinds, a panel a task and form."""
    return _over_depth(pairs[pairs["role"] == "elsewhere"], ["form", "task"], styles)


def _over_depth(pairs: Frame, panels: list[str], styles: Styles) -> bytes:
    groups = list(pairs.groupby(panels))
    with drawn(len(groups), "hidden levels", "advantage over the MLP, dex") as (axes, png):
        for ax, (names, group) in zip(axes, groups, strict=True):
            ax.axhline(0, color="#1c2430", linewidth=0.8)
            for shift, (arm, rows) in _beside(group.groupby("arm")):
                points = [(depth, *_mean_interval(part)) for depth, part in rows.groupby("depth")]
                depth, mean, low, high = np.array(points, float).T
                spread = [mean - low, high - mean]
                ax.errorbar(
                    depth * shift, mean, spread, label=arm, capsize=2, elinewidth=0.8, **styles.of(str(arm))
                )
            _depth_axis(ax, pairs["depth"], ", ".join(names[::-1]))
    return png.getvalue()


def target(pairs: Frame, styles: Styles) -> bytes:
    """Mean advantage over depth D and roughness kappa of the target, a panel an arm and form."""
    pairs = pairs[pairs["role"] == "target"]
    dials = np.array([checked(task) for task in pairs["task"]]).reshape(-1, 2)
    pairs = pairs.assign(D=dials[:, 0], kappa=dials[:, 1])
    groups = list(pairs.groupby(["arm", "form"]))
    grids = [rows.pivot_table(values="advantage", index="kappa", columns="D") for _, rows in groups]
    reach = max((float(np.nanmax(np.abs(grid))) for grid in grids), default=1.0) or 1.0
    with drawn(len(groups), "depth D of the target", "roughness", legend=False) as (axes, png):
        for ax, ((arm, form), _), grid in zip(axes, groups, grids, strict=True):
            ax.imshow(grid, cmap="RdBu", vmin=-reach, vmax=reach, origin="lower", aspect="auto")
            ax.set_xticks(range(grid.shape[1]), grid.columns)
            ax.set_yticks(range(grid.shape[0]), grid.index)
            for (i, j), value in np.ndenumerate(grid.to_numpy()):
                colour = "white" if abs(value) > 0.6 * reach else "#1c2430"
                said = f"{value:+.2f}" if value == value else ""
                ax.text(j, i, said, ha="center", va="center", fontsize=8, color=colour)
            ax.set_title(f"{arm}, {form}", fontsize=9)
    return png.getvalue()


def swap(pairs: Frame, styles: Styles) -> bytes:
    """Mean advantage of whole arms and of perceptrons with one layer swapped, a panel a task, with intervals."""
    tasks = sorted(pairs["task"].unique())
    names = sorted({f"{arm}, {form}" for arm, form in zip(pairs["arm"], pairs["form"], strict=True)})
    with drawn(len(tasks), "advantage, dex", "", legend=False) as (axes, png):
        for ax in axes[1:]:
            ax.sharex(axes[0])
        for ax, task in zip(axes, tasks, strict=True):
            for (arm, form), rows in pairs[pairs["task"] == task].groupby(["arm", "form"]):
                place, (mean, low, high) = names.index(f"{arm}, {form}"), _mean_interval(rows)
                ax.barh(place, mean, color=COLOURS[0], height=0.6)
                ax.plot([low, high], [place, place], color="#1c2430", linewidth=1)
            ax.set_yticks(range(len(names)), names if ax is axes[0] else [""] * len(names))
            ax.axvline(0, color="#1c2430", linewidth=0.8)
            ax.set_title(task, fontsize=9)
    return png.getvalue()


def scaling(lines: Frame, styles: Styles) -> bytes:
    """Error against trainable parameters, a panel a form, with the fitted exponent in the legend."""
    lines = lines[lines["role"] == "scale"]
    forms = sorted(lines["form"].unique())
    with drawn(len(forms), "trainable parameters", "relative error") as (axes, png):
        for ax, form in zip(axes, forms, strict=True):
            for arm, rows in lines[lines["form"] == form].groupby("arm"):
                error = 10 ** np.log10(rows["e"]).groupby(rows["parameters"]).mean()
                exponent = slope(np.log10(error.index.to_numpy(float)), np.log10(error))
                ax.plot(error.index, error, label=f"{arm} ({exponent:+.2f})", **styles.of(str(arm)))
            sizes = sorted(lines["parameters"].unique())
            logarithmic(ax.yaxis)
            logarithmic(ax.xaxis)
            ax.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
            ax.set_title(form, fontsize=9)
    return png.getvalue()


def _beside(groups: Iterable[T]) -> list[tuple[float, T]]:
    """Each with a factor of its depth by which it stands beside the others."""
    found = list(groups)
    return [(2 ** (APART * (place - (len(found) - 1) / 2)), group) for place, group in enumerate(found)]


def _mean_interval(pairs: Frame) -> tuple[float, float, float]:
    table = pairs[["instance", "seed"]].assign(value=pairs["advantage"])
    low, high = bootstrap(table, draws=2000)
    return float(table.groupby("instance")["value"].mean().mean()), low, high


def logarithmic(axis: Any, at: tuple[float, ...] = (1.0, 2.0, 5.0)) -> None:
    """Logarithmic, with plain numbers at these multiples of powers of ten."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=at))
    axis.set_major_formatter(lambda value, place: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def _depth_axis(ax: Any, depths: Frame, form: str) -> None:
    ticks = sorted(depths.unique())
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.set_title(form, fontsize=9)


@contextmanager
def drawn(
    panels: int, x: str, y: str, legend: bool = True, height: float = 2.9
) -> Iterator[tuple[list[Any], BytesIO]]:
    """Axes side by side, up to four a line; the buffer holds the PNG after the block."""
    columns = min(max(panels, 1), 4)
    lines = -(-max(panels, 1) // columns)
    figure = Figure(figsize=(max(3.1 * columns, 5.5), height * lines), layout="constrained")
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    png = BytesIO()
    yield axes[:panels], png
    for ax in axes[panels:]:
        ax.set_visible(False)
    for ax in axes[:panels]:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    figure.supxlabel(x, fontsize=9)
    figure.supylabel(y, fontsize=9)
    labelled = [zip(*ax.get_legend_handles_labels(), strict=True) for ax in axes[:panels]]
    handles = {name: handle for pairs in labelled for handle, name in pairs}
    if legend and handles:
        figure.legend(handles.values(), handles, loc="outside right upper", fontsize=8, frameon=False)
    figure.savefig(png, format="png", dpi=130, metadata={"Software": None})
