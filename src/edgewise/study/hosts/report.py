"""The report on hosts: one HTML page, the same as Markdown, figures and rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from edgewise.study.hosts import figures, words
from edgewise.study.hosts.analysis import (
    STEPS,
    advantage,
    advantage_in_time,
    effect,
    frame,
)
from edgewise.study.hosts.host import Errors
from edgewise.study.hosts.spec import REFERENCE, Plan, Study
from edgewise.study.hosts.stages import Group, tuned
from edgewise.study.hosts.verdict import Reading, readings, reproduced, splines
from edgewise.study.page import Block, Heading, Picture, Table, Text
from edgewise.study.report import written
from edgewise.study.statistics import Frame
from edgewise.study.store import Store
from edgewise.study.tuning import Choice

Choices = Mapping[Group, Choice] | None


def report(study: Study, store: Store, folder: Path) -> tuple[Path, ...]:
    """Writes ``report.html``, ``report.md``, ``figures/`` and ``rows.csv``; returns the paths."""
    lines = frame(study, store)
    choices = {plan.host: tuned(plan, store) for plan in study.plans}
    return written(blocks(study, lines, choices), lines, folder)


def blocks(study: Study, lines: Frame, choices: Mapping[str, Choices]) -> list[Block]:
    """The whole report; ``lines`` as from ``analysis.frame``, ``choices`` by host as from ``stages.tuned``."""
    found = readings(study, lines)
    made: list[Block] = [
        Heading(study.question, title=True),
        Text(words.ASKED, "Asked."),
        Text(words.answer(found), "Answer.", loud=True),
        Text(words.certainty(found, lines, choices), "How sure."),
        Text(words.LIMITS, "What this does not show."),
        Heading("Host by host"),
        host_table(found),
        control_table(found),
        Text(words.RULE),
    ]
    for plan, reading in zip(study.plans, found, strict=True):
        made += _section(plan, reading, lines[lines["host"] == plan.host], choices.get(plan.host))
    made.append(Heading("What would change the verdict"))
    return [*made, *(Text(sentence) for sentence in words.changes(found))]


def host_table(found: Sequence[Reading]) -> Table:
    """One row a host: its headline, what the KAN gains, and what that speaks for."""
    headers = ["host", "headline", "contrasts that hold", "speaks for", "gain, most less least composed"]
    headers += ["KAN's gain"]
    rows = [
        [
            one.host.title,
            one.headline,
            words.held(one.contrasts),
            words.speaks_for(one),
            words.signed(one.composition),
            words.signed(one.effect),
        ]
        for one in found
    ]
    caption = "Gains in dex at equal parameters, with 95 % t intervals over seeds; above 0 the KAN is better."
    return Table(headers, rows, caption)


def control_table(found: Sequence[Reading]) -> Table:
    """One row a host: what else has to be known of its gain."""
    rows = [
        [
            one.host.title,
            words.in_time(one),
            f"{one.p:.3f}" if one.composition.pairs > 1 else words.ABSENT,
            words.explained(one),
            words.still(one.splines),
            f"{one.failed} of {one.finished}",
        ]
        for one in found
    ]
    caption = (
        "Beside it: the KAN's gain where both train as long, p of the composition contrast after Holm over the "
        "hosts, whether learned activations give half of the gain, whether the KAN is still one, and "
        "trainings that failed or diverged."
    )
    headers = ["host", "gain at equal time", "p (Holm)", "half by learned activations", "splines", "failed"]
    return Table(headers, rows, caption)


def _section(plan: Plan, reading: Reading, lines: Frame, choices: Choices) -> list[Block]:
    host = reading.host
    made: list[Block] = [
        Heading(host.title),
        Text(f"{host.headline} ({host.source})", "Headline."),
        Text(host.asks, "Asked."),
        Text(f"Errors are: {host.measured}.", "Measured."),
        Text(f"Do learned activations give half of the gain? {words.explained(reading)}.", "Control."),
        _headline_table(reading),
    ]
    if lines.empty:
        return [*made, Text(f"None of {plan.runs} planned rows is in.")]
    picture = Picture(
        host.name,
        figures.conditions(lines, host),
        f"{host.title}: left, errors of all seeds and their medians; right, gains over the MLP with 95 % intervals, "
        "hollow at equal time.",
    )
    tables = [
        _error_table(plan, lines, choices),
        _gain_table(plan, lines),
        _spline_table(plan, lines),
        _number_table(plan, reading, lines),
        Table(
            ["condition", "what it is"],
            [[name, host.conditions[name]] for name in plan.conditions],
            "Conditions.",
        ),
    ]
    said = [Text(sentence) for sentence in host.further(_errors(plan, lines))]
    return [*made, *said, picture, *(table for table in tables if table.rows)]


def _errors(plan: Plan, lines: Frame) -> Errors:
    """As ``Host.further`` is given them."""
    found: dict[str, dict[int, dict[str, float]]] = {arm: {} for arm in plan.arms}
    for condition, arm, own in _cells(plan, lines):
        for seed, error in zip(own["seed"], own["e"], strict=True):
            found[arm].setdefault(int(seed), {})[condition] = float(error)
    return found


def _headline_table(reading: Reading) -> Table:
    rows = [
        [asked.says, words.signed(one), str(one.pairs), reproduced([one.sign])]
        for asked, one in zip(reading.host.headlines, reading.contrasts, strict=True)
    ]
    caption = (
        "The headline with an MLP in the slot: errors in dex, numbers as they are, with 95 % t intervals. A training "
        "that failed counts as knowing nothing, but has no numbers and makes no pair there."
    )
    return Table(["contrast", "figure", "pairs", "found"], rows, caption)


def _error_table(plan: Plan, lines: Frame, choices: Choices) -> Table:
    headers = ["condition", "arm", "error, median", "lowest to highest", "knowing nothing", "rows", "failed"]
    headers += ["rate", "inside", "parameters", "in slots", "seconds"]
    rows = []
    for condition, arm, own in _cells(plan, lines):
        choice = (choices or {}).get((arm, plan.tuned_as(condition)))
        rows.append(
            [
                condition,
                arm,
                _short(own["e"].median()),
                f"{_short(own['e'].min())} to {_short(own['e'].max())}",
                _short(own["chance"].astype(float).median()),
                f"{len(own)} of {plan.seeds}",
                str(int((own["status"] != "done").sum()) or ""),
                f"{own['rate'].iloc[0]:g}" if plan.rates else "none",
                "" if choice is None else "yes" if choice.bracketed else "NO",
                *(_whole(own[name].astype(float).median()) for name in ("parameters", "in_slots")),
                f"{own['seconds'].median():.1f}",
            ]
        )
    caption = (
        "Errors on test data; rates tuned on a seed of their own, and whether they lie inside of those tried."
    )
    return Table(headers, rows, caption)


def _gain_table(plan: Plan, lines: Frame) -> Table:
    rows = []
    for condition, arm, own in _cells(plan, lines):
        if arm == REFERENCE:
            continue
        timed = effect(advantage_in_time(lines, plan.host, condition, arm))
        reference = _cell(lines, condition, REFERENCE)["seconds"].median()
        rows.append(
            [
                condition,
                arm,
                words.signed(effect(advantage(lines, plan.host, condition, arm))),
                words.signed(timed) if condition in plan.equal_time else "not asked",
                f"{own['seconds'].median() / reference:.2g} times" if reference > 0 else "",
            ]
        )
    caption = "Gains over the MLP in dex with 95 % t intervals over seeds."
    return Table(["condition", "arm", "equal parameters", "equal time", "time of training"], rows, caption)


def _spline_table(plan: Plan, lines: Frame) -> Table:
    own = lines[lines["budget"] == STEPS]
    found = [
        (condition, arm, splines(own, condition, arm)) for condition in plan.conditions for arm in plan.arms
    ]
    rows = [[condition, arm, words.still(one)] for condition, arm, one in found if one.still is not None]
    caption = (
        "Is it still a KAN? The splines' share of the energy, and what taking them away costs (medians)."
    )
    return Table(["condition", "arm", "splines"], rows, caption)


def _number_table(plan: Plan, reading: Reading, lines: Frame) -> Table:
    cells = list(_cells(plan, lines))
    names = list(dict.fromkeys(name for _, _, own in cells for found in own["numbers"] for name in found))
    rows = []
    for condition, arm, own in cells:
        values = [
            pd.Series([found.get(name) for found in own["numbers"]], dtype=float).median() for name in names
        ]
        rows.append([condition, arm, *(_short(value) for value in values)])
    meanings = [f"{name}: {reading.host.numbers.get(name, 'see the module')}" for name in names]
    caption = f"Other figures, medians over seeds. {'; '.join(meanings)}."
    return Table(["condition", "arm", *names], rows if names else [], caption)


def _cells(plan: Plan, lines: Frame) -> list[tuple[str, str, Frame]]:
    """Condition, arm and rows at equal parameters, of those that have any."""
    cells = [(place, arm, _cell(lines, place, arm)) for place in plan.conditions for arm in plan.arms]
    return [cell for cell in cells if len(cell[2])]


def _cell(lines: Frame, condition: str, arm: str) -> Frame:
    return lines[(lines["condition"] == condition) & (lines["arm"] == arm) & (lines["budget"] == STEPS)]


def _short(value: float) -> str:
    return f"{value:.3g}" if value == value else ""


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value == value else ""
