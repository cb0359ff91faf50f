"""The command line: ``edgewise fit | predict | formula | view | pde | study | doctor``.

Results go to standard output, notes and progress to standard error. A mistake of the user's ends with exit code 2
and one line that says what came, what was expected and what to type next. Heavy imports wait inside the commands,
so help is quick.
"""

import csv
import json as jsonlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from edgewise import __version__
from edgewise.errors import EdgewiseError, InputError

if TYPE_CHECKING:
    from edgewise.estimators import FormulaRegressor
    from edgewise.tables import Table

MISTAKE, INTERRUPTED = 2, 130


class _Commands(TyperGroup):
    """Commands whose failures are single lines, whoever calls them."""

    def main(self, *arguments: Any, standalone_mode: bool = True, **settings: Any) -> Any:
        def run() -> Any:
            return super(_Commands, self).main(*arguments, standalone_mode=False, **settings)

        code = _guarded(run)
        if standalone_mode:
            sys.exit(code)
        return code


app = typer.Typer(
    cls=_Commands,
    help="Fit a table, see what was learned edge by edge, and get it as a formula.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

study = typer.Typer(
    help="Run and report the study of depth: composition or fitting?",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(study, name="study")


class Form(StrEnum):
    """What ``edgewise formula`` can print."""

    text = "text"
    sympy = "sympy"
    latex = "latex"
    numpy = "numpy"
    torch = "torch"
    c = "c"
    javascript = "javascript"


class Show(StrEnum):
    """What ``edgewise view`` can draw into a figure."""

    network = "network"
    dependence = "dependence"


Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder that edgewise fit wrote.")]
StudyFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder with a study.toml or claims.toml.")]
Quick = Annotated[bool, typer.Option("--quick", help="The small study of the folder, at most half an hour.")]
Index = Annotated[int | None, typer.Option(help="Row of the table of formulas; without it, the chosen one.")]


@app.callback(invoke_without_command=True)
def edgewise(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Fit a table, see what was learned edge by edge, and get it as a formula."""
    if version:
        typer.echo(f"edgewise {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
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

    table = read_table(data, target, _split(features))
    folder = out or Path("runs", data.stem)
    model = FormulaRegressor(
        seconds,
        progress=sys.stderr.isatty(),
        random_state=seed,
        functions=_split(functions),
        required=_split(require),
        known=known,
        units=_pairs(units),
        guesses=guess or None,
    )
    controls(model, table.names, target)
    settings = _settings(model, table, data)
    with pending(folder) as temporary:
        for note in table.notes:
            _note(note)
        model.set_params(checkpoint=_progress(folder), guesses=_started(table, folder, guess or [], resume))
        _search(model, table)
        write_run(temporary, model, table, settings)
    _progress(folder).unlink(missing_ok=True)
    if json:
        typer.echo(jsonlib.dumps(_summary(model, table, folder), allow_nan=False))
    else:
        typer.echo(model.report_.to_text())
        _note(f"wrote {folder}; next, type: edgewise view {folder}")


@app.command()
def predict(
    run: Run,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Table with the columns of the fit.")],
    index: Index = None,
) -> None:
    """Print a formula's values for the rows of a table, as CSV."""
    from edgewise.estimators import checked_index, formula_values
    from edgewise.report import read_run
    from edgewise.tables import read_inputs

    found = read_run(run)
    formula = found.formulas[checked_index(index, len(found.formulas), found.chosen)]
    values = formula_values(formula, read_inputs(data, found.features))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([found.target])
    writer.writerows([repr(value)] for value in values.tolist())


@app.command()
def formula(
    run: Run,
    index: Index = None,
    form: Annotated[Form, typer.Option("--as", help="What to print.")] = Form.text,
) -> None:
    """Print one formula of a run, as text, mathematics or source code."""
    from edgewise.estimators import checked_index
    from edgewise.report import read_run

    found = read_run(run)
    chosen = found.formulas[checked_index(index, len(found.formulas), found.chosen)]
    simple = {Form.text: lambda: chosen.text, Form.sympy: chosen.sympy, Form.latex: chosen.latex}
    typer.echo(simple[form]() if form in simple else chosen.code(form.value).rstrip("\n"))


@app.command()
def view(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .svg, .pdf or .png for a figure, .gif or .mp4 for a movie of saved frames, .html for "
            "the page; without it, the run's report.html."
        ),
    ] = None,
    show: Annotated[
        Show, typer.Option(help="The network, or how the prediction depends on each input.")
    ] = Show.network,
    size: Annotated[
        str | None, typer.Option(metavar="W[xH]", help="Inches: 3.5 is one column of a journal, 7x4 two.")
    ] = None,
) -> None:
    """Draw a run's network, or write its page, and print where it is."""
    from edgewise.report import PAGE, draw, draw_movie, is_movie, read_run

    path, inches = out or run / PAGE, _inches(size)
    typer.echo(draw_movie(run, path, inches) if is_movie(path) else draw(read_run(run), path, show, inches))


@app.command()
def pde(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A built-in problem.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Time limit; without it, the problem's own.")] = None,
    seed: Annotated[int, typer.Option(help="Of the points to fit at and of the network.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the solution, a table and a picture.")] = None,
    formula: Annotated[bool, typer.Option("--formula", help="Look for the field as a formula.")] = False,
    formula_seconds: Annotated[float, typer.Option(help="Time limit of that.")] = 120.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Solve a built-in differential equation and hold it to its reference; alone, list the problems."""
    from edgewise.pde.command import check_folder, keep, names, run, written

    if name is None:
        known = names()
        width = max(map(len, known))
        typer.echo(jsonlib.dumps(known) if json else "\n".join(f"{k:{width}}  {v}" for k, v in known.items()))
        return
    if out is not None:
        check_folder(out)
    solution, facts = run(name, seconds=seconds, seed=seed, progress=not json)
    text = ""
    if formula:
        text, facts["formula"] = written(solution, formula_seconds, seed)
    files = [] if out is None else keep(out, solution, facts)
    if json:
        typer.echo(jsonlib.dumps(facts, allow_nan=False))
        return
    typer.echo(f"{facts['status']}: {facts['message']}")
    typer.echo(
        f"relative error {facts['relative_l2']:.2e} (aim {facts['target']:g}) with {facts['parameters']} parameters "
        f"in {facts['seconds']:.1f} s"
    )
    for parameter, value in facts["found"].items():
        low, high = facts["intervals"][parameter]
        typer.echo(f"{parameter} = {value:.6g}, between {low:.6g} and {high:.6g}")
    if text:
        typer.echo(text)
    for file in files:
        typer.echo(file)


@study.command("run")
def study_run(
    folder: StudyFolder,
    quick: Quick = False,
    processes: Annotated[int | None, typer.Option(help="Cells at a time; without it, one a core.")] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="local|ADDRESS", help="Run on a Dask cluster instead.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; the next run goes on.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Pieces of a study of claims, a,b; without it, all.")
    ] = None,
) -> None:
    """Train the cells of a study that have no row yet."""
    from edgewise.study.command import run_study

    pieces = only.split(",") if only else ()
    result = run_study(
        folder, quick=quick, only=pieces, processes=processes, cluster=dask, max_seconds=seconds
    )
    typer.echo(result.message)


@study.command("report")
def study_report(folder: StudyFolder, quick: Quick = False) -> None:
    """Compute the verdict from the rows and write the page."""
    from edgewise.study.command import report_study

    for path in report_study(folder, quick=quick):
        typer.echo(path)


@app.command()
def doctor(
    run: Annotated[Path | None, typer.Argument(metavar="[RUN]", help="A run folder to check.")] = None,
) -> None:
    """Say what this machine offers, or whether a run folder is in order."""
    from edgewise.doctor import machine_lines, run_lines

    for line in run_lines(run) if run else machine_lines():
        typer.echo(line)


def main() -> None:
    """Entry point of the ``edgewise`` command."""
    app()


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
    _note(
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
        _note(f"starting from the formulas in {left}")
    elif is_checkpoint(folder):
        _note(f"starting from the formulas of the run in {folder}")
        earlier = [formula.text for formula in read_run(folder).formulas]
        return [*guesses, *readable(earlier, symbol_names(table.names))]
    else:
        _note(f"nothing to resume: there is neither {left} nor a run in {folder}")
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


def _split(features: str | None) -> list[str] | None:
    """Names from ``a,b``; a name with a comma goes into double quotes."""
    if features is None:
        return None
    names = next(csv.reader([features], skipinitialspace=True), [])
    return [name.strip() for name in names if name.strip()]


def _inches(size: str | None) -> tuple[float, float | None] | None:
    """Width and height from ``7x4``, or the width alone from ``3.5``."""
    if size is None:
        return None
    width, _, height = size.lower().partition("x")
    try:
        return float(width), float(height) if height else None
    except ValueError:
        raise InputError(
            f"--size is {size!r}: expected inches; type for instance --size 3.5 or --size 7x4"
        ) from None


def _pairs(units: str | None) -> dict[str, str] | None:
    """Units by name from ``m=kg,v=m/s``."""
    if units is None:
        return None
    entries = _split(units) or []
    for entry in entries or [units]:
        if "=" not in entry:
            raise InputError(
                f"--units has {entry!r}: expected a name and its unit; type for instance --units 'm=kg,v=m/s'"
            )
    return {name.strip(): unit.strip() for name, _, unit in (entry.rpartition("=") for entry in entries)}


def _guarded(run: Callable[[], Any]) -> int:
    """The exit code of a command, its failures told in one line on standard error."""
    try:
        with _notes():
            code = run()
            sys.stdout.flush()
        # typer turns Ctrl-C into this exit code, and its elder versions into Abort.
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; nothing was written", INTERRUPTED)
    except BrokenPipeError:
        # The reader went away, as in `edgewise predict ... | head`; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EdgewiseError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(
            f"{error.strerror or error}: {error.filename or 'no file'}; check the path and the space there"
        )
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return _fail(_usage(error))


def _usage(error: Any) -> str:
    """A mistake in the words of a command, with the way to its help."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "edgewise"
    return f"{error.format_message().rstrip('.')}; type: {command} --help"


def _fail(message: str, code: int = MISTAKE) -> int:
    typer.echo(f"edgewise: {_one_line(message)}", err=True)
    return code


def _note(message: str) -> None:
    typer.echo(f"note: {_one_line(message)}", err=True)


@contextmanager
def _notes() -> Iterator[None]:
    """Warnings as one-line notes on standard error, each told once."""
    told: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if str(message) not in told:
            told.add(str(message))
            _note(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    main()
