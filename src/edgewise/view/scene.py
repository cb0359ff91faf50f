"""Everything a page or a notebook shows of a network, as plain JSON: what ``mount(element, scene)`` draws.

========== =================================================================================================
key        holds
========== =================================================================================================
version    of this layout, a whole number
title, status, message, facts   the run in words; facts as pairs of name and value
names      inputs, outputs and symbols (what formulas call the inputs)
levels     for each level its nodes: label, kind, share, used, subnodes, and ``low``, ``high``, ``visits``: the range
           of the batch and its rows in equal bins, in the user's units for inputs and outputs
network    what a browser needs to compute the network, see ``evaluable``; its edges carry ``share``, ``text`` and,
           some of them, ``window`` and ``candidates``
hidden     edges left out because the network has too many, the weakest ones
formulas   from the simplest to the most exact: text, tree, math (nested MathML), latex, python, c, complexity, loss,
           chosen, uses (the symbols in it), values (on ``rows``)
rows       of data: inputs, observed, network (its own predictions), held (whether held out); empty lists without data
data       for each input: low, mean, high, deviation, distinct, quartiles
history    columns of numbers by name
settings, versions, command     what is needed to repeat the run
========== =================================================================================================

Numbers that are not finite are null. Nothing here is markup: every text is shown as text.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgewise.catalogue.tree import tree
from edgewise.data import as_matrix
from edgewise.network import KAN
from edgewise.view.evaluable import evaluable, most_edges
from edgewise.view.mathml import math_tree
from edgewise.view.picture import Edge, Node, Picture, counts, picture
from edgewise.view.report import Formula, Place, Report, checked_report, errors
from edgewise.view.words import number, pretty

if TYPE_CHECKING:
    from edgewise.symbolic.lookalikes import Lookalike

Array = NDArray[np.float64]

VERSION = 1
MOST_ROWS, FEWEST_ROWS, MOST_CELLS = 1000, 20, 20_000


def scene(
    net: KAN,
    X: Any,
    *,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    report: Mapping[str, Any] | None = None,
    compare: int = 0,
) -> dict[str, Any]:
    """A network on a batch as plain JSON; the arguments are those of ``edgewise.view.page``.

    ``compare`` is how many of the strongest edges are held against the catalogue's functions, a tenth of a second
    each, where the report does not say what they look like.

    Example:
        >>> made = scene(KAN([2, 3, 1]), torch.rand(50, 2))
        >>> made["version"], [len(level) for level in made["levels"]], len(made["network"]["layers"][0]["edges"])
        (1, [2, 3, 1], 6)
    """
    made = picture(net, X, feature_names, target_names)
    checked = checked_report(report, net.out_features)
    rows = as_matrix(X, "X").numpy()
    if checked.candidates is None and compare:
        checked = replace(checked, candidates=compared(net, X, made, compare))
    kept = _strongest(made, most_edges(net))
    names = {
        "inputs": [node.label for node in made.nodes[0]],
        "outputs": [node.label for node in made.nodes[-1]],
    }
    names["symbols"] = list(checked.symbols or names["inputs"])
    return finite(
        {
            "version": VERSION,
            "title": str(checked.title),
            "status": str(checked.status),
            "message": str(checked.message),
            "facts": _facts(checked, made),
            "names": names,
            "levels": _levels(made, rows, predictions(net, rows[_spread(len(rows))])),
            "network": _network(net, kept, checked),
            "hidden": sum(map(len, made.edges)) - sum(map(len, kept)),
            "formulas": [_formula(formula, names, checked) for formula in checked.formulas],
            "rows": _rows(net, checked),
            "data": [_column(column) for column in rows.T],
            "history": _history(checked.history),
            "settings": [[str(name), _plain(value)] for name, value in checked.settings.items()],
            "versions": [[str(name), str(value)] for name, value in checked.versions.items()],
            "command": str(checked.command),
        }
    )


def compared(net: KAN, X: Any, made: Picture, most: int) -> "dict[Place, tuple[Lookalike, ...]]":
    """What the splines that matter most look like."""
    from edgewise.symbolic.lookalikes import lookalikes

    return lookalikes(net, X, strongest(made, most))


def strongest(made: Picture, most: int) -> list[Place]:
    """Layer, source and target of the splines that matter most."""
    splines = [
        edge for layer in made.edges for edge in layer if edge.kind == "spline" and edge.importance > 0
    ]
    ranked = sorted(splines, key=lambda edge: -edge.importance)
    return [(edge.layer, edge.source, edge.target) for edge in ranked[:most]]


def finite(value: Any) -> Any:
    """Plain Python values that JSON can hold; numbers that are not finite become None."""
    if isinstance(value, dict):
        return {str(key): finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def predictions(net: KAN, rows: Array) -> Array:
    """The network's outputs ``(n, outputs)`` at rows in the user's units."""
    with torch.no_grad():
        return net(torch.from_numpy(rows).to(net.input_center)).detach().cpu().double().numpy()


def _strongest(made: Picture, most: int) -> list[list[Edge]]:
    """The edges of each layer, without the weakest of all where there are more than ``most``."""
    ranked = sorted((edge for layer in made.edges for edge in layer), key=lambda edge: -edge.importance)
    kept = {id(edge) for edge in ranked[:most]}
    return [[edge for edge in layer if id(edge) in kept] for layer in made.edges]


def _spread(count: int, most: int = MOST_ROWS) -> NDArray[np.intp]:
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.intp)


def _shown(report: Report) -> NDArray[np.intp]:
    """Rows of data on the page: evenly spaced, fewer where a row is long."""
    assert report.observed is not None
    columns = report.observed.shape[1] + (0 if report.inputs is None else report.inputs.shape[1])
    return _spread(len(report.observed), min(MOST_ROWS, max(FEWEST_ROWS, MOST_CELLS // columns)))


def _levels(made: Picture, rows: Array, outputs: Array) -> list[list[dict[str, Any]]]:
    """Nodes with the places where the batch visits them."""
    reach: list[dict[int, tuple[float, float, list[int]]]] = [
        {edge.source: (float(edge.x[0]), float(edge.x[-1]), edge.visits.tolist()) for edge in layer}
        for layer in made.edges
    ]
    reach[0] = {k: _reach(column) for k, column in enumerate(rows.T)}
    reach.append({k: _reach(column) for k, column in enumerate(outputs.T)})
    return [
        [_node(node, *found.get(node.index, (0.0, 0.0, []))) for node in level]
        for level, found in zip(made.nodes, reach, strict=True)
    ]


def _reach(column: Array) -> tuple[float, float, list[int]]:
    kept = column[np.isfinite(column)]
    low, high = (float(kept.min()), float(kept.max())) if kept.size else (0.0, 0.0)
    return low, high, counts(column).tolist()


def _node(node: Node, low: float, high: float, visits: list[int]) -> dict[str, Any]:
    return {
        "label": node.label,
        "kind": node.kind,
        "share": rounded(node.share),
        "used": node.used,
        "subnodes": list(node.subnodes),
        "low": low,
        "high": high,
        "visits": visits,
    }


def _network(net: KAN, kept: list[list[Edge]], report: Report) -> dict[str, Any]:
    """The network to compute, with what is known of its edges beside them."""
    pairs = [np.array([(e.source, e.target) for e in layer], dtype=np.intp).reshape(-1, 2) for layer in kept]
    made = evaluable(net, pairs)
    for layer, edges in zip(made["layers"], kept, strict=True):
        for entry, edge in zip(layer["edges"], edges, strict=True):
            entry |= _edge(edge, report)
    return made


def _edge(edge: Edge, report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {"share": rounded(edge.share)}
    if edge.kind == "symbolic":
        found |= {"text": pretty(edge.label), "expression": pretty(edge.expression), "window": edge.window}
    candidates = (report.candidates or {}).get((edge.layer, edge.source, edge.target))
    if candidates:
        found["candidates"] = [
            {
                "text": pretty(one.text),
                "tree": tree(one.text, ("u", "p")),
                "r2": one.r2,
                "complexity": one.complexity,
                "constants": list(one.constants),
            }
            for one in candidates
        ]
    return found


def _formula(formula: Formula, names: Mapping[str, list[str]], report: Report) -> dict[str, Any]:
    """A formula; one that can be read and comes as text alone is written in the other forms."""
    symbols = names["symbols"]
    try:
        made = tree(formula.right_side, symbols)
        formula = formula if formula.mathml else _written_out(formula, names)
    except ValueError:
        made = None
    return {
        "text": formula.equation or formula.latex,
        "tree": made,
        "uses": sorted(_names_in(made) & set(symbols), key=list(symbols).index),
        "math": math_tree(formula.mathml),
        "latex": formula.latex,
        "python": formula.python,
        "c": formula.c,
        "complexity": formula.complexity,
        "loss": formula.loss,
        "chosen": formula.chosen,
        "values": _values(formula, report),
    }


def _written_out(formula: Formula, names: Mapping[str, list[str]]) -> Formula:
    from edgewise.symbolic import Formula as Readable
    from edgewise.symbolic.forms import forms

    found = forms(Readable(formula.right_side, tuple(names["symbols"])), names["inputs"])
    return replace(formula, **{form: getattr(formula, form) or text for form, text in found.items()})


def _values(formula: Formula, report: Report) -> list[float] | None:
    """What a formula gives at the rows shown; the chosen one may have given the predictions."""
    values = formula.values
    if values is None and formula.chosen and report.predicted is not None:
        values = report.predicted[:, 0].tolist()
    if values is None or report.observed is None or len(values) != len(report.observed):
        return None
    return [rounded(float(values[k]), 8) for k in _shown(report)]


def _names_in(made: Any) -> set[str]:
    """Symbols in a tree: its texts but for the heads of lists."""
    if isinstance(made, str):
        return {made}
    return set().union(*map(_names_in, made[1:])) if isinstance(made, list) else set()


def _rows(net: KAN, report: Report) -> dict[str, Any]:
    """Rows of data: inputs, targets, the network's values, and which were held out; at most ``MOST_ROWS``."""
    if report.observed is None or report.predicted is None:
        return {"inputs": [], "observed": [], "network": [], "held": []}
    keep = _shown(report)
    own = report.predicted[keep] if report.chosen is None else None
    if report.inputs is not None:
        own = predictions(net, report.inputs[keep])
    held = np.ones(len(keep), dtype=bool) if report.held is None else report.held[keep]
    return {
        "inputs": [] if report.inputs is None else _digits(report.inputs[keep]),
        "observed": _digits(report.observed[keep]),
        "network": [] if own is None else _digits(own),
        "held": held.tolist(),
    }


