"""The sections of a page, each a function to HTML text; every word of the user's goes through ``escape``."""

from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewise.view.charts import edge_chart, histogram, scatter
from edgewise.view.layout import MOST_BOXES
from edgewise.view.picture import Edge, Node, Picture, counts
from edgewise.view.report import Formula, Report, errors
from edgewise.view.words import number, pretty

Array = NDArray[np.float64]

TONES = {"exact": "good", "converged": "good", "approximate": "fair", "none": "poor", "failed": "poor"}


def anchor(edge: Edge) -> str:
    """The name of an edge's place on the page, where its box in the picture leads."""
    return f"edge-{edge.layer}-{edge.source}-{edge.target}"


def section(name: str, heading: str, *parts: str) -> str:
    """A section of the page that the contents can point to."""
    return f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{heading}</h2>{"".join(parts)}</section>'


def header(report: Report, picture: Picture) -> str:
    """Title, status and message, and the run in a few numbers."""
    status = ""
    if report.status:
        tone = TONES.get(str(report.status).lower(), "")
        status = f'<span class="status {tone}">{escape(str(report.status))}</span>'
    message = escape(str(report.message))
    line = f"<p>{status}{message}</p>" if status or message else ""
    facts = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(report, picture)
    )
    return f'<h1>{escape(str(report.title))}</h1>{line}<dl class="facts">{facts}</dl>'


def formula_section(formula: Formula, drawn: str | None) -> str:
    """The chosen formula, set if it could be, and as text to copy."""
    text = escape(formula.equation or formula.latex)
    latex = ""
    if formula.latex and formula.equation:
        latex = f'<details><summary class="note">LaTeX</summary><pre>{escape(formula.latex)}</pre></details>'
    return section(
        "formula", "Formula", f'<figure class="formula">{drawn or ""}<pre>{text}</pre>{latex}</figure>'
    )


def formulas_section(formulas: tuple[Formula, ...]) -> str:
    """All formulas from simple to exact as the run gave them."""
    rows = "".join(
        f"<tr{' class=chosen' if formula.chosen else ''}><td>{'chosen' if formula.chosen else ''}</td>"
        f'<td class="n">{_maybe(formula.complexity)}</td><td class="n">{_maybe(formula.loss)}</td>'
        f"<td><code>{escape(formula.equation or formula.latex)}</code></td></tr>"
        for formula in formulas
    )
    head = '<th scope="col"></th>' + _heads(("complexity", True), ("loss", True), ("formula", False))
    return section("formulas", "All formulas", _table(head, rows))


def held_out_section(observed: Array, predicted: Array, targets: tuple[str, ...]) -> str:
    """Predictions against observations, one plot and one line of errors for each output."""
    plots, rows = [], []
    for k, name in enumerate(targets):
        seen, told = observed[:, k], predicted[:, k]
        rmse, share, worst = errors(seen, told)
        label = f"{name}: {len(seen)} predictions against observations, root mean square error {number(rmse)}"
        plots.append(f"<div>{scatter(seen, told, label)}</div>")
        cells = (number(rmse), number(share), number(worst))
        rows.append(
            f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td class=n>{cell}</td>" for cell in cells)}</tr>'
        )
    head = _heads(("target", False), ("RMSE", True), ("R²", True), ("largest error", True))
    note = f'<p class="note">{len(observed)} held-out rows. On the dashed line a prediction is perfect.</p>'
    beside = f"<div>{_table(head, ''.join(rows))}{note}</div>"
    return section(
        "held-out", "Predicted against observed", f'<div class="pair">{"".join(plots)}{beside}</div>'
    )


def data_section(X: Array, inputs: tuple[Node, ...], targets: tuple[str, ...]) -> str:
    """The batch column by column, with each input's part of the outputs' variation."""
    largest = max((node.share for node in inputs), default=0.0) or 1.0
    rows = []
    for node, column in zip(inputs, X.T, strict=True):
        values = (column.min(), column.mean(), column.max(), column.std())
        cells = "".join(f'<td class="n">{number(float(value))}</td>' for value in values)
        bars = histogram(counts(column), f"distribution of {node.label}")
        rows.append(
            f'<tr><th scope="row">{escape(node.label)}</th>{cells}<td class="n">{len(np.unique(column))}</td>'
            f"<td>{bars}</td><td>{_share(node.share, largest, node.used)}</td></tr>"
        )
    plain = [("input", False)] + [
        (name, True) for name in ("lowest", "mean", "highest", "deviation", "distinct")
    ]
    head = _heads(*plain, ("distribution", False), ("share", False))
    note = (
        f'<p class="note">{len(X)} rows; predicting {escape(", ".join(targets))}. The share is the part of the '
        "outputs’ variation that passes through an input, told from the outputs down.</p>"
    )
    return section("data", "Data", note, _table(head, "".join(rows)))


