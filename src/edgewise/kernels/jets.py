"""Compiled sums of splines with their input derivatives, and dense features, as torch operators.

``edgewise::spline_jet`` and ``edgewise::spline_features`` read CPU tensors, float32 or float64, all of one type. They
record no gradient: where one is wanted, ``torch_path`` takes the call. Calls that nobody looks into go straight to the
kernels, for an operator costs a small network as much as its work.
"""

import ctypes

import torch
from torch import Tensor

from edgewise.kernels import compiled, torch_path

_JET = (*[ctypes.c_void_p] * 6, *[ctypes.c_int64] * 4, *[ctypes.c_int] * 4)


def spline_jet(
    x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str | None, order: int
) -> list[Tensor]:
    """``torch_path.spline_jet`` by the compiled kernels, ``order`` 1 or 2."""
    rows = x.reshape(-1, x.shape[-1])
    run = _run_jet if torch_path.is_plain(x, weight, mask, knots) else torch.ops.edgewise.spline_jet
    y, *edges = run(rows, weight, mask, knots, degree, base or "", order)
    return [y.view(*x.shape[:-1], y.shape[1]), *(edge.view(*x.shape, edge.shape[2]) for edge in edges)]


def spline_features(x: Tensor, knots: Tensor, degree: int, base: str | None, order: int) -> list[Tensor]:
    """``torch_path.spline_features`` by the compiled kernels."""
    rows = x.reshape(-1, x.shape[-1])
    run = _run_features if torch_path.is_plain(x, knots) else torch.ops.edgewise.spline_features
    dense = run(rows, knots, degree, base or "", order)
    return [full.view(*x.shape, full.shape[2]) for full in dense]


def call(
    x: Tensor,
    weight: Tensor | None,
    knots: Tensor,
    degree: int,
    base: str,
    outputs: list[Tensor],
    instructions: str | None = None,
) -> None:
    """Runs the kernel on contiguous tensors, into ``outputs``, one for each derivative."""
    if not outputs[-1].numel():
        outputs[0].zero_()
        return
    batch, inputs = x.shape
    kernel = compiled.entry("jet", x.dtype, instructions or compiled.level(), *_JET)
    rooms = [t.data_ptr() for t in outputs] + [None] * (3 - len(outputs))
    pointers = (x.data_ptr(), None if weight is None else weight.data_ptr(), knots.data_ptr(), *rooms)
    sizes = (batch, inputs, 0 if weight is None else weight.shape[2], knots.shape[1])
    options = (degree, compiled.BASES[base], len(outputs) - 1, torch.get_num_threads())
    if kernel(*pointers, *sizes, *options):
        raise MemoryError("the spline kernels found no memory for their work space; use a smaller batch")


def _run_jet(
    x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str, order: int
) -> list[Tensor]:
    outputs = _empty_jet(x, weight, order)
    call(
        x.contiguous(), compiled._living(weight, mask.contiguous()), knots.contiguous(), degree, base, outputs
    )
    return outputs


def _empty_jet(x: Tensor, weight: Tensor, order: int) -> list[Tensor]:
    outputs = weight.shape[2]
    return [x.new_empty(x.shape[0], outputs), *(x.new_empty(*x.shape, outputs) for _ in range(order))]


_jet = torch.library.custom_op("edgewise::spline_jet", _run_jet, mutates_args=(), device_types="cpu")


@_jet.register_fake
def _(x, weight, mask, knots, degree, base, order):
    return _empty_jet(x, weight, order)


def _run_features(x: Tensor, knots: Tensor, degree: int, base: str, order: int) -> list[Tensor]:
    outputs = _empty_features(x, knots, degree, base, order)
    call(x.contiguous(), None, knots.contiguous(), degree, base, outputs)
    return outputs


def _empty_features(x: Tensor, knots: Tensor, degree: int, base: str, order: int) -> list[Tensor]:
    count = knots.shape[1] - degree - 1 + bool(base)
    return [x.new_empty(*x.shape, count) for _ in range(order + 1)]


_features = torch.library.custom_op(
    "edgewise::spline_features", _run_features, mutates_args=(), device_types="cpu"
)


@_features.register_fake
def _(x, knots, degree, base, order):
    return _empty_features(x, knots, degree, base, order)
