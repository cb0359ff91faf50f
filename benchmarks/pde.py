"""Every built-in equation: edgewise, a tanh perceptron with the same method, and DeepXDE as its examples set it.

One problem definition drives all three. Every solve runs in a fresh process on one thread, is told the problem's own
time (or ``--scale`` times that) and is killed at 1.5 times that. The error is the largest relative L2 error of all
unknowns at 10,000 points that no fit has seen, or the relative error of the parameter that was to be found.

    python benchmarks/pde.py --methods edgewise,perceptron,deepxde --json pde.jsonl --markdown pde.md
"""

import argparse
import json
import math
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from formula_process import KILL_AT, LATE, apart, append, circumstances, numbers, read, texts, timed
from pde_methods import METHODS
from pde_table import markdown, report

from edgewise.pde.problems import CASES, case

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One solve: what is told apart in the file of results."""

    method: str
    problem: str
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
    for cell in cells:
        if cell not in held:
            row = measured(cell)
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
    parser.add_argument("--seeds", type=numbers, default=[0.0, 1.0, 2.0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of its own time that a problem gets")
    parser.add_argument("--only", type=texts, default=[], help="names of problems; all without")
    parser.add_argument("--json", type=Path, help="file of results, one a line; done ones are skipped")
    parser.add_argument("--markdown", type=Path, help="file to write the same as a page to")
    parser.add_argument("--worker", nargs=2, metavar=("CELL", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    for given, known, name in ((options.methods, METHODS, "methods"), (options.only, CASES, "only")):
        if unknown := set(given) - set(known):
            parser.error(f"--{name} {','.join(sorted(unknown))}: expected some of {', '.join(known)}")
    return options


def planned(options: argparse.Namespace) -> list[Cell]:
    """Every solve asked for, methods taking turns on each problem."""
    return [
        Cell(method, name, int(seed), options.scale * case(name).seconds)
        for seed in options.seeds
        for name in options.only or CASES
        for method in options.methods
    ]


def measured(cell: Cell) -> Row:
    """One solve in a process of its own; a failure is a row like any other, with an infinite error."""
    row = asdict(cell) | {"target": case(cell.problem).target}
    row |= circumstances(METHODS[cell.method].package, 1)
    left = apart(Path(__file__), asdict(cell), cell.limit)
    empty = {"error": math.inf, "parameters": None, "seconds": min(left.seconds, KILL_AT * cell.limit)}
    if not left.found:
        is_late = left.seconds >= KILL_AT * cell.limit
        empty["failed"] = f"killed at {KILL_AT} times its time" if is_late else left.said
    row |= empty | left.found
    return row | {"overrun": row["seconds"] > LATE * cell.limit}


def work(cell: Cell, file: Path) -> None:
    """The solve itself and its error at fresh points."""
    one = case(cell.problem)
    solve = METHODS[cell.method].load()
    found: Row = {}
    with timed(cell.limit, found):
        answer = solve(one, cell.limit, cell.seed)
    if "failed" not in found:
        error = one.error(answer)
        found |= {"error": error if math.isfinite(error) else math.inf, "parameters": answer.count}
        found |= {"found": answer.parameters, "note": getattr(answer, "status", None) or answer.note}
        found |= getattr(answer, "details", None) or {"message": answer.message, "estimate": answer.estimate}
    file.write_text(json.dumps(found), encoding="utf-8")


def cell_of(row: Row) -> Cell:
    """The solve that a row is of."""
    return Cell(**{name: row[name] for name in Cell.__dataclass_fields__})


def line(row: Row) -> str:
    """One solve in one line."""
    start = f"{row['problem']:18} {row['method']:10} {row['seed']}  {row['seconds']:6.1f} s"
    if "failed" in row:
        return f"{start}  FAILED: {row['failed']}"
    said = f"{row['error']:.1e}  {row['parameters']} parameters, {row['note']}"
    return f"{start}  {said}{'  LATE' if row['overrun'] else ''}"


if __name__ == "__main__":
    main()
