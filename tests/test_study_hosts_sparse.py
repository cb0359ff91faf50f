"""The weight-sparse host: its language, the rule that thins out, the search for circuits, and small trainings."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from edgewise.layer import KANLayer
from edgewise.study.hosts import sparse
from edgewise.study.hosts.decoder import Decoder
from edgewise.study.hosts.loop import Recipe, fit
from edgewise.study.hosts.slot import slot
from edgewise.study.hosts.sparse import circuit
from edgewise.study.hosts.sparse.circuit import edge_count, masked_loss, number_count, search
from edgewise.study.hosts.sparse.edges import Thinning, edges, thin
from edgewise.study.hosts.sparse.language import TOKENS, Prompts, nonsense, prompts, texts
from edgewise.study.hosts.trial import Trial


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(sparse, "TRAIN", 96)
    monkeypatch.setattr(sparse, "OTHER", 64)
    monkeypatch.setattr(circuit, "STEPS", 4)
    monkeypatch.setattr(circuit, "LOOK", 2)


class Two(nn.Module):
    """A matrix and a layer's worth of splines, each pulled to a goal."""

    def __init__(self, rng):
        super().__init__()
        self.matrix = nn.Parameter(torch.tensor(rng.normal(size=(6, 5))))
        self.splines = nn.Parameter(torch.tensor(rng.normal(size=(4, 3, 5))))
        self.vector = nn.Parameter(torch.tensor(rng.normal(size=7)))
        self.goals = [torch.tensor(3 * rng.normal(size=p.shape)) for p in self.parameters()]

    def loss(self):
        return sum(
            0.5 * (p - goal).square().sum() for p, goal in zip(self.parameters(), self.goals, strict=True)
        )


def test_twenty_steps_of_thinning_are_those_of_numpy(rng):
    module, steps, target = Two(rng), 20, 0.3
    weights = [p.detach().numpy().copy() for p in module.parameters()]
    goals = [goal.numpy() for goal in module.goals]
    looks = iter(range(0, -100, -1))  # every look the best, so that the last state is kept
    trial = Trial("sparse", "mlp", "sparse", 0, 0.3, steps)
    fit(module, trial, lambda step: module.loss(), lambda: next(looks), Recipe(decay=0.1),
        after_step=Thinning(module, steps, target))  # fmt: skip
    expected = _thinned_training(weights, goals, steps, target, 0.3, 0.1)
    for parameter, reference in zip(module.parameters(), expected, strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), reference, rtol=1e-6, atol=1e-9)
    assert np.count_nonzero(expected[0]) == 9
    assert np.count_nonzero(np.linalg.norm(expected[1], axis=1)) == 6
    assert np.count_nonzero(expected[2]) == 7


def _thinned_training(weights, goals, steps, target, rate, decay):
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for step in range(steps):
        gradients = [w - goal for w, goal in zip(weights, goals, strict=True)]
        norm = math.sqrt(sum((g**2).sum() for g in gradients))
        now = rate * _one_cycle(step / steps)
        for k, g in enumerate(gradients):
            g = g * min(1, 1 / (norm + 1e-6))
            first[k] = 0.9 * first[k] + 0.1 * g
            second[k] = 0.95 * second[k] + 0.05 * g**2
            m, v = first[k] / (1 - 0.9 ** (step + 1)), second[k] / (1 - 0.95 ** (step + 1))
            weights[k] = weights[k] * (1 - now * decay) - now * m / (np.sqrt(v) + 1e-8)
        share = 1 - (1 - target) * min(1, (step + 1) / (steps / 2))
        weights = [_kept(w, share) for w in weights]
    return weights


def _kept(w, share):
    if w.ndim == 1:
        return w
    size = np.abs(w) if w.ndim == 2 else np.sqrt((w**2).sum(1, keepdims=True))
    least = np.sort(size.ravel())[::-1][math.ceil(round(share * size.size, 9)) - 1]
    return w * (size >= least)


def _one_cycle(done):
    if done < 0.3:
        return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * done / 0.3)) / 2
    return (1 + math.cos(math.pi * (done - 0.3) / 0.7)) / 2


def test_an_edge_of_a_kan_is_kept_or_lost_whole(generator):
    layer = KANLayer(4, 5, generator=generator)
    thin(layer.spline.weight, 0.25)
    alive = (layer.spline.weight != 0).sum(1)
    assert sorted(alive.flatten().tolist()) == [0] * 15 + [9] * 5


