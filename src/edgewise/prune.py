r"""Pruning: a smaller network that says nearly the same, and the list of what went.

Edges go one at a time, the one that moves the outputs least first. A removed edge leaves its mean value behind (a
constant is free to carry: the B-splines of another edge of the same node sum to 1), so only its variation is lost.
Removal stops before the loss leaves the tolerance. A node nothing reads goes with its edges; the last edge into a
node in use stays, so no output is ever cut off. Where a norm or a residual reads all nodes of a level, nodes stay.
"""

import copy
from typing import Any

import torch
from torch import Tensor

from edgewise.data import as_matrix, as_tensors
from edgewise.edges import SplineEdges, SymbolicEdges
from edgewise.errors import InputError
from edgewise.layer import KANLayer
from edgewise.network import KAN, Removed
from edgewise.trace import Trace

_PATIENCE = 10


def prune(network: KAN, X: Any, y: Any = None, *, tolerance: float = 0.01) -> KAN:
    """A smaller network that agrees on rows ``X (n, inputs)``; its ``removed`` lists what went. The given one stays.

    With targets ``y``, the mean square error may grow by at most the share ``tolerance``; without, the mean square
    change of each output may reach at most ``tolerance^2`` of that output's variance, so 0.01 means one part in a
    hundred. Inputs stay, even those that nothing reads.

    Example:
        >>> net = KAN([2, 1], generator=torch.Generator().manual_seed(0))
        >>> net.kan_layers[0].spline.weight.data[1] = 0.0
        >>> prune(net, torch.rand(100, 2)).removed
        (Removed(kind='edge', level=0, source=1, target=0),)
    """
    if not tolerance >= 0:
        raise InputError(f"tolerance={tolerance!r}: expected a share of at least 0, such as 0.01")
    judge = _Judge(network, X, y, tolerance)
    pruned = copy.deepcopy(network)
    gone = _prune_edges(pruned, judge)
    nodes = _unread_nodes(pruned) if network.joins.absent else []
    for level, source in nodes:
        gone += [Removed("edge", level - 1, i, t) for i, t in _edges_into(pruned, level, source)]
    gone += [Removed("node", level, source, None) for level, source in nodes]
    smaller = _without(pruned, nodes)
    smaller.removed = tuple(gone)
    return smaller


class _Judge:
    """Whether a network is still as good as the given one, within the tolerance."""

    def __init__(self, network: KAN, X: Any, y: Any, tolerance: float) -> None:
        kind = network.input_center
        if y is None:
            self.X = as_matrix(X, "X").to(kind)
            with torch.no_grad():
                self.target = network(self.X)
            spread = self.target.var(0, correction=0).clamp(min=torch.finfo(kind.dtype).tiny)
            self.limit = tolerance**2 * spread + (
                8 * torch.finfo(kind.dtype).eps
            ) ** 2 * self.target.square().mean(0)
        else:
            X, y = as_tensors(X, y)
            if y.shape[1] != network.out_features:
                raise InputError(
                    f"a network of {network.out_features} outputs got y with {y.shape[1]} columns"
                )
            self.X, self.target = X.to(kind), y.to(kind)
            floor = (8 * torch.finfo(kind.dtype).eps) ** 2 * self.target.square().mean(0)
            self.limit = (1 + tolerance) * self.errors(network) + floor

    def errors(self, network: KAN) -> Tensor:
        """Mean square error of each output."""
        with torch.no_grad():
            return (network(self.X) - self.target).square().mean(0)

    def accepts(self, network: KAN) -> bool:
        """Whether every output's error is within its limit."""
        return bool((self.errors(network) <= self.limit).all())


def edge_importance(network: KAN, trace: Trace) -> list[Tensor]:
    """For each layer ``(in, out)``: the variance an edge gives its node, handed down from the outputs.

    ``score_io = share_io node_o``, where ``share_io = var(phi_io) / sum_i var(phi_io)`` and a node's score is the
    sum over the edges above it; each output starts with 1.
    """
    scores: list[Tensor] = []
    nodes = torch.ones(network.out_features, dtype=trace.y.dtype)
    for level in range(len(trace.layers), 0, -1):
        sums, products = network.widths[level]
        subnodes = torch.cat([nodes[:sums], nodes[sums:].repeat_interleave(2)]) if products else nodes
        variance = trace.layers[level - 1].curves.var(0, correction=0)
        share = variance / variance.sum(0).clamp(min=torch.finfo(variance.dtype).tiny)
        scores.append(share * subnodes)
        nodes = scores[-1].sum(1)
    return scores[::-1]


