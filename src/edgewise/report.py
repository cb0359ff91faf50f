r"""A run folder: everything one search for a formula leaves behind.

================== ==========================================================================
file               holds
================== ==========================================================================
config.json        the network's shape, names, settings, formulas, and up to 500 rows for pictures
model.safetensors  the network's numbers
equations.csv      complexity, loss, score, equation, chosen
network.svg        the picture of the network
report.html        one page with all of it
================== ==========================================================================

A folder is filled beside its final place and renamed at the end, so a run is there whole or not at all. A run
already in that place is replaced; anything else is left alone and the new run refused.
"""

import math
import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edgewise import __version__
from edgewise.checkpoint import is_checkpoint, load, load_extra, save
from edgewise.errors import CheckpointError, EdgewiseError, InputError
from edgewise.estimators import FormulaRegressor, formula_values
from edgewise.network import KAN
from edgewise.pair import CONFIG, MODEL
from edgewise.runpage import page_report
from edgewise.symbolic import Formula
from edgewise.tables import Table
from edgewise.view import dependence_figure, figure, movie, page, partial_dependence, picture, save_figure
from edgewise.view.frames import read_frames
from edgewise.view.layout import Size
from edgewise.view.movie import ENDINGS
from edgewise.view.page import MOST_COMPARED
from edgewise.view.scene import compared

if TYPE_CHECKING:
    from numpy.typing import NDArray

KIND = "formula search"
EQUATIONS, PICTURE, PAGE = "equations.csv", "network.svg", "report.html"
FILES = (CONFIG, MODEL, EQUATIONS, PICTURE, PAGE)
DRAWN = ("network.png", "network.pdf")
SAMPLE_ROWS, SAMPLE_CELLS = 500, 50_000
HISTORY = ("seconds", "loss")


@dataclass(frozen=True)
class Run:
    """A run read back: the network, the formulas, and a sample ``X (m, features)`` of the rows."""

    folder: Path
    network: KAN
    formulas: tuple[Formula, ...]
    chosen: int
    features: tuple[str, ...]
    target: str
    extra: dict[str, Any]
    X: "NDArray[np.float64]"


