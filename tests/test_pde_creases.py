"""Where splines may bend."""

import pytest
import torch

from edgewise import InputError, splines
from edgewise.pde import Box, Problem, dirichlet, energy
from edgewise.pde.creases import bent
from edgewise.pde.refinement import adapted
from edgewise.pde.state import even, start


def misfit(cells, degree=5):
    """How far the best spline on these cells stays from ``|x - 0.3|``."""
    knots = splines.knots_from_breakpoints(cells[None], degree)
    x = torch.linspace(0, 1, 200, dtype=torch.float64)[:, None]
    y = (x - 0.3).abs()[..., None]
    return float(
        (splines.evaluate(x, splines.fit_coefficients(x, y, knots, degree), knots, degree) - y).abs().max()
    )


def test_a_kink_on_a_crease_is_exact_and_elsewhere_is_not():
    plain = torch.linspace(0, 1, 11, dtype=torch.float64)
    assert misfit(plain) > 1e-3
    assert misfit(bent(plain, [0.3], 5)) < 1e-9


def test_two_places_near_each_other_take_two_breakpoints():
    found = bent(torch.linspace(0, 1, 5, dtype=torch.float64), [0.5, 0.51], 2)
    assert found.tolist()[-5:] == [0.5, 0.51, 0.51, 0.75, 1.0] or found.tolist().count(0.51) == 2
    assert found.tolist().count(0.5) == 2
    assert bool((found.diff() >= 0).all())


def kinked(**more):
    return Problem(
        "u",
        Box(x=(0, 1), y=(0, 1)),
        {"flow": energy(lambda u: (u.x**2 + u.y**2) / 2)},
        {"edge": dirichlet("u", 0.0)},
        **more,
    )


def test_all_axes_have_as_many_cells():
    problem = kinked(creases={"x": [0.3, 0.6]})
    knots = even(problem, 20, 5)
    assert knots.shape == (2, 21)
    assert [knots[0].tolist().count(place) for place in (0.3, 0.6)] == [5, 5]
    moved = adapted(start(problem, 2, knots, 5, 0), 24)
    assert moved.shape == (2, 25)
    assert [moved[0].tolist().count(place) for place in (0.3, 0.6)] == [5, 5]


@pytest.mark.parametrize(
    ("creases", "words"), [({"z": [0.5]}, "one of x, y"), ({"x": [1.5]}, "between 0 and 1")]
)
def test_creases_that_are_nowhere(creases, words):
    with pytest.raises(InputError, match=words):
        kinked(creases=creases)
