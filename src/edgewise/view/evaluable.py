"""A network as plain JSON from which a browser computes the same numbers: knots, weights, functions, scales, joins.

Numbers travel as the bytes of little-endian float64 in base64, exact to the last bit. Edges that do not live are not
there. A network too large for a page sends its strongest edges and says that it is not ``complete``; such a one can be
looked at and not evaluated.
"""

from base64 import b64encode
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgewise.catalogue import Function
from edgewise.catalogue.tree import tree
from edgewise.joins import Joins
from edgewise.layer import KANLayer
from edgewise.network import KAN
from edgewise.view.shares import living

MOST_BYTES = 850_000
_BYTES_OF_EDGE, _BYTES_OF_NUMBER = 60, 11
Pairs = NDArray[np.intp]


def evaluable(net: KAN, pairs: list[Pairs]) -> dict[str, Any]:
    """The network with the edges ``pairs[layer] (edges, 2)``, rows of source and target; see the module's page."""
    living_edges = sum(int(living(layer).sum()) for layer in net.kan_layers)
    laws = _laws(net)
    return {
        "widths": [list(width) for width in net.widths],
        "complete": sum(map(len, pairs)) == living_edges and all(law["tree"] for law in laws.values()),
        "input": {"center": packed(net.input_center), "scale": packed(net.input_scale)},
        "output": {"center": packed(net.output_center), "scale": packed(net.output_scale)},
        "joins": _joins(net.joins),
        "laws": laws,
        "layers": [_layer(layer, rows) for layer, rows in zip(net.kan_layers, pairs, strict=True)],
    }


def packed(values: Tensor | NDArray[Any]) -> str:
    """Numbers as float64 in base64."""
    array = values.detach().cpu().double().numpy() if isinstance(values, Tensor) else values
    return b64encode(np.ascontiguousarray(array, dtype="<f8").tobytes()).decode()


def most_edges(net: KAN) -> int:
    """How many edges of this network fit on a page."""
    features = max(layer.spline.weight.shape[1] for layer in net.kan_layers)
    return MOST_BYTES // (_BYTES_OF_EDGE + _BYTES_OF_NUMBER * features)


def _laws(net: KAN) -> dict[str, dict[str, Any]]:
    """Every function that an edge is fixed to, by name: its text and its tree, None where it has none."""
    layers = (*net.kan_layers, *net.joins.gate_layers)
    laws = {law.name: law for layer in layers for _, _, law in layer.symbolic.fixed}
    return {name: {"text": law.text, "tree": _tree(law)} for name, law in laws.items()}


def _tree(law: Function) -> Any:
    try:
        return tree(law.text, ("u", "p"))
    except ValueError:
        return None


def _joins(joins: Joins) -> dict[str, Any] | None:
    """What happens between layers; None where nothing does."""
    if joins.absent:
        return None
    return {
        "norm": joins.norm,
        "residual": joins.residual,
        "centre": joins.centre,
        "scale": joins.scale,
        "factor": joins.factor,
        "mix": [] if joins.mix is None else joins.mix.detach().double().tolist(),
        "gates": [_layer(gate, np.argwhere(living(gate))) for gate in joins.gate_layers],
    }


def _layer(layer: KANLayer, pairs: Pairs) -> dict[str, Any]:
    """One layer: a row of weights for each edge, zeros where it is fixed, and what fixed ones are fixed to."""
    spline = layer.spline
    fixed = {(i, o): k for k, (i, o, _) in enumerate(layer.symbolic.fixed)}
    with torch.no_grad():
        alive = (spline.weight * spline.mask[:, None, :]).cpu().double().numpy()
    source, target = pairs.T
    return {
        "degree": spline.degree,
        "base": spline.base,
        "intervals": spline.intervals,
        "outputs": layer.out_features,
        "knots": packed(spline.knots),
        "weights": packed(alive[source, :, target]),
        "edges": [_edge(layer, i, o, fixed.get((i, o))) for i, o in pairs.tolist()],
    }


def _edge(layer: KANLayer, source: int, target: int, fixed: int | None) -> dict[str, Any]:
    edge: dict[str, Any] = {"source": source, "target": target}
    if fixed is not None:
        edge["law"] = layer.symbolic.fixed[fixed][2].name
        edge["constants"] = layer.symbolic.constants[fixed].detach().double().tolist()
    return edge
