import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise import KAN, KANLayer, kernels, splines
from edgewise.edges import SplineEdges
from edgewise.errors import InputError
from edgewise.kernels import compiled, torch_path

BUILT = compiled.LIBRARY.exists()
needs_library = pytest.mark.skipif(not BUILT, reason="the compiled kernels were not built")
DIGITS = {torch.float64: 1e-12, torch.float32: 1e-5}
BASES = [None, "silu", "identity"]


def make(inputs, outputs, intervals, *, degree=3, base="silu", dtype=torch.float64, grid="uniform", seed=0):
    """Arguments of ``spline_sum`` but for ``x``: random weights, some edges dead."""
    generator = torch.Generator().manual_seed(seed)
    low = -1 - torch.rand(inputs, generator=generator, dtype=torch.float64)
    knots = splines.uniform_knots(low, low + 2.5, intervals, degree)
    if grid == "uneven":
        cells = 0.05 + torch.rand(inputs, intervals, generator=generator, dtype=torch.float64)
        points = torch.cat([torch.zeros(inputs, 1), cells.cumsum(1)], 1).double()
        knots = splines.knots_from_breakpoints(low[:, None] + 2.5 * points / points[:, -1:], degree)
    if grid == "shaken":
        cell = 2.5 / intervals
        knots = knots + 0.1 * cell * torch.rand(knots.shape, generator=generator, dtype=torch.float64)
    features = intervals + degree + (base is not None)
    weight = torch.randn(inputs, features, outputs, generator=generator, dtype=torch.float64)
    mask = (torch.rand(inputs, outputs, generator=generator) < 0.8).double() if seed % 2 else None
    mask = torch.ones(inputs, outputs, dtype=torch.float64) if mask is None else mask
    return weight.to(dtype), mask.to(dtype), knots.to(dtype), degree, base


def points(batch, knots, degree, seed=0):
    """Inside, outside and exactly on the knots of the domain."""
    generator = torch.Generator().manual_seed(seed)
    low, high = splines.domain(knots, degree)
    share = torch.rand(batch, knots.shape[0], generator=generator, dtype=torch.float64) * 1.6 - 0.3
    x = (low + (high - low) * share).to(knots.dtype)
    inner = splines.breakpoints(knots, degree)
    place = torch.randint(0, inner.shape[1], (knots.shape[0],), generator=generator)
    x[::3] = inner[torch.arange(knots.shape[0]), place]
    return x


def all_results(path, x, args, upstream):
    """Value, gradient of x, gradient of the weights."""
    x, weight = x.clone().requires_grad_(), args[0].clone().requires_grad_()
    y = path.spline_sum(x, weight, *args[1:])
    return [y.detach(), *torch.autograd.grad(y, (x, weight), upstream)]


def sizes(x, args, upstream):
    """What each of ``all_results`` would be if no term of its sums cancelled another."""
    weight, mask, knots, degree, base = args
    value, slope = (part.abs() for part in torch_path.spline_features(x, knots, degree, base, 1))
    weight, upstream = (weight * mask[:, None]).abs(), upstream.abs()
    return [
        torch.einsum("nif,ifo->no", value, weight),
        torch.einsum("nif,ifo,no->ni", slope, weight, upstream),
        torch.einsum("nif,no->ifo", value, upstream),
    ]


def assert_paths_agree(args, x, tolerance):
    """To ``tolerance`` of the largest result, and no better than rounding each term of a sum allows."""
    shape = *x.shape[:-1], args[0].shape[2]
    upstream = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(x)
    exact = [t.double() if isinstance(t, torch.Tensor) else t for t in args]
    expected = all_results(torch_path, x.double(), exact, upstream.double())
    terms = sizes(x.double().flatten(0, -2), exact, upstream.double().flatten(0, -2))
    rounding = 4 * torch.finfo(x.dtype).eps
    found = all_results(compiled, x, args, upstream)
    for one, wanted, size in zip(found, expected, terms, strict=True):
        assert one.shape == wanted.shape
        scales = [part.abs().max().item() if part.numel() else 0.0 for part in (wanted, size)]
        allowed = tolerance * scales[0] + rounding * scales[1]
        torch.testing.assert_close(one.double(), wanted, rtol=0, atol=allowed)


