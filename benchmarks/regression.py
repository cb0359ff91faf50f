"""How well functions are learned from 1000 rows: ``KANRegressor`` beside other regressors at equal time.

The laws of ``formulas.json`` as tables. Every fit runs in a fresh process on one thread, is told its time and is
killed at 1.5 times that. The error is that on 10,000 points without noise, root mean square over the law's deviation;
with noise it is also given over the level of the noise, where 1 means that nothing was averaged away.

    python benchmarks/regression.py --methods edgewise,perceptron,boosting,gp,pyoperon --json run.jsonl
"""

import argparse
import json
import math
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from formula_data import TEST_ROWS, Task, stream, tasks
from formula_methods import Table
from formula_process import KILL_AT, LATE, apart, append, circumstances, numbers, read, texts, timed
from regression_methods import METHODS
from regression_table import markdown, report

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One fit: what is told apart in the file of results."""

    method: str
    formula: str
    noise: float
    seed: int
    limit: float


def main() -> None:
    """Runs what is not yet in the file of results, prints a line each and tables."""
    options = arguments()
    if options.worker:
        cell, file = options.worker
        work(Cell(**json.loads(cell)), Path(file))
        return
    cells = planned(options)
    held = {cell_of(row): row for row in read(options.json)}
    rows = [held[cell] for cell in cells if cell in held]
    with ThreadPoolExecutor(options.jobs) as pool:
        missing = [cell for cell in cells if cell not in held]
        for row in pool.map(partial(measured, jobs=options.jobs), missing):
            rows.append(row)
            print(line(row), flush=True)
            append(options.json, row)
    print(report(rows))
    if options.markdown:
        options.markdown.write_text(markdown(rows, shlex.join(["python", *sys.argv])), encoding="utf-8")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", type=texts, default=["edgewise"], help=f"of {', '.join(METHODS)}")
    parser.add_argument("--noise", type=numbers, default=[0.0], help="over the target's root mean square")
    parser.add_argument("--seeds", type=numbers, default=[0.0])
    parser.add_argument("--seconds", type=float, default=60.0, help="time that each fit is told")
    parser.add_argument("--only", type=texts, default=[], help="ids, or ends of ids such as toy-1")
    parser.add_argument("--limit", type=int, help="the first so many laws")
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time; more than 1 disturbs the times")
    parser.add_argument("--json", type=Path, help="file of results, one a line; done ones are skipped")
    parser.add_argument("--markdown", type=Path, help="file to write the same as a page to")
    parser.add_argument("--worker", nargs=2, metavar=("CELL", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.methods) - set(METHODS):
        parser.error(f"--methods {','.join(sorted(unknown))}: expected some of {', '.join(METHODS)}")
    return options


def laws() -> list[Task]:
    """The whole public set, special functions and all."""
    return tasks("public") + tasks("special")


def planned(options: argparse.Namespace) -> list[Cell]:
    """Every fit asked for, methods taking turns on each table."""
    chosen = [
        task.id
        for task in laws()
        if not options.only or any(task.id == w or task.id.endswith(f"-{w}") for w in options.only)
    ]
    return [
        Cell(method, name, noise, int(seed), options.seconds)
        for seed in options.seeds
        for noise in options.noise
        for name in chosen[: options.limit]
        for method in options.methods
    ]


def measured(cell: Cell, jobs: int = 1) -> Row:
    """One fit in a process of its own; a failure is a row like any other, with an infinite error."""
    row = asdict(cell) | {"klass": next(task.klass for task in laws() if task.id == cell.formula)}
    row |= circumstances(METHODS[cell.method].package, jobs)
    left = apart(Path(__file__), asdict(cell), cell.limit)
    empty = {"nrmse": math.inf, "over_noise": None, "seconds": min(left.seconds, KILL_AT * cell.limit)}
    if not left.found:
        is_late = left.seconds >= KILL_AT * cell.limit
        empty["failed"] = f"killed at {KILL_AT} times its time" if is_late else left.said
    row |= empty | left.found
    return row | {"overrun": row["seconds"] > LATE * cell.limit}


def work(cell: Cell, file: Path) -> None:
    """The fit itself and its error on points without noise."""
    task = next(task for task in laws() if task.id == cell.formula)
    X, y, names = task.table(cell.noise, cell.seed, 0)
    fit = METHODS[cell.method].load()
    found: Row = {}
    with timed(cell.limit, found):
        predict = fit(Table(X, y, names, task.symbols, cell.limit, cell.seed))
    if "failed" not in found:
        points = task.draw(TEST_ROWS, stream(task.id, 0, 4))
        truth = task.values(points)
        error = float(np.sqrt(np.mean((predict(points) - truth) ** 2)))
        found["nrmse"] = error / float(np.std(truth)) if math.isfinite(error) else math.inf
        level = cell.noise * float(np.sqrt(np.mean(task.values(X) ** 2)))
        found["over_noise"] = error / level if level and math.isfinite(error) else None
    file.write_text(json.dumps(found), encoding="utf-8")


def cell_of(row: Row) -> Cell:
    """The fit that a row is of."""
    return Cell(**{name: row[name] for name in Cell.__dataclass_fields__})


def line(row: Row) -> str:
    """One fit in one line."""
    start = (
        f"{row['formula']:14} {row['method']:10} {row['noise']:<6g} {row['seed']}  {row['seconds']:6.1f} s"
    )
    if "failed" in row:
        return f"{start}  FAILED: {row['failed']}"
    beside = f"  {row['over_noise']:.2f} of the noise" if row["over_noise"] is not None else ""
    return f"{start}  {row['nrmse']:.1e}{beside}{'  LATE' if row['overrun'] else ''}"


if __name__ == "__main__":
    main()
