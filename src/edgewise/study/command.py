"""What ``edgewise study run``, ``report`` and ``answer`` do: with ``study.toml`` the study of depth, with
``claims.toml`` that of the paper's claims, with ``hosts.toml`` that of hosts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from edgewise.errors import InputError
from edgewise.study import answer, claims
from edgewise.study.analysis import advantages, frame
from edgewise.study.claims.report import report as report_claims
from edgewise.study.hosts import analysis as host_analysis
from edgewise.study.hosts.examine import examine
from edgewise.study.hosts.report import report as report_hosts
from edgewise.study.hosts.spec import FILE as HOSTS
from edgewise.study.hosts.spec import load as load_hosts
from edgewise.study.hosts.stages import stages
from edgewise.study.hosts.trial import Outcome
from edgewise.study.hosts.verdict import Reading, readings
from edgewise.study.measurement import Row
from edgewise.study.page import as_markdown
from edgewise.study.report import FOLDER, report
from edgewise.study.run import ROWS, RunResult, Work, run
from edgewise.study.spec import load
from edgewise.study.store import Store
from edgewise.study.verdict import Verdict, verdicts
from edgewise.view.writing import replacing

FULL, CLAIMS, QUICK = "study.toml", "claims.toml", "quick.toml"


class Kind(NamedTuple):
    """A kind of study; ``work`` is None for that of depth, which is the runner's own."""

    work: Work | None
    row: type[Any]
    report: Callable[[Any, Store, Path], tuple[Path, ...]]


_DEPTH = Kind(None, Row, report)
_CLAIMS = Kind(Work(claims.stages, claims.examine, claims.Finding), claims.Finding, report_claims)
_HOSTS = Kind(Work(stages, examine, Outcome), Outcome, report_hosts)


def run_study(
    folder: Path,
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    hosts: Sequence[str] = (),
    processes: int | None = None,
    cluster: str | None = None,
    max_seconds: float | None = None,
    progress: bool = True,
) -> RunResult:
    """Runs a folder's study, rows to ``rows.sqlite`` there; with ``quick`` the small study, rows to ``quick/``.

    ``only`` names pieces of a study of claims, ``hosts`` some of a study of hosts; without them all are run.
    """
    spec, kind = _read(folder, quick, only, hosts)
    place = _place(folder, quick)
    place.mkdir(exist_ok=True)
    limits = {"processes": processes, "cluster": cluster, "max_seconds": max_seconds}
    return run(spec, place / ROWS, work=kind.work, progress=progress, **limits)


def report_study(folder: Path, *, quick: bool = False) -> tuple[Path, ...]:
    """Writes the report beside the rows; ``InputError`` where there are none."""
    (spec, kind), place = _read(folder, quick), _place(folder, quick)
    if not (place / ROWS).is_file():
        option = " --quick" if quick else ""
        raise InputError(f"{place} has no {ROWS}; type: edgewise study run {folder}{option}")
    with Store(place / ROWS, kind.row) as store:
        return kind.report(spec, store, place)


def answer_studies(folders: Sequence[Path], *, quick: bool = False) -> str:
    """The answer from the rows of studies of depth and of hosts, as Markdown; a folder may have no rows yet."""
    depth: list[Verdict] = []
    hosts: list[Reading] = []
    for folder in folders:
        spec, kind = _read(folder, quick)
        if kind is _CLAIMS:
            raise InputError(f"{folder} is a study of claims; answer takes studies of depth and of hosts")
        path = _place(folder, quick) / ROWS
        with Store(path if path.is_file() else ":memory:", kind.row) as store:
            if kind is _HOSTS:
                hosts += readings(spec, host_analysis.frame(spec, store))
            elif not (lines := frame(spec, store)).empty:
                depth += verdicts(advantages(lines, spec.reference))
    typed = " ".join(["edgewise study answer", *map(str, folders), *(["--quick"] if quick else [])])
    return as_markdown(answer.blocks(depth, hosts, f"Made from the rows by `{typed}`."), FOLDER)


def write_answer(folders: Sequence[Path], path: Path, *, quick: bool = False) -> None:
    """The same into a file."""
    text = answer_studies(folders, quick=quick)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _read(folder: Path, quick: bool, only: Sequence[str] = (), hosts: Sequence[str] = ()) -> tuple[Any, Kind]:
    """The study of a folder, and of what kind it is."""
    has_claims, has_hosts = ((folder / name).is_file() for name in (CLAIMS, HOSTS))
    if only and not has_claims:
        raise InputError(f"{folder} has no {CLAIMS}, so no pieces to choose; leave out --only")
    if hosts and not has_hosts:
        raise InputError(f"{folder} has no {HOSTS}, so no hosts to choose; leave out --host")
    if has_claims:
        asked = claims.load(folder / (QUICK if quick else CLAIMS))
        return (asked.only(only) if only else asked), _CLAIMS
    if has_hosts:
        return load_hosts(folder, quick=quick, names=hosts), _HOSTS
    return load(folder / (QUICK if quick else FULL)), _DEPTH


def _place(folder: Path, quick: bool) -> Path:
    return folder / "quick" if quick else folder
