"""The torch path: its closed forms against SciPy and against plain differentiable operations, and who may look in."""

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from edgewise import KAN, KANLayer, kernels, splines
from edgewise.kernels import pieces, products, torch_path
from test_kernels import BASES, DIGITS, all_results, make, points

GRIDS = ["uniform", "uneven", "shaken"]


@pytest.fixture(autouse=True, scope="module")
def small_calls_are_like_large_ones():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_path, "FEW", 0)
        yield


def test_small_calls_go_by_plain_operations(monkeypatch):
    args = make(3, 4, 5)
    x = points(20, args[2], 3).requires_grad_()
    names = []
    for few in (0, 61):
        monkeypatch.setattr(torch_path, "FEW", few)
        names.append(torch_path.spline_sum(x, *args).grad_fn.next_functions[0][0].name())
        assert_equals_plain(args, x.detach(), 1e-12)
    assert "_Sum" in names[0]
    assert "_Sum" not in names[1]


class Plain:
    """The sum by differentiable operations alone."""

    @staticmethod
    def spline_sum(x, weight, mask, knots, degree, base):
        dense = splines.jet(x, knots, degree, 0)[0]
        if base is not None:
            dense = torch.cat([dense, pieces.BASES[base][0](x)[..., None]], -1)
        return dense.flatten(-2) @ (weight * mask[:, None, :]).flatten(0, 1)


def exact(args):
    return [t.double() if isinstance(t, torch.Tensor) else t for t in args]


