r"""B-splines as pure functions of tensors: one knot vector, and so one basis, per input.

A spline of degree ``k`` on knots ``t_0 <= ... <= t_{m-1}`` is

    s(x) = sum_j coef_j B_j(x),    j = 0 .. m - k - 2,

on its domain ``[t_k, t_{m-k-1}]``. The basis obeys the Cox-de Boor recursion and is right-continuous; the
last interval is closed. Beyond the domain the spline continues along its tangent, ``s(e) + s'(e) (x - e)``
from the nearer end ``e``, so it is never zero by accident and never NaN.

Shapes: ``knots (inputs, m)``, ``x (..., inputs)``, ``coef (inputs, m - k - 1, outputs)``. A sample touches
``k + 1`` basis functions whatever the number of knots, which is what the local form returns.

Source: de Boor, *A Practical Guide to Splines*, chapters IX to XI; Piegl and Tiller, *The NURBS Book*, A2.2.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

MAX_DEGREE = 5


def knots_from_breakpoints(breakpoints: Tensor, degree: int) -> Tensor:
    """``breakpoints (inputs, intervals + 1)`` with ``degree`` more knots on each side, spaced like the end cells.

    Example:
        >>> knots_from_breakpoints(torch.tensor([[0.0, 1.0, 3.0]]), 1).tolist()
        [[-1.0, 0.0, 1.0, 3.0, 5.0]]
    """
    steps = torch.arange(1, degree + 1, dtype=breakpoints.dtype, device=breakpoints.device)
    first, last = breakpoints[:, :1], breakpoints[:, -1:]
    before = first - steps.flip(0) * (breakpoints[:, 1:2] - first)
    after = last + steps * (last - breakpoints[:, -2:-1])
    return torch.cat([before, breakpoints, after], dim=1)


def uniform_knots(low: Tensor, high: Tensor, intervals: int, degree: int) -> Tensor:
    """Knots with ``intervals`` equal cells on ``[low_i, high_i]`` for each input ``i``.

    Example:
        >>> uniform_knots(torch.zeros(1), torch.ones(1), 2, 1).tolist()
        [[-0.5, 0.0, 0.5, 1.0, 1.5]]
    """
    share = torch.linspace(0.0, 1.0, intervals + 1, dtype=low.dtype, device=low.device)
    return knots_from_breakpoints(low[:, None] + (high - low)[:, None] * share, degree)


def breakpoints(knots: Tensor, degree: int) -> Tensor:
    """The knots that bound the cells of the domain, ``(inputs, intervals + 1)``."""
    return knots[:, degree : knots.shape[1] - degree]


def domain(knots: Tensor, degree: int) -> tuple[Tensor, Tensor]:
    """The ends ``(low, high)`` of each input's domain."""
    return knots[:, degree], knots[:, -degree - 1]


def local_jet(x: Tensor, knots: Tensor, degree: int, order: int) -> tuple[Tensor, list[Tensor]]:
    """The ``degree + 1`` basis functions that can differ from zero at ``x``, with derivatives up to ``order``.

    ``x (..., inputs)`` gives ``first (..., inputs)`` and, for each derivative ``d``, ``values[d]
    (..., inputs, degree + 1)`` with ``values[d][..., r] = B^{(d)}_{first + r}(x)``, continued along the tangent
    beyond the domain. Differentiable in ``x`` any number of times.
    """
    low, high = domain(knots, degree)
    # Not clamp, which would halve the slopes at the very ends.
    inside = torch.where(x < low, low, torch.where(x > high, high, x))
    cell = find_cell(inside.detach(), knots, degree)
    jet = _jet(inside, _knots_near(knots, cell, degree), degree, max(order, 1))
    beyond = x - inside
    jet[0] = jet[0] + jet[1].detach() * beyond[..., None]
    outside = (beyond != 0)[..., None]
    for d in range(2, order + 1):
        jet[d] = torch.where(outside, torch.zeros_like(jet[d]), jet[d])
    return cell - degree, jet[: order + 1]


