r"""A whole narrow network in one compiled call: outputs, loss and gradient, Jacobian.

Between two layers of a narrow network there is so little to do that calling it costs more than doing it. Here rows
climb through all layers in blocks that stay in a near cache, and what they leave behind serves the way down. Weights
come as one vector, laid out like ``free`` (edge by edge, without dead ones) or like ``weights`` (layer by layer,
``(in, features, out)``).
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.errors import InputError
from edgewise.kernels import DEGREES, compiled, which

WIDEST = 32


class Bundle(NamedTuple):
    """One layer: ``knots (in, knots)``, ``mask (in, out)``, and the sums and products its outputs make."""

    knots: Tensor
    mask: Tensor
    sums: int
    products: int
    base: str | None


class _Level(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("inputs", "sums", "products", "knot_count", "stride", "base")),
        ("knots", ctypes.c_void_p),
        ("place", ctypes.c_void_p),
    )


class _Network(ctypes.Structure):
    _fields_ = (
        ("depth", ctypes.c_int64),
        ("levels", ctypes.POINTER(_Level)),
        *((f"{end}_{part}", ctypes.c_void_p) for end in ("input", "output") for part in ("center", "scale")),
    )


_DESCENT = (*[ctypes.c_void_p] * 8, *[ctypes.c_int64] * 2, *[ctypes.c_int] * 2)
_JACOBIAN = (*[ctypes.c_void_p] * 5, *[ctypes.c_int64] * 2, *[ctypes.c_int] * 2)
_GRAM = (*[ctypes.c_void_p] * 4, *[ctypes.c_int64] * 2, *[ctypes.c_int] * 2)


def serves(bundles: Sequence[Bundle], degrees: set[int]) -> bool:
    """Whether one call can take the network, and is faster than layer after layer."""
    if len(degrees) != 1 or not degrees <= set(DEGREES):
        return False
    dtype = bundles[0].knots.dtype
    for bundle in bundles:
        if any(t.device.type != "cpu" or t.dtype != dtype for t in (bundle.knots, bundle.mask)):
            return False
        if (bundle.base or "") not in compiled.BASES or max(bundle.mask.shape) > WIDEST:
            return False
        if not bool(((bundle.mask == 0) | (bundle.mask == 1)).all()):
            return False
    return dtype in compiled.DTYPES and which()[0] == "compiled"


class FusedNetwork:
    """A network's structure, prepared for calls that bring weights and rows.

    ``maps`` are centre and scale of the inputs and of the outputs, ``x -> (x - center) / scale`` at the entrance and
    ``y -> y scale + center`` at the exit; without them the network speaks its own units. Knots and masks are read
    where they lie: after a change of shape, mask or memory make a new one.
    """

    def __init__(
        self,
        bundles: Sequence[Bundle],
        degree: int,
        layout: str = "free",
        maps: tuple[Tensor, Tensor, Tensor, Tensor] | None = None,
    ) -> None:
        self.degree, self.layout, self.dtype = degree, layout, bundles[0].knots.dtype
        self.in_features, self.out_features = (
            bundles[0].mask.shape[0],
            bundles[-1].sums + bundles[-1].products,
        )
        knots = [bundle.knots.contiguous() for bundle in bundles]
        places, self.count = _places(bundles, degree, layout)
        levels = (_Level * len(bundles))()
        for level, bundle, knot, place in zip(levels, bundles, knots, places, strict=True):
            level.inputs, level.sums, level.products = bundle.mask.shape[0], bundle.sums, bundle.products
            level.knot_count, level.base = knot.shape[1], compiled.BASES[bundle.base or ""]
            level.stride = 1 if layout == "free" else bundle.mask.shape[1]
            level.knots, level.place = knot.data_ptr(), place.data_ptr()
        ends = [t.contiguous() for t in maps or ()]
        self._kept = (knots, places, levels, ends)
        self._network = _Network(len(bundles), levels, *(t.data_ptr() for t in ends))
        self._address = ctypes.addressof(self._network)
        self._descent = compiled.entry("network", self.dtype, compiled.level(), *_DESCENT)
        self._jacobian = compiled.entry("jacobian", self.dtype, compiled.level(), *_JACOBIAN)

    def outputs(self, weights: Tensor, x: Tensor) -> Tensor:
        """``y (n, out)``."""
        y = x.new_empty(x.shape[0], self.out_features)
        self._call(self._descent, weights, x, None, None, y.data_ptr(), None, None)
        return y

    def value_and_gradient(self, weights: Tensor, x: Tensor, target: Tensor) -> tuple[float, Tensor]:
        """``mean (y - target)^2`` and its gradient, laid out like the weights."""
        self._check_rows(target, x)
        gradient, loss, target = torch.empty_like(weights), ctypes.c_double(), target.contiguous()
        pointers = (target.data_ptr(), None, None, gradient.data_ptr(), ctypes.addressof(loss))
        self._call(self._descent, weights, x, *pointers)
        return loss.value, gradient

    def pull(self, weights: Tensor, x: Tensor, upstream: Tensor) -> Tensor:
        """Gradient of ``sum upstream * y``, laid out like the weights."""
        self._check_rows(upstream, x)
        gradient, upstream = torch.empty_like(weights), upstream.contiguous()
        self._call(self._descent, weights, x, None, upstream.data_ptr(), None, gradient.data_ptr(), None)
        return gradient

    def linearise(self, weights: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """``y (n, out)`` and ``dy / dweights (n, out, count)``; for the layout ``free``."""
        self._check_layout()
        y = x.new_empty(x.shape[0], self.out_features)
        jacobian = x.new_empty(*y.shape, self.count)
        self._call(self._jacobian, weights, x, y.data_ptr(), jacobian.data_ptr())
        return y, jacobian

    def gram(self, weights: Tensor, x: Tensor) -> Tensor:
        """Lower triangle of ``J^T J (count, count)`` without ``J``; float64, for the layout ``free``."""
        self._check_layout()
        gram = x.new_zeros(self.count, self.count)
        entry = compiled.entry("gram", self.dtype, compiled.level(), *_GRAM)
        self._call(entry, weights, x, gram.data_ptr())
        return gram

    def _call(self, entry: Callable[..., int], weights: Tensor, x: Tensor, *pointers: int | None) -> None:
        if weights.shape != (self.count,) or x.shape[1:] != (self.in_features,):
            raise InputError(
                f"got {tuple(weights.shape)} weights and rows {tuple(x.shape)}; "
                f"expected ({self.count},) and (n, {self.in_features})"
            )
        if not weights.dtype == x.dtype == self.dtype:
            raise InputError(f"got {weights.dtype} and {x.dtype}; expected {self.dtype}")
        x, weights = x.contiguous(), weights.contiguous()
        counts = (x.shape[0], self.count, self.degree, torch.get_num_threads())
        if entry(self._address, weights.data_ptr(), x.data_ptr(), *pointers, *counts):
            raise MemoryError("the network's kernel found no memory for its work space; use a smaller batch")

    def _check_rows(self, rows: Tensor, x: Tensor) -> None:
        if rows.shape != (x.shape[0], self.out_features) or rows.dtype != self.dtype:
            raise InputError(
                f"got {rows.dtype} of shape {tuple(rows.shape)} for {x.shape[0]} rows; "
                f"expected {self.dtype} of shape ({x.shape[0]}, {self.out_features})"
            )

    def _check_layout(self) -> None:
        if self.layout != "free":
            raise InputError("columns follow the layout 'free'; type: network.fused('free')")


def _places(bundles: Sequence[Bundle], degree: int, layout: str) -> tuple[list[Tensor], int]:
    """Where every edge's weights begin in the vector, -1 for a dead edge, and the length of the vector."""
    places, begin = [], 0
    for bundle in bundles:
        features = bundle.knots.shape[1] - degree - 1 + (bundle.base is not None)
        living, (inputs, outputs) = bundle.mask != 0, bundle.mask.shape
        if layout == "free":
            place = begin + features * (living.flatten().cumsum(0) - 1).reshape(inputs, outputs)
            begin += features * int(living.sum())
        else:
            place = begin + torch.arange(inputs)[:, None] * features * outputs + torch.arange(outputs)
            begin += inputs * features * outputs
        places.append(torch.where(living, place, -1))
    return places, begin
