r"""From a user's arrays to tensors a network can learn from: checks, scales and splits.

Scaling lives here and nowhere else. An input column becomes ``(x - centre) / (1.02 half-range)``, so it fills
[-1, 1] but for a margin in which new rows still meet the spline and not its linear continuation; a target becomes
``(y - mean) / deviation``. ``Scales.install`` writes the maps into a network, which from then on speaks the user's
units.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from edgewise.errors import InputError

if TYPE_CHECKING:
    from edgewise.network import KAN

LARGEST = 1e150
MARGIN = 0.02


@dataclass(frozen=True)
class Scales:
    """Affine maps between the user's units and the network's, as float64 tensors."""

    input_center: Float[Tensor, " inputs"]
    input_scale: Float[Tensor, " inputs"]
    output_center: Float[Tensor, " outputs"]
    output_scale: Float[Tensor, " outputs"]

    def install(self, network: "KAN") -> None:
        """Writes the maps into a network, in place."""
        with torch.no_grad():
            for name in ("input_center", "input_scale", "output_center", "output_scale"):
                getattr(network, name).copy_(getattr(self, name))


def as_tensors(X: Any, y: Any) -> tuple[Float[Tensor, "n inputs"], Float[Tensor, "n outputs"]]:
    """Arrays, frames, lists or tensors as two float64 matrices of equally many rows.

    Raises ``InputError`` for text, NaN, infinities, values beyond 1e150, no rows, or unequal lengths.
    """
    inputs, targets = as_matrix(X, "X"), as_matrix(y, "y")
    if inputs.shape[0] != targets.shape[0]:
        raise InputError(
            f"X has {inputs.shape[0]} rows and y has {targets.shape[0]}: every row needs its target"
        )
    return inputs, targets


def as_matrix(values: Any, name: str) -> Float[Tensor, "n columns"]:
    """One array as a float64 matrix; a vector becomes a column when it is ``y`` and is refused when it is ``X``."""
    try:
        if isinstance(values, Tensor):
            values = values.detach().cpu()
            values = (values if values.is_complex() else values.double()).numpy()
        if np.iscomplexobj(values):
            raise TypeError
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} holds something that is not a number; keep numeric columns only") from None
    if array.ndim == 1 and name == "y":
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(
            f"{name} has shape {array.shape}: expected rows and columns; try {name}.reshape(-1, 1)"
        )
    if 0 in array.shape:
        raise InputError(f"{name} has shape {array.shape}: nothing to learn from")
    bad = ~np.isfinite(array)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"{name} holds NaN or infinity in {int(bad.sum())} cells, first at row {row}, column {column}; "
            "drop or fill those rows"
        )
    if np.abs(array).max() > LARGEST:
        raise InputError(f"{name} reaches {np.abs(array).max():.3g}, beyond {LARGEST:g}; use other units")
    return torch.from_numpy(array)


def measure(X: Float[Tensor, "n inputs"], y: Float[Tensor, "n outputs"], products: int = 0) -> Scales:
    """The scales of a table: mid-range and half-range of inputs, mean and deviation of targets.

    The last ``products`` targets come from product nodes: a shift would spoil the product, so theirs is 0 and their
    scale the root mean square.

    A constant column keeps a scale of its own size (or 1), so it maps to zero and nothing divides by zero.
    """
    mean = y.mean(0)
    mean[y.shape[1] - products :] = 0.0
    return scales_of(X.amin(0), X.amax(0), mean, (y - mean).pow(2).mean(0).sqrt())


def scales_of(
    low: Float[Tensor, " inputs"],
    high: Float[Tensor, " inputs"],
    mean: Float[Tensor, " outputs"],
    deviation: Float[Tensor, " outputs"],
) -> Scales:
    """The scales of a table of which only the ranges of the inputs and two moments of the targets are known."""
    center = low / 2 + high / 2
    return Scales(
        center,
        _or_own_size((high / 2 - low / 2) * (1 + MARGIN), center),
        mean,
        _or_own_size(deviation, mean),
    )


def split_rows(
    rows: int, share: float, generator: torch.Generator
) -> tuple[Int[Tensor, " kept"], Int[Tensor, " held"]]:
    """A random split of row numbers into ``(kept, held)`` with about ``share`` held; at least one is kept."""
    order = torch.randperm(rows, generator=generator)
    held = min(round(rows * share), rows - 1)
    return order[held:].sort().values, order[:held].sort().values


def _or_own_size(spread: Tensor, center: Tensor) -> Tensor:
    smallest = center.abs() * 1e-14
    own = torch.where(center == 0, torch.ones_like(center), center.abs())
    return torch.where(spread > smallest, spread, own)
