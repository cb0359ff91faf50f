"""The compiled kernels as torch operators: known to autograd, to fake tensors and to ``torch.compile``.

``edgewise::spline_sum`` and ``edgewise::spline_sum_backward`` read raw memory of CPU tensors, float32 or float64, all
of one type. Derivatives beyond the first are taken by the formulas of ``torch_path``.
"""

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch._C import _len_torch_dispatch_stack as _dispatch_modes  # type: ignore[attr-defined]
from torch.jit._trace import is_tracing
from torch.nn import Parameter

from edgewise.kernels import torch_path
from edgewise.kernels.buffers import room_for_gradient

LIBRARY = Path(__file__).with_name("_spline.so")
LEVELS = {1: "plain", 2: "v3", 3: "v4"}
BASES = {"": 0, "silu": 1, "identity": 2}
DTYPES = {torch.float32: "float", torch.float64: "double"}


@functools.cache
def library() -> ctypes.CDLL:
    """The shared library; raises ``OSError`` where it is missing or broken.

    Loaded after torch, so that both share one OpenMP and with it one pool of threads.
    """
    return ctypes.CDLL(str(LIBRARY))


@functools.cache
def level() -> str:
    """The best instruction set of this processor that was compiled."""
    return LEVELS[library().edgewise_level()]


@functools.cache
def entry(name: str, dtype: torch.dtype, instructions: str, *kinds: type) -> Callable[..., int]:
    """``edgewise_NAME_TYPE_INSTRUCTIONS`` of the library, whose arguments are of these kinds."""
    found = library()[f"edgewise_{name}_{DTYPES[dtype]}_{instructions}"]
    found.restype, found.argtypes = ctypes.c_int, kinds
    return found


_SPLINE_SUM = (*[ctypes.c_void_p] * 7, *[ctypes.c_int64] * 4, *[ctypes.c_int] * 3)


def spline_sum(
    x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str | None
) -> Tensor:
    """``torch_path.spline_sum`` by the compiled kernels."""
    rows = x if x.dim() == 2 else x.reshape(-1, x.shape[-1])
    arguments = (rows, weight, mask, knots, degree, base or "")
    y = _Sum.apply(*arguments) if _is_unwatched(*arguments[:4]) else torch.ops.edgewise.spline_sum(*arguments)
    return y if x.dim() == 2 else y.reshape(*x.shape[:-1], y.shape[-1])


def _is_unwatched(*tensors: Tensor) -> bool:
    """Plain tensors in plain eager code, which need no dispatcher: half of a small call's time."""
    if torch.compiler.is_compiling() or is_tracing() or _dispatch_modes():
        return False
    return all(type(t) in (Tensor, Parameter) for t in tensors)


def call(
    x: Tensor,
    weight: Tensor,
    knots: Tensor,
    degree: int,
    base: str,
    upstream: Tensor | None = None,
    outputs: tuple[Tensor | None, Tensor | None, Tensor | None] = (None, None, None),
    instructions: str | None = None,
) -> None:
    """Runs one kernel on contiguous tensors: forward into ``outputs[0]``, or backward into the other two."""
    batch, inputs = x.shape
    kernel = entry("spline_sum", x.dtype, instructions or level(), *_SPLINE_SUM)
    pointers = [None if t is None else t.data_ptr() for t in (x, weight, knots, upstream, *outputs)]
    sizes = (batch, inputs, weight.shape[2], knots.shape[1])
    status = kernel(*pointers, *sizes, degree, BASES[base], torch.get_num_threads())
    if status:
        raise MemoryError("the spline kernels found no memory for their work space; use a smaller batch")


def _living(weight: Tensor, mask: Tensor) -> Tensor:
    """Masked weights; the weights themselves where all edges live, which is cheap to see."""
    ones = entry("all_ones", mask.dtype, level(), ctypes.c_void_p, ctypes.c_int64)
    if ones(mask.data_ptr(), mask.numel()):
        return weight.contiguous()
    return (weight * mask[:, None, :]).contiguous()


def forward(x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str) -> Tensor:
    """``y (n, out)``; no gradients are recorded."""
    y = x.new_empty(x.shape[0], weight.shape[2])
    if y.numel():
        living = _living(weight, mask.contiguous())
        call(x.contiguous(), living, knots.contiguous(), degree, base, outputs=(y, None, None))
    return y


