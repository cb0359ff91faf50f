"""Equal parameters within 2 %, counted on the built networks; operations against the published formula."""

import pytest
import torch

from edgewise.errors import InputError
from edgewise.study.arms import ARMS, FORMS, Shape, build, kinds
from edgewise.study.matching import TOLERANCE, matched, operations, time_ratio


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize(("depth", "parameters"), [(1, 2000), (2, 2000), (8, 4000), (32, 20000)])
def test_every_arm_has_the_parameters_asked_for(arm, depth, parameters):
    shape = matched(arm, 4, 1, depth, parameters, 5)
    network = build(shape, "plain", 0)
    assert abs(network.living() - parameters) <= TOLERANCE * parameters
    assert len(network.layers) == depth + 1


@pytest.mark.parametrize("arm", ["mlp", "kan-critical", "learned"])
def test_many_inputs_and_outputs_can_be_matched_too(arm):
    shape = matched(arm, 64, 10, 2, 8000, 5)
    assert abs(build(shape, "residual", 0).living() - 8000) <= TOLERANCE * 8000


@pytest.mark.parametrize("arm", ["mlp", "kan-critical", "learned", "rational", "radial", "frozen"])
def test_dropped_edges_carry_nothing(arm):
    network = build(matched(arm, 3, 1, 2, 500, 5), "plain", 0)
    total = sum(p.numel() for p in network.parameters())
    network(torch.rand(50, 3) * 2 - 1).square().sum().backward()
    moving = sum(int((p.grad != 0).sum()) for p in network.parameters() if p.grad is not None)
    assert moving <= network.living() < total


def test_too_few_parameters_are_said_so():
    with pytest.raises(InputError, match="too few for 'kan-critical' with 64 hidden levels"):
        matched("kan-critical", 4, 1, 64, 1000, 5)
    with pytest.raises(InputError, match="depth=0"):
        matched("mlp", 4, 1, 0, 1000, 5)


def test_operations_follow_both_conventions():
    kan = operations(Shape("kan-noise", (3, 7, 1), 5, (0, 0)))
    an_edge = 9 * 3 * (5 + 1.5 * 3) + 2 * 5 - 2.5 * 3 + 1
    assert an_edge == pytest.approx(260)  # what the published comparison charges for G = 5, k = 3
    assert kan.published == pytest.approx(28 * an_edge)
    assert kan.shared == pytest.approx(10 * 256.5 + 28 * 18 + 10 * 4)
    mlp = operations(Shape("mlp", (3, 7, 1), 5, (0, 0)))
    assert mlp.shared == mlp.published == 2 * 28 + 8 * 7


def test_one_layer_of_a_swapped_perceptron_is_a_kan_layer():
    assert kinds("swap-first", 3) == ("kan", "gelu", "gelu", "gelu")
    assert kinds("swap-middle", 3) == ("linear", "gelu", "kan", "gelu")
    assert kinds("swap-last", 3) == ("linear", "gelu", "gelu", "kan")
    with pytest.raises(InputError, match="arm 'kan' is not known"):
        kinds("kan", 3)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("arm", ["mlp", "kan-critical", "radial"])
def test_forms_are_their_formulas(form, arm, generator):
    network = build(Shape(arm, (4, 6, 6, 6, 1), 5, (0, 0, 0, 0)), form, 1)
    x = torch.rand(9, 4, generator=generator) * 2 - 1
    scale = 1.0 if arm == "mlp" else 0.5
    first, second, third, last = network.layers

    def entering(h):
        return h if form == "plain" else scale * h / h.square().mean(-1, keepdim=True).sqrt()

    h = first(x)
    for layer in (second, third):
        past = h if form == "residual" else 0.0
        share = 2**-0.5 if form == "residual" else 1.0
        h = past + share * layer(entering(h))
    torch.testing.assert_close(network(x), last(entering(h)))


def test_weights_follow_from_the_seed_alone():
    shape = matched("kan-critical", 4, 1, 2, 1000, 5)
    torch.manual_seed(0)
    one = build(shape, "plain", 3)
    torch.manual_seed(1)
    two, other = build(shape, "plain", 3), build(shape, "plain", 4)
    x = torch.ones(1, 4) / 3
    assert torch.equal(one(x), two(x))
    assert not torch.equal(one(x), other(x))


def test_the_reference_again_has_other_weights_and_the_same_shape():
    mlp, again = (matched(arm, 4, 1, 2, 1000, 5) for arm in ("mlp", "mlp-again"))
    assert mlp.widths == again.widths
    x = torch.ones(1, 4) / 3
    assert not torch.equal(build(mlp, "plain", 3)(x), build(again, "plain", 3)(x))


def test_signals_neither_die_nor_explode_in_deep_stacks(generator):
    x = torch.rand(200, 4, generator=generator) * 2 - 1
    for arm in ("mlp", "learned", "rational", "kan-critical", "radial"):
        made = build(matched(arm, 4, 1, 16, 20000, 5), "residual", 0)(x)
        assert 0.01 < made.std().item() < 100, arm


def test_time_ratios_are_powers_of_the_root_of_two():
    assert time_ratio(1.1, 1.0) == 1.0
    assert time_ratio(1.0, 3.0) == pytest.approx(2**-1.5)
