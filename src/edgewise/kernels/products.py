"""Matrix products in float32 by oneDNN where torch's own library is slower: on AMD processors MKL takes an AVX2 path.

Measured on one thread of a Zen 5, 1024 rows: ``(1024, 576) @ (576, 64)`` 0.88 ms by MKL, 0.36 ms by oneDNN;
``(1024, 2304) @ (2304, 256)`` 14.1 and 7.2 ms. Below two million operations oneDNN's own overhead, about 0.015 ms,
takes the gain back: ``(256, 144) @ (144, 16)`` 0.020 and 0.026 ms.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

FROM_OPERATIONS = 2_000_000


def product(a: Tensor, b: Tensor) -> Tensor:
    """``a (n, k) @ b (k, m)``; records no gradient. Fastest where ``a`` is contiguous."""
    operations = 2 * a.shape[0] * a.shape[1] * b.shape[1]
    if a.dtype == torch.float32 and a.device.type == "cpu" and operations >= FROM_OPERATIONS:
        linear = _onednn() if torch._C._get_mkldnn_enabled() else None
        if linear is not None:
            return linear(a, b.mT, None, "none", [], "")
    return a @ b


@functools.cache
def _onednn() -> Callable[..., Tensor] | None:
    """The operator behind torch's fused linear layers, ``x @ w.T``, where this torch has it and it computes that."""
    try:
        linear = torch.ops.mkldnn._linear_pointwise.default
        kind = {"dtype": torch.float32, "device": "cpu"}
        a, b = torch.arange(6, **kind).view(2, 3), torch.arange(12, **kind).view(4, 3)
        works = torch.equal(linear(a, b, None, "none", [], ""), a @ b.mT)
    except (AttributeError, RuntimeError, TypeError):
        return None
    return linear if works else None
