"""Initial weights: the gain of a random spline by SciPy's quadrature, and the energies the rules promise."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad_vec
from scipy.interpolate import BSpline
from scipy.stats import norm, truncnorm

from edgewise import splines
from edgewise.edges import base_function
from edgewise.errors import InputError
from edgewise.init import initial_weight, spline_gain

SILU = base_function("silu")


def knots_of(intervals, degree=3, inputs=1, low=-1.0, high=1.0):
    ends = torch.tensor([[low, high]], dtype=torch.float64).expand(inputs, 2)
    return splines.uniform_knots(ends[:, 0], ends[:, 1], intervals, degree)


def gain_by_scipy(knots, degree):
    """Energy and chi of the basis for inputs of half the half-width, cut at the ends of the domain."""
    t = knots[0].numpy()
    functions = BSpline(t, np.eye(len(t) - degree - 1), degree)
    cells = t[degree:-degree]
    center, deviation = (cells[0] + cells[-1]) / 2, (cells[-1] - cells[0]) / 4

    def mean(nu):
        def density(x):
            return (functions(x, nu=nu) ** 2).sum() * norm.pdf(x, center, deviation)

        inside = norm.cdf(cells[-1], center, deviation) - norm.cdf(cells[0], center, deviation)
        return quad_vec(density, cells[0], cells[-1], points=cells[1:-1], epsrel=1e-9)[0] / inside

    return mean(0), deviation**2 * mean(1) / mean(0)


@pytest.mark.parametrize(("intervals", "chi"), [(5, 2.17), (10, 8.7), (20, 34.7), (40, 139.0)])
def test_the_gain_of_cubic_splines_rises_like_the_square_of_the_cells(intervals, chi):
    assert spline_gain(knots_of(intervals), 3)[1] == pytest.approx(chi, rel=0.004)


@pytest.mark.parametrize(("intervals", "degree"), [(1, 3), (5, 1), (5, 2), (5, 5), (13, 3)])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (2.0, 10.0)])
def test_energy_and_gain_equal_scipys_integrals(intervals, degree, low, high):
    knots = knots_of(intervals, degree, low=low, high=high)
    assert spline_gain(knots, degree) == pytest.approx(gain_by_scipy(knots, degree), rel=1e-5)


def test_steps_have_no_gain():
    assert spline_gain(knots_of(4, degree=0), 0) == pytest.approx((1.0, 0.0))


def inputs_law(count, inputs, rng):
    """Normal inputs of deviation 1/2, cut at the ends of [-1, 1]."""
    return torch.tensor(truncnorm.rvs(-2, 2, scale=0.5, size=(count, inputs), random_state=rng))


@pytest.mark.parametrize("depth", [1, 4])
@pytest.mark.parametrize("intervals", [5, 20])
def test_splines_get_their_share_of_the_energy(depth, intervals, generator, rng):
    knots, x = knots_of(intervals, inputs=2), inputs_law(200, 2, rng)
    weight = initial_weight("critical", knots, 3, SILU, 3000, depth, generator)
    energy = splines.evaluate(x, weight[:, :-1], knots, 3).sum(1).square().mean()
    share = min(1.0, 1.0 / (depth * gain_by_scipy(knots, 3)[1]))
    assert energy.item() == pytest.approx(share * 0.25, rel=0.08)


@pytest.mark.parametrize("depth", [1, 4])
def test_the_base_gets_the_rest_of_the_energy(depth, generator):
    knots = knots_of(10, inputs=2)
    x = torch.randn(2000, 2, generator=generator, dtype=torch.float64) / 2
    weight = initial_weight("critical", knots, 3, SILU, 1000, depth, generator)
    energy = (SILU(x) @ weight[:, -1]).square().mean()
    share = 1.0 - min(1.0, 1.0 / (depth * gain_by_scipy(knots, 3)[1]))
    assert energy.item() == pytest.approx(share * 0.25, rel=0.08)


def test_without_a_base_splines_get_all(generator, rng):
    knots, x = knots_of(8, inputs=2), inputs_law(200, 2, rng)
    weight = initial_weight("critical", knots, 3, None, 3000, 3, generator)
    assert weight.shape == (2, 11, 3000)
    energy = splines.evaluate(x, weight, knots, 3).sum(1).square().mean()
    assert energy.item() == pytest.approx(0.25, rel=0.08)


def test_the_noise_rule_has_the_scales_of_its_paper(generator):
    weight = initial_weight("noise", knots_of(5, inputs=100), 3, SILU, 50, 1, generator)
    assert weight[:, :-1].std().item() == pytest.approx(0.1 / 5, rel=0.05)
    assert weight[:, -1].std().item() == pytest.approx(100**-0.5, rel=0.05)


def test_weights_are_float64_and_in_shape(generator):
    weight = initial_weight("critical", knots_of(5, inputs=3).float(), 3, SILU, 2, 1, generator)
    assert (weight.shape, weight.dtype) == ((3, 9, 2), torch.float64)


def test_an_unknown_rule_lists_the_known_ones(generator):
    with pytest.raises(InputError, match="init='he' is not a rule; choose one of: critical, centred, power"):
        initial_weight("he", knots_of(5), 3, SILU, 1, 1, generator)


def mean_squares(functions, rng, slope=False):
    """Mean square of each function, or of its slope, over normal inputs of deviation 1/2 (no quadrature)."""
    x = torch.tensor(rng.normal(0, 0.5, 400_000)).requires_grad_()
    y = functions(x)
    (grown,) = torch.autograd.grad(y.sum(), x)
    return (grown if slope else y).square().mean().item()


@pytest.mark.parametrize("rule", ["glorot", "lecun", "power"])
@pytest.mark.parametrize("intervals", [5, 20])
def test_the_rules_of_others_have_their_formulas(rule, intervals, generator, rng):
    inputs, outputs, count = 6, 500, intervals + 3
    knots, cut = knots_of(intervals, inputs=inputs), inputs_law(200_000, 1, rng)
    e = splines.basis(cut, knots[:1], 3).square().mean().item()
    slope = splines.basis(cut, knots[:1], 3, 1).square().mean().item()
    base, base_slope = mean_squares(SILU, rng), mean_squares(SILU, rng, slope=True)
    expected = {
        "glorot": (
            (2 / ((count + 1) * (inputs * e / 0.25 + outputs * slope))) ** 0.5,
            (2 / ((count + 1) * (inputs * base / 0.25 + outputs * base_slope))) ** 0.5,
        ),
        "lecun": ((0.25 / (inputs * (count + 1) * e)) ** 0.5, (0.25 / (inputs * (count + 1) * base)) ** 0.5),
        "power": (1 / (inputs * (count + 1)), (inputs * (count + 1)) ** -0.25),
    }[rule]
    weight = initial_weight(rule, knots, 3, SILU, outputs, 1, generator)
    found = weight[:, :-1].std().item(), weight[:, -1].std().item()
    assert found == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("rule", ["lecun", "critical", "centred"])
def test_rules_that_keep_the_energy_do(rule, generator, rng):
    knots, cut = knots_of(8, inputs=3), inputs_law(500, 3, rng)
    x = torch.randn(2000, 3, generator=generator, dtype=torch.float64) / 2
    weight = initial_weight(rule, knots, 3, SILU, 2000, 1, generator)
    spline = splines.evaluate(cut, weight[:, :-1], knots, 3).sum(1).square().mean()
    base = (SILU(x) @ weight[:, -1]).square().mean()
    assert (spline + base).item() == pytest.approx(0.25, rel=0.08)


def test_centred_splines_have_no_mean(generator):
    knots = knots_of(5, inputs=2)
    z = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    density = torch.exp(-2 * z**2)
    weight = initial_weight("centred", knots, 3, SILU, 50, 1, generator)
    values = splines.evaluate(z[:, None].expand(-1, 2), weight[:, :-1], knots, 3)
    mean = torch.einsum("n,nio->io", density / density.sum(), values)
    assert mean.abs().max() < 1e-3 * values.std()


@pytest.mark.parametrize("intervals", [3, 5, 20])
def test_the_gain_of_centred_splines_is_that_of_a_sample(intervals, generator, rng):
    knots, x = knots_of(intervals), inputs_law(4000, 1, rng)
    coef = initial_weight("centred", knots, 3, None, 4000, 1, generator)
    y, slope = (splines.evaluate(x, coef, knots, 3, k).square().mean() for k in (0, 1))
    assert spline_gain(knots, 3, centred=True)[1] == pytest.approx(0.25 * (slope / y).item(), rel=0.06)