def test_functions_of_nodes_are_no_edges(generator):
    learned, kan = (nn.ModuleDict({"slot": slot(arm, 8, 2, generator)}) for arm in ("learned", "kan"))
    assert set(edges(learned)) == {"slot.up", "slot.down"}
    assert set(edges(kan)) == {"slot.up.spline.weight", "slot.down.spline.weight"}


def test_texts_are_of_the_language(rng):
    sample = texts(200, 33, rng)
    assert len({text.tobytes() for text in sample}) == 200
    assert set(sample.flatten().tolist()) == set(range(len(TOKENS)))
    for text in sample:
        _open_at_the_end(text)


@pytest.mark.parametrize("task", ["quote", "bracket"])
def test_the_right_answer_closes_what_is_open(task, rng):
    asked = prompts(task, texts(300, 33, rng), rng)
    assert len(asked.place) > 100
    assert 0.4 < asked.answer.float().mean() < 0.6
    for text, place, answer in zip(asked.texts.numpy(), asked.place, asked.answer, strict=True):
        brackets, quote = _open_at_the_end(text[: place + 1])
        open_one = quote if task == "quote" else brackets[-1]
        assert TOKENS[asked.between[answer]] == {"(": ")", "[": "]"}.get(open_one, open_one)
        assert place >= 8


def _open_at_the_end(text):
    """Reads a text by its grammar; fails where it is not of the language."""
    brackets, quote = [], None
    assert TOKENS[text[0]] == "^"
    for sign in (TOKENS[token] for token in text[1:]):
        if quote is not None:
            assert sign.isalpha() or sign == quote
            quote = None if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "([":
            brackets.append(sign)
            assert len(brackets) <= 3
        elif sign in ")]":
            assert brackets.pop() + sign in ("()", "[]")
        else:
            assert sign.isalpha()
    return brackets, quote


def test_nonsense_is_told_by_the_last_letter_and_by_nothing_else(rng):
    real = prompts("quote", texts(400, 33, rng), rng)
    other = nonsense(real, rng)
    said = {}
    for text, place, answer in zip(other.texts.numpy(), other.place, other.answer.tolist(), strict=True):
        letter = [TOKENS[token] for token in text[: place + 1] if TOKENS[token].isalpha()][-1]
        assert said.setdefault(letter, answer) == answer
    assert sum(said.values()) == len(said) / 2 == 8
    assert len(other.place) > 0.9 * len(real.place)


def test_no_text_is_in_two_parts(quick):
    data = sparse.drawn_texts(0)
    parts = [{text.tobytes() for text in part} for part in (data.train, data.valid, data.test)]
    assert [len(part) for part in parts] == [96, 64, 64]
    assert len(set.union(*parts)) == 224
    assert (sparse.drawn_texts(1).train != data.train).any()


class Table(nn.Module):
    """Logits that are a row of a table for the last token, plus what a second table adds."""

    def __init__(self, table, other):
        super().__init__()
        self.table, self.other = nn.Parameter(table), nn.Parameter(other)

    def forward(self, tokens):
        return self.table[tokens] + self.other[tokens]


def _lookup(count, rng):
    """Prompts whose right answer, token 0 or 1, is the parity of the last token."""
    rows = torch.from_numpy(rng.integers(0, 8, (count, 3)))
    return Prompts(rows, torch.full((count,), 2), rows[:, 2] % 2, (0, 1))


def test_the_search_finds_the_edges_that_do_the_task(rng, generator):
    table = torch.zeros(8, 8)
    table[torch.arange(8), torch.arange(8) % 2] = 4.0
    module = Table(table, 0.3 * torch.randn(8, 8, generator=generator))
    found = search(module, _lookup(200, rng), _lookup(100, rng), rng)
    assert found.circuit is not None
    assert edge_count(found.circuit) <= 10
    assert found.circuit["table"][torch.arange(8), torch.arange(8) % 2].sum() == 8
    assert masked_loss(module, found.circuit, _lookup(100, rng)) <= circuit.TARGET


def test_no_circuit_is_found_where_there_is_none(rng, generator):
    module = Table(torch.zeros(8, 8), 0.1 * torch.randn(8, 8, generator=generator))
    found = search(module, _lookup(200, rng), _lookup(100, rng), rng)
    assert found.circuit is None
    assert found.lowest > 0.5


