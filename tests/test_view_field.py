"""Pictures of solved equations."""

import numpy as np
import pytest

from edgewise import InputError
from edgewise.pde import Box, Disc, Problem, dirichlet, initial, load, solve
from edgewise.pde.problems import case
from edgewise.view.field import field_figure


def _heat():
    one = case("heat")
    return one, solve(one.build(0), rank=1, cells=8)


def _titled(made):
    return {axes.get_title(): axes for axes in made.axes if axes.get_title()}


def test_field_residual_and_error_share_the_grid_and_are_what_they_say():
    one, solution = _heat()
    axes = _titled(field_figure(solution, exact=one.exact["u"]))
    assert list(axes) == ["u", "error of u", "residual of heat"]
    field, error, residual = (np.asarray(panel.images[0].get_array()) for panel in axes.values())
    assert field.shape == error.shape == residual.shape == (161, 161)
    assert np.abs(error).max() < 1e-3 < field.max()
    across, up = axes["u"].get_xlabel(), axes["u"].get_ylabel()
    assert (across, up) == ("t", "x")
    assert field[80, 32] == pytest.approx(float(solution(x=0.5, t=0.2)))
    assert residual[80, 32] == pytest.approx(abs(float(solution.residual("heat", x=0.5, t=0.2))))
    assert len(axes["u"].get_xticks(minor=True)) == 7  # inner knots; the ends are major ticks


def test_outside_the_domain_there_is_nothing():
    disc = Problem(
        "u", Disc((0, 0), 1), {"poisson": lambda u: u.xx + u.yy + 4}, {"edge": dirichlet("u", 0.0)}
    )
    made = field_figure(solve(disc, rank=3, cells=8))
    for axes in _titled(made).values():
        values = np.ma.masked_invalid(axes.images[0].get_array())
        assert values.mask[0, 0]
        assert not values.mask[80, 80]
    assert _titled(made)["u"].images[0].get_array()[80, 80] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.filterwarnings("ignore:unsure")
def test_three_coordinates_are_cut_where_the_user_says():
    slab = Problem(
        "u",
        Box(x=(0, 1), y=(0, 2), t=(0, 1)),
        {"rises": lambda u: u.t - 1},
        {"start": initial("u", lambda x, y: x + 10 * y)},
    )
    solution = solve(slab, rank=2, cells=4)
    with pytest.raises(InputError, match=r"type at=\{'t': ...\}"):
        field_figure(solution)
    (axes,) = _titled(field_figure(solution, residuals=False, at={"t": 0.5})).values()
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("u at t = 0.5", "x", "y")
    assert axes.images[0].get_array()[160, 80] == pytest.approx(21.0, abs=0.1)


def test_a_solution_from_a_file_has_no_residual_to_draw(tmp_path):
    _, solution = _heat()
    assert list(_titled(field_figure(load(solution.save(tmp_path))))) == ["u"]


def test_what_has_no_picture():
    _, solution = _heat()
    with pytest.raises(InputError, match="expected one of u"):
        field_figure(solution, "w")
    with pytest.raises(InputError, match="at= names 'z'"):
        field_figure(solution, at={"z": 1.0})
