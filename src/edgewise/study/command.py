"""What ``edgewise study run`` and ``edgewise study report`` do."""

from pathlib import Path

from edgewise.errors import InputError
from edgewise.study.report import report
from edgewise.study.run import ROWS, RunResult, run
from edgewise.study.spec import load
from edgewise.study.store import Store

FULL, QUICK = "study.toml", "quick.toml"


def run_study(
    folder: Path,
    *,
    quick: bool = False,
    processes: int | None = None,
    cluster: str | None = None,
    max_seconds: float | None = None,
    progress: bool = True,
) -> RunResult:
    """Runs ``study.toml`` of a folder, rows to ``rows.sqlite`` there; with ``quick``, ``quick.toml`` and ``quick/``."""
    spec = load(folder / (QUICK if quick else FULL))
    place = _place(folder, quick)
    place.mkdir(exist_ok=True)
    return run(
        spec, place / ROWS, processes=processes, cluster=cluster, max_seconds=max_seconds, progress=progress
    )


def report_study(folder: Path, *, quick: bool = False) -> tuple[Path, ...]:
    """Writes the report beside the rows; ``InputError`` where there are none."""
    spec, place = load(folder / (QUICK if quick else FULL)), _place(folder, quick)
    if not (place / ROWS).is_file():
        option = " --quick" if quick else ""
        raise InputError(f"{place} has no {ROWS}; type: edgewise study run {folder}{option}")
    with Store(place / ROWS) as store:
        return report(spec, store, place)


def _place(folder: Path, quick: bool) -> Path:
    return folder / "quick" if quick else folder
