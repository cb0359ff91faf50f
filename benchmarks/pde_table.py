"""Results of ``pde.py``: medians side by side, ratios of errors, goals, and every loss with what the rows say of it."""

import math
import statistics
from typing import Any

from formula_table import grouped, table

Row = dict[str, Any]
OURS = "edgewise"


def report(rows: list[Row]) -> str:
    """The table of medians, how often edgewise is as good or better, and every loss."""
    return "\n\n".join(["", _medians(rows), _standing(rows)])


def _medians(rows: list[Row]) -> str:
    """A line for every problem: error, seconds and parameters of each method, and errors over edgewise's."""
    groups, methods = grouped(rows, "problem", "method"), _methods(rows)
    head = ["problem", "aim", *(f"{m}: error, seconds, parameters" for m in methods)]
    head += [f"{m} / {OURS}" for m in methods if m != OURS]
    body = []
    for name in dict.fromkeys(row["problem"] for row in rows):
        found = {method: groups.get((name, method), []) for method in methods}
        ours, first = found.get(OURS, []), next(row for row in rows if row["problem"] == name)
        aim = f"{first['target']:g} in {first['limit']:g} s"
        cells = [_cell(found[method]) for method in methods]
        ratios = [_ratio(found[method], ours) for method in methods if method != OURS]
        body.append([name, aim, *cells, *ratios])
    return table(head, body)


def _methods(rows: list[Row]) -> list[str]:
    found = dict.fromkeys(row["method"] for row in rows)
    return [OURS] * (OURS in found) + [name for name in found if name != OURS]


def _cell(rows: list[Row]) -> str:
    if not rows:
        return "-"
    counts = [row["parameters"] for row in rows if row["parameters"] is not None]
    failed = sum("failed" in row for row in rows)
    said = [f"{median(rows):.1e}", f"{statistics.median(row['seconds'] for row in rows):.0f} s"]
    said += [f"{statistics.median(counts):.0f}"] if counts else []
    said += [f"{failed} of {len(rows)} failed"] if failed else []
    return ", ".join(said)


def median(rows: list[Row]) -> float:
    """Of the errors, a failure counting as infinite."""
    return statistics.median(row["error"] for row in rows)


def _ratio(theirs: list[Row], ours: list[Row]) -> str:
    if not theirs or not ours:
        return "-"
    above, below = median(theirs), median(ours)
    if math.isinf(above):
        return "even" if math.isinf(below) else "inf"
    return f"{above / below:.2g}"


def _standing(rows: list[Row]) -> str:
    """Aims met, and for every peer on how many problems edgewise's median is as good or better; then the losses."""
    groups, lines = grouped(rows, "problem", "method"), []
    names = list(dict.fromkeys(row["problem"] for row in rows))
    ours = {name: groups[name, OURS] for name in names if (name, OURS) in groups}
    met = [name for name, own in ours.items() if median(own) <= own[0]["target"]]
    if ours:
        missed = [f"{name} ({median(own):.1e})" for name, own in ours.items() if name not in met]
        lines.append(
            f"- {OURS} meets its aim on {len(met)} of {len(ours)}; missed: {', '.join(missed) or 'none'}"
        )
    for method in _methods(rows):
        pairs = {name: (own, groups[name, method]) for name, own in ours.items() if (name, method) in groups}
        if method == OURS or not pairs:
            continue
        lost = [name for name, (own, other) in pairs.items() if not _as_good(own, other)]
        lines.append(f"- {OURS} is as good as {method} or better on {len(pairs) - len(lost)} of {len(pairs)}")
        lines += [f"    - lost: {name}: {_reason(*pairs[name])}" for name in lost]
    failures = [
        f"- failed: {row['problem']}, {row['method']}, seed {row['seed']}: {row['failed']}"
        for row in rows
        if "failed" in row
    ]
    return "\n".join([*lines, *failures])


def _as_good(ours: list[Row], theirs: list[Row]) -> bool:
    """To the two digits that are shown."""
    own, other = median(ours), median(theirs)
    return math.isfinite(own) and float(f"{own:.1e}") <= float(f"{other:.1e}")


def _reason(ours: list[Row], theirs: list[Row]) -> str:
    """What both rows say of themselves."""
    own = next((row for row in ours if "failed" not in row), ours[0])
    other = next((row for row in theirs if "failed" not in row), theirs[0])
    said = own.get("failed") or own.get("message") or own.get("note")
    return f"{median(ours):.1e} to {median(theirs):.1e}; {OURS} says: {said}; the other: {other.get('note')}"


def markdown(rows: list[Row], command: str) -> str:
    """All of it as a page: what ran where, the figures, every loss and every row."""
    return "\n\n".join([_heading(rows, command), report(rows).strip(), _rows(rows)]) + "\n"


def _heading(rows: list[Row], command: str) -> str:
    versions = sorted({f"{row['method']} {row['version']}" for row in rows})
    dates = sorted(row["date"][:10] for row in rows)
    loads = [row["load"] for row in rows if row["load"] is not None]
    load = (
        f"load average when a solve started {statistics.median(loads):.1f} in the median; " if loads else ""
    )
    machines, seeds = ({str(row[key]) for row in rows} for key in ("machine", "seed"))
    return "\n\n".join(
        [
            "# Equations solved, measured",
            f"Written by `{command}`; `benchmarks/README.md` says how each is set. Errors are relative L2 at fresh "
            "points, the largest of all unknowns, or relative errors of the parameter; medians over the seeds.",
            f"{dates[0]} to {dates[-1]}; {', '.join(sorted(machines))}, one thread a solve, one at a time; {load}"
            f"{', '.join(versions)}; seeds: {', '.join(sorted(seeds))}.",
        ]
    )


def _rows(rows: list[Row]) -> str:
    body = [
        [
            row["problem"],
            row["method"],
            str(row["seed"]),
            f"{row['error']:.1e}",
            f"{row['seconds']:.0f}",
            str(row["parameters"] or "-"),
            str(row.get("failed") or row.get("note") or ""),
        ]
        for row in sorted(rows, key=lambda row: (row["problem"], row["method"], row["seed"]))
    ]
    return "## Every row\n\n" + table(
        ["problem", "method", "seed", "error", "seconds", "parameters", "what it says"], body
    )
