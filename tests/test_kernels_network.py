"""Whole networks in one compiled call, beside the same network layer by layer in plain torch."""

import copy
import gc
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise import KAN, TrainConfig, network, splines, train
from edgewise.errors import InputError
from edgewise.kernels import compiled
from edgewise.kernels import network as kernels_network
from edgewise.kernels.network import Bundle, FusedNetwork, serves
from edgewise.train import problem as train_problem
from edgewise.train.objective import Objective
from edgewise.train.problem import NetworkProblem, Rows

DIGITS = {torch.float64: 1e-12, torch.float32: 1e-5}
needs_library = pytest.mark.skipif(
    not compiled.LIBRARY.exists(), reason="the compiled kernels were not built"
)


@pytest.fixture(autouse=True)
def compiled_kernels(monkeypatch):
    """These tests ask for the compiled kernels, whatever the environment says."""
    monkeypatch.setenv("EDGEWISE_KERNELS", "auto")


def random_network(widths, *, seed=0, dtype=torch.float64, uneven=False, dead=0.0, intervals=None, **options):
    """Random weights and domains, layers with different intervals where these are a list."""
    generator = torch.Generator().manual_seed(seed)
    net = KAN(widths, generator=generator, dtype=torch.float64, **options)
    for k, layer in enumerate(net.kan_layers):
        count, degree = (intervals or [5])[k % len(intervals or [5])], layer.spline.degree
        low = -1 - 0.3 * torch.rand(layer.in_features, generator=generator, dtype=torch.float64)
        knots = splines.uniform_knots(low, low + 2.4, count, degree)
        if uneven:
            cells = 0.1 + torch.rand(layer.in_features, count, generator=generator, dtype=torch.float64)
            points = torch.cat([torch.zeros(layer.in_features, 1).double(), cells.cumsum(1)], 1)
            knots = splines.knots_from_breakpoints(low[:, None] + 2.4 * points / points[:, -1:], degree)
        layer.refit(knots)
        with torch.no_grad():
            layer.spline.weight.add_(
                0.3 * torch.randn(layer.spline.weight.shape, generator=generator, dtype=torch.float64)
            )
        for i in range(layer.in_features):
            for o in range(layer.out_features):
                if torch.rand((), generator=generator) < dead:
                    layer.remove_edge(i, o)
    with torch.no_grad():
        net.input_center.add_(0.1), net.input_scale.mul_(1.3)
        net.output_center.add_(-0.4), net.output_scale.mul_(2.5)
    return net.to(dtype)


def rows_for(net, count, seed=0):
    """Rows inside and outside the domain, and targets."""
    generator = torch.Generator().manual_seed(seed)
    X = 4 * torch.rand(count, net.in_features, generator=generator, dtype=torch.float64) - 2
    y = torch.randn(count, net.out_features, generator=generator, dtype=torch.float64)
    kind = net.input_center.dtype
    return X.to(kind), y.to(kind)


def in_torch(net, X, y):
    """Loss, gradient by parameter, scaled outputs and Jacobian of the same network by the torch path, in float64."""
    exact = copy.deepcopy(net).double()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEWISE_KERNELS", "torch")
        loss, gradients = exact.loss_and_gradients(X.double(), y.double())
        with torch.no_grad():
            outputs, jacobian = exact.linearise(exact.prepare(X.double()))
    return loss, gradients, outputs, jacobian


def assert_close(found, wanted, digits):
    assert found.shape == wanted.shape
    scale = wanted.abs().max().item() if wanted.numel() else 0.0
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=digits * max(scale, 1e-30))


def assert_agrees(net, X, y, digits):
    loss, gradients, outputs, jacobian = in_torch(net, X, y)
    fused, free = net.fused(), net.free()
    assert fused is not None
    assert fused.count == free.numel()
    inside = net.enter(X)
    assert_close(fused.outputs(free, inside), outputs, digits)
    values, slopes = fused.linearise(free, inside)
    assert_close(values, outputs, digits)
    assert_close(slopes, jacobian, 5 * digits)
    found, parts = net.loss_and_gradients(X, y)
    assert found == pytest.approx(loss, rel=5 * digits)
    for part, wanted, parameter in zip(parts, gradients, net.parameters(), strict=True):
        assert part.shape == parameter.shape
        if part.numel():
            largest = max(g.abs().max().item() for g in gradients if g.numel())
            torch.testing.assert_close(part.double(), wanted, rtol=0, atol=5 * digits * largest)
    if fused.dtype == torch.float64:
        columns = jacobian.flatten(0, 1)
        assert_close(fused.gram(free, inside).tril(), (columns.T @ columns).tril(), 5 * digits)


