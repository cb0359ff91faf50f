"""Room for the gradients of large layers, taken from the step before.

A training step drops its gradients and asks for as much memory again. Above a megabyte the system may give fresh pages
every time, and clearing them takes as long as the kernel itself. So the memory of a weight's last gradient is kept
for the next one, and given out again only when nobody holds it any more.
"""

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

LARGE = 1 << 20
_KEPT: WeakIdKeyDictionary = WeakIdKeyDictionary()


def room_for_gradient(weight: Tensor) -> Tensor:
    """An uninitialised tensor like ``weight``, dense, without a gradient of its own."""
    if weight.nbytes < LARGE:
        return torch.empty(weight.shape, dtype=weight.dtype)
    kept = _KEPT.pop(weight, None)
    if kept is None or kept.shape != weight.shape or kept.dtype != weight.dtype or _is_held(kept):
        kept = torch.empty(weight.shape, dtype=weight.dtype)
    _KEPT[weight] = kept
    return kept.detach()


def _is_held(kept: Tensor) -> bool:
    """Whether anything but ``kept`` and the asking itself refers to the memory."""
    return torch._C._storage_Use_Count(kept.untyped_storage()._cdata) > 2  # type: ignore[attr-defined]
