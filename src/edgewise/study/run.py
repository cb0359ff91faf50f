"""Running a study: every cell that has no row yet, stage after stage, until all are done or somebody stops it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from joblib import cpu_count
from tqdm.auto import tqdm

from edgewise.errors import InputError
from edgewise.study.measurement import Row, measure
from edgewise.study.plan import stages
from edgewise.study.store import Store
from edgewise.study.workers import Finished, Measure, workers

ROWS = "rows.sqlite"


class Work(NamedTuple):
    """A kind of study: which cells come when, what makes a row of a cell, and what a row is."""

    stages: Callable[[Any, Store], Iterator[tuple[str, tuple[Any, ...]]]]
    measure: Measure
    row: type[Any]


DEPTH = Work(stages, measure, Row)


@dataclass(frozen=True)
class RunResult:
    """``status`` is ``"done"``, ``"time limit"`` or ``"interrupted"``; ``rows`` are those added by this run."""

    status: str
    message: str
    rows: int
    seconds: float


def run(
    spec: Any,
    path: str | Path,
    *,
    work: Work | None = None,
    processes: int | None = None,
    cluster: str | None = None,
    max_seconds: float | None = None,
    progress: bool = False,
) -> RunResult:
    """Adds the missing rows to the file ``path``; ``spec`` is whatever the stages of ``work`` read,
    which is the study of depth unless given.

    ``processes`` is all cores unless given; ``cluster`` see ``edgewise.study.workers``. After ``max_seconds`` no
    further cell is begun. A cell in the making when a run ends is made again by the next; no row is lost or made twice.
    """
    if processes is not None and processes < 1:
        raise InputError(
            f"processes={processes!r}: expected a whole number of at least 1, or None for all cores"
        )
    if max_seconds is not None and not max_seconds > 0:
        raise InputError(f"max_seconds={max_seconds!r}: expected a positive number or None")
    work = work or DEPTH
    job = _Job(work, processes or cpu_count(), cluster, max_seconds, progress)
    with Store(path, work.row) as store:
        try:
            status = job.go(spec, store)
        except KeyboardInterrupt:
            status = "interrupted"
    took = time.monotonic() - job.started
    said = {
        "done": "every cell has its row",
        "time limit": "stopped at the time limit",
        "interrupted": "interrupted",
    }
    goes_on = "" if status == "done" else "; the same command goes on from here"
    return RunResult(
        status, f"{said[status]}: {job.added} rows added in {took:.0f} s{goes_on}", job.added, took
    )


class _Job:
    """One call of ``run``."""

    def __init__(
        self, work: Work, processes: int, cluster: str | None, max_seconds: float | None, progress: bool
    ) -> None:
        self.work, self.processes, self.cluster, self.progress = work, processes, cluster, progress
        self.started, self.added = time.monotonic(), 0
        self.ends = float("inf") if max_seconds is None else self.started + max_seconds

    def go(self, spec: Any, store: Store) -> str:
        """Stage after stage; returns the status."""
        with workers(self.processes, self.cluster, self.work.measure) as train:
            for name, cells in self.work.stages(spec, store):
                if not self._stage(name, cells, store, train):
                    return "time limit"
        return "done"

    def _stage(
        self, name: str, cells: tuple[Any, ...], store: Store, train: Callable[[Sequence[Any]], Finished]
    ) -> bool:
        """Whether all rows of the stage are there now."""
        missing, total = store.missing(cells), len({cell.key for cell in cells})
        if not missing:
            return True
        line = tqdm(
            desc=name,
            unit="cell",
            total=total,
            initial=total - len(missing),
            disable=not self.progress,
            smoothing=0,
        )
        with line, closing(train(missing)) as results:
            failed = 0
            for cell, row in results:
                self.added += store.add(cell, row)
                failed += row.status != "done"
                line.set_postfix(failed=failed, refresh=False)
                line.update()
                if time.monotonic() > self.ends:
                    break
        return not store.missing(cells)
