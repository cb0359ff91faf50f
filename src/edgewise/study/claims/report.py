"""The report on the paper's claims: one HTML page, the same as Markdown, figures and rows."""

from collections.abc import Callable
from pathlib import Path

from edgewise.study.claims import figures, words
from edgewise.study.claims.analysis import exponents, forgetting, frame, knots, lead, leads, medians
from edgewise.study.claims.spec import Claims, rates
from edgewise.study.page import Block, Heading, Picture, Table, Text
from edgewise.study.report import written
from edgewise.study.statistics import Frame
from edgewise.study.store import Store
from edgewise.study.tasks.formulas import FORMULAS


def report(claims: Claims, store: Store, folder: Path) -> tuple[Path, ...]:
    """Writes ``report.html``, ``report.md``, ``figures/`` and ``rows.csv``; returns the paths."""
    lines = frame(claims, store)
    planned = len(claims.fits())
    tuned = {}
    if claims.peaks:
        planned += len(claims.peaks.tasks) * len(claims.peaks.arms) * claims.peaks.seeds
        trials = [case for cases in claims.peaks.trials().values() for case in cases]
        tuned = {} if store.missing(trials) else rates(claims, store)
    return written(blocks(claims.question, lines, planned, tuned), lines, folder)


def blocks(question: str, lines: Frame, planned: int, tuned: dict) -> list[Block]:
    """The whole report; ``lines`` as from ``analysis.frame``, ``tuned`` as from ``spec.rates``."""
    judged = words.judged(lines)
    first: list[Block] = [
        Heading(question, title=True),
        Text(words.ASKED, "Asked."),
        Text(words.answer(judged), "Answer.", loud=True),
        Text(words.certainty(lines, planned, tuned), "How sure."),
        Text(words.LIMITS, "What this does not show."),
    ]
    if lines.empty:
        return first
    return [
        *first,
        Heading("Claim by claim"),
        Table(
            ["claim of the paper", "verdict", "found"],
            [[one.claim, one.word, one.found] for one in judged],
            "A dex is a factor of 10 in error.",
        ),
        Text(words.RULE),
        Heading("Figures"),
        *_figures(lines),
        Heading("Tables"),
        *_tables(lines),
        _rate_table(tuned),
    ]


def _figures(lines: Frame) -> list[Block]:
    dials = {"noise": "noise over the target's deviation", "rows": "rows to learn from"}
    drawers: list[tuple[str, Callable[[], bytes], str]] = [
        (
            "accuracy",
            lambda: figures.accuracy(lines),
            "Errors on fresh rows, median over seeds, as tabled below.",
        ),
        ("scaling", lambda: figures.scaling(lines), "Error against parameters; dotted: the fourth power."),
        (
            "peaks",
            lambda: figures.peaks(lines),
            "Error on the peak shown first, as others are shown elsewhere.",
        ),
        (
            "noise",
            lambda: figures.dial(lines, "noise", "noise", dials["noise"]),
            "Error against the truth without noise.",
        ),
        (
            "samples",
            lambda: figures.dial(lines, "samples", "rows", dials["rows"]),
            "Error against the number of rows.",
        ),
    ]
    there = set(lines["piece"])
    return [Picture(name, draw(), caption) for name, draw, caption in drawers if name in there]


def _tables(lines: Frame) -> list[Block]:
    made: list[Block] = []
    table = medians(lines)
    if len(table):
        made += [_accuracy_table(table), _range_table(table)]
    if (lines["piece"] == "scaling").any():
        made.append(_exponent_table(lines))
    if (lines["piece"] == "peaks").any():
        made.append(_peak_table(forgetting(lines)))
    for piece, dial in (("noise", "noise"), ("samples", "rows")):
        if (lines["piece"] == piece).any():
            made.append(_lead_table(lines, piece, dial))
    if (lines["piece"] == "knots").any():
        made.append(_knot_table(knots(lines)))
    return made


