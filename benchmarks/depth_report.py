"""The rows of ``depth.py`` as one Markdown page and three figures."""

import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import depth_figures as figures
import depth_start as start
import depth_training as training
import torch
from formula_process import read

import edgewise

Row = dict[str, Any]


def report(folder: Path, page: Path) -> None:
    """Writes the page and, into the folder, the figures of what the folder holds."""
    sections = {
        "chi": chi,
        "gradients": gradients,
        "alike": alike,
        "training": train,
        "kept": kept,
        "stay": stay,
    }
    parts = [HEAD.format(versions=versions())]
    for name, section in sections.items():
        if rows := read(folder / f"{name}.jsonl"):
            parts.append(section(rows))
            if name in figures.DRAWN:
                figures.DRAWN[name](rows, folder / f"{name}.png")
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def versions() -> str:
    """What ran, and on what class of machine."""
    return (
        f"edgewise {edgewise.__version__}, torch {torch.__version__}, Python {platform.python_version()}, "
        f"one thread of a {os.cpu_count()}-core virtual machine"
    )


def chi(rows: list[Row]) -> str:
    """Smallest and largest ratio over layers and seeds, depth by depth."""
    cells = {(row["width"], row["intervals"], row["layers"]): row for row in rows}
    lines = [
        [width, intervals, f"{cells[width, intervals, 1]['predicted']:.3g}"]
        + [
            f"{cells[width, intervals, n]['smallest']:.2f} .. {cells[width, intervals, n]['largest']:.2f}"
            for n in start.LAYERS
        ]
        for width in reversed(start.WIDTHS)
        for intervals in start.INTERVALS
    ]
    within = {
        width: max(max(row["largest"] - 1, 1 - row["smallest"]) for row in rows if row["width"] == width)
        for width in start.WIDTHS
    }
    off = max(abs(row["median"] - 1) for row in rows if row["width"] == start.WIDTHS[0])
    return CHI.format(
        table=table(["width", "intervals", "predicted", *(f"{n} layers" for n in start.LAYERS)], lines),
        wide=f"{within[64]:.0%}",
        narrow=f"{within[12]:.0%}",
        median=f"{off:.0%}",
    )


def gradients(rows: list[Row]) -> str:
    """Both ratios at three depths, for both widths."""
    shown = (8, 32, 64)
    cells = {tuple(row[name] for name in GRADIENT_KEY): row for row in rows}
    lines = []
    for norm, residual in start.JOINS:
        for intervals in (5, 20):
            for rule in start.RULES:
                found = [
                    cells[width, intervals, norm, residual, rule, n] for width in (64, 12) for n in shown
                ]
                lines.append([norm, residual, intervals, rule] + [both(row) for row in found])
    head = ["norm", "residual", "intervals", "rule"]
    head += [f"width {width}, {n} layers" for width in (64, 12) for n in shown]
    critical = [row for row in rows if (row["norm"], row["rule"]) == ("rms", "critical")]
    return GRADIENTS.format(table=table(head, lines), bounds="\n".join(bounds(critical)))


GRADIENT_KEY = ("width", "intervals", "norm", "residual", "rule", "layers")


def both(row: Row) -> str:
    """The ratio of root mean squares and that of the median row."""
    return f"{row['ratio']:.2g} / {row['row_ratio']:.2g}"


def bounds(rows: list[Row]) -> list[str]:
    """How far the ratios of one rule go over all depths and both numbers of intervals."""
    lines = []
    for width in (64, 12):
        for residual in (None, "scaled"):
            mine = [row for row in rows if (row["width"], row["residual"]) == (width, residual)]
            squares, middles = ([row[name] for row in mine] for name in ("ratio", "row_ratio"))
            lines.append(
                f"- width {width}, residual {residual or 'None'}: {min(squares):.3g} .. {max(squares):.3g} by root "
                f"mean squares, {min(middles):.2g} .. {max(middles):.2g} in the median row"
            )
    return lines


def alike(rows: list[Row]) -> str:
    """Some of the layers."""
    shown = (1, 2, 4, 8, 16, 32, 64)
    lines = [[row["width"], row["residual"]] + [row["directions"][n - 1] for n in shown] for row in rows]
    return ALIKE.format(table=table(["width", "residual", *(f"layer {n}" for n in shown)], lines))


def train(rows: list[Row]) -> str:
    """Median errors, failures, and what the last depth loses to the best of the shallow ones."""
    final = [row for row in rows if row["seed"] in training.SEEDS and training.chosen(row, rows)]
    lines, verdicts = [], []
    for arm in training.ARMS:
        mine = [row for row in final if row["arm"] == arm]
        rates = [rate(mine, depth) for depth in training.DEPTHS]
        if mine:
            lines += [
                [arm, law] + [spread(mine, law, depth) for depth in training.DEPTHS] for law in training.LAWS
            ]
            lines.append([arm, "*rate*", *rates])
            verdicts.append(verdict(arm, mine))
    head = ["start", "law", *(f"{depth} hidden" for depth in training.DEPTHS)]
    dates = sorted({row["date"] for row in rows})
    return TRAIN.format(
        table=table(head, lines),
        verdicts="\n".join(verdicts),
        runs=len(rows),
        date=dates[-1],
        steps=final[0]["steps"],
    )


def rate(rows: list[Row], depth: int) -> str:
    """The learning rate of a depth; a star where it is the smallest or largest tried."""
    found = next((row["rate"] for row in rows if row["depth"] == depth), None)
    if found is None:
        return ""
    return f"{found:g}{'*' if found in (training.RATES[0], training.RATES[-1]) else ''}"


