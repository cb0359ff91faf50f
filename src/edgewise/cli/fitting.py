"""``edgewise fit``: from a table to a run folder."""

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewise.cli.guard import note
from edgewise.cli.values import names, pairs
from edgewise.errors import InputError

if TYPE_CHECKING:
    from edgewise.estimators import FormulaRegressor
    from edgewise.tables import Table


def fit(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="CSV or Parquet table with a header.")],
    target: Annotated[str, typer.Option(help="Column to explain.")],
    features: Annotated[
        str | None, typer.Option(help="Columns to explain it by, a,b,c; without it, all that hold numbers.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; without it, runs/ and the table's name.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time limit of the search.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.", min=0, max=2**32 - 1)] = 0,
    functions: Annotated[
        str | None, typer.Option(help="Functions that formulas may use, sin,exp; without it, all.")
    ] = None,
    require: Annotated[str | None, typer.Option(help="Columns that every formula must hold, a,b.")] = None,
    known: Annotated[
        str | None, typer.Option(help="The known part, with ? for the rest: 'g*sin(theta) + ?'.")
    ] = None,
    units: Annotated[str | None, typer.Option(help="Units of the columns, 'm=kg,v=m/s'; needs pint.")] = None,
    guess: Annotated[
        list[str] | None, typer.Option(help="A formula to start from; may be given more than once.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Start from the formulas of a search that was killed, or of the run."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Find formulas for a column of a table and write a run folder. Ctrl-C keeps the best so far."""
    if not 0 < seconds < float("inf"):
        raise InputError(
            f"--seconds is {seconds:g}: expected a positive number; type for instance --seconds 60"
        )
    from edgewise.estimators import FormulaRegressor, controls
    from edgewise.report import pending, write_run
    from edgewise.tables import read_table

    table = read_table(data, target, names(features))
    folder = out or Path("runs", data.stem)
    model = FormulaRegressor(
        seconds,
        progress=sys.stderr.isatty(),
        random_state=seed,
        functions=names(functions),
        required=names(require),
        known=known,
        units=pairs(units),
        guesses=guess or None,
    )
    controls(model, table.names, target)
    settings = _settings(model, table, data)
    with pending(folder) as temporary:
        for line in table.notes:
            note(line)
        model.set_params(checkpoint=_progress(folder), guesses=_started(table, folder, guess or [], resume))
        _search(model, table)
        write_run(temporary, model, table, settings)
    _progress(folder).unlink(missing_ok=True)
    if json:
        typer.echo(jsonlib.dumps(_summary(model, table, folder), allow_nan=False))
    else:
        typer.echo(model.report_.to_text())
        note(f"wrote {folder}; next, type: edgewise view {folder}")


def _settings(model: "FormulaRegressor", table: "Table", data: Path) -> dict[str, Any]:
    """What a run remembers of the command; wishes only where there are any."""
    wishes = {name: getattr(model, name) for name in ("functions", "required", "known", "units", "guesses")}
    return {
        "data": data.name,
        "target": table.target,
        "features": list(table.names),
        "seconds": model.max_seconds,
        "seed": model.random_state,
        **{name: value for name, value in wishes.items() if value},
    }


def _search(model: "FormulaRegressor", table: "Table") -> None:
    import pandas as pd

    rows, columns = table.X.shape
    note(
        f"{rows} rows, {columns} features; searching for at most {model.max_seconds:g} s, Ctrl-C keeps the best so far"
    )
    model.fit(pd.DataFrame(table.X, columns=pd.Index(table.names)), pd.Series(table.y, name=table.target))


def _progress(folder: Path) -> Path:
    """The file of formulas beside a run that is not there yet."""
    return folder.with_name(f"{folder.name}.progress.json")


def _started(table: "Table", folder: Path, guesses: list[str], resume: bool) -> list[str]:
    """Guesses to start from; without ``--resume`` what an earlier search left is put away."""
    from edgewise.checkpoint import is_checkpoint
    from edgewise.estimators import readable
    from edgewise.report import read_run
    from edgewise.symbolic import symbol_names

    left = _progress(folder)
    if not resume:
        left.unlink(missing_ok=True)
    elif left.exists():
        note(f"starting from the formulas in {left}")
    elif is_checkpoint(folder):
        note(f"starting from the formulas of the run in {folder}")
        earlier = [formula.text for formula in read_run(folder).formulas]
        return [*guesses, *readable(earlier, symbol_names(table.names))]
    else:
        note(f"nothing to resume: there is neither {left} nor a run in {folder}")
    return guesses


def _summary(model: "FormulaRegressor", table: "Table", folder: Path) -> dict[str, Any]:
    """What ``fit --json`` prints; ``loss`` is over the rows of the fit, ``held_out_loss`` over the others."""
    import numpy as np

    from edgewise.report import finite

    best, report = model.candidates_[model.report_.chosen], model.report_
    X, y = np.delete(table.X, report.held_out, axis=0), np.delete(table.y, report.held_out)
    loss = np.square(best.formula(X) - y).mean() if len(y) else best.loss
    return {
        "status": report.status,
        "formula": best.formula.text,
        "complexity": best.complexity,
        "loss": finite(loss),
        "held_out_loss": finite(best.loss) if report.held_out else None,
        "seconds": finite(report.seconds),
        "run": str(folder),
        "certificate": report.certificate.to_dict() if report.certificate else None,
    }
