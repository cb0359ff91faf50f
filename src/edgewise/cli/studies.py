"""``edgewise study run | report``: the studies."""

from pathlib import Path
from typing import Annotated

import typer

study = typer.Typer(
    help="Run and report a study, of depth or of the KAN paper's claims.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

StudyFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder with a study.toml or claims.toml.")]
Quick = Annotated[bool, typer.Option("--quick", help="The small study of the folder, at most half an hour.")]


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
