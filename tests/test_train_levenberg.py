"""The least-squares engine beside ``scipy.optimize.least_squares``."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from edgewise.train.levenberg import Solver


def solver_of(residual, start, **settings):
    """A solver whose Jacobian is autograd's."""
    start = torch.tensor(start, dtype=torch.float64)

    def linearise(v):
        return residual(v), torch.autograd.functional.jacobian(residual, v)

    return Solver(residual, linearise, start, **settings)


def run(solver, steps=200):
    """All steps it makes; returns the losses, the first one included."""
    losses = [solver.loss]
    while len(losses) <= steps and solver.advance():
        losses.append(solver.loss)
    return losses


def rosenbrock(v):
    return torch.stack([10 * (v[1] - v[0] ** 2), 1 - v[0]])


def test_rosenbrocks_valley_is_walked_to_its_end():
    solver = solver_of(rosenbrock, [-1.2, 1.0])
    losses = run(solver)
    torch.testing.assert_close(solver.parameters, torch.ones(2).double(), rtol=0, atol=1e-12)
    assert len(losses) < 60


def test_every_step_goes_down():
    losses = run(solver_of(rosenbrock, [-1.2, 1.0]))
    assert all(after < before for before, after in itertools.pairwise(losses))


def decay(t, y):
    return lambda v: v[0] * torch.exp(-v[1] * t) + v[2] - y


def test_a_noisy_decay_ends_where_scipy_ends(rng):
    t = torch.linspace(0, 4, 60, dtype=torch.float64)
    y = 2.5 * torch.exp(-1.3 * t) + 0.4 + 0.1 * torch.tensor(rng.normal(size=60))
    residual, start = decay(t, y), [1.0, 0.3, 0.0]
    solver = solver_of(residual, start)
    run(solver)
    expected = least_squares(lambda v: residual(torch.tensor(v)).numpy(), start, xtol=1e-15, ftol=1e-15)
    np.testing.assert_allclose(solver.parameters.numpy(), expected.x, rtol=1e-6)
    assert solver.loss == pytest.approx(2 * expected.cost, rel=1e-12)


def test_exact_data_are_fitted_to_the_last_digits():
    t = torch.linspace(0, 4, 60, dtype=torch.float64)
    solver = solver_of(decay(t, decay(t, 0.0)(torch.tensor([2.5, 1.3, 0.4]).double())), [1.0, 0.3, 0.0])
    run(solver)
    assert solver.loss < 1e-28


def linear(matrix, y):
    return lambda v: matrix @ v - y


@pytest.mark.parametrize("size", [1.0, 1e-6])
def test_dependent_columns_end_at_the_least_squares_loss(size, generator):
    """At size 1 the normal equations decide, at 1e-6 the loss is so small that QR does."""
    matrix = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    matrix[:, 4] = matrix[:, 0] - 2 * matrix[:, 1]
    y = torch.randn(30, generator=generator, dtype=torch.float64) * size
    solver = solver_of(linear(matrix, y), [0.0] * 5)
    run(solver)
    best = np.linalg.lstsq(matrix.numpy(), y.numpy(), rcond=None)[0]
    assert solver.loss == pytest.approx(((matrix.numpy() @ best - y.numpy()) ** 2).sum(), rel=1e-9)
    assert bool(torch.isfinite(solver.parameters).all())


def test_more_parameters_than_residuals_is_no_trouble(generator):
    matrix = torch.randn(3, 8, generator=generator, dtype=torch.float64)
    solver = solver_of(linear(matrix, torch.ones(3).double()), [0.0] * 8)
    run(solver)
    assert solver.loss < 1e-20


def test_a_parameter_without_influence_stays_put():
    solver = solver_of(lambda v: torch.stack([v[0] - 3.0, 0.1 * v[0] ** 2 + 0.0 * v[1]]), [1.0, 7.0])
    run(solver)
    assert solver.parameters[1] == 7.0
    assert abs(solver.parameters[0].item() - 3.0) > 0.1
    assert abs(solver.parameters[0].item() - 2.8) < 0.2


@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_units_of_parameters_do_not_matter(size):
    plain = solver_of(rosenbrock, [-1.2, 1.0])
    scaled = solver_of(lambda v: rosenbrock(v / torch.tensor([size, 1.0])), [-1.2 * size, 1.0])
    for solver in (plain, scaled):
        run(solver, steps=8)
    assert scaled.loss == pytest.approx(plain.loss, rel=1e-6)


