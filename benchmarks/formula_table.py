"""Rows of results as lines, a summary, and tables of Markdown."""

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
    lines: list[str] = []
    for (method, noise), found in sorted(grouped(rows, "method", "noise").items()):
        lines += ["", f"{method}, noise {noise:g}: {figures(found)}"]
        lines += [f"  {kind:16} {share(part)}" for (kind,), part in sorted(grouped(found, "klass").items())]
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


def markdown(rows: list[Row], command: str) -> str:
    """All of it as a page: what ran where, rates beside each other, kinds of law, and every law not recovered."""
    parts = [_heading(rows, command), _rates(rows), _kinds(rows), _misses(rows)]
    return "\n\n".join(parts) + "\n"


def _heading(rows: list[Row], command: str) -> str:
    versions = sorted({f"{row['method']} {row['version']}" for row in rows})
    dates = sorted(row["date"][:10] for row in rows)
    days = " to ".join(sorted({dates[0], dates[-1]}))
    limits = sorted({f"{row['limit']:g}" for row in rows})
    loads = [row["load"] for row in rows if row["load"] is not None]
    load = (
        f"load average when a search started {statistics.median(loads):.1f} in the median; " if loads else ""
    )
    jobs = max(row["jobs"] for row in rows)
    return "\n\n".join(
        [
            "# Laws recovered, measured",
            f"Written by `{command}`; `benchmarks/README.md` says what counts as recovered and how each is set.",
            f"{days}; {', '.join(sorted({row['machine'] for row in rows}))}, one thread a search, "
            f"{jobs} at a time; {load}{', '.join(limits)} s a search; {', '.join(versions)}; "
            f"sets: {', '.join(sorted({row['set'] for row in rows}))}; "
            f"decoys: {', '.join(sorted({str(row['decoys']) for row in rows}))}; "
            f"seeds: {', '.join(sorted({str(row['seed']) for row in rows}))}.",
        ]
    )


def _rates(rows: list[Row]) -> str:
    """Every method at every noise, and by how many points edgewise is ahead on the searches both have done."""
    body = []
    groups = grouped(rows, "noise", "method")
    for (noise, method), found in sorted(groups.items()):
        times = [row["seconds"] for row in found if row["recovered"]]
        claims = sum(row["status"] == "exact" for row in found)
        body.append(
            [
                f"{noise:g}",
                method,
                share(found),
                _ahead(groups.get((noise, "edgewise"), []), found) if method != "edgewise" else "",
                f"{statistics.median(times):.1f}" if times else "-",
                f"{count(found, 'false_exact')} of {claims}" if claims else "-",
                str(count(found, "overrun")),
                str(sum("failed" in row for row in found)),
            ]
        )
    head = ["noise", "method", "recovered", "edgewise ahead by", "median s", "false exact", "late", "failed"]
    return "## Rates\n\n" + table(head, body)


def _ahead(ours: list[Row], theirs: list[Row]) -> str:
    place = ("set", "formula", "seed", "limit", "decoys")
    our_rows = {tuple(row[key] for key in place): row for row in ours}
    pairs = [(our_rows[key], row) for row in theirs if (key := tuple(row[k] for k in place)) in our_rows]
    if not pairs:
        return "-"
    lead = sum(our["recovered"] - row["recovered"] for our, row in pairs)
    return f"{100 * lead / len(pairs):+.0f} points of {len(pairs)} searches"


def _kinds(rows: list[Row]) -> str:
    groups = grouped(rows, "noise", "klass", "method")
    methods = sorted({row["method"] for row in rows})
    places = sorted({(noise, kind) for noise, kind, _ in groups})
    body = [
        [f"{noise:g}", kind, *(share(groups.get((noise, kind, method), [])) for method in methods)]
        for noise, kind in places
    ]
    return "## By kind of law\n\n" + table(["noise", "kind", *methods], body)


def _misses(rows: list[Row]) -> str:
    lines = ["## Not recovered", ""]
    for (noise, method), found in sorted(grouped(rows, "noise", "method").items()):
        missed = [row for row in found if not row["recovered"]]
        listed = ", ".join(f"{row['formula']} ({_reason(row)})" for row in missed)
        lines.append(f"- noise {noise:g}, {method}, {len(missed)} of {len(found)}: {listed or 'none'}")
    return "\n".join([*lines, "", "In brackets: seed, and error in the box over the law's deviation."])


def _reason(row: Row) -> str:
    if "failed" in row:
        return f"{row['seed']}, {row['failed']}"
    says = ", called exact" if row["false_exact"] else ""
    error = "no values" if row["nrmse"] in (None, float("inf")) else f"{row['nrmse']:.0e}"
    return f"{row['seed']}, {error}{says}"


def grouped(rows: list[Row], *keys: str) -> dict[tuple, list[Row]]:
    """Rows by the values of some columns."""
    groups: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return groups


def table(head: list[str], body: list[list[str]]) -> str:
    """A table of Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body))


def share(rows: list[Row]) -> str:
    """Recovered, as a count and in per cent."""
    if not rows:
        return "-"
    found = count(rows, "recovered")
    return f"{found}/{len(rows)} ({100 * found / len(rows):.0f} %)"


def count(rows: list[Row], key: str) -> int:
    """Rows in which something is so."""
    return sum(bool(row[key]) for row in rows)