@needs_library
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
@settings(max_examples=40)
@given(data=st.data())
def test_compiled_and_torch_agree_for_any_shape(dtype, data):
    number = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    base, grid = (
        data.draw(st.sampled_from(BASES)),
        data.draw(st.sampled_from(["uniform", "uneven", "shaken"])),
    )
    intervals, degree = data.draw(st.sampled_from([1, 2, 5, 20, 64, 100])), number(1, 5)
    args = make(
        number(1, 70), number(1, 70), intervals,
        degree=degree, base=base, dtype=dtype, grid=grid, seed=number(0, 99),
    )  # fmt: skip
    x = points(number(0, 200), args[2], degree, number(0, 99))
    # float32 knots that lie close are what limits float32, on either path: compare with the same knots in float64
    assert_paths_agree(args, x, DIGITS[dtype] * (10 if grid == "uneven" and dtype == torch.float32 else 1))


@needs_library
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
def test_five_hundred_intervals(degree, dtype):
    args = make(5, 33, 500, degree=degree, dtype=dtype)
    assert_paths_agree(args, points(1500, args[2], degree), DIGITS[dtype])


@needs_library
@pytest.mark.parametrize("outputs", [1, 16, 63, 64, 65, 130, 300])
def test_many_blocks_of_samples_and_tiles_of_outputs(outputs):
    args = make(9, outputs, 7, seed=1)
    assert_paths_agree(args, points(2100, args[2], 3), 1e-12)


@needs_library
@pytest.mark.parametrize("instructions", ["plain", "v3", "v4"])
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_every_instruction_set_that_runs_here(instructions, dtype, monkeypatch):
    order = list(compiled.LEVELS.values())
    if order.index(instructions) > order.index(compiled.level()):
        pytest.skip(f"this processor lacks {instructions}")
    monkeypatch.setattr(compiled, "level", lambda: instructions)
    for degree in range(1, 6):
        for grid in ("uniform", "uneven"):
            args = make(7, 43, 12, degree=degree, dtype=dtype, grid=grid)
            assert_paths_agree(args, points(150, args[2], degree), 10 * DIGITS[dtype])


@needs_library
def test_repeated_knots_and_a_closed_last_cell():
    knots = torch.tensor(
        [[-1.3, -1.2, -1.1, -1, -0.4, 0.1, 0.1, 0.7, 1, 1, 1.1, 1.2, 1.3]], dtype=torch.float64
    )
    weight = torch.randn(1, 10, 4, dtype=torch.float64)
    args = (weight, torch.ones(1, 4, dtype=torch.float64), knots, 3, "silu")
    x = torch.cat([torch.linspace(-2, 2, 81), torch.tensor([0.1, 0.7, 1.0])]).double()[:, None]
    assert_paths_agree(args, x, 1e-12)


@needs_library
def test_views_and_leading_axes():
    args = make(6, 10, 5)
    x = points(60, args[2], 3)
    stretched = torch.stack([x, x], -1)[..., 0]
    assert not stretched.is_contiguous()
    weight = args[0].permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert not weight.is_contiguous()
    plain = compiled.spline_sum(x, *args)
    torch.testing.assert_close(compiled.spline_sum(stretched, weight, *args[1:]), plain, rtol=0, atol=0)
    torch.testing.assert_close(
        compiled.spline_sum(x.reshape(3, 4, 5, 6), *args), plain.reshape(3, 4, 5, 10), rtol=0, atol=0
    )
    assert compiled.spline_sum(x[0], *args).shape == (10,)
    assert_paths_agree(args, x.reshape(3, 20, 6).mT.contiguous().mT, 1e-12)


@pytest.mark.parametrize("path", ["torch", pytest.param("compiled", marks=needs_library)])
@pytest.mark.parametrize("wrong", ["x", "weight", "mask", "knots", "scalar"])
def test_shapes_that_do_not_belong_together_are_refused_before_memory_is_read(wrong, path, monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", path)
    weight, mask, knots, *rest = make(3, 4, 5)
    given = {"x": torch.zeros(2, 3, dtype=torch.float64), "weight": weight, "mask": mask, "knots": knots}
    if wrong == "scalar":
        given["x"] = torch.tensor(0.0, dtype=torch.float64)
    else:
        given[wrong] = given[wrong][..., :-1] if wrong == "knots" else given[wrong][:, :-1]
    with pytest.raises(InputError, match="splines of degree 3 with base 'silu' got x"):
        kernels.spline_sum(*given.values(), *rest)


@needs_library
def test_nothing_in_nothing_out_and_no_gradient():
    args = make(3, 4, 5)
    value, dx, dw = all_results(compiled, torch.zeros(0, 3).double(), args, torch.zeros(0, 4).double())
    assert value.shape == (0, 4)
    assert dx.shape == (0, 3)
    assert not dw.any()


@needs_library
@pytest.mark.parametrize("intervals", [5, 500])
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e30, -1e30])
def test_a_bad_sample_spoils_its_own_row_only(bad, dtype, intervals):
    args = make(3, 20, intervals, dtype=dtype)
    x = points(50, args[2], 3)
    good = compiled.spline_sum(x, *args)
    x[17, 1] = bad
    y, dx, dw = all_results(compiled, x, args, torch.ones(50, 20, dtype=dtype))
    other = torch.arange(50) != 17
    torch.testing.assert_close(y[other], good[other], rtol=0, atol=0)
    assert dx[other].isfinite().all()
    if abs(bad) == 1e30:
        torch.testing.assert_close(y[17], torch_path.spline_sum(x, *args)[17], rtol=1e-4, atol=1e25)
    else:
        assert y[17].isnan().all()
        assert dw[0].isfinite().all()


