"""Several starts: which is kept, how time is shared, what is said."""

import pytest
import torch

from edgewise import InputError
from edgewise.pde import Interval, Problem, SolveConfig, dirichlet, solve
from edgewise.pde.starts import best_of, merit, seeds

THICKNESS = 0.03
X = torch.linspace(0, 1, 201, dtype=torch.float64)


def distance_law():
    """``u_x^2 + nu u_xx = 1``, the distance to the ends with a rounded ridge; random starts fold it many times."""
    return Problem(
        "u",
        Interval(x=(0, 1)),
        {"slope": lambda u: u.x**2 + THICKNESS * u.xx - 1},
        {"ends": dirichlet("u", 0.0)},
    )


def exact(x):
    """``nu log(cosh((x - 1/2) / nu) / cosh(1 / (2 nu)))``, since ``exp(u / nu)`` solves a linear equation."""
    ridge = torch.cosh((x - 0.5) / THICKNESS) / torch.cosh(torch.tensor(0.5 / THICKNESS).double())
    return THICKNESS * torch.log(ridge)


def error(solution):
    return float((solution(x=X).detach() - exact(X)).norm() / exact(X).norm())


SETTINGS = {"rank": 1, "cells": 40}


@pytest.mark.filterwarnings("ignore::edgewise.errors.FitWarning")
def test_the_best_of_several_starts_where_some_end_badly():
    alone = [error(solve(distance_law(), seed=seed, **SETTINGS)) for seed in seeds(0, 8)]
    assert max(alone) > 0.5
    assert min(alone) < 1e-4
    solution = solve(distance_law(), starts=8, **SETTINGS)
    assert error(solution) == pytest.approx(min(alone), rel=1e-3)
    good = [seed for seed, one in zip(seeds(0, 8), alone, strict=True) if one < 1e-2]
    said = [
        f"best of 8 starts by held-out residual (seed {seed}); {len(good)} of 8 came to it" for seed in good
    ]
    assert any(solution.message.startswith(one) for one in said), solution.message
    assert solution.config.starts == 8


def test_one_start_is_the_given_seed():
    one, two = (solve(distance_law(), seed=5, starts=starts, **SETTINGS) for starts in (1, 1))
    assert one(x=0.3) == two(x=0.3)
    assert "starts" not in one.message


def test_seeds_differ_and_do_not_depend_on_how_many():
    assert seeds(3, 1) == [3]
    assert len(set(seeds(3, 50))) == 50
    assert seeds(3, 50)[:4] == seeds(3, 4)
    assert set(seeds(3, 5)[1:]).isdisjoint(seeds(4, 5)[1:])


@pytest.fixture(scope="module")
def some():
    return solve(
        Problem("u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + 2}, {"ends": dirichlet("u", 0.0)}),
        **SETTINGS,
    )


def test_time_is_shared_and_what_is_left_goes_to_those_after(some):
    shares = []

    def solved(config, clock):
        shares.append(clock.left())
        return some

    best_of(solved, SolveConfig(max_seconds=12.0, starts=4))
    assert shares == pytest.approx([3.0, 4.0, 6.0, 12.0], abs=0.5)


def test_ctrl_c_keeps_the_best_of_those_that_had_time(some):
    def solved(config, clock):
        if config.seed != 0:
            raise KeyboardInterrupt
        return some

    assert "best of 1 of 4 starts that had time" in best_of(solved, SolveConfig(starts=4)).message

    def at_once(config, clock):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        best_of(at_once, SolveConfig(starts=4))


def test_a_start_that_was_stopped_is_the_last(some):
    made = []

    def solved(config, clock):
        made.append(config.seed)
        clock.stopped = len(made) == 2
        return some

    best_of(solved, SolveConfig(starts=4))
    assert len(made) == 2


def test_what_diverged_comes_last_however_small_its_residual(some):
    from dataclasses import replace

    bad = replace(some, status="diverged", held_out={"bend": 0.0})
    better = replace(some, held_out={"bend": some.held_out["bend"] / 2})
    wrong = replace(some, held_out={"bend": float("nan")})
    assert sorted([bad, wrong, some, better], key=merit) == [better, some, wrong, bad]


@pytest.mark.parametrize("starts", [0, 1.5])
def test_starts_that_cannot_be(starts, untyped):
    with pytest.raises(InputError, match="starts="):
        SolveConfig(starts=starts)
