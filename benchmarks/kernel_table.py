"""Times into rows, rows into lines, and the figures aimed at beside those found."""

import math
from dataclasses import dataclass
from typing import Any

from kernel_cases import CASES, FINE, FORWARD, MEMORY, SMALL, THREADS, WRONG, Case
from kernel_peers import Contestant
from kernel_timing import quartiles, ratio

PEAK = "multiply-add loop"
NAN = math.nan


@dataclass(frozen=True)
class Row:
    """A contestant in one case: milliseconds, useful GFLOP/s, and its time over edgewise's and the perceptron's.

    ``errors`` are those of output, input gradient and parameter gradients, None where nothing was compared; ``times``
    the milliseconds of every round.
    """

    case: str
    contestant: str
    note: str
    rounds: int
    low: float
    median: float
    high: float
    gflops: float
    of_peak: float
    over_edgewise: float
    over_perceptron: float
    errors: tuple[float, float, float] | None
    is_rival: bool
    tried: dict[str, float]
    times: list[float]

    @property
    def is_exact(self) -> bool:
        """Whether it counts: nothing compared in this case, or right in all three."""
        return self.errors is None or max(self.errors) < WRONG


@dataclass(frozen=True)
class Skipped:
    case: str
    contestant: str
    reason: str


@dataclass(frozen=True)
class Goal:
    """A figure found, and the bound it should keep from above or below."""

    name: str
    found: float
    bound: float
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.found >= self.bound if self.is_least else self.found <= self.bound

    def __str__(self) -> str:
        wanted = f"at {'least' if self.is_least else 'most'} {self.bound:g}"
        verdict = "met" if self.is_met else "not measured" if math.isnan(self.found) else "MISSED"
        return f"{self.name:62} {self.found:8.3g}   {wanted:14} {verdict}"


def row(
    case: Case,
    contestant: Contestant,
    times: dict[str, list[float]],
    errors: tuple[float, float, float] | None,
    peak: float,
) -> Row:
    """``times`` are those of all who took part in the case, ``peak`` is in GFLOP/s."""
    mine = times[contestant.name]
    low, median, high = quartiles(mine)
    gflops = 1e-6 * contestant.flops / median

    def over(name: str) -> float:
        return ratio(mine, times[name]) if name in times else NAN

    return Row(
        case=case.name,
        contestant=contestant.name,
        note=contestant.note,
        rounds=sum(not math.isnan(spent) for spent in mine),
        low=low,
        median=median,
        high=high,
        gflops=gflops,
        of_peak=gflops / peak,
        over_edgewise=over("edgewise"),
        over_perceptron=over("torch perceptron"),
        errors=errors,
        is_rival=contestant.is_rival,
        tried=contestant.tried,
        times=mine,
    )


COLUMNS = (
    "contestant",
    "ms (middle half)",
    "rounds",
    "GFLOP/s",
    "of peak",
    "/ edgewise",
    "/ perceptron",
    "error: y, dx, dw",
    "how",
)


def cells(row: Row) -> tuple[str, ...]:
    errors = " ".join(f"{error:.0e}" for error in row.errors) if row.errors else "-"
    how = row.note if row.is_exact else f"WRONG by {max(row.errors or ()):.0e}, does not count; {row.note}"
    return (
        row.contestant,
        f"{row.median:.2f} ({row.low:.2f} .. {row.high:.2f})",
        str(row.rounds),
        f"{row.gflops:.1f}",
        _number(row.of_peak, ".1%"),
        _number(row.over_edgewise, ".3g"),
        _number(row.over_perceptron, ".3g"),
        errors,
        how,
    )


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def plain(found: list[Row | Skipped]) -> str:
    """One case as text, columns aligned."""
    table = [COLUMNS, *(cells(row) for row in found if isinstance(row, Row))]
    widths = [max(len(line[k]) for line in table) for k in range(len(COLUMNS))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in table]
    for one in found:
        if isinstance(one, Skipped):
            lines.append(f"{one.contestant}: skipped, {one.reason}")
        elif one.tried:
            modes = ", ".join(f"{mode} {spent:.2f}" for mode, spent in one.tried.items())
            lines.append(f"{one.contestant}: modes tried, ms: {modes}")
    return "\n".join(line.rstrip() for line in lines)


