r"""Is it still a KAN? The share of the splines in what its layers do, and the damage of taking them away.

share  = sum_l E[s_l^2] / sum_l ( E[s_l^2] + E[b_l^2] )      s_l the splines' part of a layer's outputs, b_l the rest
damage = log10 ( error without splines / error )
"""

import copy
from collections.abc import Callable
from math import log10
from typing import TypedDict, TypeVar

import torch
from torch import Tensor, nn

from edgewise.layer import KANLayer

Module = TypeVar("Module", bound=nn.Module)


class SplineFigures(TypedDict):
    """Of an outcome, by its names."""

    spline_share: float | None
    spline_damage: float | None


def spline_figures(
    module: Module, forward: Callable[[], object], error: Callable[[Module], float]
) -> SplineFigures:
    """``spline_share`` over ``forward`` and ``spline_damage`` of ``error``, as an outcome takes them.

    Errors are positive. Both are None where the module has no KAN layers.
    """
    share = spline_share(module, forward)
    if share is None:
        return {"spline_share": None, "spline_damage": None}
    return {"spline_share": share, "spline_damage": log10(error(without_splines(module)) / error(module))}


def spline_share(module: nn.Module, forward: Callable[[], object]) -> float | None:
    """The share over one call of ``forward``, which runs the module on data; None where it has no KAN layers."""
    energies = torch.zeros(2, dtype=torch.float64)

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, KANLayer)
        rest = bare[layer].forward(inputs[0])
        for place, part in enumerate((output - rest, rest)):
            energies[place] += part.double().square().mean()

    layers = [layer for layer in module.modules() if isinstance(layer, KANLayer)]
    bare = {layer: without_splines(layer) for layer in layers}
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            forward()
    finally:
        for handle in handles:
            handle.remove()
    total = float(energies.sum())
    return float(energies[0]) / total if total > 0 else None


def without_splines(module: Module) -> Module:
    """A copy whose spline coefficients are 0."""
    bare = copy.deepcopy(module)
    with torch.no_grad():
        for layer in bare.modules():
            if isinstance(layer, KANLayer):
                layer.spline.coef.zero_()
    return bare
