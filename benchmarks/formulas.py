"""Which laws come back from a table: edgewise beside other programs that look for formulas, at equal time.

1000 rows uniform in the box of each law of ``formulas.json``, noise ``N(0, level * rms)`` on the target alone. Every
search runs in a fresh process on one thread, is told its time and is killed at 1.5 times that. When a law counts as
recovered is said in ``formula_score.py``. ``--set smooth`` draws functions that have no closed form: whoever calls a
formula of those exact is wrong.

Rows are appended to the file of ``--json``; what it holds already is not run again.

    python benchmarks/formulas.py --seconds 20 --json run.jsonl
    python benchmarks/formulas.py --methods edgewise,pyoperon,gplearn,pykan --noise 0,0.01 --json run.jsonl
"""

import argparse
import datetime
import faulthandler
import importlib.metadata
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from formula_data import SETS, Task, tasks
from formula_methods import Table
from formula_peers import METHODS
from formula_score import CLOSE, Judge
from formula_table import line, markdown, summary

import edgewise

KILL_AT = 1.5
LATE = 1.05
LOADING_SECONDS = 120
SCORING_SECONDS = 90
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Cell:
    """One search: what is told apart in the file of results."""

    method: str
    set: str
    formula: str
    noise: float
    seed: int
    limit: float
    decoys: int


