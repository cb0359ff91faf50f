r"""The sum of splines in plain torch: the reference, and what runs wherever the compiled kernels do not.

``y_o = sum_i ( sum_m B_m(x_i) W_imo + b(x_i) W_i,last,o )``: all basis functions of every input side by side, then one
matrix product. Any device, any floating type, differentiable any number of times.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from edgewise import splines


def _silu_slope(x: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    return gate * (1 + x * (1 - gate))


def _silu_bend(x: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    return gate * (1 - gate) * (2 + x * (1 - 2 * gate))


BASES: dict[str, tuple[Callable[[Tensor], Tensor], ...]] = {
    "silu": (nn.functional.silu, _silu_slope, _silu_bend),
    "identity": (lambda x: x, torch.ones_like, torch.zeros_like),
}


def features(x: Tensor, knots: Tensor, degree: int, base: str | None, order: int) -> list[Tensor]:
    """Basis functions and, last, the base function, with derivatives 0 to ``order`` of at most 2.

    ``x (..., in)`` gives ``order + 1`` tensors ``(..., in, features)``.
    """
    dense = splines.jet(x, knots, degree, order)
    if base is None:
        return dense
    return [torch.cat([d, BASES[base][k](x)[..., None]], dim=-1) for k, d in enumerate(dense)]


def spline_sum(
    x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str | None
) -> Tensor:
    """``y (..., out)`` from ``x (..., in)``, ``weight (in, features, out)`` and ``mask (in, out)``."""
    living = weight * mask[:, None, :]
    return features(x, knots, degree, base, 0)[0].flatten(-2) @ living.flatten(0, 1)


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
    f0, f1, f2 = features(x, knots, degree, base, 2)
    living = weight * mask[:, None, :]
    along = grads[0] if grads[0] is not None else torch.zeros_like(x)
    turn = (grads[1] if grads[1] is not None else torch.zeros_like(weight)) * mask[:, None, :]
    moved = along[..., None] * f1
    to_upstream = moved.flatten(1) @ living.flatten(0, 1) + f0.flatten(1) @ turn.flatten(0, 1)
    pulled = torch.einsum("no,ifo->nif", upstream, living)
    to_x = along * (f2 * pulled).sum(-1) + (f1 * torch.einsum("no,ifo->nif", upstream, turn)).sum(-1)
    to_weight = torch.einsum("nif,no->ifo", moved, upstream) * mask[:, None, :]
    return to_upstream, to_x, to_weight