def _digits(rows: Array) -> list[list[float]]:
    return [[rounded(value, 8) for value in row] for row in rows.tolist()]


def rounded(value: float, digits: int = 4) -> float:
    """A number in so many significant digits, which is shorter as text."""
    return float(f"{value:.{digits}g}")


def _column(column: Array) -> dict[str, Any]:
    """One input in a few numbers."""
    mean = float(column.mean())
    low, first, middle, third, high = np.quantile(column, [0, 0.25, 0.5, 0.75, 1]).tolist()
    return {
        "low": low,
        "high": high,
        # The mean of a symmetric column is zero but for rounding.
        "mean": mean if abs(mean) > 1e-12 * (high - low) else 0.0,
        "deviation": float(column.std()),
        "distinct": len(np.unique(column)),
        "quartiles": [first, middle, third],
    }


def _history(steps: Sequence[Mapping[str, float]]) -> dict[str, list[Any]]:
    """Columns by name, of at most ``MOST_ROWS`` steps."""
    if not steps:
        return {}
    keep = _spread(len(steps))
    return {str(name): [_short(steps[k].get(name)) for k in keep] for name in steps[0]}


def _short(value: Any) -> Any:
    return rounded(value, 6) if isinstance(value, float) else value


def _facts(report: Report, made: Picture) -> list[list[str]]:
    """The run in a few numbers."""
    edges = [edge for layer in made.edges for edge in layer]
    fixed = sum(edge.kind == "symbolic" for edge in edges)
    facts = [["rows", number(made.rows if report.rows is None else report.rows)]]
    facts += [["inputs", number(len(made.nodes[0]))], ["outputs", number(len(made.nodes[-1]))]]
    facts += [["edges", f"{len(edges)} ({fixed} fixed)" if fixed else number(len(edges))]]
    if report.judged is not None and report.judged[0].shape[1] == 1:
        rmse, share, _ = errors(report.judged[0][:, 0], report.judged[1][:, 0])
        facts += [["held-out RMSE", number(rmse)], ["held-out R²", number(share)]]
    if report.seconds is not None:
        facts.append(["seconds", number(float(report.seconds), 3)])
    return facts


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return "—" if value is None else str(value)
