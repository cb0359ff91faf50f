r"""The sum of splines in plain torch: the reference, and what runs wherever the compiled kernels do not.

``y_o = sum_i ( sum_m B_m(x_i) W_imo + b(x_i) W_i,last,o )``: all basis functions of some inputs side by side, then one
matrix product. Any device, any floating type, differentiable any number of times.

An ordinary call in float32 or float64, unless it is small, keeps only ``x`` and the weights for its gradient and
computes the basis again there, some inputs at a time, so that it never holds more than one block of dense features.
A call that somebody looks into (``torch.func``, forward mode, ``torch.compile``, ``torch.export``, tensor subclasses)
is made of plain differentiable operations.
"""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch._C import _functorch as functorch  # type: ignore[attr-defined]
from torch.autograd import forward_ad
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from edgewise import splines
from edgewise.kernels.pieces import BASES, EVEN, collect, local_jet, places, spread, survey
from edgewise.kernels.products import product

# Points whose pieces are in work at a time, about what a near cache holds: larger and smaller took longer.
BLOCK = 65536
# Fewer points than these are sooner done by plain operations, of which there are half as many, and need no sparing.
FEW = 1000


def spline_features(x: Tensor, knots: Tensor, degree: int, base: str | None, order: int) -> list[Tensor]:
    """Basis functions and, last, the base function, with derivatives 0 to ``order`` of at most 2.

    ``x (..., in)`` gives ``order + 1`` tensors ``(..., in, features)``.
    """
    recorded = torch.is_grad_enabled() and (x.requires_grad or knots.requires_grad)
    if is_plain(x, knots) and not recorded:
        return _fast_features(x, knots, degree, base, order)
    dense = splines.jet(x, knots, degree, order)
    if base is None:
        return dense
    return [torch.cat([d, BASES[base][k](x)[..., None]], dim=-1) for k, d in enumerate(dense)]


def spline_sum(
    x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str | None
) -> Tensor:
    """``y (..., out)`` from ``x (..., in)``, ``weight (in, features, out)`` and ``mask (in, out)``."""
    sparing = x.numel() >= FEW and not (mask.requires_grad or knots.requires_grad)
    if sparing and is_plain(x, weight, mask, knots):
        parts = x.reshape(-1, x.shape[-1]).split(BLOCK)
        sums = [_Sum.apply(part, weight, mask, knots, degree, base) for part in parts]
        y = sums[0] if len(sums) == 1 else torch.cat(sums)
        return y.view(*x.shape[:-1], weight.shape[2])
    living = weight * mask[:, None, :]
    return spline_features(x, knots, degree, base, 0)[0].flatten(-2) @ living.flatten(0, 1)


def spline_jet(
    x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str | None, order: int
) -> list[Tensor]:
    """``y (..., out)`` and each edge's derivatives 1 to ``order`` of at most 2, ``(..., in, out)``."""
    living = weight * mask[:, None, :]
    values, *derivatives = spline_features(x, knots, degree, base, order)
    y = values.flatten(-2) @ living.flatten(0, 1)
    return [y, *(torch.einsum("...if,ifo->...io", dense, living) for dense in derivatives)]


def is_transformed() -> bool:
    """Whether derivatives are taken by ``torch.func`` or in forward mode, or a batch is mapped over."""
    return forward_ad._current_level >= 0 or functorch.peek_interpreter_stack() is not None


def is_batch(upstream: Tensor) -> bool:
    """Whether this stands for many gradients at once, as in ``torch.autograd.grad(..., is_grads_batched=True)``."""
    return is_transformed() or functorch.is_legacy_batchedtensor(upstream)