def main() -> None:
    """Runs what is not yet in the file of results, prints a line each and a summary."""
    options = arguments()
    if options.worker:
        cell, file = options.worker
        work(Cell(**json.loads(cell)), Path(file))
        return
    cells = list(planned(options))
    asked = set(cells)
    rows = [row for row in read(options.json) if cell_of(row) in asked]
    for row in rows:
        print(line(row))
    held = {cell_of(row) for row in rows}
    missing = [cell for cell in cells if cell not in held]
    with ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(partial(apart, jobs=options.jobs), missing):
            rows.append(row)
            print(line(row), flush=True)
            if options.json:
                with options.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    print(summary(rows))
    if options.markdown:
        options.markdown.write_text(markdown(rows, shlex.join(["python", *sys.argv])), encoding="utf-8")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", type=_texts, default=["edgewise"], help=f"of {', '.join(METHODS)}")
    parser.add_argument("--set", default="public", help=f"{', '.join(SETS)}, or a file like formulas.json")
    parser.add_argument("--noise", type=_numbers, default=[0.0], help="over the target's root mean square")
    parser.add_argument("--seeds", type=_numbers, default=[0.0])
    parser.add_argument("--seconds", type=float, default=60.0, help="time that each search is told")
    parser.add_argument(
        "--decoys", type=int, default=0, help="columns of random numbers put beside the real ones"
    )
    parser.add_argument("--only", type=_texts, default=[], help="ids, or ends of ids such as toy-1")
    parser.add_argument("--limit", type=int, help="the first so many laws")
    parser.add_argument(
        "--jobs", type=int, default=1, help="searches at a time; more than 1 disturbs the times"
    )
    parser.add_argument("--json", type=Path, help="file of results, one a line; done ones are skipped")
    parser.add_argument("--markdown", type=Path, help="file to write the same as tables to")
    parser.add_argument("--worker", nargs=2, metavar=("CELL", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.methods) - set(METHODS):
        parser.error(f"--methods {','.join(sorted(unknown))}: expected some of {', '.join(METHODS)}")
    missing = [name for name in options.methods if version_of(METHODS[name].package) is None]
    if missing:
        sys.exit(f'formulas: {", ".join(missing)} not installed; type: pip install -e ".[bench]"')
    if options.set not in SETS:
        options.set = str(Path(options.set).resolve())
    return options


def planned(options: argparse.Namespace) -> Iterator[Cell]:
    """Every search asked for, methods taking turns on each table."""
    chosen = chosen_tasks(options.set, options.only)[: options.limit]
    for seed in options.seeds:
        for noise in options.noise:
            for task in chosen:
                for method in options.methods:
                    place = (method, options.set, task.id, noise, int(seed))
                    yield Cell(*place, options.seconds, options.decoys)


def chosen_tasks(name: str, only: list[str]) -> list[Task]:
    """The laws of a set whose id is, or ends with, one of those named; all when none is."""
    return [
        task
        for task in tasks(name)
        if not only or any(task.id == word or task.id.endswith(f"-{word}") for word in only)
    ]


def apart(cell: Cell, jobs: int = 1) -> dict[str, Any]:
    """One search in a process and a folder of its own; a failure is a row like any other."""
    row = asdict(cell) | {
        "klass": next(task.klass for task in tasks(cell.set) if task.id == cell.formula),
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "version": version_of(METHODS[cell.method].package),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "jobs": jobs,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "row.json"
        script = str(Path(__file__).resolve())
        started = time.perf_counter()
        try:
            ended = subprocess.run(
                [sys.executable, script, "--worker", json.dumps(asdict(cell)), str(file)],
                cwd=folder,
                env=os.environ | THREADS | {"MPLBACKEND": "Agg"},
                capture_output=True,
                text=True,
                timeout=KILL_AT * cell.limit + LOADING_SECONDS + SCORING_SECONDS,
            )
            said = (ended.stderr.strip().splitlines() or ["nothing said"])[-1]
            failure = f"the process ended with code {ended.returncode}: {said}"
        except subprocess.TimeoutExpired:
            failure = "not done in the time allowed"
        spent = time.perf_counter() - started
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return row | concluded(cell, found, failure, spent)


def version_of(package: str) -> str | None:
    """Of an installed package; edgewise may also be one that lies on the path."""
    if package == "edgewise":
        return edgewise.__version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def concluded(cell: Cell, found: dict[str, Any], failure: str, spent: float) -> dict[str, Any]:
    """What is concluded from what a search left behind: nothing, a text, or a text with its score."""
    empty = {"status": None, "text": None, "recovered": False, "how": "", "nrmse": None, "nodes": None}
    found = empty | {"worst": None, "seconds": min(spent, KILL_AT * cell.limit)} | found
    if found["text"] is None and "failed" not in found:
        is_late = spent >= KILL_AT * cell.limit
        found["failed"] = f"killed at {KILL_AT} times its time" if is_late else failure
    elif found["text"] is not None and found["nodes"] is None:
        found["unscored"] = failure
    is_off = not found["recovered"] or (cell.noise == 0 and (found["worst"] or 0) > CLOSE)
    return found | {
        "false_exact": found["status"] == "exact" and is_off,
        "overrun": found["seconds"] > LATE * cell.limit,
    }


def work(cell: Cell, file: Path) -> None:
    """The search itself and then its score, each written as soon as it is there."""
    task = next(task for task in tasks(cell.set) if task.id == cell.formula)
    judge = Judge(task, cell.decoys)
    X, y, names = task.table(cell.noise, cell.seed, cell.decoys)
    fit = METHODS[cell.method].load()
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(KILL_AT * cell.limit, exit=True, file=nowhere)
        start, worked = time.perf_counter(), time.process_time()
        try:
            found = asdict(fit(Table(X, y, names, judge.symbols, cell.limit, cell.seed)))
        except Exception as error:
            found = {"failed": f"{type(error).__name__}: {str(error)[:200]}"}
        found["seconds"] = round(time.perf_counter() - start, 3)
        found["cpu"] = round(time.process_time() - worked, 3)
        faulthandler.cancel_dump_traceback_later()
    file.write_text(json.dumps(found), encoding="utf-8")
    if "failed" not in found:
        found |= judge.score(found["text"], cell.noise)
        file.write_text(json.dumps(found), encoding="utf-8")


def read(file: Path | None) -> list[dict[str, Any]]:
    """The rows of a file of results; none when there is no file."""
    if file is None or not file.exists():
        return []
    return [json.loads(text) for text in file.read_text(encoding="utf-8").splitlines() if text.strip()]


def cell_of(row: dict[str, Any]) -> Cell:
    """The search that a row is of."""
    return Cell(**{name: row[name] for name in Cell.__dataclass_fields__})


def _texts(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _numbers(text: str) -> list[float]:
    return [float(part) for part in _texts(text)]


if __name__ == "__main__":
    main()
