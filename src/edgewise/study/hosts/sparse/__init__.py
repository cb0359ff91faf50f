r"""Weight-sparse transformers: where most weights are kept at 0 in training, circuits are smaller.

Source: Gao et al., arXiv 2511.13653 (the rule: ``edges``; circuits: ``circuit``). The control of nonsense tasks:
J. Drori, "Weight-sparse circuits may be interpretable yet unfaithful", LessWrong, 2026, who found that pruning also
finds circuits for tasks that make no sense, in which case a small circuit says little about the model.

Kept: only the largest weights of every matrix after each step, embeddings included, the share going down from 1 over
the first half of training; untied embeddings; norms without weights; masks learned until the loss between two tokens
is at most 0.15. Reduced: two blocks of width 32 and a toy language (see ``language``) instead of Python source,
one edge in 16 instead of one weight in up to 1000, rotary positions, no sparse activations, no table of
bigrams, no least number of weights for a neuron, and edges masked to 0 instead of nodes to their means (Drori: zeros
give smaller circuits).

The error is the number of numbers in a circuit, the geometric mean over the tasks; a KAN's edge counts with all the
numbers of its curve, so that it is not simpler by being written in bigger letters (``numbers["edges"]`` counts edges).
A task without a circuit of the loss aimed at counts as the whole dense model, which is also the chance. ``valid`` is
the language model's loss, by which rates are tuned; so a rate is never chosen for its circuits, and in tuning none
are looked for. The damage of taking the splines away is that of the language model's loss too.

``size`` multiplies the parameters of a block, ``steps`` are batches of texts. ``deep`` and ``shallow`` are two blocks
and one: a circuit through two blocks composes more, and if it is by composing that KANs are simpler, the circuits of
two should gain more.
"""

from dataclasses import dataclass, replace
from math import exp, log, log10

import numpy as np
import torch

from edgewise.study.hosts.decoder import Decoder, Plan, token_losses, weights_from
from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.loop import Recipe, Trained, fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.sparse.circuit import edge_count, masked_loss, number_count, search
from edgewise.study.hosts.sparse.edges import Thinning, edges, sizes
from edgewise.study.hosts.sparse.language import TASKS, TOKENS, Prompts, nonsense, prompts, texts
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import seeded

WIDTH, PART, BATCH, LENGTH = 32, 16, 64, 33
TRAIN, OTHER = 4096, 384  # texts
DENSITY = 1 / 16
TUNING = "tuning"  # the stage of a trial
CONDITIONS = {"dense": (2, 1.0), "sparse": (2, DENSITY), "sparse-one": (1, DENSITY)}  # blocks, density


@dataclass(frozen=True)
class Texts:
    """Different texts to learn from, to choose by and to judge on."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Found:
    """What the search for one task gave: sizes, the ``lowest`` loss of any mask; ``missed`` where it was not enough.

    ``loss`` is that of the circuit on test prompts, or of the whole model.
    """

    numbers: float
    edges: float
    loss: float
    lowest: float
    missed: bool


def run(trial: Trial) -> Outcome:
    """Trains a decoder of the condition's density, then looks for the circuits of its tasks and of nonsense."""
    blocks, target = CONDITIONS[trial.condition]
    data = drawn_texts(trial.seed)
    decoder = Decoder(
        trial.arm, plan(trial.size, blocks), weights_from(seeded("sparse", trial.seed, "weights"))
    )
    order = seeded("sparse", trial.seed, "batches").integers(0, TRAIN, (trial.steps, BATCH))
    train, valid = torch.from_numpy(data.train), torch.from_numpy(data.valid)
    thinning = Thinning(decoder, trial.steps, target)
    trained = fit(
        decoder,
        trial,
        lambda step: token_losses(decoder, train[torch.from_numpy(order[step])]).mean(),
        lambda: _language_loss(decoder, valid) if thinning.done else float("inf"),
        Recipe(decay=0.1),
        after_step=thinning,
    )
    if not trained.finite:
        return _bare("diverged", decoder, "loss or gradient not finite", trained)
    if trial.stage == TUNING:
        return _bare("done", decoder, "no circuits are looked for in tuning", trained)
    return _judged(decoder, data, trial.seed, trained)


def plan(size: float, blocks: int) -> Plan:
    """Width grows with the root of the size; the slot has two thirds of a block's parameters."""
    width = PART * max(1, round(WIDTH / PART * size**0.5))
    heads = width // PART
    return Plan(len(TOKENS), width, heads, heads, blocks, max(2, round(width * 4 / 9)), tied=False)


def drawn_texts(seed: int) -> Texts:
    """No text is in two parts."""
    sample = texts(TRAIN + 2 * OTHER, LENGTH, seeded("sparse", seed, "texts"))
    return Texts(sample[:TRAIN], sample[TRAIN : TRAIN + OTHER], sample[TRAIN + OTHER :])