def full_precision(x: Tensor) -> AbstractContextManager:
    """Autocast switched off where it is on: a product of basis functions in bfloat16 would be worth little."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()


def is_plain(*tensors: Tensor) -> bool:
    """Whether nobody looks inside, and the closed forms serve these tensors."""
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return False
    if is_transformed() or is_in_torch_dispatch_mode():
        return False
    kind, device = tensors[0].dtype, tensors[0].device
    return kind in EVEN and all(
        type(t) in (Tensor, nn.Parameter) and t.dtype == kind and t.device == device for t in tensors
    )


def _living(weight: Tensor, mask: Tensor) -> Tensor:
    """Masked weights; the weights themselves where all edges are seen to live."""
    if mask.device.type == "cpu" and bool((mask == 1).all()):
        return weight
    return weight * mask[:, None, :]


def _count(knots: Tensor, degree: int, base: str | None) -> int:
    return knots.shape[1] - degree - 1 + (base is not None)


def _fast_features(x: Tensor, knots: Tensor, degree: int, base: str | None, order: int) -> list[Tensor]:
    rows, shape = x.reshape(-1, x.shape[-1]).contiguous(), (*x.shape, _count(knots, degree, base))
    first, jet = local_jet(rows, survey(knots, degree, inputs_last=True), order)
    place = places(first, shape[-1], inputs_last=True)
    ends = [None if base is None else BASES[base][d](x) for d in range(order + 1)]
    return [spread(pieces, end, place, x.new_zeros(shape), -1) for pieces, end in zip(jet, ends, strict=True)]


def _blocks(x: Tensor) -> list[tuple[int, int]]:
    """Inputs ``start`` to ``stop`` taken together, the first block being the largest."""
    inputs, some = x.shape[1], max(1, BLOCK // max(x.shape[0], 1))
    return [(start, min(start + some, inputs)) for start in range(0, inputs, some)]


def _room(x: Tensor, count: int) -> Tensor:
    """Memory for the dense features of one block after the other; new memory costs more than its use."""
    return x.new_empty(x.shape[0] * _blocks(x)[0][1] * count)


class _Sum(torch.autograd.Function):
    """``y (n, out)`` from ``x (n, in)``."""

    @staticmethod
    def forward(ctx, x, weight, mask, knots, degree, base):
        ctx.save_for_backward(x, weight, mask, knots)
        ctx.degree, ctx.base = degree, base
        living, grid, count = _living(weight, mask), survey(knots, degree, True), weight.shape[1]
        y, room = x.new_zeros(x.shape[0], weight.shape[2]), _room(x, count)
        for start, stop in _blocks(x):
            rows = x[:, start:stop].contiguous()
            first, (values,) = local_jet(rows, grid.part(start, stop), 0)
            end = None if base is None else BASES[base][0](rows)
            full = room[: rows.numel() * count].zero_().view(*rows.shape, count)
            spread(values, end, places(first, count, True), full, 2)
            y += product(full.flatten(1), living[start:stop].flatten(0, 1))
        return y

    @staticmethod
    def backward(ctx, *grad_outputs):
        (upstream,), wants = grad_outputs, ctx.needs_input_grad[:2]
        x, weight, mask, knots = ctx.saved_tensors
        with full_precision(upstream):
            if is_batch(upstream):
                dx, dw = _plain_backward(upstream, x, weight, mask, knots, ctx.degree, ctx.base)
            else:
                dx, dw = _Gradients.apply(upstream, x, weight, mask, knots, ctx.degree, ctx.base, *wants)
        return dx if wants[0] else None, dw if wants[1] else None, None, None, None, None


class _Gradients(torch.autograd.Function):
    """``dx (n, in)`` and ``dW (in, features, out)``, None where not wanted."""

    @staticmethod
    def forward(ctx, upstream, x, weight, mask, knots, degree, base, wants_x, wants_weight):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(upstream, x, weight, mask, knots)
        ctx.degree, ctx.base = degree, base
        living, grid, g = _living(weight, mask), survey(knots, degree, False), upstream.contiguous()
        dx = x.new_empty(x.mT.shape) if wants_x else None
        dw = weight.new_empty(weight.shape) if wants_weight else None
        room = _room(x, weight.shape[1]) if wants_weight else None
        for start, stop in _blocks(x):
            columns = x[:, start:stop].mT.contiguous()
            first, jet = local_jet(columns, grid.part(start, stop), int(wants_x))
            ends = [None if base is None else BASES[base][d](columns) for d in range(len(jet))]
            shape = (stop - start, weight.shape[1], x.shape[0])
            place = places(first, weight.shape[1], False)
            if dw is not None and room is not None:
                full = room[: math.prod(shape)].zero_().view(shape)
                spread(jet[0], ends[0], place, full, 1)
                dw[start:stop] = product(full.flatten(0, 1), g).view_as(dw[start:stop])
            if dx is not None:
                pulled = product(living[start:stop].flatten(0, 1), g.mT).view(shape)
                dx[start:stop] = collect(jet[1], ends[1], place, pulled, 1)
        if dw is not None and living is not weight:
            dw *= mask[:, None, :]
        return None if dx is None else dx.mT.contiguous(), dw

    @staticmethod
    def backward(ctx, *grad_outputs):
        along, turn = grad_outputs
        upstream, x, weight, mask, knots = ctx.saved_tensors
        found = second_backward((along, turn), upstream, x, weight, mask, knots, ctx.degree, ctx.base)
        return (*found, *[None] * 6)


def _plain_backward(
    upstream: Tensor, x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str | None
) -> tuple[Tensor, Tensor]:
    """``dx = sum_m F'_m (W_m g)`` and ``dW = F^T g`` by plain operations."""
    values, slopes = spline_features(x, knots, degree, base, 1)
    living = (weight * mask[:, None, :]).flatten(0, 1)
    dx = (slopes * torch.mm(upstream, living.mT).reshape(slopes.shape)).sum(-1)
    return dx, torch.mm(values.flatten(1).mT, upstream).reshape(weight.shape) * mask[:, None, :]


def second_backward(
    grads: tuple[Tensor | None, Tensor | None],
    upstream: Tensor,
    x: Tensor,
    weight: Tensor,
    mask: Tensor,
    knots: Tensor,
    degree: int,
    base: str | None,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Gradients of ``<a, dx> + <A, dW>`` with respect to ``upstream``, ``x`` and ``weight``.

    With features ``F`` and their slopes ``F'``, ``dx = sum_m F'_m (W_m g)`` and ``dW = F^T g``, whence the three.
    ``grads`` are ``a (n, in)`` and ``A (in, features, out)``, None for zero. Differentiable in turn.
    """
    with full_precision(upstream):
        f0, f1, f2 = spline_features(x, knots, degree, base, 2)
        living = weight * mask[:, None, :]
        along = grads[0] if grads[0] is not None else torch.zeros_like(x)
        turn = (grads[1] if grads[1] is not None else torch.zeros_like(weight)) * mask[:, None, :]
        moved = along[..., None] * f1
        to_upstream = moved.flatten(1) @ living.flatten(0, 1) + f0.flatten(1) @ turn.flatten(0, 1)
        pulled = torch.einsum("no,ifo->nif", upstream, living)
        to_x = along * (f2 * pulled).sum(-1) + (f1 * torch.einsum("no,ifo->nif", upstream, turn)).sum(-1)
        to_weight = torch.einsum("nif,no->ifo", moved, upstream) * mask[:, None, :]
        return to_upstream, to_x, to_weight
