"""Results of ``regression.py``: medians, on how many tables edgewise is better, even or worse, and every loss.

Two errors of rounding are even: below 1e-14 both have the law, and which rounds better says nothing.
"""

import statistics
from typing import Any

from formula_table import count, grouped, table

Row = dict[str, Any]
GOAL, SHARE_OF_NOISE, ROUNDING = 1e-6, 0.3, 1e-14


def report(rows: list[Row]) -> str:
    """Medians, on how many tables edgewise is better, even or worse, and where it is worse."""
    groups = grouped(rows, "noise", "method")
    body, losses = [], []
    for (noise, method), found in sorted(groups.items()):
        pairs = paired(groups.get((noise, "edgewise"), []), found) if method != "edgewise" else []
        signs = [_sign(ours, theirs) for ours, theirs in pairs]
        counts = [str(signs.count(sign)) if pairs else "" for sign in (1, 0, -1)]
        body.append([f"{noise:g}", method, str(len(found)), *_figures(found), *counts])
        lost = [
            f"{ours['formula']} ({ours['nrmse']:.0e} to {theirs['nrmse']:.0e})"
            for (ours, theirs), sign in zip(pairs, signs, strict=True)
            if sign < 0
        ]
        if pairs:
            losses.append(f"- noise {noise:g}, lost to {method}: {', '.join(lost) or 'nowhere'}")
    head = ["noise", "method", "fits", "median", "worst", "of the noise", "late", "failed"]
    head += ["edgewise better", "even", "worse"]
    return "\n".join(["", table(head, body), "", *losses])


def _sign(ours: Row, theirs: Row) -> int:
    """1 where edgewise is the better, 0 where both are even, -1 where it is the worse."""
    own, other = (max(row["nrmse"], ROUNDING) for row in (ours, theirs))
    return (own < other) - (own > other)


def _figures(rows: list[Row]) -> list[str]:
    beside = [row["over_noise"] for row in rows if row["over_noise"] is not None]
    errors = [row["nrmse"] for row in rows]
    return [
        f"{statistics.median(errors):.1e}",
        f"{max(errors):.1e}",
        f"{statistics.median(beside):.2f}" if beside else "",
        str(count(rows, "overrun")),
        str(sum("failed" in row for row in rows)),
    ]


def paired(ours: list[Row], theirs: list[Row]) -> list[tuple[Row, Row]]:
    """Rows of two methods on the same table in the same time."""
    known = {(row["formula"], row["seed"], row["limit"]): row for row in ours}
    places = [((row["formula"], row["seed"], row["limit"]), row) for row in theirs]
    return [(known[place], row) for place, row in places if place in known]


def markdown(rows: list[Row], command: str) -> str:
    """All of it as a page: what ran where, the figures, every loss and every law of edgewise's own."""
    return "\n\n".join([_heading(rows, command), report(rows).strip(), _goals(rows), _laws(rows)]) + "\n"


def _heading(rows: list[Row], command: str) -> str:
    versions = sorted({f"{row['method']} {row['version']}" for row in rows})
    dates = sorted(row["date"][:10] for row in rows)
    loads = [row["load"] for row in rows if row["load"] is not None]
    load = f"load average when a fit started {statistics.median(loads):.1f} in the median; " if loads else ""
    return "\n\n".join(
        [
            "# Tables learned, measured",
            f"Written by `{command}`; `benchmarks/README.md` says how each is set. Errors are root mean squares on "
            "10,000 points without noise over the law's deviation.",
            f"{dates[0]} to {dates[-1]}; {', '.join(_values(rows, 'machine'))}, one thread a fit, "
            f"{max(row['jobs'] for row in rows)} at a time; {load}{', '.join(_values(rows, 'limit'))} s a fit; "
            f"{', '.join(versions)}; "
            f"seeds: {', '.join(_values(rows, 'seed'))}.",
        ]
    )


def _values(rows: list[Row], key: str) -> list[str]:
    return sorted({f"{row[key]:g}" if isinstance(row[key], float) else str(row[key]) for row in rows})


def _goals(rows: list[Row]) -> str:
    """How many fits of each method meet what edgewise is to meet."""
    lines = []
    for (noise, method), found in sorted(grouped(rows, "noise", "method").items()):
        met = [row["over_noise"] is not None and row["over_noise"] <= SHARE_OF_NOISE for row in found]
        if not noise:
            met = [row["nrmse"] <= GOAL for row in found]
        said = f"at most {SHARE_OF_NOISE:g} of the noise" if noise else f"at most {GOAL:g}"
        lines.append(f"- noise {noise:g}, {method}: {said} on {sum(met)} of {len(met)}")
    return "\n".join(["## Goals", "", *lines])


def _laws(rows: list[Row]) -> str:
    """Every law's median error over the seeds, methods side by side."""
    groups = grouped(rows, "noise", "formula", "method")
    methods = sorted({row["method"] for row in rows})
    body = [
        [f"{noise:g}", law, *(_median(groups.get((noise, law, method), [])) for method in methods)]
        for noise, law in sorted({(noise, law) for noise, law, _ in groups})
    ]
    return "## By law\n\n" + table(["noise", "law", *methods], body)


def _median(rows: list[Row]) -> str:
    return f"{statistics.median(row['nrmse'] for row in rows):.1e}" if rows else "-"
