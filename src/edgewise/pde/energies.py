r"""Energies: equations whose solution makes ``E(u) = integral of e(u, u_x, ..., x)`` as small as it can be.

For a step of Newton's method ``e`` is expanded at every point in the derivatives it reads, ``z_a = d^a u``,

    e(z + d) ~ e + sum_a e_a d_a + 1/2 sum_k (sum_a l_ka d_a)^2,      e_ab = sum_k l_ka l_kb,

with the eigenvectors of the second derivatives as ``l_k``; where ``e`` is not convex they are left out. So an energy is
to Gauss-Newton a slope and some rows without residual. It reads first derivatives only, where the equation has second:
the solution may have kinks. Where no condition holds an edge, nothing flows out there.

Source: Brezis, *Functional Analysis, Sobolev Spaces and PDEs*, chapter 9 (Dirichlet's principle).
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor


def expansion(
    value: Float[Tensor, " n"], leaves: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """``e_a`` and all ``l_k``, by unknown, each ``(indices, n)`` like the leaf it is the derivative by."""
    names, sizes = list(leaves), [leaf.shape[0] for leaf in leaves.values()]
    slopes = torch.cat(_gradient(value.sum(), leaves, True))
    rows = [_rows(slope, leaves) for slope in slopes]
    used = [k for k, row in enumerate(rows) if bool((row != 0).any())]
    roots = []
    if used:
        second = torch.stack([rows[k][used] for k in used]).permute(2, 0, 1)
        sizes_2, vectors = torch.linalg.eigh(second)
        factors = vectors * sizes_2.clamp(min=0).sqrt()[:, None, :]
        for k in range(len(used)):
            if bool((factors[..., k] != 0).any()):
                full = torch.zeros_like(slopes)
                full[used] = factors[..., k].T
                roots.append(dict(zip(names, full.split(sizes), strict=True)))
    return dict(zip(names, slopes.detach().split(sizes), strict=True)), roots


def _rows(slope: Tensor, leaves: Mapping[str, Tensor]) -> Tensor:
    """Second derivatives of one first derivative, ``(all indices, n)``."""
    if not slope.requires_grad:
        return torch.zeros(
            sum(leaf.shape[0] for leaf in leaves.values()), slope.shape[0], dtype=torch.float64
        )
    return torch.cat(_gradient(slope.sum(), leaves, False, keep=True)).detach()


def _gradient(
    total: Tensor, leaves: Mapping[str, Tensor], again: bool, keep: bool = False
) -> tuple[Tensor, ...]:
    return torch.autograd.grad(
        total,
        list(leaves.values()),
        create_graph=again,
        retain_graph=again or keep,
        allow_unused=True,
        materialize_grads=True,
    )
