"""Attention against its formula in NumPy, and the properties it is there for."""

import numpy as np
import pytest
import torch

from edgewise.study.hosts.attention import Attention, normed, turned


def softmax(scores):
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    return scores / scores.sum(-1, keepdims=True)


def rotated(x):
    """``R(x)`` pair by pair; ``x (time, part)``."""
    half, out = x.shape[1] // 2, np.empty_like(x)
    for t, i in np.ndindex(len(x), half):
        angle = t / 10_000 ** (2 * i / x.shape[1])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        out[t, [i, i + half]] = turn @ x[t, [i, i + half]]
    return out


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("rotary", [True, False])
@pytest.mark.parametrize("key_heads", [4, 2])
def test_it_is_its_formula(causal, rotary, key_heads, generator, rng):
    width, heads, time = 16, 4, 6
    module = Attention(width, heads, generator, key_heads=key_heads, causal=causal, rotary=rotary).double()
    x = rng.normal(size=(time, width))
    q, kv, out = (one.detach().numpy() for one in (module.q, module.kv, module.out))
    part, keys = width // heads, x @ kv
    made = []
    for head in range(heads):
        shared = head // (heads // key_heads)
        Q = (x @ q)[:, head * part : (head + 1) * part]
        K = keys[:, shared * part : (shared + 1) * part]
        V = keys[:, (key_heads + shared) * part : (key_heads + shared + 1) * part]
        if rotary:
            Q, K = rotated(Q), rotated(K)
        scores = Q @ K.T / part**0.5
        if causal:
            scores = np.where(np.tri(time, dtype=bool), scores, -np.inf)
        made.append(softmax(scores) @ V)
    expected = np.concatenate(made, axis=1) @ out
    found = module(torch.from_numpy(x)[None])[0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_causal_position_does_not_see_later_ones(generator):
    x = torch.randn(2, 8, 16, generator=generator)
    later = x.clone()
    later[:, 5:] += 1.0
    causal, full = (Attention(16, 2, generator, causal=causal) for causal in (True, False))
    torch.testing.assert_close(causal(x)[:, :5], causal(later)[:, :5])
    assert not torch.allclose(causal(x)[:, 5:], causal(later)[:, 5:])
    assert not torch.allclose(full(x)[:, :5], full(later)[:, :5])


def test_without_positions_order_does_not_matter(generator):
    x = torch.randn(1, 7, 16, generator=generator)
    order = torch.randperm(7, generator=generator)
    unordered, ordered = (Attention(16, 2, generator, causal=False, rotary=one) for one in (False, True))
    torch.testing.assert_close(unordered(x[:, order]), unordered(x)[:, order], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(ordered(x[:, order]), ordered(x)[:, order], rtol=1e-3, atol=1e-3)


def test_products_of_turned_vectors_depend_on_their_distance_alone(generator):
    q, k = (torch.randn(8, generator=generator, dtype=torch.float64) for _ in range(2))
    Q, K = (turned(one.expand(1, 1, 12, 8))[0, 0] for one in (q, k))
    scores = Q @ K.T
    for distance in range(-4, 5):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert scores[0, 0] != pytest.approx(float(scores[0, 3]))
    torch.testing.assert_close(Q.norm(dim=-1), q.norm().expand(12))


def test_normed_has_a_root_mean_square_of_one(generator):
    x = 30 * torch.randn(4, 5, 16, generator=generator)
    torch.testing.assert_close(normed(x).square().mean(-1), torch.ones(4, 5))
    torch.testing.assert_close(normed(x), x / x.square().mean(-1, keepdim=True).sqrt())
