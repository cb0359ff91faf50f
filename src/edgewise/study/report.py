"""The report of a study: one HTML page, the same as Markdown, its figures and all its rows, written to a folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgewise.study import figures, words
from edgewise.study.analysis import advantages, equal_time_advantages, frame
from edgewise.study.arms import is_kan
from edgewise.study.page import Block, Heading, Picture, Table, Text, as_html, as_markdown
from edgewise.study.plan import Plan, main_plan
from edgewise.study.spec import Spec
from edgewise.study.statistics import Frame, bootstrap, instance_means, mixed_model, wilson
from edgewise.study.store import Store
from edgewise.study.verdict import Verdict, checks, values, verdicts
from edgewise.view.writing import replacing

FOLDER = "figures"


def report(spec: Spec, store: Store, folder: Path) -> tuple[Path, ...]:
    """Writes ``report.html``, ``report.md``, ``figures/`` and ``rows.csv``; returns the paths."""
    plan, lines = main_plan(spec, store), frame(spec, store)
    return written(blocks(spec, plan, lines), lines, folder)


def written(found: list[Block], lines: Frame, folder: Path) -> tuple[Path, ...]:
    """The files of a report, made of its blocks and its rows."""
    texts = {"report.html": as_html(found), "report.md": as_markdown(found, FOLDER)}
    texts["rows.csv"] = lines.to_csv(index=False)
    for name, text in texts.items():
        with replacing(folder / name) as path:
            path.write_text(text, encoding="utf-8")
    (folder / FOLDER).mkdir(exist_ok=True)
    for picture in found:
        if isinstance(picture, Picture):
            with replacing(folder / FOLDER / f"{picture.name}.png") as path:
                path.write_bytes(picture.png)
    return tuple(folder / name for name in texts)


def blocks(spec: Spec, plan: Plan, lines: Frame) -> list[Block]:
    """The whole report; ``lines`` as from ``analysis.frame``."""
    if lines.empty:
        return [Heading(spec.question, title=True), Text(words.answer(()), "Answer.")]
    pairs = advantages(lines, spec.reference)
    judged, tested = verdicts(pairs), checks(pairs)
    return [
        Heading(spec.question, title=True),
        Text(words.ASKED, "Asked."),
        Text(words.answer(judged), "Answer.", loud=True),
        Text(words.best_of_each(lines, spec.reference), "Best of each."),
        Text(words.certainty(tested, lines, plan), "How sure."),
        Text(words.limits(spec), "What this does not show."),
        Heading("Verdicts"),
        Text(words.rule()),
        _verdict_table(judged),
        *_figures(lines, pairs),
        Heading("Tables"),
        _name_table(lines),
        _check_table(tested),
        _mixed_table(pairs),
        _level_table(lines[lines["role"] == "depth"]),
        _time_table(lines, spec.reference),
        _role_table(pairs.assign(task="all"), "depth", "Mean advantage by depth, over all instances, dex."),
        _slope_table(pairs[pairs["role"] == "elsewhere"]),
        _held_table(pairs[pairs["role"] == "transfer"]),
        _role_table(pairs, "swap", "One layer swapped, by task: mean advantage, dex."),
        _role_table(pairs, "public", "Tasks without a planted structure: mean advantage, dex."),
        _failure_table(lines),
        _cost_table(lines),
        _bare_table(lines),
        _rate_table(plan),
        Heading("What would change the verdict"),
        *(Text(sentence) for sentence in words.changes(judged)),
    ]


def _figures(lines: Frame, pairs: Frame) -> list[Block]:
    styles = figures.Styles(sorted(lines["arm"].unique()))
    drawers: list[tuple[str, str, Callable[[Frame, figures.Styles], bytes], Frame, str]] = [
        (
            "depth",
            "error",
            figures.errors,
            lines,
            "Test error against depth; medians and quartiles over task instances.",
        ),
        (
            "depth",
            "advantage",
            figures.advantage,
            pairs,
            "Advantage over the MLP of the same form against depth.",
        ),
        (
            "elsewhere",
            "elsewhere",
            figures.elsewhere,
            pairs,
            "The same on tasks that are no trees; no part of the verdict.",
        ),
        (
            "target",
            "target",
            figures.target,
            pairs[~pairs["arm"].isin(["mlp-again"])],
            "Advantage over depth and roughness of the target: rising to the right is composition, upwards fitting.",
        ),
        (
            "swap",
            "swap",
            figures.swap,
            pairs[pairs["role"] == "swap"],
            "One layer swapped: if a single spline layer keeps most of the advantage, the rest is not composition.",
        ),
        ("scale", "scaling", figures.scaling, lines, "Error against parameters, with fitted exponents."),
    ]
    return [
        Heading("Figures"),
        *(
            Picture(name, draw(rows, styles), caption)
            for role, name, draw, rows, caption in drawers
            if (rows["role"] == role).any()
        ),
    ]


def _verdict_table(found: tuple[Verdict, ...]) -> Table:
    headers = ["arm", "form", "verdict", "mean advantage, dex"]
    headers += ["depth: dex per doubling", "target: dex per doubling", "held-out combinations: dex"]
    rows = [
        [
            verdict.arm,
            verdict.form,
            verdict.word,
            f"{verdict.advantage:+.3f}",
            *(words.contrast(c) for c in verdict.contrasts),
        ]
        for verdict in found
    ]
    return Table(
        headers, rows, "Contrasts with 95 % bootstrap intervals and adjusted p; positive is composition."
    )


def _name_table(lines: Frame) -> Table:
    rows = words.glossary(sorted(lines["arm"].unique()), sorted(lines["form"].unique()))
    return Table(["name", "what it is"], rows, "Who takes part, and what stands between layers.")


def _check_table(found: tuple) -> Table:
    rows = [
        [
            check.name,
            f"{check.mean:+.4f}",
            _interval(check.interval),
            str(check.rows),
            "yes" if check.passed else "NO",
        ]
        for check in found
        if check.rows
    ]
    caption = "What must be 0: mean advantage without bounding errors by the mean's on shuffled targets."
    return Table(["check", "mean, dex", "95 % interval", "pairs", "within 0.03"], rows, caption)


def _mixed_table(pairs: Frame) -> Table:
    deep = pairs[(pairs["role"] == "depth") & (pairs["arm"] != "mlp-again")]
    deep = deep.assign(x=np.log2(deep["depth"].astype(float)))
    rows = []
    for (arm, form), part in deep.groupby(["arm", "form"]):
        if part["instance"].nunique() > 1 and part["depth"].nunique() > 1:
            found = mixed_model(part)
            trusted = "yes" if found.converged else "no"
            known = [f"{found.slope:+.4f}", f"{found.error:.4f}", f"{found.p:.4f}"]
            rows.append([str(arm), str(form), *(known if found.converged else ["-"] * 3), trusted])
    caption = (
        "The depth contrast by a mixed model: advantage over log2 depth, random slopes by task instance."
    )
    return Table(["arm", "form", "slope", "standard error", "p", "converged"], rows, caption)


def _level_table(deep: Frame) -> Table:
    depths, rows = sorted(deep["depth"].unique()), []
    for (arm, form), part in deep.groupby(["arm", "form"]):
        by_depth = np.log10(part["e"]).groupby(part["depth"]).mean()
        told = [f"{10 ** by_depth[depth]:.3f}" if depth in by_depth else "-" for depth in depths]
        rows.append([str(arm), str(form), *told])
    caption = (
        "Relative error by hidden levels L, geometric mean over instances and seeds. Advantages are taken against the "
        "perceptron of the same form; here forms can be compared too."
    )
    return Table(["arm", "form", *(f"L = {depth}" for depth in depths)], rows, caption)


def _time_table(lines: Frame, reference: str) -> Table:
    pairs = equal_time_advantages(lines, reference)
    caption = (
        "Equal wall-clock time on one thread: the faster of the pair trained longer. Mean advantage, dex."
    )
    return _advantage_table(pairs, caption)


def _role_table(pairs: Frame, role: str, caption: str) -> Table:
    return _advantage_table(pairs[pairs["role"] == role], caption)


def _advantage_table(pairs: Frame, caption: str) -> Table:
    rows = []
    if len(pairs):
        for (arm, form, task, depth), part in pairs.groupby(["arm", "form", "task", "depth"]):
            table = part[["instance", "seed"]].assign(value=part["advantage"])
            mean = float(table["value"].mean())
            rows.append(
                [
                    str(arm),
                    str(form),
                    str(task),
                    str(depth),
                    f"{mean:+.3f}",
                    _interval(bootstrap(table, 2000)),
                ]
            )
    return Table(["arm", "form", "task", "hidden levels", "mean", "95 % interval"], rows, caption)


def _slope_table(pairs: Frame) -> Table:
    rows = []
    for (task, form, arm), part in pairs.groupby(["task", "form", "arm"]):
        means = part.groupby("depth")["advantage"].mean()
        slopes = values("depth", part)
        found = f"{instance_means(slopes).mean():+.3f}"
        rows.append(
            [
                task,
                form,
                arm,
                f"{means.iloc[0]:+.3f}",
                f"{means.iloc[-1]:+.3f}",
                found,
                _interval(bootstrap(slopes)),
            ]
        )
    headers = ["task", "form", "arm", "shallowest", "deepest", "dex per doubling", "95 % interval"]
    caption = (
        "Advantage over depth on tasks that are no trees, dex; intervals over seeds. No part of the verdict."
    )
    return Table(headers, rows, caption)


def _held_table(pairs: Frame) -> Table:
    rows = []
    for (arm, form), part in pairs.groupby(["arm", "form"]):
        table = part[["instance", "seed"]]
        columns = [table.assign(value=part[column]) for column in ("advantage", "held")]
        means = [f"{instance_means(one).mean():+.3f} ({_interval(bootstrap(one, 2000))})" for one in columns]
        rows.append([str(arm), str(form), *means])
    caption = (
        "Combinations of modules shown in training and kept from it: mean advantage, dex. The contrast is the "
        "difference of the two columns; where the first is negative, a positive contrast is a smaller loss."
    )
    return Table(["arm", "form", "shown", "held out"], rows, caption)


def _failure_table(lines: Frame) -> Table:
    rows = []
    for (arm, form, depth), part in lines[lines["role"] == "depth"].groupby(["arm", "form", "depth"]):
        hits = int(part["untrained"].sum())
        if hits:
            interval = wilson(hits, len(part))
            rows.append(
                [
                    str(arm),
                    str(form),
                    str(depth),
                    f"{hits} of {len(part)}",
                    f"{interval.low:.2f} to {interval.high:.2f}",
                ]
            )
    caption = "What did not train: failed, diverged, or error at least 0.9 of predicting the mean (Wilson intervals)."
    return Table(["arm", "form", "hidden levels", "rows", "share"], rows, caption)


def _cost_table(lines: Frame) -> Table:
    deep = lines[lines["role"] == "depth"]
    rows = [
        [
            str(arm),
            str(depth),
            f"{part['trainable'].median():,.0f}",
            f"{part['width'].median():.0f}",
            f"{part['seconds'].median():.1f}",
            f"{part['operations'].median():,.0f}",
            f"{part['operations_published'].median():,.0f}",
        ]
        for (arm, depth), part in deep.groupby(["arm", "depth"])
    ]
    headers = ["arm", "hidden levels", "parameters", "width", "seconds", "operations, shared basis"]
    caption = "Cost: medians; operations of one row forwards under both published conventions."
    return Table([*headers, "operations, basis per edge"], rows, caption)


def _bare_table(lines: Frame) -> Table:
    deep = lines[(lines["role"] == "depth") & lines["arm"].map(is_kan) & lines["bare_error"].notna()]
    damage = np.log10(deep["bare_error"].astype(float).clip(upper=deep["mean_error"]) / deep["e"])
    rows = [
        [str(arm), str(form), str(depth), f"{float(part.median()):.2f}"]
        for (arm, form, depth), part in damage.groupby([deep["arm"], deep["form"], deep["depth"]])
    ]
    caption = (
        "Is it still a KAN? What taking the splines away costs, dex (median); near 0 it is a perceptron."
    )
    return Table(["arm", "form", "hidden levels", "damage"], rows, caption)


def _rate_table(plan: Plan) -> Table:
    rows = [
        [
            arm,
            form,
            str(depth),
            f"{choice.rate:g}",
            str(len(choice.scores)),
            "yes" if choice.bracketed else "NO",
        ]
        for (arm, form, depth), choice in sorted(plan.choices.items())
    ]
    caption = "Learning rates, chosen on development tasks; every arm had as many trials."
    return Table(["arm", "form", "hidden levels", "rate", "rates tried", "inside"], rows, caption)


def _interval(interval: tuple[float, float]) -> str:
    return f"{interval[0]:+.3f} to {interval[1]:+.3f}"