def _accuracy_table(table: Frame) -> Table:
    headers = [
        "function",
        "paper's shape",
        "our shape",
        "parameters",
        "RMSE",
        "best seed",
        "seconds",
        "paper's best KAN",
    ]
    headers += ["beaten", "tuned MLP", "its parameters", "MLP beaten", "paper's MLP", "RMSE / deviation"]
    rows = []
    for _, line in table.iterrows():
        if "kan_e" not in line or line["kan_e"] != line["kan_e"]:
            continue
        has_mlp = "mlp_e" in line and line["mlp_e"] == line["mlp_e"]
        rows.append(
            [
                line["task"],
                line["paper_shape"],
                str(line["kan_shape"]),
                _whole(line["kan_parameters"]),
                _short(line["kan_e"]),
                _short(line["kan_best"]),
                f"{line['kan_seconds']:.0f}",
                _short(line["paper"]),
                "yes" if line["kan_e"] < line["paper"] else "NO",
                _short(line["mlp_e"]) if has_mlp else "",
                _whole(line["mlp_parameters"]) if has_mlp else "",
                ("yes" if line["kan_e"] < line["mlp_e"] else "NO") if has_mlp else "",
                _short(line["paper_mlp"]),
                _short(line["kan_e"] / line["deviation"]),
            ]
        )
    caption = (
        "Accuracy: medians over seeds (the paper: best of three); seconds are the longest of a seed, search and all. "
        "Our shapes have no more layers, edges or hidden nodes than the paper's."
    )
    return Table(headers, rows, caption)


def _range_table(table: Frame) -> Table:
    rows = [
        [name, "; ".join(f"{low:.3g} to {high:.3g}" for low, high in FORMULAS[name].ranges)]
        for name in table["task"]
    ]
    return Table(
        ["function", "ranges of its inputs, in order"], rows, "The paper gives no ranges; these are ours."
    )


def _exponent_table(lines: Frame) -> Table:
    rows = [
        [one.task, one.arm, one.against, words.exponent_text(one), str(one.seeds), _short(one.smallest)]
        for one in exponents(lines)
    ]
    caption = "Exponents of the error, 95 % bootstrap intervals over seeds; theory for cubic splines: 4 against cells."
    return Table(["function", "arm", "against", "exponent", "seeds", "smallest error"], rows, caption)


def _peak_table(table: Frame) -> Table:
    rows = []
    for (task, arm), part in table.groupby(["task", "arm"]):
        middle = part[["learned", "lost", "growth", "e"]].median()
        rows.append([str(task), str(arm), str(part["shape"].iloc[0]), _whole(part["parameters"].median())])
        rows[-1] += [_short(middle[name]) for name in ("learned", "lost", "e")] + [f"{middle['growth']:.3g}"]
    headers = [
        "task",
        "arm",
        "shape",
        "parameters",
        "error right after learning",
        "of earlier peaks at the end",
    ]
    caption = "Five peaks in sequence: medians over seeds; the matrices of all phases are in rows.csv."
    return Table([*headers, "of all at the end", "growth"], rows, caption)


def _lead_table(lines: Frame, piece: str, dial: str) -> Table:
    rows = []
    for arm in ("kan", "learned"):
        pairs = leads(lines, piece, dial, arm)
        for value, part in pairs.groupby(dial):
            found = lead(part)
            if found:
                rows.append(
                    [arm, f"{value:g}", f"{found[0]:+.2f}", f"{found[1].low:+.2f} to {found[1].high:+.2f}"]
                )
    caption = f"Lead over the tuned perceptron by {dial}, dex, mean over functions with bootstrap intervals."
    return Table(["arm", dial, "lead", "95 % interval"], rows, caption)


def _knot_table(table: Frame) -> Table:
    rows = [
        [
            line["task"],
            line["arm"],
            line["shape"],
            _whole(line["parameters"]),
            f"{line['right']:.1%}",
            f"{line['low']:.1%} to {line['high']:.1%}",
            f"{line['larger']:.1%}",
        ]
        for _, line in table.iterrows()
    ]
    caption = (
        "Signatures told right: mean and range over seeds; 13 crossings were never learned from. The paper, on "
        "243,000 other knots and 17 columns: KAN 81.6 %, 200 parameters; DeepMind's perceptron 78.0 %, 300,000."
    )
    headers = [
        "columns",
        "arm",
        "shape of the best seed",
        "parameters",
        "up to 12 crossings",
        "seeds",
        "13 crossings",
    ]
    return Table(headers, rows, caption)


def _rate_table(tuned: dict) -> Table:
    rows = [
        [task, arm, f"{rate:g}", "yes" if inside else "NO"]
        for (task, arm), (rate, inside) in sorted(tuned.items())
    ]
    caption = "Learning rates of the peaks, chosen on a development sequence; every arm had as many trials."
    return Table(["task", "arm", "rate", "inside"], rows, caption)


def _short(value: float) -> str:
    return f"{value:.1e}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"
