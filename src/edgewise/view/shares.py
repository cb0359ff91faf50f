r"""How much each edge matters to the outputs, told from one batch.

**Share.** How much of the outputs' variation passes through an edge, told from the outputs downwards. Every output
starts with the same part of 1. A sub-node hands its part to the edges below it in proportion to their standard
deviations over the batch, and a node's part is what the edges above it received:

    share_io = part_o  sd(phi_io) / sum_i' sd(phi_i'o),        part_i = sum_o share_io.

A product ``p = a b`` hands its part to ``a`` and ``b`` as ``sd(a) rms(b) : sd(b) rms(a)``, the first-order variation
each causes. So the shares of a layer sum to 1 (less where an output does not vary at all), and edges that cancel
each other cannot exceed it.

**Importance** is the share divided by the largest share of the layer: 1 for the strongest edge, 0 for an edge whose
value never changes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgewise.layer import KANLayer
from edgewise.network import KAN
from edgewise.trace import Trace

Array = NDArray[np.float64]


def edge_shares(net: KAN, trace: Trace) -> tuple[list[Array], list[Array]]:
    """Shares ``(in, subnodes)`` of every layer and parts ``(nodes,)`` of every level; see the module's page."""
    noise = 16 * torch.finfo(net.input_center.dtype).eps
    part = np.full(net.out_features, 1.0 / net.out_features)
    shares, parts = [], [part]
    for level in range(len(trace.layers), 0, -1):
        curves = numbers(trace.layers[level - 1].curves)
        subnodes = np.nan_to_num(curves, posinf=0.0, neginf=0.0).sum(1)
        spread = _deviation(curves, noise) * living(net.kan_layers[level - 1])
        share = _shared_out(spread, _through_products(part, subnodes, net.widths[level], noise))
        part = share.sum(1)
        shares, parts = [share, *shares], [part, *parts]
    return shares, parts


def living(layer: KANLayer) -> NDArray[np.bool_]:
    """Which edges ``(in, subnodes)`` of a layer live: splines not masked away, and fixed functions."""
    alive = layer.spline.mask.detach().cpu().numpy() != 0
    for source, target, _ in layer.symbolic.fixed:
        alive[source, target] = True
    return alive


def numbers(tensor: Tensor) -> Array:
    """A tensor as a float64 array, wherever it lives."""
    return tensor.detach().cpu().double().numpy()


def _deviation(values: Array, noise: float) -> Array:
    """Standard deviation over the finite rows, ``(n, ...)`` to ``(...)``; rounding noise counts as none."""
    finite = np.isfinite(values)
    kept = np.where(finite, values, 0.0)
    size = np.abs(kept).max(0)
    kept = kept / np.where(size > 0, size, 1.0)
    count = np.maximum(finite.sum(0), 1)
    off = np.where(finite, kept - kept.sum(0) / count, 0.0)
    spread = np.sqrt((off**2).sum(0) / count)
    return np.where(spread > noise, spread * size, 0.0)


def _shared_out(weights: Array, parts: Array) -> Array:
    """``parts (k,)`` divided over the rows of ``weights (m, k)``; a column without weight hands nothing down."""
    total = weights.sum(0)
    return weights / np.where(total > 0, total, 1.0) * parts


def _through_products(part: Array, subnodes: Array, width: tuple[int, int], noise: float) -> Array:
    """The parts of nodes handed to their sub-nodes: whole to a sum, in two to the factors of a product."""
    sums, products = width
    if not products:
        return part
    factors = subnodes[:, sums:].reshape(len(subnodes), products, 2)
    factors = factors / np.maximum(np.abs(factors).max(0), np.finfo(np.float64).tiny)
    weights = _deviation(factors, noise) * np.sqrt((factors**2).mean(0))[:, ::-1]
    return np.concatenate([part[:sums], _shared_out(weights.T, part[sums:]).T.ravel()])
