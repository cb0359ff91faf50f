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
import json
import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from formula_data import SETS, Task, tasks
from formula_methods import Table
from formula_peers import METHODS
from formula_process import (
    KILL_AT,
    LATE,
    apart,
    append,
    circumstances,
    numbers,
    read,
    texts,
    timed,
    version_of,
)
from formula_score import CLOSE, Judge
from formula_table import line, markdown, summary


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
        for row in pool.map(partial(search, jobs=options.jobs), missing):
            rows.append(row)
            print(line(row), flush=True)
            append(options.json, row)
    print(summary(rows))
    if options.markdown:
        options.markdown.write_text(markdown(rows, shlex.join(["python", *sys.argv])), encoding="utf-8")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", type=texts, default=["edgewise"], help=f"of {', '.join(METHODS)}")
    parser.add_argument("--set", default="public", help=f"{', '.join(SETS)}, or a file like formulas.json")
    parser.add_argument("--noise", type=numbers, default=[0.0], help="over the target's root mean square")
    parser.add_argument("--seeds", type=numbers, default=[0.0])
    parser.add_argument("--seconds", type=float, default=60.0, help="time that each search is told")
    parser.add_argument(
        "--decoys", type=int, default=0, help="columns of random numbers put beside the real ones"
    )
    parser.add_argument("--only", type=texts, default=[], help="ids, or ends of ids such as toy-1")
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


def search(cell: Cell, jobs: int = 1) -> dict[str, Any]:
    """One search in a process and a folder of its own; a failure is a row like any other."""
    row = asdict(cell) | {"klass": next(task.klass for task in tasks(cell.set) if task.id == cell.formula)}
    row |= circumstances(METHODS[cell.method].package, jobs)
    left = apart(Path(__file__), asdict(cell), cell.limit)
    return row | concluded(cell, left.found, left.said, left.seconds)


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
    found: dict[str, Any] = {}
    with timed(cell.limit, found):
        found |= asdict(fit(Table(X, y, names, judge.symbols, cell.limit, cell.seed)))
    file.write_text(json.dumps(found), encoding="utf-8")
    if "failed" not in found:
        found |= judge.score(found["text"], cell.noise)
        file.write_text(json.dumps(found), encoding="utf-8")


def cell_of(row: dict[str, Any]) -> Cell:
    """The search that a row is of."""
    return Cell(**{name: row[name] for name in Cell.__dataclass_fields__})


if __name__ == "__main__":
    main()
