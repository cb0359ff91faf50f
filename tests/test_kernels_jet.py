"""Compiled values, input derivatives and features against the torch path, against SciPy, and as torch operators."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from edgewise import KANLayer, kernels, splines
from edgewise.errors import InputError
from edgewise.kernels import compiled, jets, torch_path
from test_kernels import BASES, DIGITS, make, needs_library, points

pytestmark = needs_library
GRIDS = ["uniform", "uneven", "shaken"]


def exact(args):
    return [t.double() if isinstance(t, torch.Tensor) else t for t in args]


def assert_close(found, expected, tolerance, least=0.0):
    """Equal up to a share of the largest number, or of ``least`` where terms of that size may cancel."""
    for one, two in zip(found, expected, strict=True):
        assert one.shape == two.shape
        scale = max(two.abs().max().item() if two.numel() else 0.0, least)
        torch.testing.assert_close(one.double(), two, rtol=0, atol=tolerance * scale)


def assert_paths_agree(args, x, tolerance, order=2):
    weight, _, *rest = args
    expected = torch_path.spline_jet(x.double(), *exact(args), order)
    assert_close(jets.spline_jet(x, *args, order), expected, tolerance, weight.abs().max().item())
    features = torch_path.spline_features(x.double(), *exact(rest), order)
    found = jets.spline_features(x, *rest, order)
    assert_close(found, features, tolerance)
    assert found[0].shape == (*x.shape, weight.shape[1])


@pytest.mark.parametrize("dtype", DIGITS, ids=str)
@settings(max_examples=40)
@given(data=st.data())
def test_compiled_and_torch_agree_for_any_shape(dtype, data):
    number = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    base, grid = data.draw(st.sampled_from(BASES)), data.draw(st.sampled_from(GRIDS))
    intervals, degree = data.draw(st.sampled_from([1, 2, 5, 20, 100])), number(1, 5)
    args = make(
        number(1, 20), number(1, 40), intervals,
        degree=degree, base=base, dtype=dtype, grid=grid, seed=number(0, 99),
    )  # fmt: skip
    x = points(number(0, 150), args[2], degree, number(0, 99))
    assert_paths_agree(args, x, DIGITS[dtype] * (10 if grid == "uneven" else 1), number(1, 2))


@pytest.mark.parametrize("dtype", DIGITS, ids=str)
@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
def test_five_hundred_intervals(degree, dtype):
    args = make(3, 5, 500, degree=degree, dtype=dtype)
    assert_paths_agree(args, points(900, args[2], degree), DIGITS[dtype])


@pytest.mark.parametrize("instructions", ["plain", "v3", "v4"])
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_every_instruction_set_that_runs_here(instructions, dtype, monkeypatch):
    order = list(compiled.LEVELS.values())
    if order.index(instructions) > order.index(compiled.level()):
        pytest.skip(f"this processor lacks {instructions}")
    monkeypatch.setattr(compiled, "level", lambda: instructions)
    for degree in range(1, 6):
        for grid in GRIDS:
            args = make(7, 19, 12, degree=degree, dtype=dtype, grid=grid)
            assert_paths_agree(args, points(150, args[2], degree), 10 * DIGITS[dtype])


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("grid", GRIDS)
def test_values_and_derivatives_are_those_of_scipy(grid, degree):
    weight, mask, knots, *rest = make(1, 1, 6, degree=degree, grid=grid, base=None)
    low, high = splines.domain(knots, degree)
    x = low + (high - low) * torch.linspace(0, 1, 200, dtype=torch.float64)[:-1, None]
    found = jets.spline_jet(x, weight, mask, knots, *rest, 2)
    oracle = BSpline(knots[0].numpy(), weight[0, :, 0].numpy(), degree)
    for order, values in enumerate(found):
        expected = oracle(x[:, 0].numpy(), nu=order) if order <= degree else 0 * x[:, 0].numpy()
        assert_close([values.flatten()], [torch.from_numpy(expected)], 1e-12)


def test_beyond_the_domain_only_the_base_bends():
    weight, mask, knots, degree, _ = make(2, 3, 4)
    x = torch.tensor([[9.0, -9.0]], dtype=torch.float64)
    bend = jets.spline_jet(x, weight, mask, knots, degree, "silu", 2)[2]
    by_base = torch_path.BASES["silu"][2](x)[..., None] * weight[:, -1]
    torch.testing.assert_close(bend, by_base)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_bad_sample_spoils_its_own_row_only(bad):
    args = make(3, 4, 5)
    x = points(50, args[2], 3)
    good = jets.spline_jet(x, *args, 2)
    x[17, 1] = bad
    found, other = jets.spline_jet(x, *args, 2), torch.arange(50) != 17
    for one, two in zip(found, good, strict=True):
        assert torch.equal(one[other], two[other])
    assert found[0][17].isnan().all()
    assert all(edge[17, [0, 2]].isfinite().all() for edge in found[1:])


def test_views_leading_axes_and_nothing():
    args = make(6, 10, 5, seed=1)
    x = points(60, args[2], 3).reshape(3, 20, 6)
    turned = (args[0].permute(2, 1, 0).contiguous().permute(2, 1, 0), *args[1:])
    assert_paths_agree(turned, x.mT.contiguous().mT, 1e-12)
    assert_paths_agree(args, x[0, 0], 1e-12)
    assert_paths_agree(args, x[:0], 1e-12)


def test_threads_change_nothing():
    args = make(17, 21, 9, dtype=torch.float32)
    x, before, found = points(3000, args[2], 3), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append([*jets.spline_jet(x, *args, 2), *jets.spline_features(x, *args[2:], 2)])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


@pytest.mark.parametrize("choice", ["compiled", "torch"])
def test_the_sums_are_separable_and_differentiable(choice, monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", choice)
    weight, *rest = make(2, 3, 4)
    x = points(9, rest[1], 3)[1:3]

    def jet(x, weight):
        return tuple(kernels.spline_jet(x, weight, *rest, 2))

    assert torch.autograd.gradcheck(jet, (x.clone().requires_grad_(), weight.clone().requires_grad_()))
    plain = jet(x, weight)
    assert not any(t.requires_grad for t in plain)
    for found, recorded in zip(plain, jet(x, weight.clone().requires_grad_()), strict=True):
        assert recorded.requires_grad
        torch.testing.assert_close(found, recorded.detach(), rtol=1e-12, atol=1e-12)
    for row in range(2):
        jacobian = torch.autograd.functional.jacobian(lambda x: kernels.spline_sum(x, weight, *rest), x[row])
        torch.testing.assert_close(plain[1][row].T, jacobian)


@pytest.mark.parametrize("choice", ["compiled", "torch"])
def test_transformed_calls_take_the_torch_path(choice, monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", choice)
    args = make(2, 3, 4)
    x = points(9, args[2], 3)[1]
    derivatives = kernels.spline_jet(x, *args, 2)
    jacobian = torch.func.jacrev(lambda x: kernels.spline_jet(x, *args, 1)[0])(x)
    torch.testing.assert_close(derivatives[1].T, jacobian)
    slopes = torch.func.jacrev(lambda x: kernels.spline_features(x, *args[2:], 0)[0])(x)
    torch.testing.assert_close(torch.einsum("ifi->if", slopes), kernels.spline_features(x, *args[2:], 1)[1])


def test_operators_pass_torchs_own_checks():
    args = make(3, 4, 5)
    x = points(6, args[2], 3)
    torch.library.opcheck(torch.ops.edgewise.spline_jet.default, (x, *args, 2))
    torch.library.opcheck(torch.ops.edgewise.spline_features.default, (x, *args[2:], 1))


def test_compiled_programs_call_the_kernels(monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", "compiled")
    args, seen = make(3, 4, 5), []
    x = points(8, args[2], 3)

    def both(x):
        return [*kernels.spline_jet(x, *args, 2), *kernels.spline_features(x, *args[2:], 1)]

    def backend(module, example_inputs):
        seen.extend(str(node.target) for node in module.graph.nodes)
        return module

    program = torch.compile(both, backend=backend, fullgraph=True)
    assert all(torch.equal(one, two) for one, two in zip(program(x), both(x), strict=True))
    for name in ("spline_jet", "spline_features"):
        assert any(f"edgewise.{name}" in target for target in seen)
    torch._dynamo.reset()


@pytest.mark.parametrize("order", [-1, 3])
def test_orders_that_there_are_not(order):
    args = make(2, 3, 4)
    with pytest.raises(InputError, match="expected 1 or 2"):
        kernels.spline_jet(torch.zeros(1, 2).double(), *args, order)
    with pytest.raises(InputError, match="expected 0, 1 or 2"):
        kernels.spline_features(torch.zeros(1, 2).double(), *args[2:], order)


def test_degree_zero_is_left_to_torch():
    layer = KANLayer(2, 3, degree=0)
    x = torch.rand(5, 2)
    assert torch.equal(
        layer.spline.prepare(x)[0], torch_path.spline_features(x, layer.spline.knots, 0, "silu", 1)[0]
    )


def test_a_turned_weight_with_dead_edges_is_read_in_order():
    args = make(6, 10, 5, seed=1)
    x = points(30, args[2], 3)
    turned = args[0].permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert torch.equal(compiled.spline_sum(x, turned, *args[1:]), compiled.spline_sum(x, *args))