@needs_library
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
@settings(max_examples=60)
@given(data=st.data())
def test_any_network_agrees_with_torch(dtype, data):
    number = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    exact = (
        dtype == torch.float64
    )  # rounding grows with depth and steepness: float32 is tried on tamer networks
    depth = number(1, 4 if exact else 2)
    widths = [number(1, 5)]
    for _ in range(depth):
        sums, products = number(0, 4), number(0, 2)
        widths.append((max(sums, not products), products))
    net = random_network(
        widths,
        degree=number(1, 5),
        base=data.draw(st.sampled_from([None, "silu", "identity"])),
        intervals=data.draw(
            st.lists(st.sampled_from([1, 3, 5, 9, 20, 40][: 6 if exact else 4]), min_size=1, max_size=3)
        ),
        uneven=exact and data.draw(st.booleans()),
        dead=data.draw(st.sampled_from([0.0, 0.3])),
        seed=number(0, 99),
        dtype=dtype,
    )
    X, y = rows_for(net, number(1, 150), number(0, 99))
    assert_agrees(net, X, y, DIGITS[dtype] * (1 if exact else 20))


@needs_library
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_a_narrow_network_in_its_type_to_the_digits(dtype):
    net = random_network([4, 5, 5, 1], dtype=dtype)
    assert_agrees(net, *rows_for(net, 1000), DIGITS[dtype])


@needs_library
@pytest.mark.parametrize("widths", [[1, 1], [1, 32, 1], [3, (2, 9), 2], [30, 1], [2, 12, 11]])
def test_widths_that_fill_vectors_or_do_not(widths):
    net = random_network(widths)
    assert_agrees(net, *rows_for(net, 130), 1e-12)


@needs_library
@pytest.mark.parametrize("instructions", ["plain", "v3", "v4"])
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_every_instruction_set_that_runs_here(instructions, dtype, monkeypatch):
    order = list(compiled.LEVELS.values())
    if order.index(instructions) > order.index(compiled.level()):
        pytest.skip(f"this processor lacks {instructions}")
    monkeypatch.setattr(compiled, "level", lambda: instructions)
    for degree, intervals in ((1, [3]), (2, [9]), (3, [5, 20]), (4, [60]), (5, [7])):
        net = random_network([3, (2, 1), 2], degree=degree, intervals=intervals, dtype=dtype)
        assert_agrees(net, *rows_for(net, 70), 10 * DIGITS[dtype])


@needs_library
def test_more_rows_than_fit_in_one_part_or_one_gram():
    net = random_network([4, 9, 2])
    assert_agrees(net, *rows_for(net, 5000), 1e-12)


@needs_library
def test_upstream_derivatives_are_pulled_back():
    net = random_network([2, 3, 2])
    X, upstream = rows_for(net, 90)
    fused = net.fused("weights", units=True)
    weights = torch.cat([p.detach().flatten() for p in net.parameters()])
    wanted = torch.autograd.grad((net(X) * upstream).sum(), [p for p in net.parameters() if p.numel()])
    assert_close(fused.pull(weights, X, upstream), torch.cat([g.flatten() for g in wanted]), 1e-12)
    assert_close(fused.outputs(weights, X), net(X).detach(), 1e-12)


@needs_library
def test_no_rows():
    net = random_network([2, 3, 2])
    X, free = torch.zeros(0, 2).double(), net.free()
    fused = net.fused()
    assert fused.outputs(free, X).shape == (0, 2)
    assert [part.shape for part in fused.linearise(free, X)] == [(0, 2), (0, 2, free.numel())]
    assert not fused.gram(free, X).any()
    assert not fused.pull(free, X, torch.zeros(0, 2).double()).any()


