r"""One layer of each arm, ``(..., below)`` to ``(..., above)``, with an optional mask over its edges.

=========== ================================================================== ==================== ==============
kind        ``y_o``                                                            parameters an edge   a node below
=========== ================================================================== ==================== ==============
linear      sum_i w_io x_i + b_o                                               1
gelu        sum_i w_io gelu(x_i) + b_o                                         1
learned     sum_i w_io phi_i(x_i) + b_o, phi_i a spline plus silu              1                    G + 4
rational    sum_i w_io R_g(i)(x_i) + b_o, R = P_5 / (1 + |x Q_3|), 4 groups    1                    (10 a group)
kan         sum_i ( w_io silu(x_i) + spline_io(x_i) ): ``edgewise.KANLayer``   G + 4
radial      sum_i ( w_io silu(x_i) + sum_m c_imo exp(-((x_i - t_m) / h)^2) )   G + 4
frozen      sum_i ( w_io silu(x_i) + v_io s_io(x_i) ), s a random spline       2
=========== ================================================================== ==================== ==============

``G`` intervals, degree 3; layers with a bias have ``above`` parameters more. ``learned`` is the control that tells
learned functions from functions *on edges*; ``frozen`` tells whether learning the splines matters at all. Rational
nodes follow Yang & Wang, arXiv 2409.10594.
"""

from typing import Protocol, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from edgewise import kernels, splines
from edgewise.init import initial_weight, moments
from edgewise.kernels.pieces import BASES

DEGREE = 3
REACH = 2.0  # of the splines on nodes
# six times the powers of u, in columns, of the four B-splines of a cell, in rows
CELL = ((1.0, -3.0, 3.0, -1.0), (4.0, 0.0, -6.0, 3.0), (1.0, 3.0, 3.0, -3.0), (0.0, 0.0, 0.0, 1.0))
GROUPS = 4
# silu on [-3, 3] by least squares, off by at most 0.0012
SILU_TOP = (-0.000703, 0.502953, 0.26306, 0.018882, -0.012566, -0.002097)
SILU_BOTTOM = (0.029134, 0.028419, -0.00104, -0.003891)
# 1 / E[f(z)^2] for z ~ N(0, 1)
GAINS = {"linear": 3.0, "gelu": 2.35, "silu": 2.81}  # linear: the first layer's inputs, uniform in [-1, 1]


class Draw(Protocol):
    """What a layer is made from."""

    def __call__(
        self, below: int, above: int, intervals: int, depth: int, generator: torch.Generator
    ) -> nn.Module: ...


