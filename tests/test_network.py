"""A network: products, units, the trace, the Jacobian, refinement."""

import copy
import dataclasses
import pickle

import pytest
import torch

from edgewise.errors import InputError
from edgewise.layer import KANLayer
from edgewise.network import KAN, checked_widths, combine, uncombine

SINE = torch.tensor([1.1, 0.2, -0.7, 0.4, 1.0], dtype=torch.float64)
WIDTHS = ([2, 1], [2, 3, 1], [3, (2, 1), 2], [2, (0, 2), (1, 1)], [1, 1, 1, 1])
EVERY_WIDTH = pytest.mark.parametrize("widths", WIDTHS, ids=str)


def network(widths, dtype=torch.float64, seed=0, **settings):
    return KAN(widths, generator=torch.Generator().manual_seed(seed), dtype=dtype, **settings)


def rich_network():
    """Products, an edge removed, edges fixed in both layers, units of its own."""
    net = network([2, (2, 1), 2])
    net.kan_layers[0].fix_edge(0, 1, "sine", SINE)
    net.kan_layers[0].remove_edge(1, 0)
    net.kan_layers[1].fix_edge(2, 1, "square", SINE)
    with torch.no_grad():
        net.input_center.copy_(torch.tensor([3.0, -1.0]))
        net.input_scale.copy_(torch.tensor([2.0, 0.5]))
        net.output_center.copy_(torch.tensor([10.0, -20.0]))
        net.output_scale.copy_(torch.tensor([5.0, 0.1]))
    return net


def rows(net, count=11):
    """Rows that fill a little more than the domain, in the user's units."""
    draw = torch.Generator().manual_seed(7)
    x = torch.rand(count, net.in_features, generator=draw, dtype=torch.float64) * 2.2 - 1.1
    return (x * net.input_scale + net.input_center).to(net.input_center.dtype)


@EVERY_WIDTH
def test_outputs_are_as_many_as_the_last_width(widths):
    net = network(widths)
    assert net(rows(net)).shape == (11, net.out_features)
    assert net.out_features == sum(net.widths[-1])


@pytest.mark.parametrize("lead", [(), (4,), (4, 3), (0,)])
def test_any_leading_axes(lead):
    assert network([2, (1, 1), 3])(torch.zeros(*lead, 2).double()).shape == (*lead, 3)


def test_a_product_node_multiplies_its_two_sums():
    net = network([2, (1, 1), 1])
    x = rows(net)
    sums = net.kan_layers[0](x)
    hidden = torch.stack([sums[:, 0], sums[:, 1] * sums[:, 2]], dim=1)
    torch.testing.assert_close(net(x), net.kan_layers[1](hidden), rtol=0, atol=1e-13)


def test_products_may_be_outputs():
    net = network([2, (0, 1)])
    x = rows(net)
    torch.testing.assert_close(net(x), net.kan_layers[0](x).prod(1, keepdim=True), rtol=0, atol=1e-13)