def assert_equals_plain(args, x, tolerance):
    upstream = torch.randn(*x.shape[:-1], args[0].shape[2], dtype=torch.float64).to(x)
    expected = all_results(Plain, x.double(), exact(args), upstream.double())
    heavy, steep = args[0].abs().max().item(), upstream.abs().max().item() if upstream.numel() else 0.0
    terms = (heavy, heavy * steep, steep)  # their size, where their sum may cancel
    results = all_results(torch_path, x, args, upstream)
    for found, wanted, least in zip(results, expected, terms, strict=True):
        scale = max(wanted.abs().max().item() if wanted.numel() else 0.0, least)
        torch.testing.assert_close(found.double(), wanted, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("dtype", DIGITS, ids=str)
@given(data=st.data())
def test_closed_forms_equal_plain_operations_for_any_shape(dtype, data):
    number = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    base, grid = data.draw(st.sampled_from(BASES)), data.draw(st.sampled_from(GRIDS))
    intervals, degree = data.draw(st.sampled_from([1, 2, 5, 20, 100])), number(0, 5)
    args = make(
        number(1, 20), number(1, 20), intervals,
        degree=degree, base=base, dtype=dtype, grid=grid, seed=number(0, 99),
    )  # fmt: skip
    assert_equals_plain(args, points(number(0, 100), args[2], degree, number(0, 99)), DIGITS[dtype])


@pytest.mark.parametrize("dtype", DIGITS, ids=str)
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_five_hundred_intervals(degree, grid, dtype):
    args = make(3, 4, 500, degree=degree, dtype=dtype, grid=grid)
    assert_equals_plain(args, points(900, args[2], degree), DIGITS[dtype])


@pytest.mark.parametrize("degree", range(6))
@pytest.mark.parametrize("grid", GRIDS)
def test_features_are_those_of_scipy(grid, degree):
    _, _, knots, *_ = make(2, 1, 6, degree=degree, grid=grid)
    low, high = splines.domain(knots, degree)
    x = low + (high - low) * torch.linspace(0, 1, 301, dtype=torch.float64)[:-1, None]
    found = torch_path.spline_features(x, knots, degree, None, 2)
    for order, dense in enumerate(found):
        for i, row in enumerate(knots.numpy()):
            basis = BSpline(row, np.eye(len(row) - degree - 1), degree)
            scale = 6.0**order
            expected = basis(x[:, i].numpy(), nu=order) if order <= degree else np.zeros(dense[:, i].shape)
            np.testing.assert_allclose(dense[:, i] / scale, expected / scale, rtol=0, atol=1e-11)


def test_one_block_after_the_other(monkeypatch):
    args = make(9, 5, 7, seed=1)
    monkeypatch.setattr(torch_path, "BLOCK", 60)
    for rows in (25, 59, 200):
        assert_equals_plain(args, points(rows, args[2], 3), 1e-12)


def test_repeated_knots_views_and_leading_axes():
    knots = torch.tensor([[-1.3, -1.2, -1.1, -1, -0.4, 0.1, 0.1, 0.7, 1, 1, 1.1, 1.2, 1.3]]).double()
    args = (torch.randn(1, 10, 4).double(), torch.ones(1, 4).double(), knots, 3, "silu")
    assert_equals_plain(args, torch.linspace(-2, 2, 81).double()[:, None], 1e-12)
    args = make(6, 10, 5, seed=1)
    x = points(60, args[2], 3)
    assert_equals_plain(args, x.reshape(3, 20, 6).mT.contiguous().mT, 1e-12)
    turned = (args[0].permute(2, 1, 0).contiguous().permute(2, 1, 0), *args[1:])
    assert_equals_plain(turned, x.reshape(3, 4, 5, 6), 1e-12)
    assert torch_path.spline_sum(x[0], *args).shape == (10,)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("grid", GRIDS)
def test_a_bad_sample_spoils_its_own_row_only(grid, bad):
    args = make(3, 4, 5, grid=grid)
    x = points(50, args[2], 3)
    good = torch_path.spline_sum(x, *args)
    x[17, 1] = bad
    y, dx, _ = all_results(torch_path, x, args, torch.ones(50, 4, dtype=torch.float64))
    other = torch.arange(50) != 17
    torch.testing.assert_close(y[other], good[other], rtol=0, atol=1e-13)
    assert dx[other].isfinite().all()
    assert y[17].isnan().all()


@pytest.mark.filterwarnings("ignore:torch.searchsorted:UserWarning")
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("grid", GRIDS)
def test_first_and_second_derivatives_are_those_of_the_values(grid, base):
    weight, mask, knots, *rest = make(2, 3, 4, base=base, grid=grid, seed=1)
    x = points(7, knots, 3)[1:3].requires_grad_()
    weight.requires_grad_()

    def y(x, weight):
        return torch_path.spline_sum(x, weight, mask, knots, *rest)

    assert torch.autograd.gradcheck(y, (x, weight), check_batched_grad=True)
    assert torch.autograd.gradgradcheck(y, (x, weight))


def test_masks_and_knots_have_gradients_too():
    weight, mask, knots, *rest = make(2, 3, 4)
    x = knots[:, 3:-4].mean(1) + torch.tensor([[-0.3, 0.2], [0.8, 0.1]]).double()

    def y(mask, knots):
        return torch_path.spline_sum(x, weight, mask, knots, *rest)

    assert torch.autograd.gradcheck(y, (mask.requires_grad_(), knots.requires_grad_()))


def test_what_is_kept_for_the_gradient_does_not_grow_with_the_features():
    args, kept = make(8, 4, 200), []
    x = points(500, args[2], 3).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        torch_path.spline_sum(x, *args)
    assert sum(kept) == x.numel() + sum(t.numel() for t in args[:3])


@pytest.fixture(params=["torch", "auto"])
def layer(request, monkeypatch):
    """A layer on each path, and points."""
    monkeypatch.setenv("EDGEWISE_KERNELS", request.param)
    return KANLayer(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def x():
    return torch.linspace(-1.5, 1.5, 21, dtype=torch.float64).reshape(7, 3)


@pytest.mark.filterwarnings("ignore:torch.searchsorted:UserWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_function_transforms(layer, x):
    jacobian = torch.autograd.functional.jacobian(layer, x[0])
    torch.testing.assert_close(torch.func.jacrev(layer)(x[0]), jacobian)
    torch.testing.assert_close(torch.func.jacfwd(layer)(x[0]), jacobian)
    torch.testing.assert_close(torch.func.grad(lambda x: layer(x).sum())(x[0]), jacobian.sum(0))
    torch.testing.assert_close(torch.vmap(layer)(x), layer(x))
    tangent = torch.func.jvp(layer, (x[0],), (torch.ones(3).double(),))[1]
    torch.testing.assert_close(tangent, jacobian.sum(1))
    parameters = {name: 2 * p.detach() for name, p in layer.named_parameters()}
    torch.testing.assert_close(torch.func.functional_call(layer, parameters, (x,)), 2 * layer(x))
    hessian = torch.func.hessian(lambda x: layer(x).sum())(x[0])
    torch.testing.assert_close(hessian, torch.autograd.functional.hessian(lambda x: layer(x).sum(), x[0]))


@pytest.mark.filterwarnings("ignore:torch.searchsorted:UserWarning")
@pytest.mark.parametrize("path", ["torch", "auto"])
def test_gradients_by_the_batch(path, x, monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", path)
    args, x = make(3, 4, 5), x[:1].clone().requires_grad_()
    y = kernels.spline_sum(x, *args)[0]
    (found,) = torch.autograd.grad(y, x, torch.eye(4).double(), is_grads_batched=True, retain_graph=True)
    one_by_one = torch.stack([torch.autograd.grad(value, x, retain_graph=True)[0] for value in y])
    torch.testing.assert_close(found, one_by_one)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("path", ["torch", "auto"])
def test_compiled_programs(path, x, backend, monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", path)
    weight, *rest = make(3, 4, 5)
    weight.requires_grad_()

    def layer(x, weight):
        return kernels.spline_sum(x, weight, *rest)

    program = torch.compile(layer, backend=backend, fullgraph=True)
    for autocast in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            expected, found = layer(x, weight), program(x, weight)
        torch.testing.assert_close(found, expected)
        gradients = [torch.autograd.grad(y.square().sum(), weight)[0] for y in (found, expected)]
        torch.testing.assert_close(*gradients)
    torch._dynamo.reset()


def test_exported_programs(layer, x):
    program = torch.export.export(layer, (x,))
    assert "edgewise" not in str(program.graph)
    torch.testing.assert_close(program.module()(x), layer(x), rtol=1e-12, atol=1e-13)


def test_fake_tensors_and_other_modes():
    from torch._subclasses.fake_tensor import FakeTensorMode

    weight, mask, knots, *rest = make(3, 4, 5)
    with FakeTensorMode() as mode:
        fakes = [mode.from_tensor(t) for t in (torch.zeros(7, 3).double(), weight, mask, knots)]
        assert torch_path.spline_sum(*fakes, *rest).shape == (7, 4)
    meta = [t.to("meta") for t in (torch.zeros(7, 3).double(), weight, mask, knots)]
    assert torch_path.spline_sum(*meta, *rest).shape == (7, 4)


@pytest.mark.parametrize("path", ["torch", "auto"])
@pytest.mark.parametrize("inside", [False, True], ids=["backward outside", "backward inside"])
def test_autocast_keeps_splines_in_full_precision(path, inside, monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", path)
    net, x = KAN([64, 64, 64], generator=torch.Generator().manual_seed(0)), torch.rand(300, 64)
    net(x).square().sum().backward()
    weights = [layer.spline.weight for layer in net.kan_layers]
    expected = [net(x).detach(), *(p.grad.clone() for p in weights)]
    net.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = net(x)
        loss = y.square().sum()
        with contextlib.nullcontext() if inside else torch.autocast("cpu", enabled=False):
            loss.backward()
    for found, wanted in zip([y.detach(), *(p.grad for p in weights)], expected, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max() + 1e-6))


@pytest.mark.parametrize("path", ["torch", "auto"])
def test_autocast_takes_what_linear_layers_give(path, monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", path)
    model = torch.nn.Sequential(torch.nn.Linear(5, 3), KANLayer(3, 2), torch.nn.Linear(2, 1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model[0](torch.rand(8, 5))
        assert half.dtype == torch.bfloat16
        assert model[1](half).dtype == torch.float32
        model(torch.rand(8, 5)).sum().backward()
    torch.testing.assert_close(
        model[1](half.float()), splines_of(model[1], half.float()), rtol=1e-5, atol=1e-6
    )
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.numel())


def splines_of(layer, x):
    edges = layer.spline
    return Plain.spline_sum(x, edges.weight, edges.mask, edges.knots, edges.degree, edges.base)


@pytest.mark.parametrize("shape", [(700, 90, 40), (64, 2000, 33), (3, 4, 5), (0, 4, 5)])
def test_products_are_true_float32(shape):
    n, k, m = shape
    a, b = torch.randn(n, k), torch.randn(k, m)
    for left, right in ((a, b), (a.mT.contiguous().mT, b.mT.contiguous().mT)):
        found, wanted = products.product(left, right), a.double() @ b.double()
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), wanted, rtol=0, atol=2e-6 * k**0.5 * 4)


def test_products_without_onednn(monkeypatch):
    a, b = torch.randn(300, 200), torch.randn(200, 100)
    expected = products.product(a, b)
    monkeypatch.setattr(products, "_onednn", lambda: None)
    torch.testing.assert_close(products.product(a, b), expected, rtol=1e-5, atol=1e-4)


def test_kernels_forced_to_torch_equal_the_compiled(monkeypatch):
    args = make(3, 4, 5)
    x = points(20, args[2], 3)
    monkeypatch.setenv("EDGEWISE_KERNELS", "torch")
    forced = kernels.spline_sum(x, *args)
    monkeypatch.setenv("EDGEWISE_KERNELS", "auto")
    torch.testing.assert_close(kernels.spline_sum(x, *args), forced, rtol=1e-12, atol=1e-13)
