"""A layer: shapes as in ``nn.Linear``, edges that can be removed and fixed, splines that can be moved."""

import copy

import pytest
import torch

from edgewise import splines
from edgewise.catalogue import function
from edgewise.errors import InputError
from edgewise.layer import KANLayer

SINE = torch.tensor([2.0, 0.5, 3.0, -1.0, 1.0], dtype=torch.float64)


@pytest.fixture
def layer(generator):
    return KANLayer(3, 2, generator=generator, dtype=torch.float64)


@pytest.fixture
def x(generator):
    return torch.rand(9, 3, generator=generator, dtype=torch.float64) * 2.4 - 1.2


@pytest.mark.parametrize("lead", [(), (7,), (7, 4), (0,), (2, 0, 3)])
def test_any_leading_axes(layer, lead):
    assert layer(torch.zeros(*lead, 3).double()).shape == (*lead, 2)


@pytest.mark.parametrize("shape", [(5, 4), (3, 1), (2,), ()])
@pytest.mark.usefixtures("untyped")
def test_a_wrong_width_is_said_in_one_line(layer, shape):
    with pytest.raises(
        InputError, match=r"a layer of 3 inputs got shape .*; its last axis must be 3"
    ) as caught:
        layer(torch.zeros(shape).double())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_type_is_the_one_asked_for(dtype):
    layer = KANLayer(2, 1, dtype=dtype)
    assert {tensor.dtype for tensor in layer.state_dict().values()} == {dtype}
    assert layer(torch.zeros(1, 2, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"in_features": 0}, "in_features=0: expected a whole number of at least 1"),
        ({"out_features": -1}, "out_features=-1"),
        ({"intervals": 0}, "intervals=0"),
        ({"intervals": 2.5}, "intervals=2.5"),
        ({"degree": 6}, "degree=6: expected a whole number from 0 to 5"),
        ({"degree": -1}, "degree=-1"),
        ({"domain": (1.0, 1.0)}, r"domain=\(1.0, 1.0\): expected \(low, high\)"),
        ({"domain": (0.0, float("nan"))}, "domain="),
        ({"domain": (0.0, float("inf"))}, "both finite"),
        ({"base": "relu"}, "base='relu' is not known"),
        ({"init": "he"}, "init='he' is not a rule"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_a_wrong_setting_is_named(wrong, said):
    with pytest.raises(InputError, match=said):
        KANLayer(**({"in_features": 2, "out_features": 2} | wrong))


@pytest.mark.parametrize("degree", range(6))
@pytest.mark.parametrize("base", [None, "silu", "identity"])
def test_every_degree_and_base_works(degree, base, x):
    layer = KANLayer(3, 2, degree=degree, base=base, intervals=3, dtype=torch.float64)
    torch.testing.assert_close(layer.curves(x).sum(1), layer(x), rtol=0, atol=1e-12)


def test_the_domain_is_the_one_asked_for():
    low, high = splines.domain(KANLayer(2, 1, domain=(3.0, 7.0), intervals=4).spline.knots, 3)
    assert (low.tolist(), high.tolist()) == ([3.0, 3.0], [7.0, 7.0])


def test_the_same_generator_seed_gives_the_same_bits():
    first, second = (KANLayer(3, 2, generator=torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first.free(), second.free())


def test_a_generator_spares_the_global_random_state(generator):
    before = torch.get_rng_state()
    KANLayer(3, 2, generator=generator)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_generator_torch_seeds_it():
    drawn = [torch.manual_seed(9) and KANLayer(2, 2).free() for _ in range(2)]
    assert torch.equal(*drawn)


def test_a_removed_edge_takes_its_curve_along(layer, x):
    before = layer.curves(x)
    layer.remove_edge(1, 0)
    before[:, 1, 0] = 0.0
    torch.testing.assert_close(layer(x), before.sum(1), rtol=0, atol=1e-12)
    assert layer.edge(1, 0) is None


def test_a_fixed_edge_computes_its_function(layer, x):
    before = layer.curves(x)
    layer.fix_edge(2, 1, "sine", SINE)
    before[:, 2, 1] = 3 * torch.sin(2 * x[:, 2] + 0.5) - 1
    torch.testing.assert_close(layer.curves(x), before, rtol=0, atol=1e-12)
    torch.testing.assert_close(layer(x), before.sum(1), rtol=0, atol=1e-12)


def test_edges_are_known_by_what_they_are(layer):
    layer.fix_edge(2, 1, "sine", SINE)
    layer.remove_edge(0, 0)
    found = [[layer.edge(i, o) for o in range(2)] for i in range(3)]
    assert found == [[None, "spline"], ["spline", "spline"], ["spline", function("sine")]]


def test_fixing_an_edge_again_replaces_it(layer, x):
    layer.fix_edge(0, 0, "square", SINE)
    layer.fix_edge(0, 0, "sine", SINE)
    assert len(layer.symbolic.fixed) == 1
    torch.testing.assert_close(layer.curves(x)[:, 0, 0], 3 * torch.sin(2 * x[:, 0] + 0.5) - 1)


def test_a_fixed_edge_can_be_removed(layer, x):
    layer.fix_edge(0, 0, "sine", SINE)
    layer.fix_edge(1, 0, "square", SINE)
    layer.remove_edge(0, 0)
    assert layer.edge(0, 0) is None
    torch.testing.assert_close(layer.curves(x)[:, 1, 0], 3 * (2 * x[:, 1] + 0.5) ** 2 - 1)


def test_a_layer_of_fixed_edges_alone_works(x):
    layer = KANLayer(3, 1, dtype=torch.float64)
    for source in range(3):
        layer.fix_edge(source, 0, "sine", SINE)
    torch.testing.assert_close(layer(x), (3 * torch.sin(2 * x + 0.5) - 1).sum(1, keepdim=True))
    assert layer.free().numel() == 3 * 4


def test_free_parameters_of_both_kinds_go_in_and_come_out(layer):
    layer.fix_edge(2, 1, "sine", SINE)
    wanted = torch.arange(layer.free().numel()).double()
    layer.assign(wanted)
    assert torch.equal(layer.free(), wanted)
    assert layer.free().numel() == 5 * 9 + 4
    assert torch.equal(layer.free()[-4:], layer.symbolic.constants[0, :4])


def test_bundles_together_recall_slope_and_column(layer, x):
    layer.fix_edge(2, 1, "sine", SINE)
    ready = layer.prepare(x)
    torch.testing.assert_close(layer.recall(ready), layer(x), rtol=0, atol=1e-12)
    assert layer.slopes(ready).shape == (9, 3, 2)
    torch.testing.assert_close(layer.slopes(ready)[:, 2, 1], 6 * torch.cos(2 * x[:, 2] + 0.5))
    assert layer.columns(ready, torch.ones(9, 2).double()).shape == (9, layer.free().numel())


def finer(layer, intervals):
    return splines.refine_knots(layer.spline.knots, layer.spline.degree, intervals)


def test_moving_to_finer_knots_changes_nothing(layer, x):
    layer.remove_edge(0, 0)
    layer.fix_edge(2, 1, "sine", SINE)
    before = layer.curves(x)
    layer.refit(finer(layer, 20))
    torch.testing.assert_close(layer.curves(x), before, rtol=0, atol=1e-10)
    assert layer.spline.intervals == 20
    assert layer.edge(0, 0) is None


def test_inputs_may_move_to_domains_of_their_own(layer):
    low, high = torch.tensor([-1.0, -0.5, -0.1]).double(), torch.tensor([1.0, 0.5, 0.2]).double()
    x = low + (high - low) * torch.linspace(0, 1, 30).double()[:, None]
    before = layer.curves(x)
    layer.refit(splines.uniform_knots(low, high, 20, 3))
    torch.testing.assert_close(layer.curves(x), before, rtol=0, atol=0.02)


@pytest.mark.parametrize("fixed", [False, True])
def test_torch_exports_it(layer, x, fixed):
    if fixed:
        layer.fix_edge(2, 1, "sine", SINE)
    exported = torch.export.export(layer, (x,)).module()
    torch.testing.assert_close(exported(x), layer(x))


def test_a_copy_is_equal_and_independent(layer, x):
    twin = copy.deepcopy(layer)
    assert torch.equal(twin(x), layer(x))
    twin.remove_edge(0, 0)
    assert layer.edge(0, 0) == "spline"


def test_its_text_says_what_it_is(layer):
    assert "in_features=3, out_features=2, intervals=5, degree=3, base='silu'" in repr(layer)


def test_it_learns_inside_torch(layer, x):
    target, optimiser = torch.sin(3 * x[:, :2]), torch.optim.Adam(layer.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (layer(x) - target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]