@needs_library
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("degree", [2, 3, 5])
def test_first_and_second_derivatives_are_those_of_the_values(degree, base):
    weight, mask, knots, *rest = make(3, 4, 4, degree=degree, base=base, seed=1)
    x = points(7, knots, degree)[1:3].requires_grad_()
    weight.requires_grad_()

    def y(x, weight):
        return compiled.spline_sum(x, weight, mask, knots, *rest)

    assert torch.autograd.gradcheck(y, (x, weight))
    assert torch.autograd.gradgradcheck(y, (x, weight))


@needs_library
def test_third_derivatives_too():
    args = make(2, 3, 5, degree=4)
    x = points(8, args[2], 4)[1:2]
    thirds = []
    for path in (compiled, torch_path):
        point = x.clone().requires_grad_()
        value = path.spline_sum(point, *args).sum()
        for _ in range(3):
            (value,) = torch.autograd.grad(value.sum(), point, create_graph=True)
        thirds.append(value.detach())
    assert thirds[1].abs().max() > 1
    torch.testing.assert_close(*thirds, rtol=1e-11, atol=1e-9)


@needs_library
@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_only_the_gradient_that_is_asked_for(wanted):
    args = make(4, 5, 6)
    x = points(30, args[2], 3)
    found = []
    for path in (compiled, torch_path):
        inputs = (x.clone().requires_grad_(wanted[0]), args[0].clone().requires_grad_(wanted[1]))
        path.spline_sum(*inputs, *args[1:]).square().sum().backward()
        assert [t.grad is not None for t in inputs] == list(wanted)
        found.append(inputs[wanted.index(True)].grad)
    torch.testing.assert_close(*found, rtol=1e-11, atol=1e-11)


@needs_library
def test_operators_pass_torchs_own_checks():
    args = make(3, 4, 5)
    x = points(6, args[2], 3)[1:].requires_grad_()
    torch.library.opcheck(torch.ops.edgewise.spline_sum.default, (x, args[0].requires_grad_(), *args[1:]))


@needs_library
def test_threads_are_as_many_as_torch_allows_and_change_nothing():
    args = make(33, 65, 9, dtype=torch.float32)
    x, upstream = points(3000, args[2], 3), torch.randn(3000, 65)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 1):
            torch.set_num_threads(threads)
            found.append(all_results(compiled, x, args, upstream))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            assert torch.equal(one, two)


def trained(edges, x):
    y = edges(x)
    y.square().sum().backward()
    return y.detach(), edges.weight.grad


