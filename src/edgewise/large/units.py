"""Between the table's units and those a module is trained in.

A KAN is trained on inputs scaled to [-1, 1] and, for squared errors, on targets of variance 1; the maps are folded into
it at the end, as ``train`` does. Any other module sees the numbers of the table.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.data import Scales
from edgewise.engines import Engine
from edgewise.large.scales import stream_scales
from edgewise.large.sources import Block, Source
from edgewise.network import KAN


@dataclass(frozen=True)
class Units:
    """``scales`` is None where nothing is scaled; ``kind`` and ``device`` are what floating numbers become."""

    scales: Scales | None
    kind: torch.dtype
    device: torch.device

    @cached_property
    def targets_too(self) -> bool:
        """Whether targets are scaled; class numbers are not."""
        scales = self.scales
        return scales is not None and bool(
            (scales.output_scale != 1).any() or (scales.output_center != 0).any()
        )

    def batch(self, rows: Block) -> tuple[Tensor, Tensor]:
        """Rows as tensors to train on; whole numbers stay whole unless they are scaled."""
        X, y = (torch.from_numpy(np.ascontiguousarray(part)) for part in rows)
        if self.scales is not None:
            X = (X.double() - self.scales.input_center) / self.scales.input_scale
            if self.targets_too:
                y = (y.double() - self.scales.output_center) / self.scales.output_scale
        return self._placed(X), self._placed(y)

    def enter(self, module: nn.Module) -> None:
        """Makes a network speak scaled units, in place."""
        if isinstance(module, KAN) and self.scales is not None:
            plain(self.scales).install(module)

    def leave(self, module: nn.Module) -> None:
        """Makes a network speak the table's units, in place."""
        if isinstance(module, KAN) and self.scales is not None:
            self.scales.install(module)

    def tensors(self) -> dict[str, Tensor]:
        """The scales by name, for a checkpoint."""
        if self.scales is None:
            return {}
        return {f"scales.{f.name}": getattr(self.scales, f.name) for f in fields(Scales)}

    def _placed(self, part: Tensor) -> Tensor:
        return part.to(self.device, self.kind if part.is_floating_point() else part.dtype)


def measured(
    module: nn.Module, source: Source, loss: object, engine: Engine, saved: dict[str, Tensor] | None
) -> Scales | None:
    """The scales to train a module with: saved ones, those of a pass over the table, or none for what is no KAN."""
    if not isinstance(module, KAN):
        return None
    if saved is not None:
        return Scales(**{f.name: saved[f"scales.{f.name}"] for f in fields(Scales)})
    scales = stream_scales(source, engine, module.widths[-1][1])
    if loss == "squared":
        return scales
    unscaled = plain(scales, module.out_features)
    return replace(scales, output_center=unscaled.output_center, output_scale=unscaled.output_scale)


def plain(scales: Scales, outputs: int | None = None) -> Scales:
    """Scales of the same lengths that change nothing."""
    wide = torch.zeros(outputs or len(scales.output_center), dtype=torch.float64)
    deep = torch.zeros_like(scales.input_center)
    return Scales(deep, deep + 1, wide, wide + 1)