def test_the_size_of_residuals_does_not_matter():
    """Large ones are solved by the normal equations, small ones by QR."""
    large, small = (solver_of(lambda v, s=s: s * rosenbrock(v), [-1.2, 1.0]) for s in (1.0, 1e-6))
    for solver in (large, small):
        run(solver, steps=8)
    torch.testing.assert_close(small.parameters, large.parameters, rtol=1e-8, atol=0)


def test_a_step_into_nonsense_is_not_taken():
    solver = solver_of(torch.log, [5.0], damping=1e-9)
    losses = run(solver)
    assert solver.parameters.item() == pytest.approx(1.0)
    assert all(np.isfinite(losses))


def test_a_start_that_is_nonsense_is_not_moved():
    solver = solver_of(torch.log, [-1.0])
    assert solver.advance() is False
    assert solver.parameters.item() == -1.0


def test_at_the_minimum_there_is_no_step():
    solver = solver_of(lambda v: torch.cat([v, torch.ones(1).double()]), [0.0, 0.0])
    assert solver.advance() is False


def test_nothing_to_move_is_no_step():
    assert solver_of(lambda v: torch.ones(3).double(), []).advance() is False


def test_residuals_and_loss_belong_to_the_parameters():
    solver = solver_of(rosenbrock, [-1.2, 1.0])
    run(solver, steps=5)
    assert torch.equal(solver.residuals, rosenbrock(solver.parameters))
    assert solver.loss == pytest.approx(float(solver.residuals @ solver.residuals))


def waves(t, y):
    """``v0 sin(v2 t) + v1 sin(v3 t) - y``: linear in the first two."""
    return lambda v: v[0] * torch.sin(v[2] * t) + v[1] * torch.sin(v[3] * t) - y


AMPLITUDES = torch.tensor([0, 1])


@pytest.mark.parametrize("is_summed", [False, True])
def test_projection_ends_where_scipy_ends_in_fewer_steps(is_summed, rng):
    t = torch.linspace(0, 6, 80, dtype=torch.float64)
    y = 3 * torch.sin(1.1 * t) - 2 * torch.sin(1.9 * t) + 0.05 * torch.tensor(rng.normal(size=80))
    residual, start = waves(t, y), [0.1, -0.1, 1.0, 2.0]

    def normal(v):
        jacobian = torch.autograd.functional.jacobian(residual, v)
        return jacobian.T @ jacobian, jacobian.T @ residual(v)

    settings = {"normal": normal} if is_summed else {}
    plain, projected = (solver_of(residual, start, linear=one, **settings) for one in (None, AMPLITUDES))
    steps = [len(run(solver)) for solver in (plain, projected)]
    expected = least_squares(lambda v: residual(torch.tensor(v)).numpy(), start, xtol=1e-15, ftol=1e-15)
    for solver in (plain, projected):
        np.testing.assert_allclose(solver.parameters.numpy(), expected.x, rtol=1e-6)
    assert steps[1] < steps[0]


def test_what_is_projected_is_best_after_every_step(rng):
    t = torch.linspace(0, 6, 80, dtype=torch.float64)
    y = torch.tensor(rng.normal(size=80))
    solver = solver_of(waves(t, y), [0.1, -0.1, 1.0, 2.0], linear=AMPLITUDES)
    for _ in range(5):
        shapes = torch.stack([torch.sin(w * t) for w in solver.parameters[2:]], dim=1)
        best = np.linalg.lstsq(shapes.numpy(), y.numpy())[0]
        np.testing.assert_allclose(solver.parameters[:2].numpy(), best, rtol=1e-9)
        assert solver.advance()


def test_projection_of_dependent_columns_does_no_harm(generator):
    matrix = torch.randn(30, 3, generator=generator, dtype=torch.float64)
    matrix[:, 2] = matrix[:, 0]
    y = torch.randn(30, generator=generator, dtype=torch.float64)
    solver = solver_of(linear(matrix, y), [0.0] * 3, linear=torch.arange(3))
    expected = np.linalg.lstsq(matrix.numpy(), y.numpy())[0]
    assert solver.loss == pytest.approx(float(((matrix.numpy() @ expected - y.numpy()) ** 2).sum()), rel=1e-9)