@contextmanager
def pending(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of ``folder`` at the end, or disappears on failure.

    Raises ``InputError`` when something that is no run is in the way.
    """
    folder = folder.absolute()
    check_free(folder)
    parent_is_new = not folder.parent.exists()
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"cannot make {folder}: {error.strerror}; choose another with --out") from None
    try:
        yield temporary
        check_free(folder)
        _take_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if parent_is_new and not any(folder.parent.iterdir()):
            folder.parent.rmdir()


def check_free(folder: Path) -> None:
    """Raises ``InputError`` unless nothing, an empty folder or a run is there."""
    advice = "choose another with --out"
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder} is a file or link: expected a new folder or an earlier run; {advice}")
    if not folder.exists():
        return
    here = Path.cwd()
    if folder.resolve() in (here, *here.parents):
        raise InputError(f"{folder} is the folder you are in, or above it: expected a new folder; {advice}")
    others = sorted(entry.name for entry in folder.iterdir() if entry.name not in (*FILES, *DRAWN))
    if others:
        raise InputError(
            f"{folder} holds files that edgewise did not write, such as {others[0]!r}: expected a new folder or an "
            f"earlier run; {advice}"
        )
    if any(folder.iterdir()) and not is_checkpoint(folder):
        raise InputError(f"{folder} is no run of edgewise: expected a new folder or an earlier run; {advice}")


def write_run(folder: Path, model: FormulaRegressor, table: Table, settings: dict[str, Any]) -> None:
    """Fills an existing folder with the files of a run."""
    X, extra = table.X[spread(*table.X.shape)], _extra(model, table, settings)
    found = compared(model.network_, X, picture(model.network_, X), MOST_COMPARED)
    extra["candidates"] = [[list(place), [vars(one) for one in alike]] for place, alike in found.items()]
    save(model.network_, folder, {**extra, "sample": X.tolist()})
    _write_equations(folder / EQUATIONS, extra)
    formulas = [candidate.formula for candidate in model.candidates_]
    run = Run(folder, model.network_, tuple(formulas), extra["chosen"], table.names, table.target, extra, X)
    draw(run, folder / PICTURE)
    draw(run, folder / PAGE)


def read_run(folder: str | Path) -> Run:
    """A run from its folder; formulas are read back as text and refused when they are anything but formulas.

    Raises ``CheckpointError`` for a folder that is missing, damaged or of another kind.
    """
    folder = Path(folder)
    extra, network = load_extra(folder), load(folder)
    if extra.get("kind") != KIND:
        raise CheckpointError(f"{folder} holds a network and no formulas; expected a folder of edgewise fit")
    try:
        symbols = tuple(str(symbol) for symbol in extra["symbols"])
        formulas = tuple(Formula(str(row["equation"]), symbols) for row in extra["formulas"])
        features = tuple(str(name) for name in extra["features"])
        X = np.asarray(extra["sample"], dtype=np.float64).reshape(-1, len(features))
        chosen = range(len(formulas))[extra["chosen"]]
        return Run(folder, network, formulas, chosen, features, str(extra["target"]), extra, X)
    except (EdgewiseError, KeyError, TypeError, ValueError, IndexError) as error:
        reason = str(error).split("\n")[0][:120]
        raise CheckpointError(f"{folder / CONFIG} is damaged ({reason}); fit again") from None


def draw(run: Run, path: Path, show: str = "network", size: Size | None = None) -> Path:
    """The run's network as ``.svg``, ``.png``, ``.pdf`` or as a whole ``.html`` page.

    ``show="dependence"`` draws how the network's prediction depends on each input instead. ``size`` is in inches.
    """
    names = {"feature_names": run.features, "target_names": (run.target,)}
    suffix = path.suffix.lower()
    if suffix == ".html":
        return page(run.network, run.X, path, **names, report=page_report(run))
    if suffix not in (".svg", ".png", ".pdf"):
        raise InputError(
            f"{path} ends in {suffix!r}: expected .svg, .png, .pdf or .html; type --out network.svg"
        )
    if show == "dependence":
        made = dependence_figure(partial_dependence(run.network, run.X, **names), size=size)
    else:
        formula = f"{run.target} = {run.formulas[run.chosen].text}"
        made = figure(run.network, run.X, size=size, **names, formula=formula)
    return save_figure(made, path)


def is_movie(path: Path) -> bool:
    """Whether a file to write is a movie, by its ending."""
    return path.suffix.lower() in ENDINGS


def draw_movie(folder: Path, path: Path, size: Size | None = None) -> Path:
    """The frames that ``edgewise.view.save_frames`` wrote as a movie; ``CheckpointError`` for a folder without."""
    frames, X, features, targets = read_frames(folder)
    return movie(frames, X, path, size=size, feature_names=features, target_names=targets)


def spread(count: int, columns: int) -> "NDArray[np.intp]":
    """Row numbers of at most 500 rows and 50,000 cells of a table, evenly spaced."""
    most = min(count, SAMPLE_ROWS, max(2, SAMPLE_CELLS // columns))
    return np.linspace(0, count - 1, most).round().astype(np.intp)


def _take_place(temporary: Path, folder: Path) -> None:
    """Renames the new folder to its place; an earlier run steps aside first and comes back if that fails."""
    if not folder.exists():
        temporary.rename(folder)
        return
    aside = temporary.with_name(f"{temporary.name}.old")
    folder.rename(aside)
    try:
        temporary.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _extra(model: FormulaRegressor, table: Table, settings: dict[str, Any]) -> dict[str, Any]:
    report, formula = model.report_, model.candidates_[model.report_.chosen].formula
    observed, predicted = _judged(formula, table, report.held_out)
    rows = [
        {"complexity": complexity, "loss": finite(loss), "score": finite(score), "equation": equation}
        for complexity, loss, score, equation in report.rows
    ]
    return {
        "kind": KIND,
        "features": list(table.names),
        "symbols": list(formula.features),
        "target": table.target,
        "status": report.status,
        "message": report.message,
        "errors": {region: finite(value) for region, value in report.errors.items()},
        "rows": len(table.y),
        "held_out": len(report.held_out),
        "observed": observed,
        "predicted": predicted,
        "shown": _shown(table, report.held_out),
        "history": [dict(zip(HISTORY, step, strict=True)) for step in report.history],
        "versions": _versions(),
        "seconds": finite(report.seconds),
        "certificate": None if report.certificate is None else report.certificate.to_dict(),
        "chosen": report.chosen,
        "formulas": rows,
        "settings": settings,
    }


def _judged(formula: Formula, table: Table, held_out: Sequence[int]) -> tuple[list[float], list[float]]:
    """Targets and the formula's values at rows held out, or at all rows when there were too few to hold out."""
    rows = np.array(held_out or range(len(table.y)))
    rows = rows[spread(len(rows), 1)]
    values = formula_values(formula, table.X[rows])
    defined = np.isfinite(values)
    return table.y[rows][defined].tolist(), values[defined].tolist()


def _shown(table: Table, held_out: Sequence[int]) -> dict[str, Any]:
    """Rows for the plots: those held out and those fitted, evenly spaced, and which is which."""
    held = np.zeros(len(table.y), dtype=bool)
    held[list(held_out)] = True
    parts = [np.flatnonzero(held), np.flatnonzero(~held)]
    rows = np.concatenate([part[spread(len(part), table.X.shape[1])] for part in parts])
    is_held = held[rows] if held.any() else ~held[rows]
    return {"inputs": table.X[rows].tolist(), "observed": table.y[rows].tolist(), "held": is_held.tolist()}


def _versions() -> dict[str, str]:
    return {
        "edgewise": __version__,
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def finite(number: float) -> float | None:
    """The number for JSON, which has no NaN and no infinity."""
    return float(number) if math.isfinite(number) else None


def _write_equations(path: Path, extra: dict[str, Any]) -> None:
    import pandas as pd

    frame = pd.DataFrame(extra["formulas"], columns=["complexity", "loss", "score", "equation"])
    frame["chosen"] = [k == extra["chosen"] for k in range(len(frame))]
    frame.to_csv(path, index=False)
