import pytest
import scipy.special
import torch

from edgewise.catalogue import CATALOGUE, page
from edgewise.symbolic import Match, match_edge

EXPONENT = 1.7
LAWS = pytest.mark.parametrize("law", CATALOGUE.values(), ids=lambda law: law.name)
SCALES = [
    (1.0, 0.0, 1.0, 0.0),
    (-1.0, 0.0, -1.0, 0.0),
    (1e-6, 0.0, 1.0, 0.0),
    (1e6, 0.0, 1.0, 0.0),
    (1.0, 0.0, 1e-6, 0.0),
    (1.0, 0.0, 1e6, 0.0),
    (1.0, 100.0, 1.0, 1e3),
]


def samples(law, count=300):
    """Arguments inside the law's interval, away from its poles, and its values there."""
    low, high = max(law.low + 0.05, -1.2), min(law.high - 0.05, 2.1)
    low = 0.3 if law.name in ("reciprocal", "inverse square", "inverse cube") else low
    u = torch.linspace(low, high, count, dtype=torch.float64)
    return u, law.value(u, torch.tensor(EXPONENT, dtype=torch.float64))


def values(match, x):
    a, b, c, d, p = match.constants
    return c * match.function.value(a * x + b, p) + d


def relative(difference, y):
    return float(difference.square().mean().sqrt() / y.std(correction=0))


@LAWS
def test_a_function_recognises_itself_and_none_as_simple_does_as_well(law):
    matches = match_edge(*samples(law))
    good = {match.function.name: match for match in matches if match.error < 1e-9}
    assert good[law.name].error < 1e-12
    rivals = {match.function.name for match in good.values() if match.function.complexity <= law.complexity}
    assert rivals <= {law.name, "power"}


@pytest.mark.parametrize("scales", SCALES, ids=str)
@LAWS
def test_no_scale_or_shift_of_either_axis_matters(law, scales):
    u, f = samples(law)
    x, y = u * scales[0] + scales[1], f * scales[2] + scales[3]
    (match,) = match_edge(x, y, [law])
    assert match.error < 1e-9
    assert relative(values(match, x) - y, y) < 1e-9


@LAWS
def test_with_noise_of_one_per_cent_the_right_family_wins_or_ties(law, generator):
    u, f = samples(law)
    y = f + 0.01 * f.std() * torch.randn(len(u), generator=generator, dtype=torch.float64)
    matches = match_edge(u, y)
    own = next(match for match in matches if match.function is law)
    assert own.error < 1.02 * matches[0].error


@pytest.mark.parametrize("frequency", [0.3, 3.0, 20.0, 50.0, 100.0])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_a_sine_is_found_at_any_frequency(frequency, scale):
    x = torch.linspace(-1, 1, 1000, dtype=torch.float64) * scale
    best = match_edge(x, 3 * torch.sin(frequency * x / scale + 0.4) + 1)[0]
    assert best.function.name == "sine"
    assert float(best.constants[0]) * scale == pytest.approx(frequency, rel=1e-9)


def test_a_fast_sine_is_not_missed_for_its_fading_neighbour():
    x = torch.linspace(-1, 1, 500, dtype=torch.float64)
    y = torch.sin(50 * x) + 0.3 * torch.sin(20 * x)
    assert float(match_edge(x, y, [CATALOGUE["sine"]])[0].constants[0]) == pytest.approx(50, rel=0.01)


def test_constants_are_those_of_the_users_axes():
    x = torch.linspace(2, 5, 100, dtype=torch.float64)
    (match,) = match_edge(x, 3 * (x - 4) ** 2 + 7, [CATALOGUE["square"]])
    assert match.constants[:4].tolist() == pytest.approx([1, -4, 3, 7])


def test_an_exponent_is_found():
    x = torch.linspace(1, 5, 100, dtype=torch.float64)
    (match,) = match_edge(x, 2 * x**-2.3 + 1, [CATALOGUE["power"]])
    assert match.constants.tolist() == pytest.approx([1, 0, 2, 1, -2.3], abs=1e-6)


@pytest.mark.parametrize("level", [0.0, 3.3, -1e6, 1e-9])
def test_a_constant_curve_is_a_flat_line(level):
    x = torch.linspace(-1, 1, 50, dtype=torch.float64)
    (match,) = match_edge(x, torch.full_like(x, level))
    assert (match.function.name, match.error) == ("linear", 0.0)
    assert values(match, x).tolist() == pytest.approx([level] * 50, rel=1e-14)