def edges_section(picture: Picture) -> str:
    """A card for every living edge, layer by layer, the most important first."""
    parts = [
        '<p class="note">Each card is one function the network learned, over the range the data visit; the bars '
        "below a curve show where the rows lie. Inputs are in your units, values in the network’s own. An edge’s share "
        "is the part of the outputs’ variation that passes through it; the shares of a layer sum to 100 %.</p>"
    ]
    for layer, edges in enumerate(picture.edges):
        ranked = sorted(edges, key=lambda edge: -edge.importance)
        cards = "".join(_card(edge, picture) for edge in ranked[:MOST_BOXES])
        below = "inputs" if layer == 0 else f"level {layer}"
        above = "outputs" if layer == len(picture.edges) - 1 else f"level {layer + 1}"
        left_out = len(ranked) - MOST_BOXES
        more = f'<p class="note">{left_out} edges that matter less are left out.</p>' if left_out > 0 else ""
        count = f"{len(edges)} edge{'' if len(edges) == 1 else 's'}"
        parts.append(
            f'<h3>{below.capitalize()} to {above}: {count}</h3><div class="cards">{cards}</div>{more}'
        )
    return section("edges", "Edges", *parts)


def settings_section(settings: Iterable[tuple[str, Any]]) -> str:
    """Name and value of every setting."""
    rows = "".join(f"<dt>{escape(str(key))}</dt><dd>{escape(_plain(value))}</dd>" for key, value in settings)
    return section("settings", "Settings", f'<dl class="settings">{rows}</dl>')


def _facts(report: Report, picture: Picture) -> list[tuple[str, str]]:
    edges = [edge for layer in picture.edges for edge in layer]
    fixed = sum(edge.kind == "symbolic" for edge in edges)
    facts = [("rows", number(picture.rows if report.rows is None else report.rows))]
    facts += [("inputs", number(len(picture.nodes[0]))), ("outputs", number(len(picture.nodes[-1])))]
    facts += [("edges", f"{len(edges)} ({fixed} fixed)" if fixed else number(len(edges)))]
    if report.observed is not None and report.predicted is not None and report.observed.shape[1] == 1:
        rmse, share, _ = errors(report.observed[:, 0], report.predicted[:, 0])
        facts += [("held-out RMSE", number(rmse)), ("held-out R²", number(share))]
    if report.seconds is not None:
        facts.append(("seconds", number(float(report.seconds), 3)))
    return facts


def _card(edge: Edge, picture: Picture) -> str:
    """One edge: its curve, function, range and importance."""
    source = picture.nodes[edge.layer][edge.source].label
    node = picture.nodes[edge.layer + 1][edge.node]
    ends = f"{source} → {node.label}"
    if node.kind == "product":
        ends += f" (factor {node.subnodes.index(edge.target) + 1})"
    low, high = edge.window
    reach = f"{number(float(edge.x[0]))} to {number(float(edge.x[-1]))}"
    label = f"{ends}: {edge.label or 'spline'}, from {reach}, values {number(low)} to {number(high)}"
    rows = (
        ("function", escape(pretty(edge.expression))),
        ("input", reach if edge.x[0] < edge.x[-1] else f"always {number(float(edge.x[0]))}"),
        ("value", f"{number(low)} to {number(high)}" if low < high else f"always {number(low)}"),
        ("share", _share(edge.share, edge.share / edge.importance if edge.importance else 1.0)),
    )
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    return (
        f'<article id="{anchor(edge)}"><h4>{escape(ends)}</h4>{edge_chart(edge, label)}<output></output>'
        f"<dl>{listed}</dl></article>"
    )


def _share(share: float, largest: float, used: bool = True) -> str:
    """A bar as a share of the largest, and the share in per cent."""
    if not used:
        return "not used"
    words = f"{number(100 * share, 2) if share < 0.0995 else round(100 * share)} %"
    return f'<meter min="0" max="1" value="{share / largest:.3f}">{words}</meter>{words}'


def _heads(*names: tuple[str, bool]) -> str:
    return "".join(f'<th scope="col"{" class=n" if right else ""}>{name}</th>' for name, right in names)


def _table(head: str, rows: str) -> str:
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _maybe(value: Any) -> str:
    return "" if value is None else escape(number(float(value) if isinstance(value, np.floating) else value))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return "—" if value is None else str(value)
