"""Energies: their expansion beside second derivatives by hand, and what they solve."""

from math import pi

import numpy as np
import pytest
import torch

from edgewise import InputError
from edgewise.errors import FitWarning
from edgewise.pde import Box, Interval, Problem, dirichlet, energy, solve
from edgewise.pde.energies import expansion
from edgewise.pde.levels import is_linear
from edgewise.pde.problems import case

ENDS = {"ends": dirichlet("u", 0.0)}


def expanded(function, *rows):
    leaf = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
    slopes, roots = expansion(function(leaf), {"u": leaf})
    second = sum(
        (torch.einsum("an,bn->abn", r["u"], r["u"]) for r in roots),
        torch.zeros(len(rows), len(rows), len(rows[0])).double(),
    )
    return slopes["u"], second


def test_slopes_and_curvature_are_those_by_hand():
    """``e = a^2 b^2 / 2 + a``: slopes ``(a b^2 + 1, a^2 b)``; where ``a = 0``, curvature ``b^2`` in ``a`` alone."""
    slopes, second = expanded(lambda z: z[0] ** 2 * z[1] ** 2 / 2 + z[0], [0.0, 0.0], [2.0, 3.0])
    torch.testing.assert_close(slopes, torch.tensor([[1.0, 1.0], [0.0, 0.0]]).double())
    torch.testing.assert_close(second[0, 0], torch.tensor([4.0, 9.0]).double())
    torch.testing.assert_close(second[1], torch.zeros(2, 2).double())


def test_what_is_not_convex_is_left_out():
    _, second = expanded(lambda z: z[0] ** 2 - z[1] ** 2, [1.0], [1.0])
    torch.testing.assert_close(second[..., 0], torch.tensor([[2.0, 0.0], [0.0, 0.0]]).double())


def test_a_linear_energy_has_no_curvature():
    slopes, second = expanded(lambda z: 3 * z[0], [1.0, 2.0])
    assert slopes.tolist() == [[3.0, 3.0]]
    assert not second.any()


def test_a_soap_film_between_two_heights():
    """Not quadratic: least area over an interval is a straight line."""
    film = Problem(
        "u",
        Interval(x=(0, 2)),
        {"area": energy(lambda u: torch.sqrt(1 + u.x**2))},
        {"left": dirichlet("u", 0.0, on="x.low"), "right": dirichlet("u", 1.0, on="x.high")},
    )
    assert not is_linear(film)
    x = np.linspace(0, 2, 9)
    np.testing.assert_allclose(solve(film, max_seconds=10)(x=x), x / 2, atol=1e-5)


def test_poisson_by_energy_and_by_equation_agree():
    """The free end is natural: ``u' = 0`` there."""
    bar = Problem(
        "u",
        Interval(x=(0, 1)),
        {"load": energy(lambda u, x: u.x**2 / 2 - torch.sin(pi * x / 2) * u.value)},
        {"left": dirichlet("u", 0.0, on="x.low")},
    )
    assert is_linear(bar)
    x = np.linspace(0, 1, 9)
    np.testing.assert_allclose(solve(bar)(x=x), np.sin(pi * x / 2) * (2 / pi) ** 2, atol=1e-6)


def test_two_layers_bend_at_the_jump():
    one = case("darcy-layers")
    solution = solve(one.build(0), max_seconds=20)
    assert one.error(solution) < 1e-6
    assert solution.count < 300


def test_an_energy_without_a_least_value_is_refused():
    wrong = Problem("u", Interval(x=(0, 1)), {"flow": energy(lambda u: u.value - u.x**2)}, ENDS)
    with pytest.raises(InputError, match="check its sign"):
        solve(wrong)


def test_an_energy_that_looks_otherwise_between_the_points_is_unsure():
    thin = Problem(
        "u",
        Box(x=(0, 1), y=(0, 1)),
        {
            "load": energy(
                lambda u, x: (u.x**2 + u.y**2) / 2 - 100 * torch.exp(-(((x - 0.52) / 0.01) ** 2)) * u.value
            )
        },
        ENDS,
    )
    with pytest.warns(FitWarning, match="at other points"):
        assert solve(thin, cells=4, rank=2, adaptive=False).status == "unsure"
