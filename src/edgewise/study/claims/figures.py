"""The figures of the report on claims, from the findings."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MultipleLocator

from edgewise.study.claims.analysis import forgetting, medians
from edgewise.study.figures import COLOURS, Styles, drawn, logarithmic
from edgewise.study.statistics import Frame

THEORY = 4.0
NAMES = ("kan", "mlp", "learned", "spline", "kan-critical", "largest", "slope")


def styles() -> Styles:
    """The same colour for an arm in every figure."""
    return Styles(NAMES)


def accuracy(lines: Frame) -> bytes:
    """Error of every formula: ours, the tuned perceptron's and the paper's best KAN's, a panel a table of the paper."""
    table = medians(lines)
    groups = [(group, part.iloc[::-1]) for group, part in table.groupby("group", sort=False)]
    with drawn(
        len(groups), "root mean square error", "", height=0.17 * table.groupby("group").size().max() + 1
    ) as (
        axes,
        png,
    ):
        for ax, (group, part) in zip(axes, groups, strict=True):
            rows = np.arange(len(part))
            ax.scatter(part["paper"], rows, marker="|", s=60, color="#1c2430", label="paper's best KAN")
            for arm in ("kan", "mlp"):
                if f"{arm}_e" in part:
                    shown = part[f"{arm}_e"].astype(float).clip(lower=1e-16)
                    ax.scatter(shown, rows, s=16, label=arm, **_dots(arm))
            ax.set_yticks(rows, part["task"], fontsize=7)
            ax.set_xscale("log")
            ax.set_title(str(group), fontsize=9)
            ax.grid(axis="y", color="#e6eaf0", linewidth=0.6)
    return png.getvalue()


def scaling(lines: Frame) -> bytes:
    """Error against parameters, a panel a toy function: medians over seeds, and the slope that theory says."""
    part = lines[lines["piece"] == "scaling"]
    tasks = list(dict.fromkeys(part["task"]))
    with drawn(len(tasks), "parameters", "root mean square error") as (axes, png):
        for ax, task in zip(axes, tasks, strict=True):
            for arm, own in part[part["task"] == task].groupby("arm"):
                there = [table for table in own["numbers"] if table]
                if not there:
                    continue
                x, y = _curve(there)
                ax.plot(x, y, label=arm, **styles().of(str(arm)))
                if arm == "kan":
                    ax.plot(
                        x, y[0] * (x / x[0]) ** -THEORY, ":", color="#4b5666", linewidth=1, label="power 4"
                    )
            ax.set_title(task, fontsize=9)
            logarithmic(ax.yaxis, (1.0,))
            logarithmic(ax.xaxis, (1.0, 3.0))
    return png.getvalue()


def peaks(lines: Frame) -> bytes:
    """Error on the first peak through the phases, a panel a task: medians over seeds."""
    table = forgetting(lines)
    tasks = sorted(table["task"].unique())
    with drawn(len(tasks), "peaks shown so far", "error on the first peak") as (axes, png):
        for ax, task in zip(axes, tasks, strict=True):
            for arm, own in table[table["task"] == task].groupby("arm"):
                first = np.median(np.array(own["first"].tolist()), axis=0)
                ax.plot(range(len(first)), first, label=arm, **styles().of(str(arm)))
            ax.set_title(task, fontsize=9)
            ax.xaxis.set_major_locator(MultipleLocator(1))
            logarithmic(ax.yaxis, (1.0, 3.0))
    return png.getvalue()


def dial(lines: Frame, piece: str, name: str, said: str) -> bytes:
    """Relative error over noise or rows, geometric mean over functions and seeds."""
    part = lines[lines["piece"] == piece]
    relative = np.log10((part["e"] / part["deviation"]).astype(float).clip(lower=1e-15))
    settings = sorted(part[name].unique())
    with drawn(1, said, "error over the deviation") as (axes, png):
        for arm, own in part.groupby("arm"):
            mean = 10 ** relative[own.index].groupby(own[name]).mean()
            axes[0].plot(
                [settings.index(value) for value in mean.index], mean, label=arm, **styles().of(str(arm))
            )
        axes[0].set_xticks(range(len(settings)), [f"{value:g}" for value in settings])
        logarithmic(axes[0].yaxis, (1.0, 3.0))
    return png.getvalue()


def _curve(tables: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and median errors of the sizes that every seed reached which reached any."""
    shortest = min(len(table) for table in tables)
    stacked = np.array([table[:shortest] for table in tables], float)
    return np.median(stacked[:, :, 1], axis=0), np.median(stacked[:, :, 2], axis=0)


def _dots(arm: str) -> dict:
    return {"color": COLOURS[NAMES.index(arm)], "marker": styles().of(arm)["marker"]}
