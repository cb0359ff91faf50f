"""The decoder against its equations in NumPy, one head, one pair of numbers and one position at a time."""

import numpy as np
import pytest
import torch

from edgewise.errors import InputError
from edgewise.study.hosts.decoder import Decoder, Plan, token_losses, weights_from
from edgewise.study.hosts.slot import ARMS

PLAN = Plan(vocabulary=11, width=16, heads=4, key_heads=2, blocks=2, nodes=3, passes=2)


def test_the_decoder_is_its_equations(generator):
    decoder = Decoder("mlp", PLAN, generator).double()
    tokens = torch.randint(0, 11, (2, 7), generator=generator)
    expected = np.stack([_decoded(decoder, row) for row in tokens.numpy()])
    np.testing.assert_allclose(decoder(tokens).detach().numpy(), expected, rtol=1e-9, atol=1e-10)


def test_an_untied_decoder_reads_out_with_a_table_of_its_own(generator):
    plan = Plan(11, 8, 2, 2, 1, 2, tied=False)
    decoder = Decoder("mlp", plan, generator).double()
    tokens = torch.randint(0, 11, (1, 5), generator=generator)
    np.testing.assert_allclose(
        decoder(tokens)[0].detach().numpy(), _decoded(decoder, tokens[0].numpy()), rtol=1e-9
    )


@pytest.mark.parametrize("arm", ["mlp", "learned", "kan"])
def test_gradients_are_finite_differences(arm, generator):
    decoder = Decoder(arm, PLAN, generator).double()
    tokens = torch.randint(0, 11, (2, 6), generator=generator)
    token_losses(decoder, tokens).mean().backward()
    step = 1e-5
    for parameter in filter(torch.numel, decoder.parameters()):  # no edge of a KAN is fixed
        along = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        losses = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.add_(along, alpha=sign * step)
                losses.append(float(token_losses(decoder, tokens).mean()))
                parameter.add_(along, alpha=-sign * step)
        found = float((parameter.grad * along).sum())
        assert found == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-4, abs=1e-8)


def test_losses_are_those_of_the_next_token_and_nothing_later(generator):
    decoder = Decoder("mlp", PLAN, generator)
    tokens = torch.randint(0, 11, (1, 6), generator=generator)
    losses = token_losses(decoder, tokens)
    assert losses.shape == (1, 5)
    expected = -decoder(tokens).log_softmax(-1)[0, 2, tokens[0, 3]]
    torch.testing.assert_close(losses[0, 2], expected)
    changed = tokens.clone()
    changed[0, 4] = (tokens[0, 4] + 1) % 11
    torch.testing.assert_close(token_losses(decoder, changed)[0, :3], losses[0, :3])
    assert token_losses(decoder, changed)[0, 3] != losses[0, 3]


@pytest.mark.parametrize("arm", ARMS)
def test_running_a_block_twice_takes_no_parameters(arm, generator):
    once = Plan(11, 16, 4, 2, 2, 3)
    sizes = [sum(p.numel() for p in Decoder(arm, plan, generator).parameters()) for plan in (once, PLAN)]
    assert sizes[0] == sizes[1]


def test_parameters_in_the_slots_are_counted(generator):
    assert Decoder("kan", PLAN, generator).in_slots == 2 * 2 * 16 * 3 * 9


def test_weights_depend_on_the_numpy_generator_alone():
    first, again, other = (
        torch.randn(3, generator=weights_from(np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(InputError, match="divisible by twice the heads"):
        Plan(11, 12, 4, 2, 1, 2)


def _decoded(decoder, tokens):
    plan = decoder.plan
    table = decoder.embedding.detach().numpy()
    out = table if decoder.unembedding is None else decoder.unembedding.detach().numpy()
    x = table[tokens] * np.sqrt(plan.width)
    share = 1 / np.sqrt(2 * plan.blocks * plan.passes)
    for block in decoder.blocks:
        weights = {name: p.detach().numpy() for name, p in block.named_parameters()}
        for _ in range(plan.passes):
            x = x + share * _attended(_rms(x), weights, plan)
            x = x + share * _swiglu(_rms(x), weights)
    return _rms(x) @ out.T


def _rms(x):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12)


def _swiglu(x, weights):
    hidden = weights["slot.down"].shape[0]
    gate, up = x @ weights["slot.gate_up"][:, :hidden], x @ weights["slot.gate_up"][:, hidden:]
    return (gate / (1 + np.exp(-gate)) * up) @ weights["slot.down"]


def _attended(x, weights, plan):
    part, mixed = plan.width // plan.heads, np.zeros_like(x)
    q, kv = x @ weights["attention.q"], x @ weights["attention.kv"]
    for head in range(plan.heads):
        group = head // (plan.heads // plan.key_heads)
        keys = kv[:, group * part : (group + 1) * part]
        values = kv[:, (plan.key_heads + group) * part :][:, :part]
        queries = q[:, head * part : (head + 1) * part]
        for t in range(len(x)):
            scores = np.array([_turned(queries[t], t) @ _turned(keys[s], s) for s in range(t + 1)])
            odds = np.exp((scores - scores.max()) / np.sqrt(part))
            mixed[t, head * part : (head + 1) * part] = odds / odds.sum() @ values[: t + 1]
    return mixed @ weights["attention.out"]


def _turned(vector, time):
    """Pairs ``(i, i + d/2)`` as complex numbers, turned by ``time / 10000^(2i/d)``."""
    half = len(vector) // 2
    pairs = vector[:half] + 1j * vector[half:]
    turned = pairs * np.exp(1j * time / 10000 ** (2 * np.arange(half) / len(vector)))
    return np.concatenate([turned.real, turned.imag])
