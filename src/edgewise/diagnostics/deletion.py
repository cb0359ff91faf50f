r"""What a network loses without its splines: the base functions stay, the spline coefficients become zero.

    change = ( mean_o  mean (y_o' - y_o)^2 / var y_o )^(1/2)

with ``y'`` the outputs without the splines: 0 when nobody would notice, about 1 when nothing is left.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.layer import KANLayer
from edgewise.network import KAN


@dataclass(frozen=True)
class Deletion:
    """The relative ``change`` of the outputs, and the mean square error left if there were targets."""

    change: float
    loss: float | None


def deletions(
    network: KAN, X: Float[Tensor, "n inputs"], y: Float[Tensor, "n outputs"] | None = None
) -> tuple[Deletion, ...]:
    """Every layer's splines deleted in turn; the network stays as it is."""
    return tuple(deletion(network, X, y, levels=(level,)) for level in range(len(network.layers)))


def deletion(
    network: KAN,
    X: Float[Tensor, "n inputs"],
    y: Float[Tensor, "n outputs"] | None = None,
    *,
    levels: Iterable[int] | None = None,
) -> Deletion:
    """The splines of these layers deleted together, counted from 0; those of all layers for None.

    Example:
        >>> net = KAN([2, 3, 1])
        >>> with torch.no_grad():
        ...     net.kan_layers[0].spline.coef.zero_()
        tensor(...)
        >>> deletion(net, torch.rand(10, 2), levels=[0]).change
        0.0
    """
    changed = _without_splines(network, range(len(network.layers)) if levels is None else levels)
    with torch.no_grad():
        before, after = network(X).double(), changed(X).double()
    variance = before.var(0, correction=0).clamp(min=torch.finfo(torch.float64).tiny)
    change = float(((after - before).square().mean(0) / variance).mean().sqrt())
    return Deletion(change, None if y is None else float((after - y).square().mean()))


def _without_splines(network: KAN, levels: Iterable[int]) -> KAN:
    """The network with other layers in these places, sharing all the rest."""
    changed = copy.copy(network)
    layers = list(network.kan_layers)
    for level in levels:
        layers[level] = _splineless(layers[level])
    changed._modules = {**network._modules, "layers": torch.nn.ModuleList(layers)}
    return changed


def _splineless(layer: KANLayer) -> KANLayer:
    bare = copy.deepcopy(layer)
    with torch.no_grad():
        bare.spline.coef.zero_()
    return bare