def markdown_table(columns: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    head = [columns, tuple("---" for _ in columns)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [*head, *lines])


WRITTEN = (
    "Written by `python benchmarks/kernels.py --markdown docs/speed-measured.md`; `benchmarks/README.md` says what is "
    "compared and how. Compare ratios, not milliseconds. What missed its aim is in the last table."
)


def markdown(
    heading: str, results: dict[str, list[Row | Skipped]], others: list[str], aims: list[Goal]
) -> str:
    """The whole run as a page of the manual."""
    parts = ["# Speed, measured", WRITTEN, f"```text\n{heading}\n```"]
    for name, found in results.items():
        parts.append(f"## {CASES[name].title}")
        parts.append(markdown_table(COLUMNS, [cells(row) for row in found if isinstance(row, Row)]))
        absent = [f"{one.contestant}: {one.reason}." for one in found if isinstance(one, Skipped)]
        if absent:
            parts.append(f"Skipped: {' '.join(absent)}")
    if others:
        parts += ["## Small networks, threads and memory", "```text\n" + "\n".join(others) + "\n```"]
    lines = [
        (
            goal.name,
            f"{goal.found:.3g}",
            f"{'>=' if goal.is_least else '<='} {goal.bound:g}",
            "yes" if goal.is_met else "no",
        )
        for goal in aims
    ]
    parts += ["## Aims", markdown_table(("figure", "found", "aim", "met"), lines)]
    return "\n\n".join(parts) + "\n"


def goals(results: dict[str, list[Row | Skipped]], others: dict[str, Any]) -> list[Goal]:
    """Every figure aimed at that this run measured."""
    found = [goal for name, rows in results.items() for goal in _case_goals(CASES[name], rows)]
    if "small" in others:
        found.append(
            Goal("pykan's loss and gradient, [4, 5, 5, 1], over edgewise's", others["small"], SMALL, True)
        )
    for width, (ours, product) in others.get("threads", {}).items():
        name = f"speed-up by two threads, width {width}, over torch.mm's"
        found.append(Goal(name, ours / product, THREADS, True))
    for intervals, numbers in others.get("memory", {}).items():
        found.append(Goal(f"working memory / (batch * (in + out)), {intervals} intervals", numbers, MEMORY))
    return found


def _case_goals(case: Case, found: list[Row | Skipped]) -> list[Goal]:
    rows = {row.contestant: row for row in found if isinstance(row, Row)}
    goals = []
    if case.perceptron:
        goals.append(
            Goal(f"{case.name}: time / torch perceptron's", rows["edgewise"].over_perceptron, case.perceptron)
        )
    if case.jax and "JAX perceptron" in rows:
        goals.append(
            Goal(f"{case.name}: time / JAX perceptron's", 1 / rows["JAX perceptron"].over_edgewise, case.jax)
        )
    rivals = [row for row in rows.values() if row.is_rival and row.is_exact]
    if case.rival and rivals:
        best = min(rivals, key=lambda row: row.over_edgewise)
        name = f"{case.name}: fastest exact rival's time ({best.contestant}) / edgewise's"
        goals.append(Goal(name, best.over_edgewise, case.rival, True))
    if case.name == FINE[0]:
        coarse = rows["edgewise, 5 intervals"].over_edgewise
        goals.append(Goal(f"{case.name}: time / that at 5 intervals", 1 / coarse, FINE[1]))
    if case.name == FORWARD[0]:
        alone = rows["edgewise, forward alone"]
        goals.append(
            Goal(f"{case.name}: forward alone, of the multiply-add peak", alone.of_peak, FORWARD[1], True)
        )
    return goals
