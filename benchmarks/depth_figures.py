"""The figures of ``depth.py``."""

import math
from pathlib import Path
from statistics import median
from typing import Any

import depth_start as start
import depth_training as training
import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

Row = dict[str, Any]
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#8a5fbf", "#e08e0b", "#666666")


def draw_chi(rows: list[Row], path: Path) -> None:
    """Gains against intervals on the left, measured over predicted against depth on the right."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    wide = [row for row in rows if row["width"] == 64]
    predicted = {row["intervals"]: row["predicted"] for row in wide}
    left.loglog(list(predicted), list(predicted.values()), "-", color="#666666", label="predicted")
    for width, colour in zip(reversed(start.WIDTHS), COLOURS, strict=False):
        for row in rows:
            if row["width"] == width and row["layers"] == 64:
                level = row["predicted"]
                left.plot(
                    [row["intervals"]] * 2,
                    [row["smallest"] * level, row["largest"] * level],
                    "-",
                    color=colour,
                    linewidth=4 if width == 64 else 8,
                    zorder=3 if width == 64 else 2,
                    label=f"measured, width {width}" if row["intervals"] == 3 else None,
                )
        for part, style in (("smallest", "-"), ("largest", "-"), ("median", ":")):
            found = [
                fold([row[part] for row in rows if (row["width"], row["layers"]) == (width, n)], part)
                for n in start.LAYERS
            ]
            right.semilogx(start.LAYERS, found, style, color=colour, base=2)
    right.axhspan(0.85, 1.15, color="#dddddd", zorder=0)
    left.set(xlabel="intervals", ylabel="gain of the spline branch", title="64 layers")
    left.set_xticks(start.INTERVALS, [str(n) for n in start.INTERVALS])
    left.minorticks_off()
    right.set(xlabel="layers", ylabel="measured / predicted", title="extremes and middle; grey: within 15 %")
    right.set_xticks(start.LAYERS, [str(n) for n in start.LAYERS])
    left.legend(frameon=False)
    save(fig, path)


def fold(found: list[float], part: str) -> float:
    """The extreme or the middle over the numbers of intervals."""
    return {"smallest": min, "largest": max, "median": median}[part](found)


def draw_gradients(rows: list[Row], path: Path) -> None:
    """A panel for every norm, residual and number of intervals; width 64."""
    fig, axes = plt.subplots(2, 4, figsize=(11, 5.2), sharex=True, sharey=True, layout="constrained")
    for line, intervals in zip(axes, (5, 20), strict=True):
        for axis, (norm, residual) in zip(line, start.JOINS, strict=True):
            for rule, colour in zip(start.RULES, COLOURS, strict=True):
                mine = [
                    row
                    for row in rows
                    if (row["width"], row["intervals"], row["norm"], row["residual"], row["rule"])
                    == (64, intervals, norm, residual, rule)
                ]
                axis.loglog(
                    [row["layers"] for row in mine],
                    [row["ratio"] for row in mine],
                    "o-",
                    color=colour,
                    label=rule,
                    markersize=3,
                    linewidth=2.4 if rule == "critical" else 1.1,
                )
            axis.axhspan(0.1, 10, color="#dddddd", zorder=0)
            axis.set_title(f"norm {norm}, residual {residual}, {intervals} intervals", fontsize=8)
            axis.set_xscale("log", base=2)
            axis.set_xticks(start.LAYERS, [str(n) for n in start.LAYERS])
    axes[0, 0].set_ylim(1e-9, 1e12)
    axes[0, 0].legend(frameon=False, fontsize=7, loc="upper left")
    for axis in axes[1]:
        axis.set_xlabel("layers")
    fig.supylabel("gradient at the first layer over that at the last", fontsize=9)
    save(fig, path)


def draw_training(rows: list[Row], path: Path) -> None:
    """Errors against depth, a panel for every law: medians as lines, seeds as points."""
    fig, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
    final = [row for row in rows if row["seed"] in training.SEEDS and training.chosen(row, rows)]
    for axis, law in zip(axes, training.LAWS, strict=True):
        for arm, colour in zip(training.ARMS, COLOURS, strict=False):
            mine = [row for row in final if (row["law"], row["arm"]) == (law, arm)]
            depths = [d for d in training.DEPTHS if any(row["depth"] == d for row in mine)]
            errors = {d: [shown(row) for row in mine if row["depth"] == d] for d in depths}
            axis.loglog(depths, [median(errors[d]) for d in depths], "-", color=colour, label=arm)
            for d in depths:
                axis.plot([d] * len(errors[d]), errors[d], "o", color=colour, markersize=2.5, alpha=0.6)
        axis.axhline(training.FAILED, color="#999999", linestyle=":")
        axis.set(title=law, xlabel="hidden levels")
        axis.set_xscale("log", base=2)
        axis.set_xticks(training.DEPTHS, [str(n) for n in training.DEPTHS])
    axes[0].set_ylabel("error over the target's deviation")
    axes[0].legend(frameon=False, fontsize=7)
    save(fig, path)


def shown(row: Row) -> float:
    """The error as far as it can be drawn: what is no number, or far off, at 2."""
    error = math.inf if row["error"] is None else row["error"]
    return min(error, 2.0)


def save(fig: Any, path: Path) -> None:
    """Writes and closes."""
    fig.savefig(path, dpi=110)
    plt.close(fig)


DRAWN = {"chi": draw_chi, "gradients": draw_gradients, "training": draw_training}
