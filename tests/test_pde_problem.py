"""What a problem says of itself before it is solved."""

import pytest
import torch

from edgewise import InputError
from edgewise.pde import (
    Box,
    Disc,
    Interval,
    Problem,
    condition,
    data,
    dirichlet,
    even,
    initial,
    neumann,
    odd,
    periodic,
    robin,
)
from edgewise.pde.ansatz import held
from edgewise.pde.levels import is_linear

SQUARE = Box(x=(0, 1), y=(0, 1))
ROD = Box(x=(0, 1), t=(0, 1))
EDGE = {"edge": dirichlet("u", 0.0)}
LAPLACE = {"laplace": lambda u: u.xx + u.yy}


def test_derivatives_are_found_by_reading_the_equation():
    problem = Problem(
        ("u", "v"), SQUARE, {"a": lambda u, v: u.xy + v.x, "b": lambda u, v: u.d("x", "x", "y") * v}, EDGE
    )
    assert problem.orders["u"].highest == 3
    assert set(problem.orders["v"].indices) == {(0, 0), (1, 0)}


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Problem("u", SQUARE, {}, EDGE), "no equation"),
        (lambda: Problem("u", SQUARE, LAPLACE, {}), "no condition"),
        (lambda: Problem("u", SQUARE, {"a": lambda w: w.xx}, EDGE), "'w'"),
        (lambda: Problem("speed", SQUARE, {"a": lambda spede: spede.xx}, {}), "did you mean 'speed'"),
        (lambda: Problem("u", SQUARE, {"a": lambda u: u.xz}, EDGE), r"u\.xz is no derivative"),
        (lambda: Problem(("u", "v"), SQUARE, LAPLACE, EDGE), "no equation holds the unknown 'v'"),
        (lambda: Problem("x", SQUARE, LAPLACE, EDGE), "already"),
        (lambda: Problem("u", SQUARE, LAPLACE, {"edge": dirichlet("u", 0.0, on="left")}), "x.low"),
        (lambda: Problem("u", SQUARE, LAPLACE, {"edge": dirichlet("w", 0.0)}), "'w'"),
        (lambda: Problem("u", SQUARE, LAPLACE, {"edge": 0.0}), "expected dirichlet"),
        (lambda: Problem("u", SQUARE, LAPLACE, {"edge": dirichlet("u", 0.0, on="x")}), "ends of 'y'"),
        (lambda: Problem("u", ROD, {"heat": lambda u: u.t - u.xx}, EDGE), "ends of 't'"),
        (lambda: Problem("u", Disc((0, 0), 1), LAPLACE, {"around": periodic("x")}), "a box"),
        (lambda: Problem("u", SQUARE, LAPLACE, {**EDGE, "m": odd("w", "x")}), "'w'"),
        (
            lambda: Problem("u", SQUARE, LAPLACE, {**EDGE, "other": dirichlet("u", 1.0, on="x.low")}),
            "different values",
        ),
        (lambda: Problem("u", SQUARE, {"a": lambda u: "text"}, EDGE), "no number for each point"),
        (lambda: Problem("u", SQUARE, {"a": lambda u: u.xxxxxx}, EDGE), "order 6"),
        (lambda: Problem("u", SQUARE, LAPLACE, {"d": data([[1.0]], [1.0])}), "1 columns"),
        (lambda: data([[1.0, 2.0]], [1.0, 2.0]), r"expected \(n, coordinates\)"),
        (lambda: data([[1.0, float("nan")]], [1.0]), "NaN"),
        (lambda: Problem("u", SQUARE, LAPLACE, EDGE).with_constants(k=1.0), "'k'"),
        (lambda: Problem("u", SQUARE, LAPLACE, {"edge": neumann("u", 0.0)}), "any number may be added"),
        (
            lambda: Problem("u", ROD, {"wave": lambda u: u.tt - u.xx}, {**EDGE, "start": initial("u", 0.0)}),
            r"expected 2; add for instance initial_rate",
        ),
        (
            lambda: Problem("u", Interval(x=(0, 1)), {"beam": lambda u: u.xxxx - 1}, EDGE),
            r"is 4, and its ends have 2 conditions",
        ),
    ],
)
def test_what_cannot_be_solved_gets_one_line(build, words, untyped):
    with pytest.raises(InputError, match=words) as caught:
        build()
    assert "\n" not in str(caught.value)


def heat(**more):
    return Problem(
        "u",
        ROD,
        {"heat": lambda u: u.t - u.xx},
        {**EDGE, "start": initial("u", lambda x: x * (1 - x)), **more},
    )


def test_values_on_sides_are_built_in_and_slopes_are_not():
    found = held(heat(flux=neumann("u", 1.0, on="x.high")), "u")
    assert found.names == {"edge", "start"}
    assert set(found.pins) == {(0, 0), (0, 1), (1, 0)}


def test_values_that_jump_at_a_corner_are_left_to_residuals():
    jump = Problem("u", ROD, {"heat": lambda u: u.t - u.xx}, {"start": initial("u", 1.0), **EDGE})
    assert held(jump, "u").names == {"start"}


def test_a_lift_has_the_values_and_its_derivatives_are_those_of_autograd():
    from edgewise.pde.ansatz import Lift
    from edgewise.pde.taylor import Orders

    def exact(x, y):
        return torch.sin(x) + y**2 * x

    problem = Problem("u", SQUARE, LAPLACE, {"edge": dirichlet("u", exact)})
    lift = Lift(problem, held(problem, "u").pins)
    for piece in SQUARE.pieces:
        points = piece.sample([torch.linspace(0, 1, 7, dtype=torch.float64)] * 2)[0]
        torch.testing.assert_close(lift(points), exact(*points.T))
    points, orders, step = torch.tensor([[0.3, 0.6]], dtype=torch.float64), Orders([(0, 2), (1, 0)]), 1e-4
    found = lift.derivatives(points, orders)
    up, down = (lift(points + torch.tensor([[0.0, s]]).double()) for s in (step, -step))
    assert float(found[orders.place[(0, 2)]]) == pytest.approx(
        float((up - 2 * lift(points) + down) / step**2), rel=1e-4
    )


def test_linear_or_not():
    assert is_linear(heat())
    assert is_linear(heat(mix=robin("u", 2.0, lambda t: 1 + t, 0.5, on="x.high")))
    assert not is_linear(heat(radiation=condition(lambda u: u.x + u**4, on="x.high")))
    assert not is_linear(Problem("u", SQUARE, {"a": lambda u: u.xx + u.yy + u * u.x}, EDGE))


def test_mirrors_are_found():
    problem = Problem(
        "u", ROD, {"heat": lambda u: u.t - u.xx}, {"start": initial("u", 0.0), "m": even("u", "x"), **EDGE}
    )
    assert held(problem, "u").signs == {0: 1}


def test_a_problem_in_one_coordinate():
    problem = Problem("u", Interval(x=(0, 2)), {"bend": lambda u, x: u.xx - x}, EDGE)
    assert problem.time is None
    assert problem.index("u", "xx") == (2,)
