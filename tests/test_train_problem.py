"""A network and its rows as residuals and Jacobian."""

import pytest
import torch

from edgewise import penalties
from edgewise.network import KAN
from edgewise.train.problem import NetworkProblem, Rows, split_scaled

SINE = torch.tensor([1.1, 0.2, -0.7, 0.4, 1.0], dtype=torch.float64)


@pytest.fixture
def network(generator):
    net = KAN([2, (1, 1), 2], generator=generator, dtype=torch.float64)
    net.kan_layers[0].fix_edge(0, 0, "sine", SINE)
    net.kan_layers[1].remove_edge(0, 1)
    return net


@pytest.fixture
def rows(generator):
    X, y = torch.rand(2, 25, 2, generator=generator, dtype=torch.float64) * 2 - 1
    return Rows(X[:20], y[:20], X[20:], y[20:])


def test_the_jacobian_is_that_of_the_residual(network, rows):
    problem, start = NetworkProblem(network, rows, 0.3), network.free()
    residual, jacobian = problem.linearise(start)
    torch.testing.assert_close(residual, problem.residual(start), rtol=0, atol=1e-12)
    for k in range(0, start.numel(), 7):
        step = torch.zeros_like(start)
        step[k] = 1e-6
        difference = (problem.residual(start + step) - problem.residual(start - step)) / 2e-6
        torch.testing.assert_close(jacobian[:, k], difference, rtol=1e-6, atol=1e-8)


def test_the_datas_part_is_the_mean_square_error(network, rows):
    problem = NetworkProblem(network, rows, 0.3)
    error = (network(rows.X) - rows.y).square().mean().item()
    assert problem.mean_square(problem.residual(network.free())) == pytest.approx(error)


def test_the_rest_is_the_smoothness_asked_for(network, rows):
    def roughness(smoothness):
        problem = NetworkProblem(network, rows, smoothness)
        return float(problem.residual(network.free())[rows.y.numel() :].square().sum())

    extra = 0.3 * penalties.smoothness(network.kan_layers).item()
    assert roughness(0.3) - roughness(0.0) == pytest.approx(extra)
    assert 0 < roughness(0.0) < 1e-5


def test_polynomials_of_the_degree_are_smooth_enough(rows):
    net = KAN([2, 2], base=None, dtype=torch.float64)
    coefficient = torch.linspace(-1, 1, 8, dtype=torch.float64) ** 3
    with torch.no_grad():
        net.kan_layers[0].spline.coef.copy_(coefficient[None, :, None].expand(2, 8, 2))
    problem = NetworkProblem(net, rows, 0.0)
    assert problem.residual(net.free())[rows.y.numel() :].abs().max() < 1e-15


def test_rows_change_kind_together(rows):
    single = rows.to(torch.float32)
    assert {part.dtype for part in vars(single).values()} == {torch.float32}
    torch.testing.assert_close(single.held_y, rows.held_y.float())


@pytest.mark.parametrize(("count", "held"), [(9, 0), (10, 2), (50, 10)])
def test_few_rows_are_not_split(network, count, held):
    X = torch.linspace(0, 1, 2 * count).double().reshape(count, 2)
    with torch.no_grad():
        network.output_center.fill_(3.0)
        network.output_scale.fill_(2.0)
    rows = split_scaled(network, X, X, seed=0)
    assert rows.held_X.shape[0] == held
    torch.testing.assert_close(torch.cat([rows.y, rows.held_y]) * 2 + 3, torch.cat([rows.X, rows.held_X]))
