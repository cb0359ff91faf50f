"""Solutions in folders: what comes back, what is said where it cannot."""

import json
import warnings
from dataclasses import replace
from math import pi

import pytest
import torch
from torch import sin

from edgewise import load as load_network
from edgewise.errors import CheckpointError, InputError
from edgewise.pde import (
    Box,
    Disc,
    Interval,
    Polygon,
    Problem,
    Solution,
    data,
    dirichlet,
    even,
    initial,
    load,
    periodic,
    solve,
)
from edgewise.pde.ansatz import Ansatz
from edgewise.pde.chebyshev import interpolant
from edgewise.pde.problems import case
from edgewise.pde.shapes import shape_data, shape_of


def _solved(problem: Problem, **settings) -> Solution:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return solve(problem, rank=2, cells=5, max_seconds=5, **settings)


def _pinned() -> Problem:
    """Values on all sides but one, of one and of two coordinates, with a known constant in them."""
    return Problem(
        ("u", "v"),
        Box(x=(0, 1), y=(-1, 1)),
        {"u": lambda u: u.xx + u.yy, "v": lambda u, v: v.xx + v.yy - u.x},
        {
            "u sides": dirichlet("u", lambda x, y, k: sin(k * x) * y**2, on="x"),
            "u low": dirichlet("u", lambda x, k: sin(k * x), on="y.low"),
            "v": dirichlet("v", 2.0),
        },
        constants={"k": 3.0},
    )


def _around() -> Problem:
    return Problem(
        "u",
        Box(x=(0, 2 * pi), t=(0, 1)),
        {"convection": lambda u: u.t + u.x},
        {"ends": periodic("x"), "start": initial("u", lambda x: torch.cos(x)), "mirror": even("u", "x")},
    )


