"""``edgewise predict | formula | view | doctor``: what can be done with a run folder."""

import csv
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edgewise.cli.values import inches


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
Index = Annotated[int | None, typer.Option(help="Row of the table of formulas; without it, the chosen one.")]


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

    path, area = out or run / PAGE, inches(size)
    typer.echo(draw_movie(run, path, area) if is_movie(path) else draw(read_run(run), path, show, area))


def doctor(
    run: Annotated[Path | None, typer.Argument(metavar="[RUN]", help="A run folder to check.")] = None,
) -> None:
    """Say what this machine offers, or whether a run folder is in order."""
    from edgewise.doctor import machine_lines, run_lines

    for line in run_lines(run) if run else machine_lines():
        typer.echo(line)
