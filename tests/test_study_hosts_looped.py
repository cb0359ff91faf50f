"""The looped block against its equations in NumPy, prompts against least squares done elsewhere."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge

from edgewise.study.hosts.looped import HOST, error, model, run
from edgewise.study.hosts.looped.model import HEADS, Looped, Stacked
from edgewise.study.hosts.looped.prompts import (
    FAMILIES,
    NOISE,
    POINTS,
    Prompts,
    drawn,
    features,
    least_squares,
)
from edgewise.study.hosts.trial import Trial


def trial(arm="mlp", condition="loop", **changes):
    return replace(Trial("looped", arm, condition, seed=0, rate=0.003, steps=2, size=0.1), **changes)


def weights_of(module):
    return {name: weight.detach().numpy().copy() for name, weight in module.named_parameters()}


def plain_norm(x):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12)


def plain_attention(w, prefix, x):
    q, kv = x @ w[f"{prefix}.q"], x[:POINTS] @ w[f"{prefix}.kv"]
    width = q.shape[-1]
    part, heads = width // HEADS, []
    for head in range(HEADS):
        own = slice(head * part, (head + 1) * part)
        scores = np.exp(q[:, own] @ kv[:, :width][:, own].T / math.sqrt(part))
        heads.append(scores / scores.sum(-1, keepdims=True) @ kv[:, width:][:, own])
    return np.concatenate(heads, axis=-1) @ w[f"{prefix}.out"]


def plain_block(w, prefix, x):
    h = x + plain_attention(w, f"{prefix}.reading", plain_norm(x))
    gate, up = np.split(plain_norm(h) @ w[f"{prefix}.slot.gate_up"], 2, axis=-1)
    return h + (gate / (1 + np.exp(-gate)) * up) @ w[f"{prefix}.slot.down"]


def plain_loops(w, tokens, z, loops):
    """``z`` after every loop, for one prompt."""
    states = [z]
    for _ in range(loops):
        states.append(plain_norm(plain_block(w, "block", states[-1] + tokens @ w["enter"])))
    return states[1:]


def predicted(w, z):
    return (z[POINTS:] @ w["leave"])[:, 0]


def test_the_looped_forward_is_its_equations():
    module, prompts = model(trial()).double(), drawn("linear", 2, "forward")
    found = module(prompts.tokens().double(), kept=5).detach().numpy()
    w = weights_of(module)
    for number, tokens in enumerate(prompts.tokens().double().numpy()):
        states = plain_loops(w, tokens, np.zeros((len(tokens), 32)), 12)
        expected = [predicted(w, z) for z in states[-5:]]
        np.testing.assert_allclose(found[:, number], expected, rtol=1e-8, atol=1e-10)


def test_the_stacked_forward_is_its_equations():
    module, prompts = model(trial(condition="stack")).double(), drawn("linear", 1, "forward")
    w, tokens = weights_of(module), prompts.tokens().double()
    z = tokens[0].numpy() @ w["enter"]
    for layer in range(12):
        z = plain_block(w, f"blocks.{layer}", z)
    np.testing.assert_allclose(
        module(tokens)[0, 0].detach().numpy(), predicted(w, plain_norm(z)), rtol=1e-8, atol=1e-10
    )


@pytest.mark.parametrize("name", ["enter", "block.reading.kv", "block.slot.gate_up", "leave"])
def test_gradients_go_back_through_the_kept_loops_alone(name):
    module, prompts, kept = model(trial()).double(), drawn("linear", 1, "gradient"), 3
    tokens, asked = prompts.tokens().double(), prompts.asked.double()
    (module(tokens, loops=6, kept=kept) - asked).square().mean().backward()
    w = weights_of(module)
    before = plain_loops(w, tokens[0].numpy(), np.zeros((tokens.shape[1], 32)), 6 - kept)[-1]

    def loss(nudge):
        moved = {**w, name: w[name].copy()}
        moved[name].flat[3] += nudge
        states = plain_loops(moved, tokens[0].numpy(), before, kept)
        return np.mean([(predicted(moved, z) - asked[0].numpy()) ** 2 for z in states])

    slope = dict(module.named_parameters())[name].grad.view(-1)[3]
    assert float(slope) == pytest.approx((loss(1e-6) - loss(-1e-6)) / 2e-6, rel=1e-5, abs=1e-9)


def test_neither_the_order_of_points_nor_other_queries_matter():
    module, prompts = model(trial()), drawn("linear", 3, "order")
    tokens = prompts.tokens()
    order = torch.randperm(POINTS, generator=torch.Generator().manual_seed(0))
    shuffled = torch.cat([tokens[:, order], tokens[:, POINTS:]], dim=1)
    with torch.no_grad():
        found = module(tokens)
        torch.testing.assert_close(module(shuffled), found, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(module(tokens[:, : POINTS + 1]), found[..., :1], rtol=1e-3, atol=1e-4)
        assert not torch.allclose(module(tokens.roll(1, 0)), found, atol=1e-2)


def test_more_loops_than_in_training_are_the_same_block_again():
    module, prompts = model(trial()), drawn("linear", 2, "more")
    with torch.no_grad():
        last = module(prompts.tokens(), loops=24, kept=13)
        torch.testing.assert_close(last[0], module(prompts.tokens())[0])
        torch.testing.assert_close(last[-1], module(prompts.tokens(), loops=24)[0])


@pytest.mark.parametrize("family", FAMILIES)
def test_prompts_are_what_their_family_says(family):
    prompts = drawn(family, 400, "family")
    asked = prompts.asked.double().numpy()
    assert np.square(asked).mean() == pytest.approx(1.0, rel=0.15)
    found, residues, noise = features(family, prompts.x.double().numpy()), [], []
    for one, y, observed in zip(found, asked, prompts.observed.double().numpy(), strict=True):
        w, *_ = np.linalg.lstsq(one[POINTS:], y, rcond=None)
        residues.append(one[POINTS:] @ w - y)
        noise.append(observed - one[:POINTS] @ w)
    if family == "composed":
        assert np.square(residues).mean() > 0.01
    else:
        assert np.abs(residues).max() < 1e-3
        assert np.median(np.abs(noise)) == pytest.approx(0.6745 * NOISE, rel=0.05)


@pytest.mark.parametrize("family", ["linear", "additive"])
def test_least_squares_is_that_of_scikit_learn(family):
    prompts = drawn(family, 5, "sklearn")
    found = features(family, prompts.x.double().numpy())
    penalty = NOISE**2 * found.shape[-1]
    for ridge in (True, False):
        errors = []
        for one, y, asked in zip(found, prompts.observed.numpy(), prompts.asked.numpy(), strict=True):
            fitter = (
                Ridge(alpha=penalty, fit_intercept=False) if ridge else LinearRegression(fit_intercept=False)
            )
            made = fitter.fit(one[:POINTS], y.astype(float)).predict(one[POINTS:])
            errors.append((made - asked) ** 2)
        assert least_squares(family, prompts, ridge=ridge) == pytest.approx(np.mean(errors), rel=1e-6)


def test_ridge_regression_is_the_better_yardstick():
    prompts = drawn("linear", 500, "yardstick")
    assert least_squares("linear", prompts, ridge=True) < 0.95 * least_squares("linear", prompts, ridge=False)


def test_splits_and_steps_share_no_prompt():
    labels = ((0, "valid"), (0, "test"), (1, "test"), (0, "train", 0), (0, "train", 1))
    seen = torch.cat([drawn("linear", 4, *label).observed for label in labels])
    assert len(torch.unique(seen)) == seen.numel()
    assert torch.equal(drawn("linear", 4, 0, "test").x, drawn("linear", 4, 0, "test").x)


def test_tokens_hide_what_is_asked():
    prompts = drawn("additive", 2, "tokens")
    other = Prompts(prompts.x, prompts.observed, prompts.asked + 1)
    assert torch.equal(prompts.tokens(), other.tokens())
    assert torch.equal(prompts.tokens()[:, :POINTS, -1], prompts.observed)


@pytest.mark.parametrize("condition", HOST.conditions)
def test_arms_have_equal_parameters(condition):
    modules = [model(trial(arm, condition)) for arm in HOST.arms]
    for counts in (
        [sum(p.numel() for p in module.parameters()) for module in modules],
        [sum(p.numel() for slot in module.slots() for p in slot.parameters()) for module in modules],
    ):
        assert max(counts) <= 1.02 * min(counts)


def test_a_loop_has_one_block_and_a_stack_twelve():
    loop, once, stack = (model(trial(condition=name)) for name in ("loop", "once", "stack"))
    assert isinstance(loop, Looped)
    assert isinstance(once, Looped)
    assert isinstance(stack, Stacked)
    assert (loop.loops, once.loops, len(stack.slots())) == (12, 1, 12)
    assert [p.shape for p in loop.parameters()] == [p.shape for p in once.parameters()]


@pytest.mark.parametrize("arm", HOST.arms)
def test_every_arm_runs_and_says_the_same_twice(arm):
    first, second = (run(trial(arm, "once")) for _ in range(2))
    assert first.status == "done"
    assert replace(first, seconds=0.0) == replace(second, seconds=0.0)
    assert first.error is not None
    assert 0 < first.error < 3
    assert set(first.numbers) == set(HOST.numbers)
    assert (first.spline_share is not None) == arm.startswith("kan")


@pytest.mark.parametrize("condition", HOST.conditions)
def test_every_condition_runs(condition):
    found = run(trial("kan", condition, steps=1))
    assert found.status == "done"
    assert ("twice" in found.numbers) == (condition != "stack")


def test_training_that_diverges_knows_nothing():
    found = run(trial(rate=1e38, steps=4))
    assert found.status == "diverged"
    assert found.error == found.chance == 1.0


def test_it_learns_to_learn():
    untrained = error(model(trial(condition="once")), drawn("linear", 100, "untrained"))
    found = run(trial(condition="once", rate=0.01, steps=150, size=1.0))
    assert untrained > 1
    assert found.error is not None
    assert found.error < 0.7
