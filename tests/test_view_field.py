"""Pictures of solved equations."""

import numpy as np
import pytest

from edgewise import InputError
from edgewise.pde import Disc, Problem, dirichlet, solve
from edgewise.pde.problems import case
from edgewise.view.field import field_figure


def test_field_and_error_share_the_grid_and_the_error_is_the_error():
    one = case("heat")
    solution = solve(one.build(0), rank=1, cells=8)
    made = field_figure(solution, exact=one.exact["u"])
    titles = [axes.get_title() for axes in made.axes if axes.get_title()]
    assert titles == ["u", "error of u"]
    field, error = (np.asarray(axes.images[0].get_array()) for axes in made.axes if axes.get_title())
    assert field.shape == error.shape == (161, 161)
    assert np.abs(error).max() < 1e-3 < field.max()
    assert len(made.axes[0].get_xticks(minor=True)) == 7  # inner knots; the ends are major ticks


def test_outside_the_domain_there_is_nothing():
    disc = Problem(
        "u", Disc((0, 0), 1), {"poisson": lambda u: u.xx + u.yy + 4}, {"edge": dirichlet("u", 0.0)}
    )
    made = field_figure(solve(disc, rank=3, cells=8))
    field = np.ma.masked_invalid(made.axes[0].images[0].get_array())
    assert field.mask[0, 0]
    assert field[80, 80] == pytest.approx(1.0, abs=1e-3)


def test_what_has_no_picture():
    solution = solve(case("heat").build(0), rank=1, cells=6)
    with pytest.raises(InputError, match="expected one of u"):
        field_figure(solution, "w")