def _prune_edges(network: KAN, judge: _Judge) -> list[Removed]:
    """Takes edges away in place, least important first, while the judge accepts."""
    with torch.no_grad():
        trace = network.trace(judge.X)
    scores = edge_importance(network, trace)
    order = sorted((float(scores[p[0]][p[1:]]), p) for p in _living(network))
    gone: list[Removed] = []
    refused = 0
    for _, (level, source, target) in order:
        layer = network.kan_layers[level]
        if len([1 for i in range(layer.in_features) if layer.edge(i, target)]) < 2:
            continue
        trial = copy.deepcopy(network)
        take_away(trial, judge.X, level, source, target)
        if judge.accepts(trial):
            network.layers[level] = trial.kan_layers[level]
            gone.append(Removed("edge", level, source, target))
            refused = 0
        else:
            refused += 1
        if refused >= _PATIENCE:
            break
    return gone


def take_away(network: KAN, X: Tensor, level: int, source: int, target: int) -> None:
    """Removes one edge in place and hands its mean to another edge of the same node, if there is one."""
    layer = network.kan_layers[level]
    with torch.no_grad():
        mean = network.trace(X).layers[level].curves[:, source, target].mean()
    layer.remove_edge(source, target)
    for k, (_, o, _) in enumerate(layer.symbolic.fixed):
        if o == target:
            with torch.no_grad():
                layer.symbolic.constants[k, 3] += mean
            return
    for heir in layer.spline.mask[:, target].nonzero()[:1, 0].tolist():
        with torch.no_grad():
            layer.spline.coef[heir, :, target] += mean


def _living(network: KAN) -> list[tuple[int, int, int]]:
    return [
        (level, i, o)
        for level, layer in enumerate(network.kan_layers)
        for i in range(layer.in_features)
        for o in range(layer.out_features)
        if layer.edge(i, o) is not None
    ]


def _unread_nodes(network: KAN) -> list[tuple[int, int]]:
    """Hidden nodes ``(level, node)`` from which no living path leads up, found from the top down."""
    dead: list[tuple[int, int]] = []
    for level in range(len(network.widths) - 2, 0, -1):
        layer = network.kan_layers[level]
        above = {
            o for o in range(layer.out_features) if (level + 1, _node_of(network, level + 1, o)) not in dead
        }
        for node in range(layer.in_features):
            if not any(layer.edge(node, o) for o in above):
                dead.append((level, node))
    return sorted(dead)


def _node_of(network: KAN, level: int, subnode: int) -> int:
    sums = network.widths[level][0]
    return subnode if subnode < sums else sums + (subnode - sums) // 2


def _subnodes(network: KAN, level: int, node: int) -> tuple[int, ...]:
    sums = network.widths[level][0]
    return (node,) if node < sums else (2 * node - sums, 2 * node - sums + 1)


def _edges_into(network: KAN, level: int, node: int) -> list[tuple[int, int]]:
    layer = network.kan_layers[level - 1]
    targets = _subnodes(network, level, node)
    return [(i, o) for o in targets for i in range(layer.in_features) if layer.edge(i, o) is not None]


def _without(network: KAN, dead: list[tuple[int, int]]) -> KAN:
    """A network without these hidden nodes."""
    keep = [
        [n for n in range(sum(width)) if (level, n) not in dead] for level, width in enumerate(network.widths)
    ]
    smaller = copy.deepcopy(network)
    smaller.widths = tuple(
        (sum(n < width[0] for n in nodes), sum(n >= width[0] for n in nodes))
        for width, nodes in zip(network.widths, keep, strict=True)
    )
    for level, layer in enumerate(network.kan_layers):
        targets = [o for n in keep[level + 1] for o in _subnodes(network, level + 1, n)]
        smaller.layers[level] = _sublayer(layer, keep[level], targets)
    return smaller


def _sublayer(layer: KANLayer, sources: list[int], targets: list[int]) -> KANLayer:
    old, small = layer.spline, copy.deepcopy(layer)
    small.in_features, small.out_features = len(sources), len(targets)
    weight = old.weight.detach()[sources][:, :, targets]
    small.spline = SplineEdges(weight.clone(), old.knots[sources].clone(), old.degree, old.base)
    small.spline.mask.copy_(old.mask[sources][:, targets])
    rows = [k for k, (i, o, _) in enumerate(layer.symbolic.fixed) if i in sources and o in targets]
    fixed = tuple(
        (sources.index(i), targets.index(o), law) for i, o, law in (layer.symbolic.fixed[k] for k in rows)
    )
    small.symbolic = SymbolicEdges(
        len(sources), len(targets), fixed, layer.symbolic.constants.detach()[rows].clone()
    )
    return small
