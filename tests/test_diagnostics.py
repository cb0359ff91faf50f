"""Diagnostics against hand-made networks, finite differences and random layers of known gain."""

import dataclasses
import math

import pytest
import torch

from edgewise import KAN
from edgewise.diagnostics import (
    Deletion,
    advice,
    deletion,
    deletions,
    diagnose,
    gains,
    input_gradients,
    outside,
    replacements,
    signals,
)
from edgewise.diagnostics.gain import layer_gain
from edgewise.errors import InputError
from edgewise.init import spline_gain

DOUBLE = torch.float64


def network(widths, seed=0, **settings):
    return KAN(widths, generator=torch.Generator().manual_seed(seed), **{"dtype": DOUBLE, **settings})


def rows(count, inputs, seed=1):
    draw = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(count, inputs, generator=draw, dtype=DOUBLE) - 1


def identity(widths, **settings):
    """A network whose edges are all ``phi(x) = x``, by their base alone."""
    net = network(widths, base="identity", **settings)
    with torch.no_grad():
        for layer in net.kan_layers:
            layer.spline.weight.zero_()
            layer.spline.weight[:, -1] = 1.0
    return net


def test_identity_edges_have_gain_one_and_need_no_splines():
    net, x = identity([3, 2, 1]), rows(50, 3)
    found = diagnose(net, x)
    for layer in found.layers:
        assert layer.gain.measured == pytest.approx(1.0)
        assert layer.gain.predicted == pytest.approx(1.0)
        assert layer.gain.share == 0.0
        assert math.isnan(layer.gain.splines_measured)
        assert layer.deletion.change == 0.0
        torch.testing.assert_close(layer.affine, torch.ones_like(layer.affine))
    # Every node is the sum of all below, twice over: d y / d h = (1, 1), d y / d x = (2, 2, 2).
    assert found.layers[1].gradient == pytest.approx(2**0.5)
    assert found.layers[0].gradient == pytest.approx(12**0.5)


@pytest.mark.parametrize("intervals", [3, 5, 10, 20, 40])
def test_random_splines_have_the_predicted_gain(intervals):
    net = network([64, 64, 64, 64], intervals=intervals, norm="rms", seed=intervals)
    x = 0.5 * torch.randn(256, 64, generator=torch.Generator().manual_seed(2), dtype=DOUBLE)
    chi = spline_gain(net.kan_layers[0].spline.knots, 3)[1]
    for found in gains(net, net.trace(x)):
        assert found.splines_predicted == pytest.approx(chi)
        assert found.splines_measured == pytest.approx(chi, rel=0.15)


@pytest.mark.parametrize("intervals", [5, 20])
def test_the_gain_is_what_gradients_meet_between_norms(intervals):
    """The product of the layers' gains, over the inner layers, is the growth of squared gradients."""
    net = network([64] * 10, intervals=intervals, norm="rms", seed=3, init="lecun")
    x = 0.5 * torch.randn(128, 64, generator=torch.Generator().manual_seed(2), dtype=DOUBLE)
    found, square = gains(net, net.trace(x)), input_gradients(net, x).square().mean(1)
    product = math.prod(gain.measured for gain in found[1:-1])
    assert math.log(product) == pytest.approx(math.log(square[1] / square[-1]), rel=0.15)
    assert product > 100


def test_the_prediction_mixes_both_branches_by_energy():
    layer = network([8, 8], intervals=20, seed=4).kan_layers[0]
    x = 0.5 * torch.randn(400, 8, generator=torch.Generator().manual_seed(5), dtype=DOUBLE)
    found = layer_gain(layer, x)
    with torch.no_grad():
        values = layer.curves(x)
        layer.spline.coef.zero_()
        base = layer.curves(x)
    splines_energy, base_energy = (values - base).square().mean(), base.square().mean()
    assert found.share == pytest.approx(float(splines_energy / (splines_energy + base_energy)))
    without = layer_gain(layer, x)
    assert (without.share, without.splines_predicted) == (0.0, found.splines_predicted)
    mixed = found.share * found.splines_predicted + (1 - found.share) * without.predicted
    assert found.predicted == pytest.approx(mixed)
    assert without.measured == pytest.approx(without.predicted, rel=0.15)


