"""Every built-in equation over some seeds: error at fresh points, seconds, parameters, status.

    python benchmarks/pde.py [NAME ...] [--seeds 3] [--out pde.json]

The error is the largest relative L2 error of all unknowns at 10,000 points that no fit has seen, or the relative error
of the parameter that was to be found. The table has medians; the file has every run.
"""

import argparse
import json
import statistics
import sys
import warnings
from pathlib import Path

from edgewise.pde.command import names, run
from edgewise.pde.problems import case


def measured(name: str, seeds: int) -> list[dict]:
    """One row for each seed."""
    rows = []
    for seed in range(seeds):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the status says it
            rows.append(run(name, seed=seed)[1])
        print(
            f"{name} {seed}: {rows[-1]['relative_l2']:.1e} {rows[-1]['seconds']:.0f} s {rows[-1]['status']}",
            file=sys.stderr,
        )
    return rows


def line(name: str, rows: list[dict]) -> str:
    """The row of the table."""
    error, seconds, count = (
        statistics.median(row[key] for row in rows) for key in ("relative_l2", "seconds", "parameters")
    )
    one = case(name)
    reached = "yes" if error <= one.target and seconds <= one.seconds else "no"
    statuses = ", ".join(sorted({row["status"] for row in rows}))
    return (
        f"| {one.title} | {error:.1e} | {seconds:.1f} | {count:.0f} | {one.target:.0e} in {one.seconds:.0f} s "
        f"| {reached} | {statuses} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="problems; all without")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="file for every run")
    settings = parser.parse_args()
    print("| problem | error | seconds | parameters | target | reached | status |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    rows = {}
    for name in settings.names or names():
        rows[name] = measured(name, settings.seeds)
        print(line(name, rows[name]), flush=True)
    if settings.out:
        settings.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
