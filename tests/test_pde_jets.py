"""Derivatives of networks by their inputs and parameters, beside autograd."""

import pytest
import torch

from edgewise import KAN, InputError
from edgewise.pde.jets import jets
from edgewise.pde.separable import factors, separable
from edgewise.pde.taylor import Orders

ORDERS = {1: Orders([(3,)]), 2: Orders([(2, 1), (0, 2)]), 3: Orders([(1, 1, 0), (0, 0, 2)])}


def even(axes, cells=5):
    return torch.linspace(-1, 1, cells + 1, dtype=torch.float64).expand(axes, cells + 1)


def whole(network):
    """Subspaces that leave every weight free."""
    edges = network.kan_layers[0].spline
    return tuple(torch.eye(edges.weight.shape[1], dtype=torch.float64) for _ in range(edges.in_features))


def layout(network):
    """First-layer weights as ``Jets`` orders them, then those of later spline layers."""
    first, *later = network.kan_layers
    parts = []
    for i, row in enumerate(first.spline.mask):
        parts.append(first.spline.weight[i][:, torch.nonzero(row)[:, 0]].T.flatten())
    return torch.cat([*parts, *(layer.free() for layer in later if layer.spline.degree > 1)]).detach()


def derivatives(network, points, orders):
    """By repeated autograd through the torch path: ``(indices, n, outputs)``."""
    x = points.clone().requires_grad_()
    found = []
    for index in orders.indices:
        columns = []
        for output in range(network.out_features):
            value = network(x)[:, output]
            for axis, count in enumerate(index):
                for _ in range(count):
                    value = torch.autograd.grad(value.sum(), x, create_graph=True, materialize_grads=True)[0][
                        :, axis
                    ]
            columns.append(value)
        found.append(torch.stack(columns, dim=1))
    return torch.stack(found).detach()


def networks():
    generator = torch.Generator().manual_seed(0)
    deep = KAN([2, (2, 1), 2], intervals=4, degree=5, base=None, dtype=torch.float64, generator=generator)
    scaled = KAN([2, 3, 1], intervals=4, degree=5, base="identity", dtype=torch.float64, generator=generator)
    scaled.input_center += torch.tensor([0.1, -0.2])
    scaled.input_scale *= torch.tensor([1.5, 2.0])
    scaled.output_scale *= 3.0
    scaled.output_center += 0.7
    named = {f"separable in {n}": separable(even(n), 2, 5, generator) for n in (1, 2, 3)}
    return {**named, "deep": deep, "scaled": scaled}


NETWORKS = networks()


@pytest.fixture
def torch_path(monkeypatch):
    """Autograd of higher orders goes through the torch path."""
    monkeypatch.setenv("EDGEWISE_KERNELS", "torch")


@pytest.mark.parametrize("name", NETWORKS)
def test_derivatives_are_those_of_autograd(name, generator, torch_path):
    network = NETWORKS[name]
    orders = ORDERS[network.in_features]
    points = 1.8 * torch.rand(7, network.in_features, dtype=torch.float64, generator=generator) - 0.9
    found = jets(network, whole(network), points, orders).run(layout(network))
    torch.testing.assert_close(found, derivatives(network, points, orders), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_columns_are_the_slopes_by_every_parameter(name, generator):
    network = NETWORKS[name]
    orders = ORDERS[network.in_features]
    points = 1.8 * torch.rand(5, network.in_features, dtype=torch.float64, generator=generator) - 0.9
    ready, free = jets(network, whole(network), points, orders), layout(network)
    upstream = torch.randn(ready.run(free).shape, dtype=torch.float64, generator=generator)
    found = ready.columns(upstream)
    step = 1e-6
    for k in range(len(free)):
        move = torch.zeros_like(free)
        move[k] = step
        slope = (ready.run(free + move) - ready.run(free - move)) / (2 * step)
        torch.testing.assert_close(found[:, k], (slope * upstream).sum((0, 2)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_gathered_is_the_sum_of_all_rows(name, share, generator):
    """On a grid, where coordinates repeat, of which features are kept once, and on the second half of it."""
    network = NETWORKS[name]
    axes, orders, free = network.in_features, ORDERS[network.in_features], layout(network)
    points = torch.cartesian_prod(*[torch.linspace(-0.9, 0.8, 3 + k).double() for k in range(axes)])
    points = points.reshape(-1, axes)
    cut = slice(len(points) // 2, None)
    for rows, at in ((points, slice(None)), (points[cut], cut)):
        plain = jets(network, whole(network), rows, orders)
        ready = jets(network, whole(network), points, orders, share).at(at)
        values = plain.run(free)
        torch.testing.assert_close(ready.run(free), values, rtol=1e-12, atol=1e-12)
        upstream = torch.randn(values.shape, dtype=torch.float64, generator=generator)
        wanted = plain.columns(upstream).sum(0)
        torch.testing.assert_close(ready.gather(upstream), wanted, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(ready.columns(upstream).sum(0), wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("axes", [2, 3, 4])
def test_a_separable_network_is_a_sum_of_products(axes, generator):
    network = separable(even(axes), 3, 4, generator)
    points = 1.8 * torch.rand(6, axes, dtype=torch.float64, generator=generator) - 0.9
    curves = network.kan_layers[0].spline.curves(points)
    product = torch.ones(6, 3, dtype=torch.float64)
    for axis in range(axes):
        product = product * curves[:, axis, factors(axes, 3, axis)]
    torch.testing.assert_close(network(points)[:, 0], product.sum(1))
    assert int(network.kan_layers[0].spline.mask.sum()) == axes * 3


def test_a_base_that_has_no_third_derivative_here_is_refused():
    network = KAN([2, 1], dtype=torch.float64)
    with pytest.raises(InputError, match="base=None"):
        jets(network, whole(network), torch.zeros(1, 2, dtype=torch.float64), ORDERS[2])