def test_a_fixed_edge_leaves_no_prediction():
    net = network([2, 2])
    net.kan_layers[0].fix_edge(0, 0, "sine", torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0]))
    (found,) = gains(net, net.trace(rows(20, 2)))
    assert math.isnan(found.predicted)
    assert found.measured > 0


@pytest.mark.parametrize("residual", [None, "scaled", "gated"])
def test_gradients_are_those_of_finite_differences(residual):
    net = network([2, 3, 3, 3, 2], norm="rms", residual=residual, intervals=8)
    x, step = rows(6, 2), 1e-6
    found = input_gradients(net, x)
    square = torch.zeros(6, dtype=DOUBLE)
    for i in range(2):
        moved = torch.zeros(2, dtype=DOUBLE)
        moved[i] = step
        with torch.no_grad():
            square += ((net(x + moved) - net(x - moved)) / (2 * step)).square().sum(1)
    torch.testing.assert_close(found[0], square.sqrt(), rtol=1e-5, atol=1e-8)
    assert found.shape == (4, 6)


def test_gradients_of_the_last_layer_are_its_slopes():
    net, x = network([2, 3, 1]), rows(5, 2)
    last, record = net.kan_layers[-1], net.trace(x).layers[-1]
    slopes = last.slopes(last.prepare(record.inputs.detach()))
    torch.testing.assert_close(input_gradients(net, x)[-1], slopes.square().sum((1, 2)).sqrt().detach())


def test_what_is_outside_is_counted():
    net = identity([2, 1])
    x = torch.tensor([[0.0, 0.5], [1.0, -1.0], [1.5, 0.0], [-3.0, 2.0]], dtype=DOUBLE)
    assert outside(net, net.trace(x)) == pytest.approx((3 / 8,))


def test_signal_is_the_share_of_the_variance():
    net, x = identity([1, 1]), torch.tensor([[3.0], [5.0]], dtype=DOUBLE)
    assert signals(net.trace(x)) == pytest.approx((1 / 17,))
    assert signals(net.trace(0 * x)) == (0.0,)


def test_deletion_changes_what_the_splines_made_and_nothing_else():
    net, x = network([3, 4, 2], intervals=6), rows(40, 3)
    before, state = net(x).detach(), {name: t.clone() for name, t in net.state_dict().items()}
    found = deletions(net, x, before)
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, state[name])
    by_hand = network([3, 4, 2], intervals=6)
    with torch.no_grad():
        by_hand.kan_layers[1].spline.coef.zero_()
        change = (by_hand(x) - before).square().mean(0)
    assert found[1].change == pytest.approx(float((change / before.var(0, correction=0)).mean().sqrt()))
    assert found[1].loss == pytest.approx(float(change.mean()))
    assert deletion(net, x, levels=[0]) == Deletion(found[0].change, None)
    assert deletion(net, x).change != pytest.approx(found[0].change)


def test_replacements_find_their_own_kind():
    net, x = network([1, 3], intervals=10), rows(80, 1)
    z = x[:, 0]
    targets = [2 * z - 1, 0.5 - z + 3 * torch.nn.functional.silu(z), torch.sin(9 * z)]
    (record,) = net.trace(x).layers
    curves = torch.stack(targets, dim=1)[:, None]
    trace = dataclasses.replace(net.trace(x), layers=(dataclasses.replace(record, curves=curves),))
    (affine,), (silu,) = replacements(trace, "affine"), replacements(trace, "silu")
    torch.testing.assert_close(affine.coefficients[0, :, 0], torch.tensor([-1.0, 2.0], dtype=DOUBLE))
    torch.testing.assert_close(silu.coefficients[0, :, 1], torch.tensor([0.5, -1.0, 3.0], dtype=DOUBLE))
    torch.testing.assert_close(silu.r2[0, :2], torch.ones(2, dtype=DOUBLE))
    assert affine.r2[0, 1] < 0.999
    assert silu.r2[0, 2] < 0.3
    correlation = torch.corrcoef(torch.stack([z, targets[1]]))[0, 1]
    torch.testing.assert_close(affine.r2[0, 1], correlation**2)