@needs_library
def test_rows_that_are_not_numbers_spoil_no_other_row():
    net = random_network([3, 4, 2])
    X, _ = rows_for(net, 100)
    fused, free, inside = net.fused(), net.free(), net.enter(X)
    spoilt = inside.clone()
    spoilt[17, 1] = float("nan")
    for whole, partly in zip(fused.linearise(free, inside), fused.linearise(free, spoilt), strict=True):
        assert bool(partly[17].isnan().any())
        kept = torch.arange(100) != 17
        assert torch.equal(whole[kept], partly[kept])
    assert bool(fused.outputs(free, spoilt)[17].isnan().all())


@needs_library
def test_two_threads_give_the_bits_of_one():
    net = random_network([6, 9, 3])
    X, y = rows_for(net, 6000)
    fused, free, inside = net.fused(), net.free(), net.enter(X)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            loss, gradient = fused.value_and_gradient(free, inside, y)
            found.append(
                (torch.tensor(loss), gradient, *fused.linearise(free, inside), fused.gram(free, inside))
            )
        finally:
            torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))


@needs_library
def test_strided_rows_are_read_right():
    net = random_network([2, 3, 1])
    X, y = rows_for(net, 50)
    wide = torch.stack([X, -X], dim=-1)
    assert net.loss_and_gradients(wide[..., 0], y)[0] == net.loss_and_gradients(X, y)[0]


@needs_library
def test_the_loss_follows_every_change_of_the_network():
    net = random_network([2, 3, 1])
    X, y = rows_for(net, 50)

    def agrees():
        loss = (net(X) - y).square().mean().item()
        return net.loss_and_gradients(X, y)[0] == pytest.approx(loss, rel=1e-12)

    assert agrees()
    with torch.no_grad():
        net.kan_layers[0].spline.weight.mul_(1.5)
        net.output_scale.mul_(0.5)
    assert agrees()
    net.kan_layers[0].remove_edge(1, 1)
    assert agrees()
    net.kan_layers[1].refit(splines.refine_knots(net.kan_layers[1].spline.knots, 3, 12))
    assert agrees()
    net.kan_layers[1].spline.knots.mul_(1.01)
    assert agrees()
    net.kan_layers[0].fix_edge(0, 0, "sine", torch.tensor([1.1, 0.2, -0.7, 0.4, 1.0]).double())
    assert agrees()
    net.input_center = net.input_center + 1
    assert agrees()


@needs_library
def test_a_network_that_was_called_can_be_copied_pickled_and_let_go():
    net = random_network([2, 3, 1])
    X, y = rows_for(net, 20)
    expected = net.loss_and_gradients(X, y)[0]
    assert copy.deepcopy(net).loss_and_gradients(X, y)[0] == expected
    assert pickle.loads(pickle.dumps(net)).loss_and_gradients(X, y)[0] == expected
    known = len(network._KNOWN)
    del net
    gc.collect()
    assert len(network._KNOWN) < known


@pytest.mark.parametrize("shape", [(5, 2), (4, 1), (5,)])
def test_targets_of_another_shape_are_refused(shape, untyped):
    with pytest.raises(InputError, match="expected"):
        KAN([3, 1]).loss_and_gradients(torch.zeros(5, 3), torch.zeros(shape))


def described(**change):
    spline = KAN([2, 2]).kan_layers[0].spline
    return Bundle(spline.knots, spline.mask, 2, 0, "silu")._replace(**change)


@needs_library
def test_what_is_served(monkeypatch):
    assert serves([described()], {3})
    assert not serves([described()], {0})
    assert not serves([described()], {2, 3})
    assert not serves([described(mask=torch.full((2, 2), 0.5))], {3})
    assert not serves([described(mask=torch.ones(2, 1000))], {3})
    assert not serves([described(knots=torch.zeros(2, 12, dtype=torch.float16))], {3})
    monkeypatch.setenv("EDGEWISE_KERNELS", "torch")
    assert not serves([described()], {3})


@needs_library
def test_fixed_edges_are_not_served():
    net = random_network([2, 2])
    net.kan_layers[0].fix_edge(0, 0, "sine", torch.tensor([1.1, 0.2, -0.7, 0.4, 1.0]).double())
    assert net.fused() is None