def values(rows: list[Row], law: str, depth: int) -> list[float]:
    """Sorted errors of the seeds, no number as infinite."""
    found = [row["error"] for row in rows if (row["law"], row["depth"]) == (law, depth)]
    return sorted(math.inf if value is None else value for value in found)


def spread(rows: list[Row], law: str, depth: int) -> str:
    """Median, extremes, failures."""
    found = values(rows, law, depth)
    if not found:
        return "not run"
    failed = sum(value > training.FAILED for value in found)
    note = f", {failed} of {len(found)} failed" if failed else ""
    return f"{median(found):.2g} ({found[0]:.2g} .. {found[-1]:.2g}){note}"


def verdict(arm: str, rows: list[Row]) -> str:
    """Failures at the largest depth, and its median error over that of the best depth up to 8, in powers of ten."""
    deepest = training.DEPTHS[-1]
    found = {
        (law, depth): errors
        for law in training.LAWS
        for depth in training.DEPTHS
        if len(errors := values(rows, law, depth)) == len(training.SEEDS)
    }
    shallow = {law: [median(found[k]) for k in found if k[0] == law and k[1] <= 8] for law in training.LAWS}
    if not all((law, deepest) in found and shallow[law] for law in training.LAWS):
        return f"- {arm}: not run to the end"
    failed = sum(value > training.FAILED for law in training.LAWS for value in found[law, deepest])
    losses = [
        f"{law} {math.log10(median(found[law, deepest]) / min(shallow[law])):+.2f}" for law in training.LAWS
    ]
    return f"- {arm}: {failed} of {len(losses) * len(training.SEEDS)} failed; {', '.join(losses)}"


def kept(rows: list[Row]) -> str:
    """Start and end of every network."""
    lines = [
        [row["arm"], row["depth"], row["law"]]
        + [
            f"{row['start'][name]:.2g} > {row['end'][name]:.2g}"
            for name in ("share", "without_one", "without_all", "spread")
        ]
        for row in rows
    ]
    head = ["start", "hidden", "law", "energy of splines", "without one layer's", "without all", "gradients"]
    return KEPT.format(table=table(head, lines))


def stay(rows: list[Row]) -> str:
    """First and last loss."""
    lines = [
        [row[name] for name in ("intervals", "precision", "rule", "norm", "residual", "steps")]
        + [f"{row['first']:.3g}", f"{row['last']:.3g}"]
        for row in rows
    ]
    head = ["intervals", "precision", "rule", "norm", "residual", "steps", "first loss", "last loss"]
    return STAY.format(table=table(head, lines))


def table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (head, ["---"] * len(head), *lines))


HEAD = """# Deep networks, measured

Written by `python benchmarks/depth.py report` from the rows in `docs/deep/`: {versions}. [Deep networks](deep.md) says
what follows from it."""

CHI = """## Gains: predicted and measured

`python benchmarks/depth.py chi`. Networks with `norm="rms"` and the start `critical`, 256 rows, five seeds. The table
holds the smallest and the largest ratio of measured to predicted gain of the spline branch that any layer of any seed
has, inputs inside the domain; the base takes no part.

![gains](deep/chi.png)

{table}

At width 64 every single layer is within {wide}; at width 12 the medians are within {median} and single layers within
{narrow}: the prediction is a mean over random splines, and these have 144 each, whose inputs spread in ever fewer
directions with depth (below)."""

GRADIENTS = """## Gradients at the start

`python benchmarks/depth.py gradients`. Norm of the gradient of the outputs with respect to the inputs of the first
layer over that for the last, medians over five seeds: of the root mean square over 256 rows / of the median row.

![gradients](deep/gradients.png)

The start `critical` with `norm="rms"`, over 1 to 64 layers and 5 and 20 intervals:

{bounds}

{table}"""

ALIKE = """## How rows become alike

`python benchmarks/depth.py alike`. Networks with `norm="rms"` at the start: in how many directions the inputs of a
layer spread over 256 rows, (Σ λ)² / Σ λ² of the eigenvalues of their second moments. With 1, every row is a multiple
of one.

{table}"""

TRAIN = """## Training at every depth

`python benchmarks/depth.py train`, {date}. Levels of 12 nodes, 20 intervals; three laws of four variables; {steps}
steps of Adam, batches of 256 new rows, a one-cycle learning rate, float32. For every start and depth one of five rates
is chosen by the median error over the laws on a seed of its own; then come five other seeds: median error on fresh rows
over the target's deviation (smallest .. largest). A run has failed when that is above 0.9. A star marks a rate at an
end of the list. {runs} runs in all.

![training](deep/training.png)

{table}

Failures with 32 hidden levels, and how many powers of ten their median error is above that of the best depth up to 8:

{verdicts}"""

KEPT = """## What the splines are good for

`python benchmarks/depth.py kept`. The same training at the rate 0.01, before > after: the median share of the energy
that the splines have in a layer; the change of the outputs, over their deviation, when the splines of that one layer
are deleted for which it is largest, and when all are; gradients at the first layer over those at the last.

{table}"""

STAY = """## Sixty-four layers

`python benchmarks/depth.py stay`. Adam at 0.001 through 64 layers of 12 nodes on 256 rows: mean square error before and
after. Under bfloat16 autocast edgewise's layers keep float32, hence the same numbers; the third kind has weights and
inputs in bfloat16 throughout.

{table}"""
