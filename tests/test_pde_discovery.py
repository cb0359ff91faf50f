"""Solutions written as formulas, and formulas put into equations."""

from functools import cache
from math import pi

import numpy as np
import pytest
import torch

from edgewise import InputError
from edgewise.pde import (
    Box,
    Interval,
    Problem,
    Solution,
    dirichlet,
    energy,
    initial,
    integral,
    load,
    periodic,
    solve,
)
from edgewise.pde.discovery import EXACT, _Terms, field_formulas
from edgewise.pde.problems import case
from edgewise.symbolic import Formula


@cache
def _heat() -> Solution:
    return solve(case("heat").build(0), rank=1, cells=8)


def _formula(text: str) -> dict[str, Formula]:
    return {"u": Formula(text, ("x", "t"))}


def test_the_equation_settles_the_constants_of_a_formula_that_is_nearly_right():
    found = _Terms(_heat(), 0).settled(_formula("1.001*exp(-0.98*t)*sin(3.14*x)"))
    assert found["u"].text == "exp(-pi**2*t/10)*sin(pi*x)"
    assert max(_Terms(_heat(), 0).left(found).values()) < EXACT


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("exp(-pi**2*t/10)*sin(pi*x)", set()),
        ("exp(-pi**2*t/20)*sin(pi*x)", {"heat"}),
        ("2*exp(-pi**2*t/10)*sin(pi*x)", {"start"}),
        ("exp(-pi**2*t/10)*cos(pi*x)", {"ends", "start"}),
        ("log(x - 0.5)", {"heat", "ends", "start"}),
    ],
)
def test_a_wrong_formula_is_told_by_the_term_it_breaks(text, broken):
    left = _Terms(_heat(), 0).left(_formula(text))
    assert {name for name, share in left.items() if not share < EXACT} == broken


def test_periodic_axes_and_integrals_are_put_to_the_test_too():
    problem = Problem(
        "u",
        Box(x=(0, 2 * pi), t=(0, 1)),
        {"transport": lambda u: u.t + u.x},
        {
            "ends": periodic("x"),
            "start": initial("u", lambda x: torch.cos(x)),
            "mean": integral(lambda u: u.value, 0.0),
        },
    )
    terms = _Terms(solve(problem, rank=2, cells=8), 0)
    assert max(terms.left(_formula("cos(x - t)")).values()) < EXACT
    left = terms.left(_formula("cos(x - t) + (x - t)/10"))
    assert left["transport"] < EXACT < min(left[name] for name in ("ends", "start", "mean"))


def test_a_loaded_solution_has_a_formula_and_no_equation_to_put_it_into(tmp_path):
    line = Problem(
        "u", Box(x=(0, 1), y=(0, 1)), {"flat": lambda u: u.xx + u.yy}, {"edge": dirichlet("u", 2.0)}
    )
    solution = load(solve(line, rank=1, cells=4).save(tmp_path))
    found = field_formulas(solution, max_seconds=4)
    assert (found.formulas["u"].text, found.status, found.residuals) == ("2", "approximate", {})


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_time_that_cannot_be_is_refused(seconds):
    bar = Problem("u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + 2}, {"ends": dirichlet("u", 0.0)})
    solution = solve(bar)
    with pytest.raises(InputError, match=r"max_seconds=.*expected a positive number"):
        field_formulas(solution, max_seconds=seconds)


def test_an_energy_is_not_put_to_the_test():
    least = {"least": energy(lambda u: u.x**2 / 2 - u.value)}
    solution = solve(Problem("u", Interval(x=(0, 1)), least, {"ends": dirichlet("u")}))
    found = field_formulas(solution, max_seconds=4)
    assert found.formulas["u"](np.array([[0.5]])) == pytest.approx(0.125)
    assert found.status == "approximate"
    assert "'least' is an energy" in found.message
    with pytest.raises(InputError, match="'least' is an energy"):
        solution.residual("least", x=0.5)


@pytest.mark.slow
def test_poisson_is_written_down_exactly():
    solution = solve(case("poisson").build(0), max_seconds=20)
    found = solution.to_formula(max_seconds=40)
    assert found.formulas["u"].text == "sin(pi*x)*sin(pi*y)"
    assert found.status == "exact"
    assert max(found.residuals.values()) < EXACT
    text = found.to_text()
    assert "u = sin(pi*x)*sin(pi*y)" in text
    assert "certificate of" in text
