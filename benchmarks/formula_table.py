"""Rows of results as lines and as a summary."""

import statistics
from collections import defaultdict
from typing import Any

TEXT_WIDTH = 70
Row = dict[str, Any]


def line(row: Row) -> str:
    """One search in one line."""
    verdict = "FALSE EXACT" if row["false_exact"] else row["how"] if row["recovered"] else "-"
    place = f"{row['formula']:14} {row['method']:9} {row['noise']:<6g} {row['seed']}"
    start = f"{place}  {verdict:11} {row['status'] or '-':11} {row['seconds']:6.1f} s"
    if "failed" in row:
        return f"{start}  FAILED: {row['failed']}"
    late = "  LATE" if row["overrun"] else ""
    error = "-" if row["nrmse"] is None else f"{row['nrmse']:.0e}"
    text = row["text"]
    text = text if len(text) <= TEXT_WIDTH else f"{text[:TEXT_WIDTH]}... ({len(text)} characters)"
    return f"{start}  {error:>6}{late}  {text}"


def summary(rows: list[Row]) -> str:
    """Rates of every method at every level of noise, and by kind of law."""
    groups: dict[tuple[str, float], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["method"], row["noise"]].append(row)
    lines: list[str] = []
    for (method, noise), found in sorted(groups.items()):
        lines += ["", f"{method}, noise {noise:g}: {figures(found)}"]
        kinds = defaultdict(list)
        for row in found:
            kinds[row["klass"]].append(row)
        lines += [f"  {kind:16} {share(part)}" for kind, part in sorted(kinds.items())]
    return "\n".join(lines)


def figures(rows: list[Row]) -> str:
    """Rates and times of some searches, in words."""
    times = [row["seconds"] for row in rows if row["recovered"]]
    middle = f"{statistics.median(times):.1f} s" if times else "-"
    claims = sum(row["status"] == "exact" for row in rows)
    return (
        f"recovered {share(rows)}; false exact {count(rows, 'false_exact')} of {claims} claims; "
        f"median time to recover {middle}; overran {count(rows, 'overrun')}; "
        f"failed {sum('failed' in row for row in rows)}"
    )


def share(rows: list[Row]) -> str:
    """Recovered, as a count and in per cent."""
    found = count(rows, "recovered")
    return f"{found}/{len(rows)} ({100 * found / len(rows):.0f} %)"


def count(rows: list[Row], key: str) -> int:
    """Rows in which something is so."""
    return sum(bool(row[key]) for row in rows)
