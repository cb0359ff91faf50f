"""Truncated series beside products and powers of polynomials worked out by hand."""

import pytest
import torch

from edgewise.pde.taylor import Orders


def coefficients(function, point, orders):
    """``(d^a f)(point) / a!`` of every index by repeated autograd: ``(indices, 1, 1)``."""
    x = torch.tensor([point], dtype=torch.float64, requires_grad=True)
    found = []
    for index in orders.indices:
        value = function(*x.T)
        for axis, count in enumerate(index):
            for _ in range(count):
                value = torch.autograd.grad(value.sum(), x, create_graph=True, materialize_grads=True)[0][
                    :, axis
                ]
        found.append(value.detach())
    return (torch.stack(found) / orders.factorials[:, None])[..., None]


ORDERS = Orders([(2, 1), (0, 3)])


def test_everything_below_what_is_asked_is_there():
    expected = {(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0), (0, 3), (2, 1)}
    assert set(ORDERS.indices) == expected
    assert ORDERS.indices[0] == (0, 0)
    assert ORDERS.highest == 3


def test_pure_derivatives_along_an_axis():
    assert [order for order, _ in ORDERS.along(1)] == [0, 1, 2, 3]
    assert [ORDERS.indices[place] for _, place in ORDERS.along(0)] == [(0, 0), (1, 0), (2, 0)]


def u(x, y):
    return torch.sin(x) * torch.exp(y) + x * y**2


def v(x, y):
    return torch.cos(x * y) + x**3


def test_a_product_has_the_derivatives_of_the_product():
    one, two = (coefficients(f, (0.4, -0.3), ORDERS) for f in (u, v))
    expected = coefficients(lambda x, y: u(x, y) * v(x, y), (0.4, -0.3), ORDERS)
    torch.testing.assert_close(ORDERS.multiply(one, two), expected, rtol=1e-12, atol=1e-12)


def test_powers_leave_the_value_out():
    series = coefficients(u, (0.4, -0.3), ORDERS)
    at = float(series[0])
    expected = coefficients(lambda x, y: (u(x, y) - at) ** 2, (0.4, -0.3), ORDERS)
    torch.testing.assert_close(ORDERS.powers(series)[2], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_correlate_is_the_adjoint_of_multiply(seed):
    generator = torch.Generator().manual_seed(seed)
    a, b, c = (
        torch.randn(len(ORDERS.indices), 4, 3, dtype=torch.float64, generator=generator) for _ in range(3)
    )
    forward = (ORDERS.multiply(a, b) * c).sum()
    assert float(forward) == pytest.approx(float((a * ORDERS.correlate(c, b)).sum()), rel=1e-12)