def _judged(decoder: Decoder, data: Texts, seed: int, trained: Trained) -> Outcome:
    test = torch.from_numpy(data.test)
    real, other = (
        [_found(decoder, data, task, seed, senseless) for task in TASKS] for senseless in (False, True)
    )
    language = _language_loss(decoder, test)
    return replace(
        _bare("done", decoder, "", trained),
        error=_middle([found.numbers for found in real]),
        numbers=_numbers(decoder, real, other) | {"language": language},
        **spline_figures(decoder, lambda: decoder(test[:, :-1]), lambda net: _language_loss(net, test)),
    )


def _numbers(decoder: Decoder, real: list[Found], other: list[Found]) -> dict[str, float]:
    task, senseless = (_middle([found.numbers for found in all_found]) for all_found in (real, other))
    return {
        "living": float(sum(int((p != 0).sum()) for p in edges(decoder).values())),
        "edges": _middle([found.edges for found in real]),
        "loss": max(found.loss for found in real),
        "missed": float(sum(found.missed for found in real)),
        "nonsense": senseless,
        "nonsense_missed": float(sum(found.missed for found in other)),
        "nonsense_loss": min(found.lowest for found in other),
        "faithful": log10(senseless / task),
        **{name: found.numbers for name, found in zip(TASKS, real, strict=True)},
    }


def _found(decoder: Decoder, data: Texts, task: str, seed: int, senseless: bool) -> Found:
    """The circuit of a task, or of its nonsense, learned, chosen and judged on different texts."""

    def asked(part: str, sample: np.ndarray) -> Prompts:
        real = prompts(task, sample, seeded("sparse", seed, task, part))
        return nonsense(real, seeded("sparse", seed, task, "nonsense")) if senseless else real

    learn, choose, judge = (asked(part, getattr(data, part)) for part in ("train", "valid", "test"))
    found = search(decoder, learn, choose, seeded("sparse", seed, task, senseless))
    masks = found.circuit
    if masks is None:
        every = sum(sizes(p).numel() for p in edges(decoder).values())
        return Found(decoder.size, every, masked_loss(decoder, {}, judge), found.lowest, missed=True)
    numbers, kept = number_count(decoder, masks), edge_count(masks)
    return Found(numbers, kept, masked_loss(decoder, masks, judge), found.lowest, missed=False)


def _language_loss(decoder: Decoder, sample: torch.Tensor) -> float:
    """In nats a token."""
    with torch.no_grad():
        return float(token_losses(decoder, sample).mean())


def _bare(status: str, decoder: Decoder, message: str, trained: Trained) -> Outcome:
    """An outcome without circuits."""
    return Outcome(
        status=status,
        message=message,
        error=float(decoder.size),
        chance=float(decoder.size),
        valid=trained.valid if status == "done" else None,
        parameters=decoder.size,
        in_slots=decoder.in_slots,
        seconds=trained.seconds,
    )


def _middle(values: list[float]) -> float:
    """The geometric mean."""
    return exp(sum(log(value) for value in values) / len(values))


HOST = Host(
    name="sparse",
    title="Weight-sparse transformers",
    source="Gao et al., arXiv 2511.13653",
    headline="A transformer trained with most weights at 0 does its tasks with smaller circuits at equal loss.",
    asks="Is a circuit smaller when the edges of a KAN are its units?",
    measured="numbers in the circuit of a task",
    conditions={
        "dense": "two blocks, all weights",
        "sparse": f"two blocks, one edge in {round(1 / DENSITY)}",
        "sparse-one": f"one block, one edge in {round(1 / DENSITY)}",
    },
    headlines=(
        Contrast("circuits of a sparse model are smaller", "sparse", "dense"),
        Contrast("circuits of tasks are smaller than those of nonsense", "sparse", None, "faithful"),
    ),
    deep="sparse",
    shallow="sparse-one",
    run=run,
    arms=("mlp", "mlp-gelu", "learned", "kan", "kan-noise"),
    numbers={
        "language": "nats a token of the language model on test texts",
        "living": "numbers of the model that are not 0",
        "edges": "edges in the circuit of a task, geometric mean",
        "loss": "of the circuits on test prompts in nats, the larger one; aimed at: 0.15, guessing: 0.69",
        "missed": "tasks without a circuit of that loss",
        "nonsense": "numbers in the circuit of nonsense, geometric mean",
        "nonsense_missed": "nonsense without a circuit of that loss",
        "nonsense_loss": "the lowest loss to which any mask brought nonsense, on validation prompts",
        "faithful": "log10 of nonsense over error: how much smaller circuits of tasks are than those of nonsense",
        "quote": "numbers in the circuit that closes quotes",
        "bracket": "numbers in the circuit that closes brackets",
    },
)