def test_samples_at_a_single_place_are_a_flat_line():
    (match,) = match_edge(torch.ones(4), torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert values(match, torch.ones(1)).item() == pytest.approx(2.5)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_handful_of_samples_gives_something_finite(count):
    x = torch.linspace(0, 1, count, dtype=torch.float64)
    best = match_edge(x, x**2)[0]
    assert torch.isfinite(best.constants).all()
    assert torch.isfinite(values(best, x)).all()


def test_the_order_of_the_samples_does_not_matter(generator):
    x, y = samples(CATALOGUE["gaussian"])
    order = torch.randperm(len(x), generator=generator)
    for first, second in zip(match_edge(x, y), match_edge(x[order], y[order]), strict=True):
        assert first.function is second.function
        assert torch.equal(first.constants, second.constants)


def test_errors_rise_and_are_shares_of_the_deviation(generator):
    x, y = samples(CATALOGUE["tangent"])
    matches = match_edge(x, y * 1e3)
    assert [match.error for match in matches] == sorted(match.error for match in matches)
    for match in matches:
        assert match.error == pytest.approx(
            relative(values(match, x) - y * 1e3, y * 1e3), rel=1e-3, abs=1e-12
        )


def test_only_the_functions_asked_for_are_tried():
    x, y = samples(CATALOGUE["sine"])
    found = match_edge(x, y, [CATALOGUE["square"], CATALOGUE["gaussian"]])
    assert {match.function.name for match in found} <= {"square", "gaussian"}


def test_the_curve_is_left_as_it_was():
    x, y = torch.tensor([3.0, 1.0, 2.0]), torch.tensor([9.0, 1.0, 4.0])
    assert isinstance(match_edge(x, y)[0], Match)
    assert x.tolist() == [3.0, 1.0, 2.0]
    assert y.tolist() == [9.0, 1.0, 4.0]


@pytest.mark.parametrize("law", ["square", "linear", "logarithm"])
def test_a_function_stretched_by_cancellation_is_left_out(law):
    x, y = samples(CATALOGUE[law])
    for match in match_edge(x, y):
        a, b, c, _, p = match.constants
        largest = (c * match.function.value(a * x + b, p)).abs().max()
        assert largest <= 1e4 * (y - y.mean()).abs().max()


@pytest.mark.parametrize("seed", range(2))
@LAWS
def test_a_function_with_any_constants_on_any_interval_comes_first(law, seed):
    x, y = drawn(law, torch.Generator().manual_seed(seed))
    assert match_edge(x, y)[0].error < 1e-8


def drawn(law, generator):
    def between(low, high):
        return float(low + (high - low) * torch.rand((), generator=generator, dtype=torch.float64))

    low, high = max(law.low, -3.0), min(law.high, 3.0)
    low = 0.0 if law.name in ("reciprocal", "inverse square", "inverse cube") else low
    width = between(0.4, 0.95) * (high - low)
    start = low + between(0.02, 0.98) * (high - low - width)
    u = start + width * torch.rand(250, generator=generator, dtype=torch.float64)
    p = torch.tensor(between(-2.5, 3.5), dtype=torch.float64)
    a, b = between(0.3, 30) * (1 if between(-1, 1) > 0 else -1), between(-5, 5)
    return (u - b) / a, between(0.5, 5) * law.value(u, p) + between(-5, 5)


@pytest.mark.parametrize("low", [0.0, -1.0])
@pytest.mark.parametrize(("order", "frequency"), [(0, 20.0), (0, 3.0), (1, 20.0), (1, 7.5)])
def test_bessel_functions_are_found_at_wide_scales(low, order, frequency):
    x = torch.linspace(low, 1, 400, dtype=torch.float64)
    y = torch.from_numpy(scipy.special.jv(order, frequency * x.numpy()))
    best = match_edge(x, 2 * y - 1, page("special"))[0]
    assert best.function.name == f"bessel j{order}"
    assert best.error < 1e-9
    assert abs(float(best.constants[0])) == pytest.approx(frequency, rel=1e-8)


def test_functions_may_be_given_by_name():
    x, y = samples(CATALOGUE["gaussian"])
    assert match_edge(x, y, ["sine", "gaussian"])[0].function is CATALOGUE["gaussian"]


def test_a_curve_that_is_followed_by_cancellation_only_has_a_coarse_match():
    x = torch.linspace(-1, 1, 200, dtype=torch.float64)
    assert match_edge(x, x**2, ["sine"]) == []
    best = match_edge(x, x**2, ["sine"], coarse=True)[0]
    a, b, c, d, _ = best.constants
    off = c * (a * x + b).sin() + d - x**2
    assert float(off.square().mean().sqrt() / (x**2).std(correction=0)) == pytest.approx(best.error, rel=1e-6)
    assert best.error < 0.01
    assert abs(c) < 1e3