def test_a_masked_model_is_one_with_weights_of_zero(rng, generator):
    decoder = Decoder("kan", sparse.plan(0.25, 1), generator)
    asked = prompts("quote", texts(60, 33, rng), rng)
    masks = {
        name: (torch.rand(p.shape, generator=generator) < 0.5).float() for name, p in edges(decoder).items()
    }
    masks = {name: mask[:, :1] if mask.dim() == 3 else mask for name, mask in masks.items()}
    loss = masked_loss(decoder, masks, asked)
    with torch.no_grad():
        for name, parameter in edges(decoder).items():
            parameter.mul_(masks[name])
        logits = decoder(asked.texts)[torch.arange(len(asked.place)), asked.place]
    pair = logits[:, list(asked.between)].double().numpy()
    right = pair[np.arange(len(pair)), asked.answer.numpy()]
    assert loss == pytest.approx(float((np.log(np.exp(pair).sum(1)) - right).mean()), rel=1e-4)


def test_numbers_of_a_circuit_count_whole_curves_and_living_nodes(generator):
    kan, learned = (sparse.plan(0.25, 1), slot("learned", 8, 2, generator))
    decoder = Decoder("kan", kan, generator)
    masks = {name: torch.zeros_like(p[:, :1] if p.dim() == 3 else p) for name, p in edges(decoder).items()}
    masks["embedding"][0, 0] = masks["blocks.0.slot.up.spline.weight"][0, 0, 0] = 1
    assert (edge_count(masks), number_count(decoder, masks)) == (2, 1 + 9)

    block = nn.ModuleDict({"slot": learned})
    masks = {name: torch.zeros_like(p) for name, p in edges(block).items()}
    masks["slot.up"][:2, 0] = masks["slot.up"][0, 1] = masks["slot.down"][0, 3] = 1
    assert (edge_count(masks), number_count(block, masks)) == (4, 4 + 9)


@pytest.mark.parametrize("condition", list(sparse.CONDITIONS))
def test_all_arms_have_the_same_parameters(condition):
    blocks, _ = sparse.CONDITIONS[condition]
    counts = [
        sum(p.numel() for p in Decoder(arm, sparse.plan(1.0, blocks), torch.Generator()).parameters())
        for arm in sparse.HOST.arms
    ]
    assert max(counts) <= 1.02 * min(counts)


@pytest.mark.parametrize("arm", sparse.HOST.arms)
def test_every_arm_trains(arm, quick):
    outcome = sparse.run(Trial("sparse", arm, "sparse-one", 0, 0.01, 4, size=0.25))
    assert outcome.status == "done"
    assert 0 < outcome.error <= outcome.chance == outcome.parameters
    assert outcome.valid < 2 * math.log(len(TOKENS))
    assert set(outcome.numbers) == set(sparse.HOST.numbers)
    assert (outcome.spline_share is None) == (not arm.startswith("kan"))
    assert (outcome.spline_damage is None) == (not arm.startswith("kan"))


def test_the_state_kept_is_as_sparse_as_asked(quick):
    outcome = sparse.run(Trial("sparse", "mlp", "sparse", 0, 0.01, 4, size=0.25))
    decoder = Decoder("mlp", sparse.plan(0.25, 2), torch.Generator())
    assert outcome.numbers["living"] == sum(math.ceil(p.numel() / 16) for p in edges(decoder).values())
    dense = sparse.run(Trial("sparse", "mlp", "dense", 0, 0.01, 4, size=0.25))
    assert dense.numbers["living"] == dense.parameters


def test_the_same_trial_gives_the_same_outcome(quick):
    first, again, other = (
        sparse.run(Trial("sparse", "kan", "sparse-one", seed, 0.01, 3, size=0.25)) for seed in (0, 0, 1)
    )
    assert (first.error, first.numbers) == (again.error, again.numbers)
    assert first.numbers["language"] != other.numbers["language"]


def test_tuning_looks_for_no_circuits(quick, monkeypatch):
    monkeypatch.setattr(sparse, "search", None)
    outcome = sparse.run(Trial("sparse", "mlp", "sparse", 0, 0.01, 4, size=0.25, stage="tuning"))
    assert (outcome.status, outcome.error) == ("done", outcome.chance)
    assert 0 < outcome.valid < 2 * math.log(len(TOKENS))


def test_a_diverged_training_has_no_circuits(quick):
    outcome = sparse.run(Trial("sparse", "mlp", "dense", 0, float("inf"), 3, size=0.25))
    assert outcome.status == "diverged"
    assert outcome.error == outcome.chance == outcome.parameters