@final
class Dense(nn.Module):
    """``y = f(x) W + b`` for a function of nodes; weights of variance ``gain / below`` at the start."""

    mask: Tensor | None

    def __init__(
        self, below: int, above: int, gain: float, nodes: nn.Module, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.nodes = nodes
        self.weight = nn.Parameter(torch.randn(below, above, generator=generator) * (gain / below) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(above))
        self.register_buffer("mask", None)

    def forward(self, x: Float[Tensor, "*batch below"]) -> Float[Tensor, "*batch above"]:
        weight = self.weight if self.mask is None else self.weight * self.mask
        return self.nodes(x) @ weight + self.bias


@final
class LearnedNodes(nn.Module):
    """``w_i silu(x) + sum_m c_im B_m(x)`` for every node ``i``, splines on [-2, 2]; silu at the start.

    On a cell ``[t, t + h]`` the spline is ``P(u)`` with ``u = (x - t) / h``, four coefficients ``c`` times ``CELL``;
    beyond the domain it goes on along its tangents, as in ``edgewise.splines``.
    """

    cell: Tensor
    first: Tensor

    def __init__(self, nodes: int, intervals: int) -> None:
        super().__init__()
        self.intervals = intervals
        self.coef = nn.Parameter(torch.zeros(nodes, intervals + DEGREE))
        self.base = nn.Parameter(torch.ones(nodes))
        self.register_buffer("cell", torch.tensor(CELL))
        self.register_buffer("first", torch.arange(nodes) * intervals, persistent=False)

    def forward(self, x: Float[Tensor, "*batch nodes"]) -> Float[Tensor, "*batch nodes"]:
        inside = x.clamp(-REACH, REACH)
        place = (inside.detach() + REACH) * (self.intervals / (2 * REACH))
        cell = place.long().clamp(max=self.intervals - 1)
        u = (inside + REACH) * (self.intervals / (2 * REACH)) - cell
        pieces = (self.coef.unfold(1, DEGREE + 1, 1) @ self.cell / 6).flatten(0, 1)  # (nodes cells, powers)
        p0, p1, p2, p3 = pieces[cell + self.first].unbind(-1)
        value = p0 + u * (p1 + u * (p2 + u * p3))
        slope = (p1 + u * (2 * p2 + u * 3 * p3)) * (self.intervals / (2 * REACH))
        return value + slope * (x - inside) + self.base * functional.silu(x)


@final
class RationalNodes(nn.Module):
    """``P_5(x) / (1 + |x Q_3(x)|)``, shared by the nodes of a group and silu at the start."""

    group: Tensor

    def __init__(self, nodes: int) -> None:
        super().__init__()
        groups = min(GROUPS, nodes)
        self.top = nn.Parameter(torch.tensor(SILU_TOP).repeat(groups, 1))
        self.bottom = nn.Parameter(torch.tensor(SILU_BOTTOM).repeat(groups, 1))
        self.register_buffer("group", torch.arange(nodes) % groups, persistent=False)

    def forward(self, x: Float[Tensor, "*batch nodes"]) -> Float[Tensor, "*batch nodes"]:
        top, bottom = self.top[self.group], self.bottom[self.group]
        return _polynomial(top, x) / (1 + (x * _polynomial(bottom, x)).abs())


@final
class Radial(nn.Module):
    """Edges made of Gaussian bumps; started like a critical spline layer."""

    mask: Tensor | None
    centres: Tensor

    def __init__(
        self, below: int, above: int, intervals: int, depth: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        knots = _knots(below, intervals)
        weight = initial_weight("critical", knots, DEGREE, BASES["silu"][0], above, depth, generator)
        self.weight = nn.Parameter(weight.float())
        self.register_buffer("centres", torch.linspace(-1.0, 1.0, intervals + DEGREE))
        self.width = 2.0 / intervals
        self.register_buffer("mask", None)

    def forward(self, x: Float[Tensor, "*batch below"]) -> Float[Tensor, "*batch above"]:
        bumps = torch.exp(-(((x[..., None] - self.centres) / self.width) ** 2))
        features = torch.cat([bumps, functional.silu(x)[..., None]], dim=-1)
        weight = self.weight if self.mask is None else self.weight * self.mask[:, None, :]
        return features.flatten(-2) @ weight.flatten(0, 1)


@final
class Frozen(nn.Module):
    """Random splines on the edges that stay as they are; only their two weights are learned."""

    mask: Tensor
    splines: Tensor
    knots: Tensor

    def __init__(
        self, below: int, above: int, intervals: int, depth: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        knots = _knots(below, intervals)
        found = moments(knots, DEGREE, BASES["silu"][0])
        drawn = torch.randn(below, intervals + DEGREE, above, generator=generator) / found.energy**0.5
        self.register_buffer("splines", drawn)  # of mean square 1 for inputs of the scale the splines expect
        self.register_buffer("knots", knots.float())
        self.register_buffer("mask", torch.ones(below, above))
        drawn = torch.randn(below, 2, above, generator=generator) * (0.125 / below) ** 0.5
        drawn[:, 1] /= found.base**0.5
        self.weight = nn.Parameter(drawn)

    def forward(self, x: Float[Tensor, "*batch below"]) -> Float[Tensor, "*batch above"]:
        weight = torch.cat([self.splines * self.weight[:, :1], self.weight[:, 1:]], dim=1)
        return kernels.spline_sum(x, weight, self.mask, self.knots, DEGREE, "silu")


def _knots(below: int, intervals: int) -> Tensor:
    ends = torch.ones(below, dtype=torch.float64)
    return splines.uniform_knots(-ends, ends, intervals, DEGREE)


def _polynomial(coefficients: Float[Tensor, "nodes terms"], x: Tensor) -> Tensor:
    """By Horner's rule, the constant first."""
    value = torch.zeros_like(x)
    for coefficient in coefficients.flip(-1).unbind(-1):
        value = value * x + coefficient
    return value