def test_replacements_bear_inputs_that_do_not_vary():
    net = network([2, 2])
    (found,) = replacements(net.trace(torch.full((9, 2), 0.3, dtype=DOUBLE)), "silu")
    assert torch.equal(found.r2, torch.ones(2, 2, dtype=DOUBLE))
    assert found.coefficients.isfinite().all()
    with pytest.raises(InputError, match="form='cubic' is not known"):
        replacements(net.trace(rows(4, 2)), "cubic")


def test_a_diagnosis_speaks_the_users_units():
    net, x = network([2, 3, 1], dtype=torch.float32), rows(1000, 2)
    net.output_scale.fill_(10.0)
    found = diagnose(net, x.numpy(), x[:, 0].numpy())
    part = x[torch.linspace(0, 999, 256).round().long()].float()
    with torch.no_grad():
        assert found.loss == pytest.approx(float((net(part)[:, 0] - part[:, 0]).square().mean()), rel=1e-5)
    lines = found.lines()
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1
    with pytest.raises(InputError, match="inputs got shape"):
        diagnose(net, rows(5, 3))


BUILD = "norm='rms', residual='scaled', init='critical'"


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (network([4] + [12] * 15 + [1], intervals=20, norm="rms", base=None), "explode"),
        (network([4] + [12] * 32 + [1], intervals=20, init="noise"), "vanish"),
    ],
)
def test_advice_on_gradients(net, said):
    sentence = advice(diagnose(net, rows(100, 4)))
    assert said in sentence
    assert BUILD in sentence


def test_advice_on_inputs_outside():
    assert advice(diagnose(identity([2, 1]), 5 * rows(50, 2))).endswith("wider domain=(low, high).")
    inner = advice(diagnose(identity([3, 3, 3, 1]), rows(50, 3)))
    assert "layer 3 gets is outside" in inner
    assert "norm='rms'" in inner


def test_advice_on_offsets():
    net = identity([2, 2, 1])
    with torch.no_grad():
        net.kan_layers[0].spline.coef.add_(0.4)
        net.kan_layers[0].spline.weight[:, -1] *= 0.02
    assert "init='centred'" in advice(diagnose(net, rows(50, 2)))


def test_advice_on_dead_splines():
    assert "MLP in all but name" in advice(diagnose(identity([2, 3, 1]), 0.3 * rows(50, 2)))
    alive = network([2, 3, 1])
    assert advice(diagnose(alive, rows(50, 2))) == "Nothing to change."


def test_a_network_of_fixed_edges_has_no_splines_to_miss():
    net = network([2, 1])
    for i in range(2):
        net.kan_layers[0].fix_edge(i, 0, "sine", torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0]))
    found = diagnose(net, 5 * rows(50, 2))
    assert not found.splines
    assert advice(found) == "Nothing to change."
    assert "none" in found.lines()[1]


@pytest.mark.parametrize("intervals", [5, 20])
@pytest.mark.parametrize("residual", [None, "scaled"])
def test_gradients_stay_in_bounds_through_64_layers(intervals, residual):
    ratios = []
    for seed in range(3):
        net = network([4] + [64] * 63 + [1], seed, intervals=intervals, norm="rms", residual=residual)
        found = input_gradients(net, rows(32, 4, seed)).square().mean(1).sqrt()
        ratios.append(float(found[0] / found[-1]))
    assert 0.1 < sorted(ratios)[1] < 10


@pytest.mark.parametrize("intervals", [5, 20])
@pytest.mark.parametrize("autocast", [False, True])
def test_64_layers_take_steps_without_nan(intervals, autocast):
    settings = {"norm": "rms", "residual": "scaled", "dtype": torch.float32}
    net = network([4] + [12] * 63 + [1], intervals=intervals, **settings)
    x = rows(64, 4).float()
    optimiser, losses = torch.optim.Adam(net.parameters(), 1e-3), []
    for _ in range(15):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = (net(x).float() - x.prod(1, keepdim=True)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(math.isfinite(value) for value in losses)
    assert losses[-1] < 0.9 * losses[0]
