"""``edgewise study run | report | answer``: the studies."""

from pathlib import Path
from typing import Annotated

import typer

study = typer.Typer(
    help="Run and report a study, of depth, of hosts or of the KAN paper's claims.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

StudyFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder with a study.toml, claims.toml or hosts.toml.")
]
Quick = Annotated[bool, typer.Option("--quick", help="The small study of the folder.")]


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
    host: Annotated[str | None, typer.Option(help="Hosts of a study of hosts, a,b; without it, all.")] = None,
) -> None:
    """Train the cells of a study that have no row yet."""
    from edgewise.study.command import run_study

    result = run_study(
        folder,
        quick=quick,
        only=only.split(",") if only else (),
        hosts=host.split(",") if host else (),
        processes=processes,
        cluster=dask,
        max_seconds=seconds,
    )
    typer.echo(result.message)


@study.command("report")
def study_report(folder: StudyFolder, quick: Quick = False) -> None:
    """Compute the verdict from the rows and write the page."""
    from edgewise.study.command import report_study

    for path in report_study(folder, quick=quick):
        typer.echo(path)


@study.command("answer")
def study_answer(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of studies of depth and of hosts.")
    ],
    quick: Quick = False,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to a file instead of the screen.")
    ] = None,
) -> None:
    """Compute one answer from the rows of several studies, as Markdown."""
    from edgewise.study.command import answer_studies, write_answer

    if write is None:
        typer.echo(answer_studies(folders, quick=quick), nl=False)
    else:
        write_answer(folders, write, quick=quick)
        typer.echo(write)