def test_uncombine_is_the_derivative_of_combine(generator):
    subnodes = torch.randn(6, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    (expected,) = torch.autograd.grad((combine(subnodes, (3, 2)) * upstream).sum(), subnodes)
    torch.testing.assert_close(uncombine(upstream, subnodes.detach(), (3, 2)), expected)


def test_it_speaks_the_users_units():
    net = rich_network()
    plain = copy.deepcopy(net)
    with torch.no_grad():
        for name, value in (("input_center", 0.0), ("input_scale", 1.0), ("output_center", 0.0)):
            getattr(plain, name).fill_(value)
        plain.output_scale.fill_(1.0)
    x = rows(plain)
    inside = x * net.input_scale + net.input_center
    torch.testing.assert_close(net(inside), plain(x) * net.output_scale + net.output_center)


@EVERY_WIDTH
def test_the_trace_ends_at_the_output_and_hangs_together(widths):
    net = network(widths)
    x = rows(net)
    trace = net.trace(x)
    torch.testing.assert_close(trace.y, net(x), rtol=0, atol=1e-12)
    assert torch.equal(trace.x, x)
    for level, layer in enumerate(trace.layers):
        assert torch.equal(layer.nodes, combine(layer.curves.sum(1), net.widths[level + 1]))
        assert level == 0 or torch.equal(layer.inputs, trace.layers[level - 1].nodes)


def test_the_trace_speaks_both_units():
    net = rich_network()
    x, trace = rows(net), net.trace(rows(net))
    torch.testing.assert_close(trace.layers[0].inputs, (x - net.input_center) / net.input_scale)
    torch.testing.assert_close(trace.y, net(x))


def test_a_trace_cannot_be_changed():
    trace = network([2, 1]).trace(torch.zeros(3, 2).double())
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.y = trace.x
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.layers[0].curves = trace.x
    assert isinstance(trace.layers, tuple)


def test_a_trace_stays_when_the_network_moves_on():
    net = network([2, 2, 1])
    trace = net.trace(rows(net))
    before = [layer.curves.clone() for layer in trace.layers]
    net.assign(net.free() + 1.0)
    assert all(torch.equal(layer.curves, old) for layer, old in zip(trace.layers, before, strict=True))


def test_forward_and_trace_leave_nothing_behind():
    net = network([2, (1, 1), 1])
    before, x = set(vars(net)), rows(net)
    kept = copy.deepcopy(net.state_dict())
    net.trace(x)
    net(x)
    assert set(vars(net)) == before
    assert all(torch.equal(tensor, kept[name]) for name, tensor in net.state_dict().items())


def jacobian_by_autograd(net, x):
    """``d scaled outputs / d free``, its columns gathered from autograd's full ones in the order of ``free()``."""
    parameters = dict(net.named_parameters())

    def outputs(values):
        y = torch.func.functional_call(net, values, x)
        return (y - net.output_center) / net.output_scale

    full = torch.func.jacrev(outputs)(parameters)
    columns = []
    for level, layer in enumerate(net.kan_layers):
        weight = full[f"layers.{level}.spline.weight"]
        columns += [weight[..., i, :, o] for i, o in zip(*layer.spline.living(), strict=True)]
        constants = full[f"layers.{level}.symbolic.constants"]
        for k, (_, _, law) in enumerate(layer.symbolic.fixed):
            columns.append(
                constants[..., k, [n for n, letter in enumerate("abcdp") if letter in "cd" + law.free]]
            )
    return torch.cat(columns, dim=-1)


@pytest.mark.parametrize("make", [rich_network, *(lambda w=w: network(w) for w in WIDTHS)])
def test_the_jacobian_is_the_one_autograd_finds(make):
    net = make()
    x = rows(net)
    y, jacobian = net.linearise(net.prepare(x))
    torch.testing.assert_close(y, (net(x) - net.output_center) / net.output_scale, rtol=0, atol=1e-12)
    assert jacobian.shape == (11, net.out_features, net.free().numel())
    torch.testing.assert_close(jacobian, jacobian_by_autograd(net, x), rtol=1e-10, atol=1e-12)


def test_prepared_inputs_give_scaled_outputs_after_a_move():
    net = rich_network()
    x = rows(net)
    ready = net.prepare(x)
    net.assign(net.free() * 0.9)
    torch.testing.assert_close(net.scaled(ready) * net.output_scale + net.output_center, net(x))


def test_free_parameters_go_in_and_come_out():
    net = rich_network()
    wanted = torch.arange(net.free().numel()).double()
    net.assign(wanted)
    assert torch.equal(net.free(), wanted)


@EVERY_WIDTH
@pytest.mark.parametrize("factor", [1, 2, 5])
def test_refining_by_a_multiple_is_exact(widths, factor):
    net = network(widths, intervals=4)
    finer = net.refine(4 * factor)
    torch.testing.assert_close(finer(rows(net)), net(rows(net)), rtol=0, atol=1e-10)
    assert (finer.intervals, net.intervals) == (4 * factor, 4)


def test_refining_keeps_fixed_and_missing_edges_and_units():
    net = rich_network()
    finer = net.refine(10)
    torch.testing.assert_close(finer(rows(net)), net(rows(net)))
    assert finer.kan_layers[0].edge(1, 0) is None
    assert finer.kan_layers[1].edge(2, 1).name == "square"


@pytest.mark.parametrize("wrong", [0, -3, 2.5, None])
@pytest.mark.usefixtures("untyped")
def test_refining_to_no_number_of_cells_is_refused(wrong):
    with pytest.raises(InputError, match="expected a whole number of at least 1"):
        network([1, 1]).refine(wrong)


@pytest.mark.parametrize(
    ("widths", "said"),
    [
        ([2], "expected at least two entries, such as"),
        ([], "expected at least two entries"),
        ("25", "expected at least two entries"),
        (7, "expected at least two entries"),
        ([2, 0, 1], "the entry 0: expected a positive number"),
        ([2, -1], "the entry -1"),
        ([2, 1.5], "the entry 1.5"),
        ([2, None], "the entry None"),
        ([2, "ab", 1], "the entry 'ab'"),
        ([2, (1, 2, 3)], r"the entry \(1, 2, 3\)"),
        ([2, (0, 0), 1], r"the entry \(0, 0\)"),
        ([(1, 1), 1], "inputs cannot be products"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_wrong_widths_are_named(widths, said):
    with pytest.raises(InputError, match=said):
        KAN(widths)


def test_the_callers_list_is_left_alone():
    widths = [2, (3, 2), 1]
    net = KAN(widths)
    assert widths == [2, (3, 2), 1]
    widths.append(4)
    assert net.widths == ((2, 0), (3, 2), (1, 0))


@pytest.mark.usefixtures("untyped")
def test_widths_may_be_pairs_in_any_sequence():
    assert checked_widths(((2, 0), [3, 1], 1)) == ((2, 0), (3, 1), (1, 0))


@pytest.mark.parametrize("call", ["forward", "trace", "prepare"])
def test_a_wrong_number_of_columns_is_said_in_one_line(call):
    with pytest.raises(InputError, match=r"a network of 2 inputs got shape \(5, 3\)") as caught:
        getattr(network([2, 1]), call)(torch.zeros(5, 3).double())
    assert "\n" not in str(caught.value)


def test_the_same_generator_seed_gives_the_same_bits():
    first, second, other = (network([2, (2, 1), 1], seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.free(), second.free())
    assert not torch.equal(first.free(), other.free())


def test_a_generator_spares_the_global_random_state(generator):
    before = torch.get_rng_state()
    KAN([2, 3, 1], generator=generator)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_type_is_the_one_asked_for(dtype):
    net = network([2, (1, 1), 1], dtype=dtype)
    assert {tensor.dtype for tensor in net.state_dict().values()} == {dtype}
    assert net(rows(net)).dtype == dtype


def test_an_empty_batch_can_be_traced_and_linearised():
    net = rich_network()
    empty = torch.zeros(0, 2).double()
    assert net.trace(empty).y.shape == (0, 2)
    assert net.linearise(net.prepare(empty))[1].shape == (0, 2, net.free().numel())


def test_far_outside_it_is_finite():
    net = network([2, 3, 1])
    assert bool(torch.isfinite(net(torch.tensor([[1e6, -1e6]]).double())).all())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_and_pickles_are_equal_and_independent(duplicate):
    net = rich_network()
    x, twin = rows(net), duplicate(net)
    assert torch.equal(twin(x), net(x))
    twin.assign(twin.free() + 1.0)
    assert not torch.equal(twin(x), net(x))


def test_a_state_dict_carries_all():
    net, twin = network([2, (1, 1), 1], seed=1), network([2, (1, 1), 1], seed=2, domain=(3.0, 9.0))
    twin.load_state_dict(net.state_dict())
    assert torch.equal(twin(rows(net)), net(rows(net)))


@pytest.mark.parametrize("make", [lambda: network([2, (1, 1), 1]), rich_network], ids=["plain", "rich"])
def test_torch_exports_it(make):
    net = make()
    x = rows(net)
    exported = torch.export.export(net, (x,)).module()
    torch.testing.assert_close(exported(x), net(x))


def test_layers_are_drawn_for_the_depth_of_the_network():
    layer = KANLayer(2, 3, depth=4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(network([2, 3, 3, 3, 1]).kan_layers[0].free(), layer.free())


def test_a_deep_stack_keeps_gradients_alive(generator):
    net = KAN([8] * 17, generator=generator, dtype=torch.float64, intervals=20)
    x = rows(net, 200).requires_grad_()
    net(x).square().mean().sqrt().backward()
    assert 0.005 < x.grad.square().sum().sqrt() * 200**0.5 < 200