def find_cell(x: Tensor, knots: Tensor, degree: int) -> Tensor:
    """Index ``m`` of the non-empty cell ``t_m <= x < t_{m+1}`` of the domain; the last one is closed.

    ``x (..., inputs)``, inside the domain or NaN, gives whole numbers of the same shape.
    """
    columns = x.reshape(-1, x.shape[-1]).T.contiguous()
    found = torch.searchsorted(knots.detach().contiguous(), columns, right=True) - 1
    high = knots[:, -degree - 1 :][:, :1].contiguous()
    last = torch.searchsorted(knots.detach().contiguous(), high, right=False) - 1
    found = torch.minimum(found, last).clamp(min=degree, max=knots.shape[1] - degree - 2)
    return found.T.reshape(x.shape)


def jet(x: Tensor, knots: Tensor, degree: int, order: int) -> list[Tensor]:
    """All basis functions and their derivatives up to ``order``, each ``(..., inputs, m - degree - 1)``."""
    first, values = local_jet(x, knots, degree, order)
    index = first[..., None] + torch.arange(degree + 1, device=x.device)
    dense = torch.zeros(*x.shape, knots.shape[1] - degree - 1, dtype=x.dtype, device=x.device)
    return [dense.scatter(-1, index, value) for value in values]


def basis(x: Tensor, knots: Tensor, degree: int, derivative: int = 0) -> Tensor:
    """All basis functions at ``x (..., inputs)``: ``(..., inputs, m - degree - 1)``.

    Example:
        >>> knots = uniform_knots(torch.zeros(1), torch.ones(1), 4, 3)
        >>> bool(torch.isclose(basis(torch.tensor([[0.3]]), knots, 3).sum(), torch.tensor(1.0)))
        True
    """
    return jet(x, knots, degree, derivative)[derivative]


def evaluate(x: Tensor, coef: Tensor, knots: Tensor, degree: int, derivative: int = 0) -> Tensor:
    """``s^{(derivative)}(x)`` for every input and output: ``(..., inputs)`` to ``(..., inputs, outputs)``."""
    return torch.einsum("...ip,ipo->...io", basis(x, knots, degree, derivative), coef)


def fit_coefficients(x: Tensor, y: Tensor, knots: Tensor, degree: int) -> Tensor:
    """Least-squares coefficients of splines through samples.

    Minimises ``sum_n (s_io(x_ni) - y_nio)^2`` for ``x (n, inputs)``, ``y (n, inputs, outputs)``. Where data
    leave a coefficient open (an empty cell) it is settled by the smallest second divided difference, so a gap
    is bridged smoothly. Solved by QR in float64, returned in the type of ``y``.
    """
    design = basis(x.double(), knots.double(), degree).movedim(1, 0)
    roughness = _second_differences(knots.double(), degree) * (1e-10 * max(1.0, float(x.shape[0]) ** 0.5))
    rows = torch.cat([design, roughness], dim=1)
    target = y.double().movedim(1, 0)
    padding = target.new_zeros(target.shape[0], roughness.shape[1], target.shape[2])
    q, r = torch.linalg.qr(rows)
    rhs = q.mT @ torch.cat([target, padding], dim=1)
    return torch.linalg.solve_triangular(r, rhs, upper=True).to(y.dtype)


def transfer(coef: Tensor, knots: Tensor, new_knots: Tensor, degree: int) -> Tensor:
    """The same functions on other knots; exact wherever the new breakpoints contain the old ones.

    The old spline is sampled at ``degree + 1`` Chebyshev points of every new cell, which determine every
    piece, and fitted there.
    """
    ends = breakpoints(new_knots.double(), degree)
    angle = torch.arange(degree + 1, dtype=torch.float64, device=coef.device) + 0.5
    share = 0.5 - 0.5 * torch.cos(angle * (torch.pi / (degree + 1)))
    points = ends[:, :-1, None] + (ends[:, 1:] - ends[:, :-1])[:, :, None] * share
    x = points.reshape(points.shape[0], -1).T
    y = evaluate(x, coef.double(), knots.double(), degree)
    return fit_coefficients(x, y, new_knots, degree).to(coef.dtype)


