r"""A stretch of time with products of its own: zero before it, constant after it.

Where time is marched through, the state at the end of one window is the start of the next. With

    u(x, t) = u_0(x) + sum_s sum_r f_sr(x) g_sr(t),    g_sr = 0 for t <= start_s,   g_sr = g_sr(end_s) for t >= end_s,

window ``s`` alone decides how ``u`` moves while it lasts, and all windows together are one sum of products. A wave that
travels through the whole domain takes many products, but few for the stretch that it travels in one window.

Ends of windows are knots of full multiplicity, at which ``g`` is continuous and no more. The coefficients of ``g`` are
zero up to the start, free within, and one number from the end on, since B-splines add up to one.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """The stretch ``start`` to ``end`` of an axis; infinite where the axis itself ends."""

    axis: int
    start: float
    end: float

    def basis(self, knots: Float[Tensor, " knots"], degree: int) -> Float[Tensor, "functions reduced"]:
        """Orthonormal basis of the coefficients that belong to the window."""
        count = len(knots) - degree - 1
        first, last = knots[:count], knots[degree + 1 :]
        inside = torch.nonzero((first >= self.start) & (last <= self.end) & (last > first))[:, 0]
        columns = torch.eye(count, dtype=torch.float64)[:, inside]
        after = ((last > self.end) & (last > first)).double()
        if bool(after.any()):
            columns = torch.cat([columns, (after / after.norm())[:, None]], dim=1)
        return columns


def windows(axis: int, ends: Float[Tensor, " windows_and_1"]) -> list[Window]:
    """The windows between these ends."""
    starts, stops = [-torch.inf, *ends[1:-1].tolist()], [*ends[1:-1].tolist(), torch.inf]
    return [Window(axis, start, stop) for start, stop in zip(starts, stops, strict=True)]
