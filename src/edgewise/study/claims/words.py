"""The sentences of the report, made from the numbers by rule: one verdict for each claim of the paper."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edgewise.study.claims.analysis import (
    ALPHA,
    GROUPS,
    Count,
    Exponent,
    forgetting,
    knots,
    lead,
    leads,
    medians,
    risen,
    wins,
)
from edgewise.study.claims.analysis import exponents as measured_exponents
from edgewise.study.claims.scaling import FEWEST
from edgewise.study.statistics import Frame

HOLDS, FAILS, OPEN, ABSENT = "HOLDS", "DOES NOT HOLD", "UNDECIDED", "NOT MEASURED"
THEORY = 4.0
KEPT = 0.05  # of the deviation: a final error over all peaks that counts as having learned and kept them
MARGIN = 0.02  # of right answers about knots

ASKED = (
    "The paper that introduced Kolmogorov-Arnold networks (KANs: Liu et al., arXiv 2404.19756) says that they are more "
    "accurate than perceptrons (MLPs), that their error falls as the fourth power of their size, that they do not "
    "forget, and that they do better mathematics on knots. Does that hold when both kinds of networks are tuned alike, "
    "trained by the same methods until they gain no more, and judged once on rows that chose nothing?"
)
RULE = (
    f"Verdicts follow a rule fixed before the first row. Against the paper's figures: the goals are 13 of 15 and 24 of "
    f"27. Against the perceptron: a sign test over functions, two-sided, {ALPHA}. Exponents: the 95 % interval over "
    f"seeds reaches {THEORY:g}. Forgetting: the final error over all peaks is at most {KEPT:.0%} of the deviation "
    "(median over seeds). "
    f"Noise and sample size: the mean lead over functions, a t test over functions, {ALPHA}. Knots: right answers more "
    f"than {MARGIN:.0%} apart."
)
SWEPT = {"noise": "levels of noise", "samples": "numbers of rows"}
GOALS = {"special": (13, "special functions"), "Feynman": (24, "Feynman equations")}


class Judged(NamedTuple):
    """A claim of the paper by a short name and in words, what was found, and the verdict."""

    name: str
    claim: str
    found: str
    word: str


def judged(lines: Frame) -> list[Judged]:
    """Every claim; those without rows are said to be not measured."""
    if lines.empty:
        return []
    return [
        *_against_paper(medians(lines)),
        _against_perceptron(medians(lines)),
        _scaling(measured_exponents(lines)),
        *_remembered(forgetting(lines)),
        _lead(lines, "noise", "noise", "more accurate than a perceptron under noise (500 rows)"),
        _lead(lines, "samples", "rows", "more accurate than a perceptron with few and with many rows"),
        _knots(knots(lines)),
    ]


def answer(found: Sequence[Judged]) -> str:
    """What holds, what does not, and what the comparison with the perceptron says."""
    if not found:
        return "No row is in yet. Run the study first."
    by_word = {word: [one for one in found if one.word == word] for word in (HOLDS, FAILS, OPEN, ABSENT)}
    parts = [
        f"{word.capitalize()} ({len(ones)} of {len(found)}): {', '.join(one.name for one in ones)}."
        for word, ones in by_word.items()
        if ones
    ]
    return " ".join([*parts, *(one.found for one in found if one.name == FAIR and one.found)])


def certainty(lines: Frame, planned: int, tuned: dict) -> str:
    """Rows, failures, circumstances."""
    if lines.empty:
        return f"None of {planned} planned rows is in."
    failed, late = int((lines["status"] != "done").sum()), int((lines["seconds"] > 60.5).sum())
    loose = sum(not inside for _, inside in tuned.values())
    dates = sorted(lines["date"].str[:10])
    days = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    several = int(lines.groupby(["piece", "arm", "task"])["seed"].nunique().max())
    return (
        f"{len(lines)} of {planned} planned rows are in, of up to {several} seeds each, measured on {days} "
        f"by edgewise {_named(lines['version'])} on {_named(lines['machine'])}, one thread a fit, at an "
        f"average load of {lines['load'].min():.1f} to {lines['load'].max():.1f}: on a busy machine fits get less "
        f"done in its seconds. {failed} rows failed and count as predicting the mean; {late} fits took over a minute. "
        f"{loose} of {len(tuned)} learning rates of the continual learning lie at an end of what was tried."
        f"{_unconverged(lines)}"
    )


def _unconverged(lines: Frame) -> str:
    worse, of = risen(lines)
    if not worse:
        return ""
    return (
        f" On {worse} of {of} toy functions the largest perceptron does worse than a smaller one: its seconds were too "
        "few to converge in, and its exponents may be too low."
    )


def _named(values: Frame) -> str:
    return ", ".join(sorted(values.unique()))


LIMITS = (
    "The paper does not say over which ranges it drew its inputs; ours stand in the table, and over others the figures "
    "would be others. Its figures are of networks trained another way, so beating them is a matter of training as "
    "much as of networks: the perceptron beside them is the fair rival. All functions are smooth and of few variables; "
    "nothing here speaks of large tables, of pictures or of language. The knots are not the paper's."
)

FAIR = "more accurate than a tuned perceptron"


def _against_paper(table: Frame) -> list[Judged]:
    made = []
    for group, (goal, name) in GOALS.items():
        part = table[table["group"] == group] if len(table) else table
        count = wins(part, "kan_e", "paper")
        short = f"the paper's accuracy on {name}"
        claim = f"accuracy of the paper's best KANs on {name} (to be beaten with no larger network)"
        if not count.of:
            made.append(Judged(short, claim, "", ABSENT))
            continue
        relative = wins(part.assign(relative=part["kan_e"] / part["deviation"]), "relative", "paper")
        said = (
            f"Beaten on {count.wins} of {count.of}, median of the seeds ({relative.wins} if our errors are divided by "
            f"the function's deviation); the goal is {goal} of {len(GROUPS[group])}."
        )
        complete = count.of == len(GROUPS[group])
        word = HOLDS if count.wins >= goal else FAILS if complete else OPEN
        made.append(Judged(short, claim, said, word))
    return made


def _against_perceptron(table: Frame) -> Judged:
    count = wins(table, "kan_e", "mlp_e")
    claim = "KANs are more accurate than perceptrons"
    if not count.of:
        return Judged(FAIR, claim, "", ABSENT)
    both = table.dropna(subset=["kan_e", "mlp_e"])
    ratio = float(np.median(np.log10(both["mlp_e"].astype(float) / both["kan_e"].astype(float))))
    said = (
        f"In equal time the KAN is more accurate on {count.wins} of {count.of} functions; the perceptron's error is "
        f"{_times(10**ratio)} times the KAN's in the median."
    )
    return Judged(FAIR, claim, said, _signed(count))


def _times(factor: float) -> str:
    return f"{factor:,.0f}" if factor >= 10 else f"{factor:.2g}"


def _signed(count: Count) -> str:
    if count.p >= ALPHA:
        return OPEN
    return HOLDS if 2 * count.wins > count.of else FAILS


def _scaling(found: Sequence[Exponent]) -> Judged:
    short, claim = (
        "errors fall as the fourth power",
        "the error falls as the fourth power of the number of cells",
    )
    against = [one for one in found if one.against == "cells"]
    if not against:
        return Judged(short, claim, "", ABSENT)
    known = [one for one in against if one.mean is not None and one.interval is not None]
    reach = [one for one in known if one.interval and one.interval.high >= THEORY]
    said = "; ".join(f"{one.task.removeprefix('toy-')} {exponent_text(one)}" for one in against)
    word = HOLDS if known and len(reach) == len(known) else OPEN if reach or not known else FAILS
    return Judged(short, claim, f"Exponents: {said}.", word)


def exponent_text(one: Exponent) -> str:
    """``3.87 [3.71, 4.10]``, or why there is none."""
    if one.mean is None or one.interval is None:
        why = "too few sizes in the time" if one.sizes < FEWEST else "rounding decides"
        return f"none to measure ({why}, error down to {one.smallest:.0e})"
    return f"{one.mean:.2f} [{one.interval.low:.2f}, {one.interval.high:.2f}]"


def _remembered(table: Frame) -> list[Judged]:
    made = []
    for task, said in (
        ("peaks-1d", "one input (the paper's experiment)"),
        ("peaks-2d", "two inputs (our extension)"),
    ):
        short = f"no forgetting with {said.partition(' (')[0]}"
        claim = f"KANs do not forget: five peaks in sequence, {said}"
        own = table[table["task"] == task] if len(table) else table
        if not len(own) or not (own["arm"] == "spline").any():
            made.append(Judged(short, claim, "", ABSENT))
            continue
        growth = own.groupby("arm")["growth"].median()
        final = (own["e"] / own["deviation"]).groupby(own["arm"]).median()
        found = "; ".join(f"{arm} {final[arm]:.2g} ({growth[arm]:.2g})" for arm in final.sort_values().index)
        word = HOLDS if final["spline"] <= KEPT else FAILS
        said = f"Final error over all peaks, in deviations (growth since each was learned): {found}."
        made.append(Judged(short, claim, said, word))
    return made


def _lead(lines: Frame, piece: str, dial: str, claim: str) -> Judged:
    short, claim = f"better at all {SWEPT[piece]}", f"KANs are {claim}"
    found = lead(leads(lines, piece, dial, "kan"))
    if found is None:
        return Judged(short, claim, "", ABSENT)
    mean, interval, p = found
    ends = leads(lines, piece, dial, "kan").groupby(dial)["advantage"].mean()
    learned = lead(leads(lines, piece, dial, "learned"))
    said = (
        f"Mean lead {mean:+.2f} dex [{interval.low:+.2f}, {interval.high:+.2f}]; {ends.iloc[0]:+.2f} at {dial} "
        f"{ends.index[0]:g}, {ends.iloc[-1]:+.2f} at {ends.index[-1]:g}."
    )
    said += f" A perceptron with learned functions leads by {learned[0]:+.2f}." if learned else ""
    return Judged(short, claim, said, OPEN if p >= ALPHA else HOLDS if mean > 0 else FAILS)


def _knots(table: Frame) -> Judged:
    short, claim = "better on knots", "a small KAN tells signatures of knots better than a perceptron"
    if not len(table):
        return Judged(short, claim, "", ABSENT)
    best = table.groupby("arm")["right"].max()
    if not {"kan", "mlp", "slope"} <= set(best.index):
        return Judged(short, claim, "", ABSENT)
    said = (
        f"Right answers: KAN {best['kan']:.1%}, perceptron {best['mlp']:.1%}, a straight line in one number "
        f"{best['slope']:.1%}. The paper's KAN 81.6 %, DeepMind's perceptron 78.0 %, on other knots."
    )
    ahead = best["kan"] - best["mlp"]
    return Judged(short, claim, said, HOLDS if ahead > MARGIN else FAILS if ahead < -MARGIN else OPEN)