def refine_knots(knots: Tensor, degree: int, intervals: int) -> Tensor:
    """Knots with ``intervals`` cells on the same domain, shared out like the old ones.

    A multiple of the old number splits every cell evenly, so the new breakpoints contain the old.
    """
    old = breakpoints(knots, degree)
    cells = old.shape[1] - 1
    place = torch.arange(intervals + 1, dtype=torch.float64, device=knots.device) * cells / intervals
    left = place.floor().long().clamp(max=cells - 1)
    share = (place - left).to(knots.dtype)
    return knots_from_breakpoints(old[:, left] + (old[:, left + 1] - old[:, left]) * share, degree)


def _knots_near(knots: Tensor, cell: Tensor, degree: int) -> Tensor:
    """``t_{m-degree} .. t_{m+degree+1}`` for each cell ``m``: ``(..., inputs, 2 degree + 2)``."""
    offsets = torch.arange(-degree, degree + 2, device=knots.device)
    index = (cell[..., None] + offsets).clamp(0, knots.shape[1] - 1)
    inputs = torch.arange(knots.shape[0], device=knots.device)[:, None]
    return knots[inputs, index]


def _jet(x: Tensor, near: Tensor, degree: int, order: int) -> list[Tensor]:
    """Derivatives 0 to ``order`` of the cell's ``degree + 1`` functions, each ``(..., inputs, degree + 1)``.

    One climb of the recursion passes through all lower degrees, from which the derivatives are raised.
    """
    point = x[..., None]
    values = torch.ones_like(point)
    lower = [values]
    for k in range(1, degree + 1):
        right, left = near[..., degree + 1 : degree + 1 + k], near[..., degree + 1 - k : degree + 1]
        share = values / (right - left)
        values = pad(share * (right - point), (0, 1)) + pad(share * (point - left), (1, 0))
        lower.append(values)
    return [_raised(lower, near, degree, d) for d in range(order + 1)]


def _raised(lower: list[Tensor], near: Tensor, degree: int, derivative: int) -> Tensor:
    """The derivative of that order: ``B'_i = k B_{i, k-1} / (t_{i+k} - t_i)`` minus the same of ``i + 1``."""
    if derivative > degree:
        return torch.zeros_like(lower[degree])
    values = lower[degree - derivative]
    for k in range(degree - derivative + 1, degree + 1):
        right, left = near[..., degree + 1 : degree + 1 + k], near[..., degree + 1 - k : degree + 1]
        slopes = k * values / (right - left)
        values = pad(slopes, (1, 0)) - pad(slopes, (0, 1))
    return values


def _second_differences(knots: Tensor, degree: int) -> Tensor:
    """Second divided differences of coefficients over their Greville abscissae: zero for straight lines."""
    count = knots.shape[1] - degree - 1
    if count < 3:
        return knots.new_zeros(knots.shape[0], 0, count)
    width = max(degree, 1)
    sites = knots.unfold(1, width, 1)[:, 1 : count + 1].mean(-1)
    step = (sites[:, 1:] - sites[:, :-1]).clamp(min=torch.finfo(knots.dtype).tiny)
    mean = step.mean(1, keepdim=True)
    rows = knots.new_zeros(knots.shape[0], count - 2, count)
    row = torch.arange(count - 2, device=knots.device)
    rows[:, row, row] = mean / step[:, :-1]
    rows[:, row, row + 2] = mean / step[:, 1:]
    rows[:, row, row + 1] = -mean / step[:, :-1] - mean / step[:, 1:]
    return rows
