r"""What keeps a network simple: scalar functions of a ``Trace``, or of coefficients, to add to a loss.

With ``|phi|_e`` the root mean square of edge ``e`` over the rows, and ``q_e`` its share of its layer's total,

    sparsity = sum_e |phi|_e,      entropy = - sum_e q_e log q_e,      both summed over layers.

Where rows are spread over several processes, ``average`` turns this process's mean squares into those of all rows.

Source: Liu et al., *KAN: Kolmogorov-Arnold Networks*, arXiv 2404.19756, section 2.5.1 (with rms for mean size).
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from edgewise.layer import KANLayer
from edgewise.trace import Trace

_TINY = 1e-12
Average = Callable[[Tensor], Tensor]


def edge_sizes(curves: Tensor, average: Average | None = None) -> Tensor:
    """Root mean square of each edge over the rows: ``(n, in, out)`` to ``(in, out)``, smooth at zero."""
    squares = curves.pow(2).mean(0)
    return ((average(squares) if average else squares) + _TINY**2).sqrt()


def sparsity(trace: Trace, average: Average | None = None) -> Tensor:
    """Sum of all edge sizes."""
    return torch.stack([edge_sizes(layer.curves, average).sum() for layer in trace.layers]).sum()


def entropy(trace: Trace, average: Average | None = None) -> Tensor:
    """Entropy of the shares of the edges, layer by layer: low when few edges carry a layer."""
    parts = []
    for layer in trace.layers:
        sizes = edge_sizes(layer.curves, average).flatten()
        share = sizes / (sizes.sum() + _TINY)
        parts.append(-(share * (share + _TINY).log()).sum())
    return torch.stack(parts).sum()


def smoothness(layers: Iterable[KANLayer]) -> Tensor:
    """Sum of squared second differences of all spline coefficients of a network's layers."""
    parts = [
        (layer.spline.coef.diff(n=2, dim=1) * layer.spline.mask[:, None, :]).pow(2).sum() for layer in layers
    ]
    return torch.stack(parts).sum()
