r"""A network as plain data: nodes, the curve of every living edge, and how much each edge matters (see ``shares``).

Nothing here draws, and nothing here keeps the network or the batch alive.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from edgewise.data import as_matrix
from edgewise.errors import InputError
from edgewise.layer import KANLayer
from edgewise.network import KAN
from edgewise.trace import LayerTrace
from edgewise.view.shares import edge_shares, living, numbers

Array = NDArray[np.float64]

POINTS = 81
BINS = 24
MOST_ROWS, FEWEST_ROWS, MOST_VALUES = 10_000, 200, 20_000_000


@dataclass(frozen=True)
class Node:
    """A place where edges meet.

    ``x`` and ``y`` lie in [0, 1], inputs at ``y = 0`` and outputs at ``y = 1``. ``subnodes`` numbers the sums that
    feed it: none for an input, one for a sum, two for a product. ``share`` is its part of the outputs' variation.
    """

    level: int
    index: int
    kind: Literal["input", "sum", "product"]
    label: str
    x: float
    y: float
    subnodes: tuple[int, ...]
    share: float
    used: bool


@dataclass(frozen=True, eq=False)
class Edge:
    """A living edge from node ``source`` of level ``layer`` to sub-node ``target`` of node ``node`` one level up.

    ``y = phi(x)`` at ``POINTS`` places over the range the batch visits: ``x`` in the user's units on layer 0 and in
    the network's elsewhere, ``y`` in the network's. ``window`` is the range of ``y`` worth drawing (a pole between
    two rows is not). ``visits`` counts the rows in ``BINS`` equal bins of that range. ``label`` is the catalogue
    function's text, empty for a spline; ``expression`` says the same with its constants, in the units of ``x``.
    """

    layer: int
    source: int
    target: int
    node: int
    kind: Literal["spline", "symbolic"]
    label: str
    expression: str
    x: Array
    y: Array
    window: tuple[float, float]
    visits: NDArray[np.int64]
    share: float
    importance: float


@dataclass(frozen=True, eq=False)
class Picture:
    """A network and a batch as plain data: ``nodes`` by level, ``edges`` by layer, the batch as ``rows`` by inputs."""

    nodes: tuple[tuple[Node, ...], ...]
    edges: tuple[tuple[Edge, ...], ...]
    rows: int


def picture(
    net: KAN, X: Any, feature_names: Sequence[str] | None = None, target_names: Sequence[str] | None = None
) -> Picture:
    """What a network does with a batch, as plain data.

    Args:
        net: the network; neither changed nor remembered.
        X: the batch ``(rows, inputs)`` in the user's units: tensor, array, list or data frame. Of a large batch a
            regular selection is used, the extreme rows of every input among them.
        feature_names: one for each input; a data frame's own columns, or ``x1, x2, ...``, when left out.
        target_names: one for each output; ``y``, or ``y1, y2, ...``, when left out.

    Example:
        >>> made = picture(KAN([2, 3, 1]), torch.rand(50, 2))
        >>> [len(level) for level in made.nodes], [len(layer) for layer in made.edges]
        ([2, 3, 1], [6, 3])
    """
    names = feature_names if feature_names is not None else getattr(X, "columns", None)
    inputs = checked_names("feature_names", names, net.in_features, "x", "inputs")
    outputs = checked_names("target_names", target_names, net.out_features, "y", "outputs")
    rows = as_matrix(X, "X")
    with torch.no_grad():
        trace = net.trace(_thinned(rows, net).to(net.input_center))
        shares, parts = edge_shares(net, trace)
        edges = [
            _edges(net, number, record, share)
            for number, (record, share) in enumerate(zip(trace.layers, shares, strict=True))
        ]
    return Picture(_nodes(net, inputs, outputs, edges, parts), tuple(edges), len(rows))


def checked_names(
    argument: str, names: Sequence[str] | None, count: int, letter: str, what: str
) -> tuple[str, ...]:
    """One printable name for each of ``count`` columns, made up from ``letter`` when there are none."""
    if names is None:
        return (letter,) if count == 1 and letter == "y" else tuple(f"{letter}{k + 1}" for k in range(count))
    if isinstance(names, str):
        raise InputError(f"{argument}={names!r}: expected a list of {count} names, such as [{names!r}]")
    cleaned = tuple(_printable(str(name)) for name in names)
    if len(cleaned) != count:
        raise InputError(
            f"{argument} has {len(cleaned)} names and the network {count} {what}; give one for each"
        )
    return cleaned


def _printable(name: str) -> str:
    """One line without control characters, which no font shows and XML forbids."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())