@needs_library
def test_memory_beyond_the_tensors_is_not_read():
    net = random_network([2, 1])
    fused, free, X = net.fused(), net.free(), torch.zeros(3, 2).double()
    with pytest.raises(InputError, match="weights and rows"):
        fused.outputs(free[1:], X)
    with pytest.raises(InputError, match="weights and rows"):
        fused.outputs(free, X[:, :1])
    with pytest.raises(InputError, match=r"expected torch\.float64"):
        fused.outputs(free, X.float())
    with pytest.raises(InputError, match="for 3 rows"):
        fused.value_and_gradient(free, X, X)
    with pytest.raises(InputError, match="for 3 rows"):
        fused.pull(free, X, X[:2, :1])
    with pytest.raises(InputError, match="layout 'free'"):
        net.fused("weights").linearise(free, X)


@needs_library
def test_out_of_memory_says_so(monkeypatch):
    fused = random_network([2, 1]).fused()
    monkeypatch.setattr(fused, "_descent", lambda *arguments: 2)
    with pytest.raises(MemoryError, match="smaller batch"):
        fused.outputs(torch.zeros(fused.count).double(), torch.zeros(3, 2).double())


def calls_while(run, monkeypatch):
    """How often the fused kernels were called."""
    count, honest = [0], FusedNetwork._call

    def counted(self, *arguments):
        count[0] += 1
        return honest(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(kernels_network.FusedNetwork, "_call", counted)
        run()
    return count[0]


@needs_library
@pytest.mark.parametrize("method", ["least-squares", "lbfgs", "adam"])
def test_training_uses_it_unless_told_not_to(method, monkeypatch):
    net = random_network([2, 3, 1])
    X, y = rows_for(net, 60)
    config = TrainConfig(method=method, max_steps=5, starts=1, intervals=(3,), smoothness=1e-4)
    assert calls_while(lambda: train(net, X, y, config), monkeypatch) > 5
    monkeypatch.setenv("EDGEWISE_KERNELS", "torch")
    assert calls_while(lambda: train(net, X, y, config), monkeypatch) == 0


@needs_library
@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
@pytest.mark.parametrize("penalties", [{}, {"smoothness": 0.2}, {"sparsity": 0.1}])
def test_the_objective_is_the_same_either_way(loss, penalties, monkeypatch):
    net = random_network([2, (1, 1), 3], dead=0.2, seed=3)
    X, y = rows_for(net, 40)
    if loss == "cross-entropy":
        y = torch.arange(40)[:, None].double() % 3
    found = []
    for choice in ("auto", "torch"):
        monkeypatch.setenv("EDGEWISE_KERNELS", choice)
        objective = Objective(net, TrainConfig(method="lbfgs", loss=loss, **penalties))
        assert (objective.fused is not None) == (choice == "auto" and "sparsity" not in penalties)
        found.append(objective.value_and_gradient(X, y))
        assert objective.value(X, y) == pytest.approx(found[-1][0], rel=1e-12)
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12)
    assert_close(found[0][1], found[1][1], 1e-12)


@needs_library
def test_normal_equations_are_those_of_residual_and_jacobian(monkeypatch):
    monkeypatch.setattr(train_problem, "FEWEST_FOR_GRAM", 0)
    net = random_network([2, 3, 2], dead=0.2, seed=1)
    X, y = rows_for(net, 40)
    problem = NetworkProblem(net, Rows(X, y, X[:0], y[:0]), 0.3)
    residuals, jacobian = problem.linearise(net.free())
    gram, slope = problem.normal(net.free())
    assert_close(gram.tril(), (jacobian.T @ jacobian).tril(), 1e-12)
    assert_close(slope, jacobian.T @ residuals, 1e-12)
    assert_close(problem.residual(net.free()), residuals, 1e-12)


@needs_library
def test_the_same_seed_gives_the_same_bits():
    X, y = rows_for(random_network([2, 3, 1]), 60)
    config = TrainConfig(method="least-squares", max_steps=8)
    one, two = (train(random_network([2, 3, 1]), X, y, config).network(X) for _ in range(2))
    assert torch.equal(one, two)
