"""Norms and residuals: their formulas, their starts, their Jacobians, and what refuses them."""

import copy

import pytest
import torch

from edgewise import KAN, TrainConfig, load, prune, save, train
from edgewise.errors import InputError
from edgewise.joins import RESIDUALS, rms_normed, rms_pulled

FORMS = [(norm, residual) for norm in (None, "rms") for residual in (None, *RESIDUALS)]
EVERY_FORM = pytest.mark.parametrize(("norm", "residual"), FORMS, ids=str)


def network(norm, residual, widths=(3, 4, 4, 4, 2), seed=0, **settings):
    settings = {"dtype": torch.float64, **settings}
    return KAN(
        list(widths),
        norm=norm,
        residual=residual,
        generator=torch.Generator().manual_seed(seed),
        **settings,
    )


def rows(count=9, inputs=3, seed=5):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(count, inputs, generator=draw, dtype=torch.float64) * 2 - 1


def moved(net, seed=3):
    """The network with its learned shares away from their start."""
    draw = torch.Generator().manual_seed(seed)
    if net.joins.mix is not None:
        with torch.no_grad():
            net.joins.mix += 0.3 * torch.rand(net.joins.mix.shape, generator=draw, dtype=torch.float64)
    return net


def by_hand(net, x):
    """The outputs by the formulas of the module's page, layer after layer."""

    def normed(h):
        return h if net.joins.norm is None else 0.5 * h / h.square().mean(1, keepdim=True).sqrt()

    first, second, third, last = net.kan_layers
    h1 = first(x)
    f2 = second(normed(h1))
    mix, residual = net.joins.mix, net.joins.residual
    u, v = (gate(x) for gate in net.joins.gate_layers) if residual == "gated" else (None, None)

    def join(h, f, k):
        if residual is None:
            return f
        if residual == "gated":
            return mix[k] * (f * u + (1 - f) * v) + (1 - mix[k]) * h
        return h + {"plain": 1.0, "scaled": 0.5**0.5}.get(residual, 0 if mix is None else mix[k]) * f

    h2 = join(h1, f2, 0)
    f3 = third(normed(h2))
    h3 = join(h1 if residual == "gated" else h2, f3, 1)
    return last(normed(h3))


@EVERY_FORM
def test_outputs_follow_the_formula(norm, residual):
    net = moved(network(norm, residual))
    torch.testing.assert_close(net(rows()), by_hand(net, rows()), rtol=1e-8, atol=1e-9)


@EVERY_FORM
def test_the_trace_hangs_together(norm, residual):
    net, x = moved(network(norm, residual)), rows()
    trace = net.trace(x)
    torch.testing.assert_close(trace.y, net(x))
    for layer, record in zip(net.kan_layers, trace.layers, strict=True):
        torch.testing.assert_close(record.curves.sum(1), layer(record.inputs))
    torch.testing.assert_close(trace.layers[-1].nodes, net(x))


@pytest.mark.parametrize("residual", ["zero", "gated"])
def test_blocks_that_start_as_identity_do(residual):
    deep, x = network("rms", residual, (3, 4, 4, 4, 4, 4, 2)), rows()
    trace = deep.trace(x)
    torch.testing.assert_close(trace.layers[-2].nodes, trace.layers[0].nodes)


@pytest.mark.parametrize("norm", [None, "rms"])
@pytest.mark.parametrize("residual", [None, "plain", "scaled"])
def test_the_jacobian_is_the_one_autograd_finds(norm, residual):
    net, x = network(norm, residual, (3, (3, 1), (3, 1), (3, 1), 2)), rows(5)
    start = net.free()

    def outputs(vector):
        probe, at = copy.deepcopy(net), 0
        tensors = {}
        for name, p in probe.named_parameters():
            if name.endswith("weight"):
                i, m, o = p.shape
                tensors[name] = vector[at : at + p.numel()].view(i, o, m).transpose(1, 2)
                at += p.numel()
        return torch.func.functional_call(probe, tensors, (x,))

    value, jacobian = net.linearise(net.prepare(x))
    torch.testing.assert_close(value, net(x))
    torch.testing.assert_close(jacobian, torch.autograd.functional.jacobian(outputs, start))


