"""Splines against SciPy's, in float64 to twelve digits, and by the laws a B-spline basis obeys."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline, make_lsq_spline

from edgewise import splines

DEGREES = pytest.mark.parametrize("degree", range(splines.MAX_DEGREE + 1))
BREAKPOINTS = {
    "uniform": [-1.0, -0.5, 0.0, 0.5, 1.0],
    "uneven": [-2.0, -1.9, 0.1, 0.4, 3.0, 3.5],
    "repeated": [-1.0, -0.25, 0.5, 0.5, 0.75, 1.5],
    "one cell": [2.0, 5.0],
}
GRIDS = pytest.mark.parametrize("grid", BREAKPOINTS)


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def knots_on(grid, degree):
    return splines.knots_from_breakpoints(double([BREAKPOINTS[grid]]), degree)


def random_coef(knots, degree, generator, outputs=1):
    functions = knots.shape[1] - degree - 1
    return torch.randn(knots.shape[0], functions, outputs, generator=generator, dtype=torch.float64)


def oracle(knots, coef, degree):
    return BSpline(knots[0].numpy(), coef[0, :, 0].numpy(), degree, extrapolate=False)


def points_in(grid, rng):
    """Random points of the domain, every knot in it, and both ends."""
    ends = BREAKPOINTS[grid]
    return np.concatenate([rng.uniform(ends[0], ends[-1], 200), ends])


def assert_twelve_digits(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * max(1.0, np.abs(expected).max()))


def values(x, coef, knots, degree, derivative=0):
    return splines.evaluate(
        torch.as_tensor(x, dtype=torch.float64)[:, None], coef, knots, degree, derivative
    )[:, 0, 0].numpy()


@DEGREES
@GRIDS
@pytest.mark.parametrize("derivative", [0, 1, 2])
def test_values_and_derivatives_equal_scipy(grid, degree, derivative, generator, rng):
    knots = knots_on(grid, degree)
    coef, x = random_coef(knots, degree, generator), points_in(grid, rng)
    expected = oracle(knots, coef, degree)(x, nu=derivative)
    assert_twelve_digits(values(x, coef, knots, degree, derivative), expected)


@DEGREES
@pytest.mark.parametrize("end", [0, -1])
def test_the_tangent_continues_beyond_the_ends(degree, end, generator):
    knots = knots_on("uneven", degree)
    coef, edge = random_coef(knots, degree, generator), BREAKPOINTS["uneven"][end]
    x = edge + np.array([0.1, 1.0, 50.0]) * (1 if end else -1)
    inner = oracle(knots, coef, degree)
    value, slope = inner(edge), inner(edge, nu=1)
    assert_twelve_digits(values(x, coef, knots, degree), value + slope * (x - edge))
    assert_twelve_digits(values(x, coef, knots, degree, 1), np.full(3, slope))
    assert_twelve_digits(values(x, coef, knots, degree, 2), np.zeros(3))


@DEGREES
def test_end_knots_may_be_repeated(degree, generator, rng):
    knots = double([[-1.0] * (degree + 1) + [-0.2, 0.3] + [1.0] * (degree + 1)])
    coef, x = random_coef(knots, degree, generator), np.append(rng.uniform(-1, 1, 50), [-1.0, -0.2, 1.0])
    assert_twelve_digits(values(x, coef, knots, degree), oracle(knots, coef, degree)(x))


def test_every_input_has_knots_of_its_own(generator, rng):
    knots = torch.cat([knots_on("uniform", 3), 2 * knots_on("uniform", 3) + 5])
    coef = random_coef(knots, 3, generator, outputs=2)
    x = torch.tensor(rng.uniform(-1, 1, (20, 2)) * [1, 2] + [0, 5])
    together = splines.evaluate(x, coef, knots, 3)
    alone = [splines.evaluate(x[:, i : i + 1], coef[i : i + 1], knots[i : i + 1], 3) for i in (0, 1)]
    torch.testing.assert_close(together, torch.cat(alone, dim=1), rtol=0, atol=1e-13)


def test_leading_axes_are_free(generator):
    knots = knots_on("uniform", 3)
    x, coef = torch.rand(4, 5, 1, dtype=torch.float64, generator=generator), random_coef(knots, 3, generator)
    flat = splines.evaluate(x.flatten(0, 1), coef, knots, 3)
    assert torch.equal(splines.evaluate(x, coef, knots, 3), flat.reshape(4, 5, 1, 1))


def test_local_and_full_basis_agree(generator):
    knots = knots_on("uneven", 3)
    x = torch.rand(30, 1, dtype=torch.float64, generator=generator) * 7 - 3
    first, local = splines.local_jet(x, knots, 3, 1)
    for derivative in (0, 1):
        full = splines.basis(x, knots, 3, derivative)
        picked = full.gather(-1, first[..., None] + torch.arange(4))
        assert torch.equal(picked, local[derivative])
        torch.testing.assert_close(full.abs().sum(), local[derivative].abs().sum())


def test_float32_is_the_rounded_float64(generator, rng):
    knots, x = knots_on("uneven", 3), points_in("uneven", rng)
    coef = random_coef(knots, 3, generator)
    single = splines.evaluate(torch.tensor(x).float()[:, None], coef.float(), knots.float(), 3)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single[:, 0, 0].numpy(), values(x, coef, knots, 3), atol=2e-5)


@pytest.mark.parametrize("degree", [3, 4, 5])
def test_gradients_of_first_and_second_order(degree, generator):
    knots = knots_on("uneven", degree)
    coef = random_coef(knots, degree, generator).requires_grad_()
    x = double([[-2.5], [-1.3], [0.2], [1.7], [3.3], [4.0]]).requires_grad_()

    def curve(x, coef):
        return splines.evaluate(x, coef, knots, degree)

    assert torch.autograd.gradcheck(curve, (x, coef))
    assert torch.autograd.gradgradcheck(curve, (x, coef))


@pytest.mark.parametrize("point", [-1.0, -0.5, 0.3, 1.0])
def test_autograd_and_closed_derivatives_agree_even_at_the_ends(point, generator):
    knots = knots_on("uniform", 3)
    coef, x = random_coef(knots, 3, generator), double([[point]]).requires_grad_()
    first = torch.autograd.grad(splines.evaluate(x, coef, knots, 3).sum(), x, create_graph=True)[0]
    second = torch.autograd.grad(first.sum(), x)[0]
    assert_twelve_digits(first.item(), values([point], coef, knots, 3, 1))
    assert_twelve_digits(second.item(), values([point], coef, knots, 3, 2))


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("grid", ["uniform", "uneven"])
def test_fitted_coefficients_equal_scipy(grid, degree, rng):
    knots, x = knots_on(grid, degree), np.sort(points_in(grid, rng))
    y = np.sin(2 * x) + rng.normal(size=x.size)
    found = splines.fit_coefficients(torch.tensor(x)[:, None], torch.tensor(y)[:, None, None], knots, degree)
    expected = make_lsq_spline(x, y, knots[0].numpy(), degree).c
    np.testing.assert_allclose(found[0, :, 0], expected, rtol=0, atol=1e-8)


def with_a_gap(law):
    """Samples of a law on [-1, 1] but for [-0.4, 0.4], and the spline of 20 cells fitted to them."""
    x = torch.cat([torch.linspace(-1, -0.4, 60), torch.linspace(0.4, 1, 60)]).double()[:, None]
    knots = splines.uniform_knots(double([-1.0]), double([1.0]), 20, 3)
    coef = splines.fit_coefficients(x, law(x)[..., None], knots, 3)
    inside = np.linspace(-0.4, 0.4, 50)
    return inside, values(inside, coef, knots, 3)


def test_a_line_crosses_a_gap_as_a_line():
    inside, bridged = with_a_gap(lambda x: 3 * x - 1)
    np.testing.assert_allclose(bridged, 3 * inside - 1, atol=1e-3)


def test_a_line_crosses_a_gap_of_uneven_cells_as_a_line():
    knots = splines.knots_from_breakpoints(
        double([[-1.0, -0.5, -0.4, -0.1, 0.05, 0.1, 0.4, 0.5, 0.6, 1.0]]), 3
    )
    x = torch.cat([torch.linspace(-1, -0.45, 60), torch.linspace(0.55, 1, 60)]).double()[:, None]
    coef = splines.fit_coefficients(x, (3 * x - 1)[..., None], knots, 3)
    inside = np.linspace(-0.45, 0.55, 50)
    np.testing.assert_allclose(values(inside, coef, knots, 3), 3 * inside - 1, atol=1e-3)


def test_a_curve_crosses_a_gap_without_blowing_up():
    inside, bridged = with_a_gap(lambda x: torch.sin(2 * x))
    np.testing.assert_allclose(bridged, np.sin(2 * inside), atol=0.1)


@DEGREES
@pytest.mark.parametrize("grid", ["uniform", "uneven", "one cell"])
def test_splitting_every_cell_changes_nothing(grid, degree, generator, rng):
    knots, x = knots_on(grid, degree), points_in(grid, rng)
    coef = random_coef(knots, degree, generator)
    finer = splines.refine_knots(knots, degree, 3 * (len(BREAKPOINTS[grid]) - 1))
    moved = splines.transfer(coef, knots, finer, degree)
    np.testing.assert_allclose(values(x, moved, finer, degree), values(x, coef, knots, degree), atol=1e-11)


def test_refined_breakpoints_contain_the_old_exactly():
    finer = splines.breakpoints(splines.refine_knots(knots_on("uneven", 3), 3, 10), 3)
    assert finer[0, ::2].tolist() == BREAKPOINTS["uneven"]


def test_cells_that_do_not_nest_come_close():
    coarse = splines.uniform_knots(double([-1.0]), double([1.0]), 10, 3)
    x = torch.linspace(-1, 1, 200).double()[:, None]
    coef = splines.fit_coefficients(x, torch.sin(3 * x)[..., None], coarse, 3)
    finer = splines.refine_knots(coarse, 3, 17)
    moved = splines.transfer(coef, coarse, finer, 3)
    gap = values(x[:, 0], moved, finer, 3) - values(x[:, 0], coef, coarse, 3)
    assert 1e-12 < np.abs(gap).max() < 1e-3


def test_transfer_reaches_beyond_the_old_domain_along_the_tangent(generator):
    knots = knots_on("uniform", 1)
    coef = random_coef(knots, 1, generator)
    wider = splines.knots_from_breakpoints(double([[-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]]), 1)
    x = np.linspace(-3, 2, 60)
    assert_twelve_digits(
        values(x, splines.transfer(coef, knots, wider, 1), wider, 1), values(x, coef, knots, 1)
    )


def test_transfer_keeps_the_type(generator):
    knots = knots_on("uniform", 3)
    coef = random_coef(knots, 3, generator).float()
    assert splines.transfer(coef, knots.float(), knots.float(), 3).dtype == torch.float32


GAPS = st.lists(st.floats(0.1, 2.0), min_size=1, max_size=7)
SHARES = st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=8)


def drawn(gaps, shares, degree):
    """Knots with these cells, and points at these shares of the domain (and beyond it)."""
    ends = np.concatenate([[-1.0], -1.0 + np.cumsum(gaps)])
    knots = splines.knots_from_breakpoints(double(ends[None]), degree)
    return knots, double([ends[0] + share * (ends[-1] - ends[0]) for share in shares])[:, None]


@given(GAPS, SHARES, st.integers(0, 5))
def test_the_basis_sums_to_one_everywhere(gaps, shares, degree):
    knots, x = drawn(gaps, shares, degree)
    total = splines.basis(x, knots, degree).sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-10)


@given(GAPS, SHARES, st.integers(0, 5))
def test_the_basis_is_positive_and_local_inside(gaps, shares, degree):
    knots, x = drawn(gaps, np.clip(shares, 0, 1), degree)
    basis = splines.basis(x, knots, degree)[:, 0]
    left, right = knots[0, : -degree - 1], knots[0, degree + 1 :]
    outside = (x < left - 1e-12) | (x > right + 1e-12)
    assert bool((basis >= -1e-14).all())
    assert bool((basis[outside] == 0).all())


@given(GAPS, SHARES, st.integers(1, 5))
def test_lines_are_reproduced_everywhere(gaps, shares, degree):
    knots, x = drawn(gaps, shares, degree)
    averages = knots.unfold(1, degree, 1)[:, 1:-1].mean(-1)
    line = splines.evaluate(x, averages[..., None], knots, degree)[:, 0]
    torch.testing.assert_close(line, x, rtol=1e-9, atol=1e-9)
