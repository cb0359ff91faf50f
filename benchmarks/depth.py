"""Deep networks: gains as predicted and measured, gradients at the start, training at every depth.

    python benchmarks/depth.py chi          # the gain of random splines: predicted and measured
    python benchmarks/depth.py gradients    # gradients at the first layer over those at the last, rule by rule
    python benchmarks/depth.py alike        # in how many directions the inputs of deep layers spread
    python benchmarks/depth.py train        # errors after training, depth by depth, arm by arm
    python benchmarks/depth.py kept         # what the splines of trained networks are good for
    python benchmarks/depth.py stay         # 64 layers for 50 steps, in float32 and bfloat16
    python benchmarks/depth.py report       # the tables and figures of all of it

Each but the last keeps its rows in a file of ``--out``; ``train`` does only the runs that are missing there.
"""

import argparse
import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import depth_start as start
import depth_training as training
from formula_process import append, read

DOCS = Path(__file__).resolve().parents[1] / "docs"


def train(out: Path, arms: list[str], depths: list[int], steps: int) -> None:
    """Chooses each arm's learning rates, then does the runs that are reported."""
    file = out / "training.jsonl"
    for arm in arms:
        done(file, training.tuning_cells(arm, steps, depths))
        done(file, training.final_cells(arm, steps, read(file), depths))


def done(file: Path, cells: list[training.Cell]) -> None:
    """Runs the cells that the file lacks, a line each."""
    held = {cell_of(row) for row in read(file)}
    for cell in cells:
        if cell not in held:
            row = training.measured(cell) | {"date": datetime.date.today().isoformat()}
            append(file, row)
            print(json.dumps(row), flush=True)


def cell_of(row: dict[str, Any]) -> training.Cell:
    """The run that a row is of."""
    return training.Cell(**{name: row[name] for name in training.Cell.__dataclass_fields__})


def keep(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Fills a file anew, a line each."""
    file.unlink(missing_ok=True)
    for row in rows:
        append(file, row | {"date": datetime.date.today().isoformat()})
        print(json.dumps(row), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("chi", "gradients", "alike", "train", "kept", "stay", "report"))
    parser.add_argument("--out", type=Path, default=DOCS / "deep", help="folder of the rows and figures")
    parser.add_argument("--steps", type=int, default=training.STEPS)
    parser.add_argument("--arms", nargs="+", default=list(training.ARMS), choices=list(training.ARMS))
    parser.add_argument("--depths", type=int, nargs="+", default=list(training.DEPTHS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.what == "train":
        train(options.out, options.arms, options.depths, options.steps)
    elif options.what == "report":
        from depth_report import report

        report(options.out, DOCS / "deep-measured.md")
    else:
        rows = {
            "chi": start.chi_rows,
            "gradients": start.gradient_rows,
            "alike": start.alike_rows,
            "kept": training.kept_rows,
            "stay": start.stay_rows,
        }
        keep(options.out / f"{options.what}.jsonl", rows[options.what]())


if __name__ == "__main__":
    main()
