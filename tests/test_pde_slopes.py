"""Gradients and curvatures beside the full Jacobian."""

import pytest
import torch

from edgewise.pde import Interval, Problem, dirichlet, integral, neumann
from edgewise.pde import blocks as blocks_module
from edgewise.pde.problems import case
from edgewise.pde.slopes import curvatures, value_and_slope
from edgewise.pde.state import even, start


def floating():
    """Fixed by an integral, its level, and the flux at its ends."""
    return Problem(
        "u",
        Interval(x=(0, 1)),
        {"bend": lambda u: u.xx + 2},
        {"flux": neumann("u", -1.0), "level": integral(lambda u: u.value, 1.0)},
    )


PROBLEMS = {
    "poisson": lambda: case("poisson").build(0),
    "a hole": lambda: case("ring").build(0),
    "three unknowns": lambda: case("kovasznay").build(0),
    "a parameter": lambda: case("inverse-diffusion").build(0),
    "an integral": floating,
}


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(blocks_module, "PIECE", 6000)


def begun(problem, cells=7):
    return start(problem, 3, even(problem, cells, 5), 5, 0)


@pytest.mark.parametrize("name", PROBLEMS)
def test_slope_and_curvatures_are_parts_of_the_full_matrix(name, small_pieces):
    problem = PROBLEMS[name]()
    with torch.no_grad():
        state = begun(problem)
        free, whole, cut = state.free(), state.system(), state.system(share=True)
        residual, jacobian = whole.linearise(free)
        value, slope = value_and_slope(cut, free)
        edges = curvatures(cut, free)
    assert len(cut.blocks) > len(whole.blocks) or name == "an integral"  # which has few points
    assert value == pytest.approx(float(residual @ residual), rel=1e-12)
    torch.testing.assert_close(slope, jacobian.T @ residual, rtol=1e-10, atol=1e-10)
    gram, place = jacobian.T @ jacobian, 0
    for owner in (*problem.unknowns, *problem.parameters):
        for matrix in (edge for group in edges[owner] for edge in group):
            own = slice(place, place + len(matrix))
            torch.testing.assert_close(matrix, gram[own, own], rtol=1e-9, atol=1e-9 * float(gram.abs().max()))
            place += len(matrix)
    assert place == len(free)


def test_the_slope_of_an_energy_is_that_of_its_values(small_pieces, generator):
    with torch.no_grad():
        state = begun(case("darcy-layers").build(0), cells=14)
        free, system = state.free(), state.system(share=True)
        _, slope = value_and_slope(system, free)
        move = torch.randn(len(free), dtype=torch.float64, generator=generator) * 1e-5
        up, down = (value_and_slope(system, free + sign * move)[0] for sign in (1, -1))
    assert (up - down) / 4 == pytest.approx(float(slope @ move), rel=1e-6)


def test_what_is_said_of_a_state_is_the_same_in_pieces(small_pieces):
    with torch.no_grad():
        state = begun(case("kovasznay").build(0))
        free, whole, cut = state.free(), state.system(), state.system(share=True)
        assert cut.by_name(free) == pytest.approx(whole.by_name(free), rel=1e-12)
        assert cut.sizes(free) == pytest.approx(whole.sizes(free), rel=1e-12)


def test_sizes_know_parameters_and_have_one_number_for_each_term():
    """``u_t - D u_xx`` of ``u``: what adds up is ``u_t``, ``D u_xx`` twice (by ``u_xx`` and by ``D``) and the rest."""
    with torch.no_grad():
        state = begun(case("inverse-diffusion").build(0))
        system, free = state.system(), state.free()
        (block,) = (one for one in system.blocks if one.name == "diffusion")
        u = system.leaves(block, free, False)["u"]
        place = block.jets["u"].orders.place
        rate, bend = u[place[(0, 1)]], 0.5 * u[place[(2, 0)]]
        wanted = (rate**2 + 2 * bend**2 + (rate - bend) ** 2).mean().sqrt()
        assert system.sizes(free)["diffusion"] == pytest.approx(float(wanted), rel=1e-12)


def test_dirichlet_values_take_no_rows():
    with torch.no_grad():
        problem = Problem(
            "u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + 2}, {"ends": dirichlet("u", 0.0)}
        )
        assert {block.name for block in begun(problem).system(share=True).blocks} == {"bend"}
