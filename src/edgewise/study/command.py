"""What ``edgewise study run`` and ``edgewise study report`` do: with ``study.toml`` the study of depth, with
``claims.toml`` that of the paper's claims."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgewise.errors import InputError
from edgewise.study import claims
from edgewise.study.claims.report import report as report_claims
from edgewise.study.measurement import Row
from edgewise.study.report import report
from edgewise.study.run import ROWS, RunResult, Work, run
from edgewise.study.spec import load
from edgewise.study.store import Store

FULL, CLAIMS, QUICK = "study.toml", "claims.toml", "quick.toml"
_CLAIMS = Work(claims.stages, claims.examine, claims.Finding)


def run_study(
    folder: Path,
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    processes: int | None = None,
    cluster: str | None = None,
    max_seconds: float | None = None,
    progress: bool = True,
) -> RunResult:
    """Runs a folder's study, rows to ``rows.sqlite`` there; with ``quick``, ``quick.toml`` and ``quick/``.

    ``only`` names pieces of a study of claims, without it all are run.
    """
    spec, work = _read(folder, quick, only)
    place = _place(folder, quick)
    place.mkdir(exist_ok=True)
    limits = {"processes": processes, "cluster": cluster, "max_seconds": max_seconds}
    return run(spec, place / ROWS, work=work, progress=progress, **limits)


def report_study(folder: Path, *, quick: bool = False) -> tuple[Path, ...]:
    """Writes the report beside the rows; ``InputError`` where there are none."""
    (spec, work), place = _read(folder, quick), _place(folder, quick)
    if not (place / ROWS).is_file():
        option = " --quick" if quick else ""
        raise InputError(f"{place} has no {ROWS}; type: edgewise study run {folder}{option}")
    with Store(place / ROWS, Row if work is None else work.row) as store:
        return (report if work is None else report_claims)(spec, store, place)


def _read(folder: Path, quick: bool, only: Sequence[str] = ()) -> tuple[Any, Work | None]:
    """The study of a folder, and what to do with it unless it is that of depth."""
    if (folder / CLAIMS).is_file():
        asked = claims.load(folder / (QUICK if quick else CLAIMS))
        return (asked.only(only) if only else asked), _CLAIMS
    if only:
        raise InputError(f"{folder} has no {CLAIMS}, so no pieces to choose; leave out --only")
    return load(folder / (QUICK if quick else FULL)), None


def _place(folder: Path, quick: bool) -> Path:
    return folder / "quick" if quick else folder