@pytest.mark.parametrize("make", [_pinned, _around])
def test_values_and_derivatives_return(make, tmp_path):
    before = _solved(make())
    after = load(before.save(tmp_path / "run"))
    points = torch.rand(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for name in before.unknowns:
        for index in ("x", "xx", before.problem.domain.coordinates[1]):
            one, two = (s.derivative(name, index, points) for s in (before, after))
            torch.testing.assert_close(two, one, rtol=0, atol=1e-8)
    one, two = before(points), after(points)
    for a, b in zip(*((v.values() if isinstance(v, dict) else [v]) for v in (one, two)), strict=True):
        torch.testing.assert_close(b, a, rtol=0, atol=1e-11)
    for field in ("status", "message", "residuals", "held_out", "estimate", "history", "config", "seconds"):
        assert getattr(after, field) == getattr(before, field)
    assert after.knots == before.knots
    assert after.count == before.count


def test_a_solution_from_a_file_holds_no_equation_until_it_is_given_one(tmp_path):
    folder = _solved(_pinned()).save(tmp_path)
    after = load(folder)
    for ask in (lambda: after.residual("u", x=0.1, y=0.1), lambda: solve(after.problem)):
        with pytest.raises(InputError, match=r"holds no equation; type load\(folder, problem\)"):
            ask()
    whole = load(folder, _pinned())
    assert float(whole.residual("u", x=0.1, y=0.1)) == pytest.approx(
        float(_solved(_pinned()).residual("u", x=0.1, y=0.1)), abs=1e-9
    )


def test_another_problem_is_refused(tmp_path):
    folder = _solved(_pinned()).save(tmp_path)
    other = _pinned()
    with pytest.raises(CheckpointError, match="expected the problem that was solved"):
        load(folder, case("heat").build(0))
    with pytest.raises(CheckpointError, match="u differs from what was saved by"):
        load(folder, other.with_constants(k=2.0))


def test_values_that_are_not_smooth_need_their_problem(tmp_path):
    bent = Problem(
        "u",
        Box(x=(0, 1), t=(0, 1)),
        {"heat": lambda u: u.t - u.xx},
        {"ends": dirichlet("u", 0.0), "start": initial("u", lambda x: 0.5 - (x - 0.5).abs())},
    )
    before = _solved(bent)
    folder = before.save(tmp_path)
    with pytest.raises(CheckpointError, match="'start' were not smooth enough"):
        load(folder)
    assert load(folder, bent)(x=0.3, t=0.1) == before(x=0.3, t=0.1)


def test_parameters_and_intervals_return(tmp_path):
    points = torch.rand(40, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    decay = Problem(
        "u",
        Interval(t=(0, 1)),
        {"decay": lambda u, k: u.t + k * u},
        {"start": initial("u", 1.0), "seen": data(points, torch.exp(-2 * points[:, 0]), "u")},
        parameters={"k": 1.0},
    )
    before = _solved(decay)
    after = load(before.save(tmp_path))
    assert after.parameters == before.parameters == pytest.approx({"k": 2.0}, abs=1e-4)
    assert after.intervals == before.intervals


@pytest.mark.parametrize(
    "domain",
    [
        Interval(x=(0, 2)),
        Box(x=(-1, 1), y=(0, 1)) - Disc((0, 0.5), 0.2, name="hole"),
        Disc((0, 0), 1) | Polygon([(0, 0), (2, 0), (2, 1)], name="wing"),
        Disc((0, 0), 1) * Interval(t=(0, 3)),
    ],
)
def test_domains_return(domain):
    again = shape_of(json.loads(json.dumps(shape_data(domain))))
    assert (again.coordinates, again.bounds) == (domain.coordinates, domain.bounds)
    assert [piece.name for piece in again.pieces] == [piece.name for piece in domain.pieces]
    low, high = torch.tensor(domain.bounds, dtype=torch.float64).T
    points = low + (high - low) * torch.rand(500, len(low), dtype=torch.float64)
    assert bool((again.inside(points) == domain.inside(points)).all())


def test_networks_that_stand_on_others_return(tmp_path):
    """As time in windows leaves them."""
    below, above = _solved(_around()), _solved(_around(), seed=1)
    lower, upper = below.unknowns["u"], above.unknowns["u"]
    both = replace(below, unknowns={"u": Ansatz(upper.network, lower, upper.subspaces)})
    points = torch.rand(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    after = load(both.save(tmp_path))
    torch.testing.assert_close(after(points), both(points), rtol=0, atol=1e-11)
    one, two = (solution.derivative("u", "xt", points) for solution in (both, after))
    torch.testing.assert_close(two, one, rtol=0, atol=1e-8)
    assert not torch.allclose(after(points), below(points), atol=1e-3)


def test_other_folders_are_refused(tmp_path):
    solution = _solved(_around())
    for name in ("network", "broken", "later"):
        solution.save(tmp_path / name)
    with pytest.raises(CheckpointError, match="expected a saved network"):
        load_network(tmp_path / "network")
    config = tmp_path / "broken" / "config.json"
    told = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(told | {"domain": {"shape": "cone"}}), encoding="utf-8")
    with pytest.raises(CheckpointError, match="no shape is called 'cone'"):
        load(tmp_path / "broken")
    config = tmp_path / "later" / "config.json"
    config.write_text(json.dumps(told | {"format_version": 99}), encoding="utf-8")
    with pytest.raises(CheckpointError, match="format version 99"):
        load(tmp_path / "later")


def test_chebyshev_tables_follow_smooth_functions_of_two_coordinates():
    found = interpolant(lambda x, y: torch.exp(x) * sin(3 * y), [(-1.0, 1.0), (0.0, 4.0)])
    assert found is not None
    x, y = torch.rand(2, 30, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(found(x, 4 * y), torch.exp(x) * sin(12 * y), rtol=0, atol=1e-11)
    (slope,) = torch.autograd.grad(found(x, 4 * y).sum(), x)
    torch.testing.assert_close(slope, torch.exp(x) * sin(12 * y), rtol=0, atol=1e-9)
