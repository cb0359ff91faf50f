r"""How well an edge is told by a simpler function: the least-squares fit over the rows and its ``R^2``.

    affine:  phi(z) ~ a + b z            silu:  phi(z) ~ a + b z + c silu(z)

``R^2 = 1 - sum (phi - fit)^2 / sum (phi - mean phi)^2``, and 1 for an edge that is constant. An affine edge is a weight
of a linear layer, and a silu edge what an MLP can do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import silu

from edgewise.errors import InputError
from edgewise.trace import LayerTrace, Trace

_TERMS: dict[str, tuple[Callable[[Tensor], Tensor], ...]] = {
    "affine": (torch.ones_like, torch.Tensor.clone),
    "silu": (torch.ones_like, torch.Tensor.clone, silu),
}


@dataclass(frozen=True)
class Replacement:
    """For every edge of a layer the ``coefficients`` ``a, b[, c]`` and how well they do, in float64."""

    coefficients: Float[Tensor, "inputs terms outputs"]
    r2: Float[Tensor, "inputs outputs"]


def replacements(trace: Trace, form: str = "affine") -> tuple[Replacement, ...]:
    """The best replacement of every edge, layer by layer; ``form`` is ``"affine"`` or ``"silu"``."""
    if form not in _TERMS:
        raise InputError(f"form={form!r} is not known; choose one of: {', '.join(_TERMS)}")
    return tuple(_replaced(record, _TERMS[form]) for record in trace.layers)


def _replaced(record: LayerTrace, terms: tuple[Callable[[Tensor], Tensor], ...]) -> Replacement:
    z, curves = record.inputs.detach().double().T, record.curves.detach().double().transpose(0, 1)
    design = torch.stack([term(z) for term in terms], dim=-1)
    # Inputs that do not vary leave columns alike, which the pseudo-inverse of the small factor bears.
    q, r = torch.linalg.qr(design)
    coefficients = torch.linalg.pinv(r, rtol=1e-12) @ (q.mT @ curves)
    left = (curves - design @ coefficients).square().sum(1)
    varied = (curves - curves.mean(1, keepdim=True)).square().sum(1)
    constant = varied <= (8 * torch.finfo(record.curves.dtype).eps) ** 2 * curves.square().sum(1)
    return Replacement(coefficients, torch.where(constant, 1.0, 1 - left / varied.clamp(min=1e-300)))