def _thinned(rows: Tensor, net: KAN) -> Tensor:
    """At most ``MOST_ROWS`` rows, fewer for a wide network: evenly spaced ones and every input's extremes."""
    widest = max(layer.in_features * layer.out_features for layer in net.kan_layers)
    limit = min(MOST_ROWS, max(FEWEST_ROWS, MOST_VALUES // widest))
    if len(rows) <= limit:
        return rows
    even = torch.linspace(0, len(rows) - 1, limit).long()
    return rows[torch.cat([even, rows.argmin(0), rows.argmax(0)]).unique()]


def _edges(
    net: KAN, number: int, record: LayerTrace, share: Float[Array, "inputs subnodes"]
) -> tuple[Edge, ...]:
    """Every living edge of one layer, by source and then by target."""
    layer, inputs = net.kan_layers[number], numbers(record.inputs)
    places = torch.from_numpy(np.linspace(*_reach(inputs), POINTS)).to(record.inputs)
    y, seen = numbers(layer.curves(places)), numbers(record.curves)
    x, scale, center = numbers(places), np.ones(inputs.shape[1]), np.zeros(inputs.shape[1])
    if number == 0:
        scale, center = numbers(net.input_scale), numbers(net.input_center)
        x = x * scale + center
    visits = [counts(column) for column in inputs.T]
    fixed = {(i, o): k for k, (i, o, _) in enumerate(layer.symbolic.fixed)}
    largest = share.max() or 1.0
    node_of = _node_of(net.widths[number + 1])
    made = []
    for i, o in np.argwhere(living(layer)).tolist():
        law = layer.symbolic.fixed[fixed[i, o]][2] if (i, o) in fixed else None
        made.append(
            Edge(
                layer=number,
                source=i,
                target=o,
                node=node_of[o],
                kind="symbolic" if law else "spline",
                label=law.text if law else "",
                expression=_expression(layer, fixed.get((i, o)), scale[i], center[i]),
                x=_frozen(x[:, i]),
                y=_frozen(y[:, i, o]),
                window=_window(y[:, i, o], seen[:, i, o] if law else None),
                visits=visits[i],
                share=float(share[i, o]),
                importance=float(share[i, o] / largest),
            )
        )
    return tuple(made)


def _frozen(values: Array) -> Array:
    own = values.copy()
    own.flags.writeable = False
    return own


def _reach(inputs: Array) -> tuple[Array, Array]:
    """Lowest and highest finite input of each column; zeros for a column without any."""
    finite = np.isfinite(inputs)
    low = np.where(finite, inputs, np.inf).min(0)
    high = np.where(finite, inputs, -np.inf).max(0)
    none = ~finite.any(0)
    return np.where(none, 0.0, low), np.where(none, 0.0, high)


def counts(column: Array) -> NDArray[np.int64]:
    """Rows in each of ``BINS`` bins between the lowest and the highest; all in the middle when they agree."""
    kept = column[np.isfinite(column)]
    found = np.zeros(BINS, dtype=np.int64)
    if kept.size and kept.max() / 2 - kept.min() / 2 > 0:
        share = (kept / 2 - kept.min() / 2) / (kept.max() / 2 - kept.min() / 2)
        np.add.at(found, np.minimum((share * BINS).astype(np.int64), BINS - 1), 1)
    else:
        found[BINS // 2] = kept.size
    found.flags.writeable = False
    return found


def _window(curve: Array, seen: Array | None) -> tuple[float, float]:
    """The curve's own range, or that of the values ``seen`` in the batch when the curve has a pole beyond them."""
    low, high = _range(curve)
    if seen is None:
        return low, high
    bottom, top = _range(seen)
    return (low, high) if high / 4 - low / 4 <= top - bottom else (bottom, top)


def _range(values: Array) -> tuple[float, float]:
    kept = values[np.isfinite(values)]
    return (float(kept.min()), float(kept.max())) if kept.size else (0.0, 0.0)


def _expression(layer: KANLayer, fixed: int | None, scale: float, center: float) -> str:
    """The edge's function in words, with ``x`` in the units of the edge's ``x``."""
    if fixed is None:
        spline = layer.spline
        base = f" plus {spline.base}" if spline.base else ""
        return f"spline of degree {spline.degree} on {spline.intervals} intervals{base}"
    a, b, c, d, p = layer.symbolic.constants[fixed].detach().cpu().double().tolist()
    law = layer.symbolic.fixed[fixed][2]
    exponent = f", p = {p:.4g}" if "p" in law.free else ""
    inner = affine("x", a / scale, b - a * center / scale)
    if inner == "x":
        return affine(re.sub(r"\bu\b", "x", law.text), c, d) + exponent
    return f"{affine(law.text, c, d)}, u = {inner}{exponent}"


def affine(text: str, factor: float, shift: float) -> str:
    """``factor * text + shift`` without the parts that say nothing.

    Example:
        >>> affine("u", 1, -0.25), affine("1/u", 2, 0), affine("sin(u)", -1, 3)
        ('u - 0.25', '2*(1/u)', '-sin(u) + 3')
    """
    times = f"{factor:.4g}"
    if times not in ("1", "-1"):
        text = f"{times}*{text}" if re.match(r"\w+$|\w+\(.*\)$|u\*\*", text) else f"{times}*({text})"
    elif times == "-1":
        text = f"-{text}" if re.match(r"\w", text) else f"-({text})"
    size = f"{abs(shift):.4g}"
    return text if size == "0" else f"{text} {'-' if shift < 0 else '+'} {size}"


def _node_of(width: tuple[int, int]) -> list[int]:
    """The node each sub-node belongs to."""
    sums, products = width
    return [*range(sums), *(sums + k // 2 for k in range(2 * products))]


def _nodes(
    net: KAN,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    edges: list[tuple[Edge, ...]],
    parts: list[Array],
) -> tuple[tuple[Node, ...], ...]:
    top = len(net.widths) - 1
    levels = []
    for level, (sums, products) in enumerate(net.widths):
        count, used = sums + products, _used(level, edges)
        hidden = tuple(f"{level}.{k + 1}" for k in range(count))
        labels = inputs if level == 0 else outputs if level == top else hidden
        fed = [(k,) for k in range(sums)] + [(sums + 2 * k, sums + 2 * k + 1) for k in range(products)]
        kinds = ["input" if level == 0 else "sum"] * sums + ["product"] * products
        levels.append(
            tuple(
                Node(
                    level=level,
                    index=k,
                    kind=kinds[k],  # pyright: ignore[reportArgumentType]
                    label=labels[k],
                    x=(k + 0.5) / count,
                    y=level / top,
                    subnodes=() if level == 0 else fed[k],
                    share=float(parts[level][k]),
                    used=k in used,
                )
                for k in range(count)
            )
        )
    return tuple(levels)


def _used(level: int, edges: list[tuple[Edge, ...]]) -> set[int]:
    """Nodes of a level that an edge leaves, or, among the outputs, reaches."""
    if level < len(edges):
        return {edge.source for edge in edges[level]}
    return {edge.node for edge in edges[-1]}