def test_the_norm_is_torchs_and_its_pull_autograds():
    h = rows(7, 5).requires_grad_()
    expected = 2.0 + 0.5 * torch.nn.functional.rms_norm(h, (5,), eps=1e-12)
    torch.testing.assert_close(rms_normed(h, 2.0, 0.5), expected)
    upstream = rows(7, 5, seed=8)
    (pulled,) = torch.autograd.grad((expected * upstream).sum(), h)
    torch.testing.assert_close(rms_pulled(upstream, h.detach(), 0.5), pulled)


def test_normed_inputs_of_wide_layers_lie_inside_as_promised():
    draw = torch.Generator().manual_seed(0)
    z = rms_normed(torch.randn(4000, 64, generator=draw), 0.0, 0.5)
    assert (z.abs() < 1).double().mean().item() == pytest.approx(0.954, abs=0.003)


@EVERY_FORM
def test_a_checkpoint_brings_all_back(norm, residual, tmp_path):
    net = moved(network(norm, residual, domain=(-2.0, 3.0)))
    back = load(save(net, tmp_path / "net"))
    assert torch.equal(back(rows()), net(rows()))
    assert (back.joins.norm, back.joins.residual) == (norm, residual)
    assert back.joins.absent or back.joins.domain == (-2.0, 3.0)


@EVERY_FORM
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_reach_every_parameter(norm, residual, dtype):
    net = moved(network(norm, residual, dtype=dtype).double()).to(dtype)
    net(rows().to(dtype)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters() if p.numel())
    assert all(bool((p.grad != 0).any()) for p in net.parameters() if p.numel())


@pytest.mark.parametrize(("norm", "residual"), [("rms", None), ("rms", "scaled"), (None, "plain")])
def test_least_squares_trains_them(norm, residual):
    x = rows(200, 2)
    y = torch.sin(3 * x[:, :1]) * x[:, 1:]
    net = network(norm, residual, (2, 4, 4, 1))
    result = train(net, x, y, TrainConfig(method="least-squares", max_steps=60, max_seconds=20))
    assert "least-squares" in result.message
    assert (result.network(x) - y).abs().median() < 0.02 * y.std()


@pytest.mark.parametrize("residual", ["zero", "gated"])
def test_forms_with_parameters_train_by_descent(residual):
    x = rows(200, 2)
    y = torch.sin(3 * x[:, :1]) * x[:, 1:]
    net = network("rms", residual, (2, 4, 4, 1))
    result = train(net, x, y, TrainConfig(max_steps=40, max_seconds=20))
    assert "lbfgs" in result.message
    assert (result.network(x) - y).square().mean().sqrt() < 0.2 * y.std()
    with pytest.raises(InputError, match="closed-form"):
        train(net, x, y, TrainConfig(method="least-squares"))
    with pytest.raises(InputError, match="no closed-form"):
        net.linearise(net.prepare(x))


def test_pruning_takes_edges_and_leaves_nodes():
    net = network("rms", "plain")
    net.kan_layers[1].spline.weight.data[2] = 0.0
    smaller = prune(net, rows(50), tolerance=0.01)
    assert {gone.kind for gone in smaller.removed} == {"edge"}
    assert smaller.widths == net.widths
    assert (smaller(rows()) - net(rows())).abs().max() < 0.05 * net(rows()).std()


def test_they_are_not_written_as_formulas():
    with pytest.raises(InputError, match="no chain of functions"):
        network("rms", None).to_formula(rows(50))


@pytest.mark.parametrize(
    ("widths", "norm", "residual", "said"),
    [
        ([2, 3, 1], "layer", None, "norm='layer' is not known"),
        ([2, 3, 1], None, "skip", "residual='skip' is not known; choose one of: plain, scaled, zero, gated"),
        ([2, 1, 3, 1], "rms", None, "hidden level of one node"),
        ([2, 3, 4, 1], None, "plain", r"hidden levels of widths \[3, 4\]"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(widths, norm, residual, said):
    with pytest.raises(InputError, match=said) as caught:
        KAN(widths, norm=norm, residual=residual)
    assert "\n" not in str(caught.value)


def test_shallow_networks_take_every_form():
    for norm, residual in FORMS:
        assert network(norm, residual, (3, 2))(rows()).shape == (9, 2)
        assert network(norm, residual, (3, 4, 2))(rows()).shape == (9, 2)


@pytest.mark.parametrize(("norm", "residual"), [("rms", "scaled"), ("rms", "gated")])
def test_torch_exports_them(norm, residual):
    net, x = network(norm, residual), rows()
    program = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.testing.assert_close(program.module()(rows(4)), net(rows(4)))
