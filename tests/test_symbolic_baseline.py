import numpy as np
import pytest
import torch

from edgewise.symbolic.baseline import constant_network, linear_network
from edgewise.symbolic.findings import Table, finding_of


def table(X, y):
    inputs = torch.from_numpy(X)
    return Table(inputs, torch.from_numpy(y)[:, None], inputs, tuple(f"x{k}" for k in range(X.shape[1])), 0)


def values(network, X):
    with torch.no_grad():
        return network(torch.from_numpy(X))[:, 0].numpy()


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("columns", [1, 4])
def test_the_baselines_are_the_mean_and_the_least_squares_plane(columns, scale, rng):
    X, y = scale * rng.normal(size=(30, columns)), scale * (5 + rng.normal(size=30))
    design = np.column_stack([X, np.full(30, scale)])
    plane = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(values(constant_network(table(X, y)), X), y.mean(), rtol=1e-12)
    np.testing.assert_allclose(values(linear_network(table(X, y)), X), plane, rtol=1e-9, atol=1e-9 * scale)


def test_a_plane_through_copies_zeros_and_constants_is_still_least_squares(rng):
    a = rng.normal(size=30)
    X = np.column_stack([a, 2 * a, np.zeros(30), np.full(30, 7.0)])
    y = 3 * a + 1
    np.testing.assert_allclose(values(linear_network(table(X, y)), X), y, atol=1e-9)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_are_met_exactly_by_a_plane_in_more_columns(rows, rng):
    X, y = rng.normal(size=(rows, 4)), rng.normal(size=rows)
    np.testing.assert_allclose(values(linear_network(table(X, y)), X), y, atol=1e-9)


def test_baselines_are_formulas(rng):
    X = rng.normal(size=(30, 2))
    y = 2 * X[:, 0] - X[:, 1] + 4
    found = finding_of(linear_network(table(X, y)), table(X, y))
    assert found.exact
    np.testing.assert_allclose(found.formula(X), y, atol=1e-9)
    flat = finding_of(constant_network(table(X, y)), table(X, y))
    assert flat.error == pytest.approx(1.0)
    assert not flat.formula.sympy().free_symbols