def backward(
    upstream: Tensor,
    x: Tensor,
    weight: Tensor,
    mask: Tensor,
    knots: Tensor,
    degree: int,
    base: str,
    wants_x: bool,
    wants_weight: bool,
) -> tuple[Tensor, Tensor]:
    """Gradients for ``x`` and ``weight``, of no elements where one is not wanted."""
    dx, dw = _empty_gradients(x, weight, wants_x, wants_weight)
    _fill_gradients(dx, dw, upstream, x, weight, mask, knots, degree, base, wants_x, wants_weight)
    return dx, dw


def _fill_gradients(
    dx: Tensor,
    dw: Tensor,
    upstream: Tensor,
    x: Tensor,
    weight: Tensor,
    mask: Tensor,
    knots: Tensor,
    degree: int,
    base: str,
    wants_x: bool,
    wants_weight: bool,
) -> None:
    if not x.shape[0]:
        dw.zero_()
        return
    outputs = (dx if wants_x else None, dw if wants_weight else None)
    living, g = _living(weight, mask.contiguous()), upstream.contiguous()
    call(x.contiguous(), living, knots.contiguous(), degree, base, g, (None, *outputs))
    if wants_weight and living.data_ptr() != weight.data_ptr():
        dw *= mask[:, None, :]


def _empty_gradients(x: Tensor, weight: Tensor, wants_x: bool, wants_weight: bool) -> tuple[Tensor, Tensor]:
    dx = x.new_empty(x.shape if wants_x else (0,))
    return dx, weight.new_empty(weight.shape if wants_weight else (0,))


_forward = torch.library.custom_op("edgewise::spline_sum", forward, mutates_args=(), device_types="cpu")
_backward = torch.library.custom_op(
    "edgewise::spline_sum_backward", backward, mutates_args=(), device_types="cpu"
)


@_forward.register_fake
def _(x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str) -> Tensor:
    return x.new_empty(x.shape[0], weight.shape[2])


@_backward.register_fake
def _(upstream, x, weight, mask, knots, degree, base, wants_x, wants_weight):
    return _empty_gradients(x, weight, wants_x, wants_weight)


def _keep(ctx, inputs, output) -> None:
    x, weight, mask, knots, ctx.degree, ctx.base = inputs
    ctx.save_for_backward(x, weight, mask, knots)


def _pull(ctx, *grad_outputs):
    (upstream,) = grad_outputs
    wants_x, wants_weight = ctx.needs_input_grad[:2]
    x, weight, mask, knots = ctx.saved_tensors
    arguments = (upstream, x, weight, mask, knots, ctx.degree, ctx.base, wants_x, wants_weight)
    # Whoever wants derivatives of derivatives records this call, too.
    is_plain = not (torch.is_grad_enabled() or torch_path.is_batch(upstream)) and _is_unwatched(upstream)
    if is_plain:
        dx = x.new_empty(x.shape if wants_x else (0,))
        dw = room_for_gradient(weight) if wants_weight else weight.new_empty(0)
        _fill_gradients(dx, dw, *arguments)
    else:
        dx, dw = torch.ops.edgewise.spline_sum_backward(*arguments)
    return dx if wants_x else None, dw if wants_weight else None, None, None, None, None


class _Sum(torch.autograd.Function):
    """The operator without the dispatcher."""

    @staticmethod
    def forward(ctx, *inputs):
        _keep(ctx, inputs, None)
        return forward(*inputs)

    backward = staticmethod(_pull)


def _keep_backward(ctx, inputs, output) -> None:
    upstream, x, weight, mask, knots, ctx.degree, ctx.base, ctx.wants_x, ctx.wants_weight = inputs
    ctx.save_for_backward(upstream, x, weight, mask, knots)


def _pull_backward(ctx, along, turn):
    grads = (along if ctx.wants_x else None, turn if ctx.wants_weight else None)
    upstream, x, weight, mask, knots = ctx.saved_tensors
    found = torch_path.second_backward(grads, upstream, x, weight, mask, knots, ctx.degree, ctx.base or None)
    return (*found, *[None] * 6)


_forward.register_autograd(_pull, setup_context=_keep)
_backward.register_autograd(_pull_backward, setup_context=_keep_backward)
