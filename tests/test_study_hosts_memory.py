"""Memory at test time against the equations in NumPy and, where it is installed, against a published package."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import erf

from edgewise.study.arms import Shape, Stack, build
from edgewise.study.hosts.memory import HOST, SETTINGS, linear, memory, run
from edgewise.study.hosts.memory.rule import Rule, fresh, module_of, read, written
from edgewise.study.hosts.memory.streams import CHUNK, CONTEXT, REACH, Pairs, Stream, drawn
from edgewise.study.hosts.trial import Trial

STEPS = 20


def trial(arm="mlp", condition="depth-2", **changes):
    return replace(Trial("memory", arm, condition, seed=0, rate=0.1, steps=16, size=0.2), **changes)


def pairs(copies=1, key=3, value=2, writes=STEPS, seed=0):
    generator = torch.Generator().manual_seed(seed)
    keys = torch.rand(copies, writes, 4, key, generator=generator, dtype=torch.float64) * 2 - 1
    return Pairs(keys, torch.randn(copies, writes, 4, value, generator=generator, dtype=torch.float64))


def rule(copies=1, theta=0.05, eta=0.6, alpha=0.01):
    return Rule(*(torch.full((copies,), part, dtype=torch.float64) for part in (theta, eta, alpha)))


class PlainMemory:
    """Two layers with a norm and a gelu between, the gradient by hand: W2 gelu(rms(W1 k + b1)) + b2."""

    def __init__(self, network: Stack) -> None:
        self.weights = {name: w.detach().numpy().copy() for name, w in network.named_parameters()}
        self.surprise = {name: np.zeros_like(w) for name, w in self.weights.items()}

    def gradient(self, k, v):
        w1, b1, w2, b2 = (self.weights[f"layers.{n}"] for n in ("0.weight", "0.bias", "1.weight", "1.bias"))
        h = k @ w1 + b1
        rms = np.sqrt((h**2).mean(-1, keepdims=True) + 1e-12)
        z = h / rms
        bell, step = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi), (1 + erf(z / math.sqrt(2))) / 2
        error = 2 * ((z * step) @ w2 + b2 - v) / len(k)
        dz = (error @ w2.T) * (step + z * bell)
        dh = (dz - z * (dz * z).mean(-1, keepdims=True)) / rms
        found = (k.T @ dh, dh.sum(0), (z * step).T @ error, error.sum(0))
        return dict(
            zip((f"layers.{n}" for n in ("0.weight", "0.bias", "1.weight", "1.bias")), found, strict=True)
        )

    def write(self, k, v, theta, eta, alpha):
        for name, slope in self.gradient(k, v).items():
            self.surprise[name] = eta * self.surprise[name] - theta * slope
            self.weights[name] = (1 - alpha) * self.weights[name] + self.surprise[name]


def test_twenty_writes_are_the_equations():
    network = build(Shape("mlp", (3, 5, 2), 5, (0, 0)), "normed", 0).double()
    stream, plain = pairs(), PlainMemory(network)
    for k, v in zip(stream.keys[0].numpy(), stream.values[0].numpy(), strict=True):
        plain.write(k, v, 0.05, 0.6, 0.01)
    found = written(network, stream, rule())
    for name, weight in plain.weights.items():
        np.testing.assert_allclose(found[name][0].numpy(), weight, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("arm", ["learned", "kan-critical"])
def test_a_surprise_is_the_slope_of_the_loss(arm):
    network = build(Shape(arm, (3, 4, 2), 5, (0, 0)), "normed", 0).double()
    stream, theta, nudge = pairs(writes=1), 0.05, 1e-6
    moved = written(network, stream, rule(theta=theta, alpha=0.0))
    for name, parameter in network.named_parameters():
        if not parameter.numel():
            continue
        losses = []
        for sign in (1, -1):
            parameter.data.view(-1)[0] += sign * nudge
            made = network(stream.keys[0, 0])
            losses.append(float((made - stream.values[0, 0]).square().sum(-1).mean().detach()))
            parameter.data.view(-1)[0] -= sign * nudge
        slope = (losses[0] - losses[1]) / (2 * nudge)
        step = float((moved[name][0] - parameter.detach()).view(-1)[0])
        assert step == pytest.approx(-theta * slope, rel=1e-5, abs=1e-10)


def test_twenty_writes_are_those_of_titans_pytorch():
    titans = pytest.importorskip("titans_pytorch")
    theta, eta, alpha = 0.05, 0.6, 0.01
    network = build(Shape("mlp", (3, 5, 3), 5, (0, 0)), "normed", 0)
    stream = pairs(value=3)
    stream = Pairs(stream.keys.float(), stream.values.float())
    whole = titans.NeuralMemory(
        dim=3,
        chunk_size=4,
        model=network,
        pre_rmsnorm=False,
        qkv_receives_diff_views=True,
        mem_model_norm_add_residual=False,
        adaptive_step_transform=lambda step: torch.full_like(step, theta * 3 / 4),  # its loss is another mean
        init_momentum_bias=math.log(eta / (1 - eta)),
        init_decay_bias=math.log(alpha / (1 - alpha)),
    )
    for projection in (whole.to_keys, whole.to_values):
        projection.weight.data.copy_(torch.eye(3))
    weights, state = None, None
    for k, v in zip(stream.keys[0], stream.values[0], strict=True):
        _, after, _ = whole.store_memories(torch.stack([k, v])[:, None], weights, state)
        weights, state = after.states[0], after.states
    found = written(network, stream, Rule(*(torch.tensor([part]) for part in (theta, eta, alpha))))
    for name, weight in found.items():
        torch.testing.assert_close(weight, weights[name].detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("arm", HOST.arms)
def test_copies_read_as_the_network_would(arm):
    network, copies = memory(arm, SETTINGS["depth-4"], 0), 3
    generator = torch.Generator().manual_seed(1)
    weights = {
        name: w + 0.1 * torch.randn(w.shape, generator=generator)
        for name, w in fresh(network, copies).items()
    }
    keys = torch.rand(copies, 7, 8, generator=generator) * 2 - 1
    found = read(network, weights, keys)
    for copy in range(copies):
        expected = module_of(network, weights, copy)(keys[copy])
        torch.testing.assert_close(found[copy], expected.detach(), rtol=1e-4, atol=1e-4)


def test_copies_do_not_touch_each_other():
    network = build(Shape("mlp", (3, 5, 2), 5, (0, 0)), "normed", 0).double()
    both = pairs(copies=2)
    rules = Rule(*(torch.tensor(part).double() for part in ([0.05, 0.02], [0.6, 0.0], [0.01, 0.1])))
    together = written(network, both, rules)
    for copy in range(2):
        alone = Pairs(both.keys[copy : copy + 1], both.values[copy : copy + 1])
        for name, weight in written(network, alone, rules.one(copy)).items():
            torch.testing.assert_close(weight[0], together[name][copy])


def test_a_linear_memory_learns_a_linear_law():
    stream = drawn(Stream(4), 2, 300, "linear")
    weight = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    stream = Pairs(stream.keys, stream.keys @ weight)
    network = linear(4)
    weights = written(network, stream, Rule.grid((0.3,), (0.0,), (0.0,)).each(2))
    torch.testing.assert_close(
        weights["layers.0.weight"], weight.expand(2, -1, -1).clone(), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("key", [2, 8, 32])
def test_values_have_mean_square_one_whatever_the_key(key):
    values = drawn(Stream(key), 40, 8, "scale", key).values
    assert float(values.square().mean()) == pytest.approx(1.0, rel=0.15)


def test_keys_that_wander_stay_near_a_place_for_a_context():
    def spread(stream):
        places = drawn(stream, 2, 3 * CONTEXT, "place").keys.unflatten(1, (3, CONTEXT))
        return places.amax((2, 3)) - places.amin((2, 3)), places

    wandering, places = spread(Stream(8, wanders=True))
    assert float(wandering.max()) <= 2 * REACH + 1e-6
    assert float(places.abs().max()) <= 1
    assert float(places.mean((2, 3)).std(1).mean()) > 0.1
    assert float(spread(Stream(8))[0].min()) > 1.8


def test_only_a_law_that_changes_is_another_in_every_context():
    def law_of_context(stream, context):
        keys, values = (part.unflatten(1, (2, CONTEXT)).flatten(2, 3)[0, context].double() for part in stream)
        waves = torch.cat([keys, torch.ones(len(keys), 1)], dim=1)
        return torch.linalg.lstsq(waves, values).solution

    for changes in (False, True):
        made = drawn(Stream(1, changes=changes), 1, 2 * CONTEXT, "laws", 1)
        first, second = (law_of_context((made.keys, made.values), context) for context in (0, 1))
        apart = float((first - second).norm() / first.norm())
        assert (apart > 0.5) == changes


def test_what_is_asked_for():
    assert Stream(8).asked(100) == 100
    assert Stream(8, changes=True).asked(2 * CONTEXT) == CONTEXT
    assert Stream(8, changes=True).asked(2 * CONTEXT + 3) == 3
    made = drawn(Stream(2), 2, 5, "last")
    keys, _ = made.last(2)
    assert keys.shape == (2, 2 * CHUNK, 2)
    torch.testing.assert_close(keys[:, -1], made.keys[:, -1, -1])


def test_splits_seeds_and_streams_differ_and_arms_do_not():
    same = drawn(Stream(8), 2, 4, "test", 0)
    again = drawn(Stream(8), 2, 4, "test", 0)
    assert torch.equal(same.keys, again.keys)
    assert torch.equal(same.values, again.values)
    others = [drawn(Stream(8), 2, 4, *label).keys for label in (("valid", 0), ("test", 1))]
    seen = torch.cat([same.keys, *others]).flatten(0, 2)
    assert len(torch.unique(seen, dim=0)) == len(seen)


@pytest.mark.parametrize("condition", HOST.conditions)
def test_arms_have_equal_parameters(condition):
    living = [memory(arm, SETTINGS[condition], 0).living() for arm in HOST.arms]
    assert max(living) <= 1.02 * min(living)


def test_a_deeper_memory_is_as_wide_and_larger():
    shallow, deep = (memory("mlp", SETTINGS[name], 0) for name in ("depth-2", "depth-4"))
    assert len(shallow.layers) == 2
    assert len(deep.layers) == 4
    assert deep.living() > 4 * shallow.living()


@pytest.mark.parametrize("arm", HOST.arms)
def test_every_arm_runs_and_says_the_same_twice(arm):
    first, second = run(trial(arm)), run(trial(arm))
    assert first.status == "done"
    assert replace(first, seconds=0.0) == replace(second, seconds=0.0)
    assert first.error is not None
    assert 0 < first.error < 1.5
    assert set(first.numbers) == set(HOST.numbers)
    assert (first.spline_share is not None) == arm.startswith("kan")


@pytest.mark.parametrize("condition", HOST.conditions)
def test_every_condition_runs(condition):
    found = run(trial(condition=condition, rate=0.03))
    assert found.status == "done"
    assert found.numbers["eta"] in SETTINGS[condition].etas
    assert found.numbers["alpha"] in SETTINGS[condition].alphas


@pytest.mark.parametrize("arm", ["mlp", "learned", "kan"])
def test_a_memory_that_diverges_knows_nothing(arm):
    found = run(trial(arm, rate=1e4))
    assert found.status == "diverged"
    assert found.error == found.chance == 1.0


def test_more_is_recalled_than_nothing_and_than_a_linear_memory_does():
    found = run(trial(steps=256, size=0.5))
    assert found.error is not None
    assert found.error < 0.6
    assert found.numbers["over_linear"] > 0.05