@needs_library
def test_edges_copied_and_pickled_compute_the_same(monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", "compiled")
    weight, _, knots, degree, base = make(3, 4, 5)
    edges, x = SplineEdges(weight, knots, degree, base), points(20, knots, degree)
    for twin in (copy.deepcopy(edges), pickle.loads(pickle.dumps(edges))):
        edges.weight.grad = None
        for one, two in zip(trained(edges, x), trained(twin, x), strict=True):
            assert torch.equal(one, two)


@needs_library
def test_exported_programs_need_no_edgewise(monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", "compiled")
    layer, x = KANLayer(3, 4, dtype=torch.float64), torch.randn(8, 3, dtype=torch.float64)
    program = torch.export.export(layer, (x,))
    assert "edgewise" not in str(program.graph)
    torch.testing.assert_close(program.module()(x), layer(x), rtol=1e-12, atol=1e-13)


@needs_library
def test_compiled_programs_call_the_kernels(monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", "compiled")
    args, seen = make(3, 4, 5, dtype=torch.float32), []
    x = points(8, args[2], 3).requires_grad_()

    def layer(x):
        return kernels.spline_sum(x, *args)

    def backend(module, example_inputs):
        seen.extend(str(node.target) for node in module.graph.nodes)
        return module

    program = torch.compile(layer, backend=backend, fullgraph=True)
    torch.testing.assert_close(program(x), layer(x))
    assert any("edgewise.spline_sum" in name for name in seen)
    torch._dynamo.reset()


@needs_library
def test_fake_tensors_have_the_right_shapes():
    from torch._subclasses.fake_tensor import FakeTensorMode

    weight, mask, knots, *rest = make(3, 4, 5)
    with FakeTensorMode() as mode:
        fakes = [
            mode.from_tensor(t) for t in (torch.randn(7, 3).double(), weight.requires_grad_(), mask, knots)
        ]
        y = compiled.spline_sum(*fakes, *rest)
        y.sum().backward()
    assert y.shape == (7, 4)
    assert fakes[1].grad.shape == weight.shape


@needs_library
@pytest.mark.filterwarnings("ignore:torch.searchsorted:UserWarning")  # vmap hands it a view; it copies, once
def test_transforms_take_the_torch_path(monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", "compiled")
    args = make(3, 4, 5)
    x = points(9, args[2], 3)[1:3]

    def layer(x):
        return kernels.spline_sum(x, *args)

    jacobian = torch.autograd.functional.jacobian(layer, x[0])
    torch.testing.assert_close(torch.func.jacrev(layer)(x[0]), jacobian)
    torch.testing.assert_close(torch.vmap(layer)(x), layer(x))


@needs_library
@pytest.mark.filterwarnings(
    "ignore:`torch.jit.script` is deprecated:DeprecationWarning"
)  # torch's own, inside
def test_forward_mode_takes_the_torch_path(monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", "compiled")
    args = make(3, 4, 5)
    x = points(9, args[2], 3)[1]
    jacobian = torch.autograd.functional.jacobian(lambda x: kernels.spline_sum(x, *args), x)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        tangent = torch.autograd.forward_ad.unpack_dual(kernels.spline_sum(dual, *args)).tangent
    torch.testing.assert_close(tangent, jacobian.sum(1))


@pytest.mark.parametrize(
    ("dtype", "degree"), [(torch.bfloat16, 3), (torch.float64, 0)], ids=["bfloat16", "degree 0"]
)
def test_what_the_kernels_do_not_serve_takes_the_torch_path(dtype, degree, monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", "auto")
    args = make(3, 4, 5, degree=degree, dtype=dtype)
    x = torch.zeros(2, 3, dtype=dtype)
    assert torch.equal(kernels.spline_sum(x, *args), torch_path.spline_sum(x, *args))


def test_the_environment_settles_the_path(monkeypatch):
    monkeypatch.setenv("EDGEWISE_KERNELS", "torch")
    assert kernels.which() == ("torch", "EDGEWISE_KERNELS=torch")
    monkeypatch.setenv("EDGEWISE_KERNELS", "fast")
    with pytest.raises(InputError, match="'fast': expected one of auto, torch, compiled"):
        kernels.which()
    monkeypatch.delenv("EDGEWISE_KERNELS")
    assert kernels.which()[0] == ("compiled" if BUILT else "torch")
    if BUILT:
        assert f"{torch.get_num_threads()} threads" in kernels.which()[1]


@pytest.mark.parametrize("content", [None, b"not a library"])
def test_without_a_library_torch_does_the_work_and_says_so(content, monkeypatch, tmp_path):
    library = tmp_path / "_spline.so"
    if content:
        library.write_bytes(content)
    for name in ("library", "level"):
        monkeypatch.setattr(compiled, name, getattr(compiled, name).__wrapped__)
    monkeypatch.setattr(compiled, "LIBRARY", library)
    monkeypatch.delenv("EDGEWISE_KERNELS", raising=False)
    path, reason = kernels.which()
    assert path == "torch"
    assert ("does not load" if content else "was not built") in reason
    assert KAN([2, 3, 1])(torch.zeros(4, 2)).shape == (4, 1)
    monkeypatch.setenv("EDGEWISE_KERNELS", "compiled")
    with pytest.raises(InputError, match="unset EDGEWISE_KERNELS"):
        KAN([2, 3, 1])(torch.zeros(4, 2))
