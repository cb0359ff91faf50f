import numpy as np
import pytest
import sympy

from edgewise.catalogue import CATALOGUE
from edgewise.symbolic.outputs import OUTPUTS, targets
from edgewise.symbolic.parser import parse

ALL = {output.name: output for output in OUTPUTS}
EACH = pytest.mark.parametrize("output", OUTPUTS, ids=ALL)
T = sympy.Symbol("t", real=True)

INSIDE = {
    "plain": (-5.0, 5.0),
    "reciprocal": (0.2, 5.0),
    "square": (0.1, 5.0),
    "logarithm": (0.1, 50.0),
    "root": (0.1, 50.0),
    "exponential": (-8.0, 8.0),
    "inverse square": (0.2, 5.0),
    "sine": (-1.5, 1.5),
    "cosine": (0.1, 3.0),
    "tangent": (-1.4, 1.4),
    "arcsine": (-0.95, 0.95),
    "artanh": (-0.95, 0.95),
    "cube root": (0.1, 50.0),
}


def inside(output, rows=50):
    """Values every transform of that name must take."""
    return np.linspace(*INSIDE[output.name], rows)


def of(y, weight=1.0, allowed=lambda name: True):
    """The targets of ``y`` by the name of their transform."""
    return {found.output.name: found for found in targets(y, np.full(y.shape, weight), allowed)}


def test_each_transform_is_known_by_name_and_has_a_range_here():
    assert len(ALL) == len(OUTPUTS)
    assert set(ALL) == set(INSIDE)


@EACH
def test_the_inverse_gives_y_back(output):
    y = inside(output)
    np.testing.assert_allclose(output.inverse(output.forward(y)), y, rtol=1e-12, atol=1e-12)


@EACH
def test_the_slope_is_that_of_finite_differences(output):
    y, step = inside(output), 1e-6
    rise = (output.forward(y + step) - output.forward(y - step)) / (2 * step)
    np.testing.assert_allclose(output.slope(y), rise, rtol=1e-5, atol=1e-8)


@EACH
def test_the_text_is_the_inverse(output):
    t = output.forward(inside(output))
    written = sympy.lambdify(T, parse(output.text, ["t"]), "numpy")
    np.testing.assert_allclose(written(t), output.inverse(t), rtol=1e-13)


@EACH
def test_what_a_transform_needs_is_in_the_catalogue(output):
    assert output.needs is None or output.needs in CATALOGUE


@EACH
def test_every_transform_is_offered_inside_its_range(output):
    found = of(inside(output))
    assert output.name in found
    np.testing.assert_allclose(found[output.name].t, output.forward(inside(output)))


BEYOND = [
    ("reciprocal", [0.0, 2.0]),
    ("square", [-1.0, 2.0]),
    ("square", [0.0, 2.0]),
    ("logarithm", [-1.0, 2.0]),
    ("logarithm", [0.0, 2.0]),
    ("root", [-1.0, 2.0]),
    ("root", [0.0, 2.0]),
    ("exponential", [0.0, 31.0]),
    ("exponential", [-31.0, 0.0]),
    ("inverse square", [-1.0, 2.0]),
    ("inverse square", [0.0, 2.0]),
    ("sine", [0.0, 1.6]),
    ("sine", [-1.6, 0.0]),
    ("cosine", [-0.1, 1.0]),
    ("cosine", [0.5, 3.2]),
    ("tangent", [0.0, 1.6]),
    ("arcsine", [0.0, 1.0]),
    ("arcsine", [-1.0, 0.0]),
    ("artanh", [0.0, 1.0]),
    ("cube root", [0.0, 2.0]),
]


@pytest.mark.parametrize(("name", "y"), BEYOND)
def test_values_a_transform_cannot_take_are_refused(name, y):
    assert name not in of(np.array([*y, 0.3, 0.7]))


def test_a_few_rows_out_of_reach_have_no_weight():
    y = np.linspace(0.1, 5.0, 100)
    y[[3, 50]] = -1.0
    found = of(y)["logarithm"]
    assert np.flatnonzero(found.w == 0).tolist() == [3, 50]
    inside = y > 0
    np.testing.assert_allclose(found.t[inside], np.log(y[inside]))
    y[:20] = -1.0
    assert "logarithm" not in of(y)


def test_what_is_not_allowed_is_not_offered():
    y = np.linspace(0.1, 0.9, 20)
    assert set(of(y, allowed=lambda name: False)) == {n for n, output in ALL.items() if output.needs is None}
    without = of(y, allowed=lambda name: name != "exponential")
    assert "logarithm" not in without
    assert "sine" in without


def test_a_constant_has_no_targets_and_a_changing_one_at_least_itself():
    assert of(np.full(10, 3.0)) == {}
    assert "plain" in of(np.array([1.0, 2.0]))


@EACH
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_residuals_of_a_target_are_those_of_y_to_first_order(output, sign, rng):
    y = sign * inside(output)
    found = of(y, weight=2.5)[output.name]
    small = 1e-7 * rng.normal(size=y.shape)
    t_there = output.forward(found.sign * (y + small))
    np.testing.assert_allclose(
        np.abs(t_there - found.t) * found.w, 2.5 * np.abs(small), rtol=1e-3, atol=1e-13
    )


@EACH
def test_the_text_of_a_target_gives_y_itself_for_either_sign(output):
    for y in (inside(output), -inside(output)):
        found = of(y).get(output.name)
        if found is not None:
            values = sympy.lambdify(T, parse(found.text, ["t"]), "numpy")(found.t)
            np.testing.assert_allclose(values, y, rtol=1e-12, atol=1e-12)


def test_the_transforms_of_positive_values_serve_negative_ones_too():
    assert {"square", "logarithm", "root", "inverse square", "cube root"} <= set(of(-inside(ALL["root"])))


def test_rows_of_a_target_are_its_own():
    y, index = np.linspace(1.0, 2.0, 9), np.array([7, 2, 2])
    found = of(y)["logarithm"]
    some = found.rows(index)
    np.testing.assert_array_equal(some.t, np.log(y[index]))
    np.testing.assert_array_equal(some.w, found.w[index])
    assert some.text == found.text


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_extreme_values_give_finite_targets_or_none(scale):
    for found in of(scale * np.linspace(1.0, 2.0, 20)).values():
        assert np.isfinite(found.t).all()
        assert np.isfinite(found.w).all()
