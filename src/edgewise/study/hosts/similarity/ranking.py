r"""Who will see which film: embeddings of users and films under a dot product or a learned similarity.

    dot       <p_u, q_i> + b_u + b_i + b
    learned   f([p_u, q_i]),  f the slot

Trained on who saw what, four films not seen for every one seen, by log loss plus ``r (|p_u|^2 + |q_i|^2)``. ``r`` is
chosen on the validation ranking among the same four for every arm, after trainings of a third of the length.
"""

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from edgewise.study.hosts.loop import Recipe, Trained, fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.similarity.networks import SCALE, network, published
from edgewise.study.hosts.similarity.ratings import OTHERS, Ratings, split, table, unseen
from edgewise.study.hosts.stacks import living
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import seeded

DIMENSION, BATCH, NEGATIVES = 16, 200, 4
PENALTIES, SHORTER = (0.0003, 0.003, 0.03, 0.3), 3
START = 0.1  # deviation of embeddings
TOP = 10
RECIPE = Recipe(decay=0.0, betas=(0.9, 0.999))


class Similarity(nn.Module):
    """A score ``(..., )`` of users with films; ``slot=None`` is the dot product with biases."""

    def __init__(self, users: int, films: int, slot: nn.Module | None, generator: torch.Generator) -> None:
        super().__init__()
        self.users, self.films = (
            nn.Parameter(START * torch.randn(count, DIMENSION, generator=generator))
            for count in (users, films)
        )
        self.slot = slot
        if slot is None:
            self.user_bias = nn.Parameter(torch.zeros(users))
            self.film_bias = nn.Parameter(torch.zeros(films))
            self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, user: Int[Tensor, " n"], film: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        return self.score(self.users[user], self.films[film], user, film)

    def score(self, p: Tensor, q: Tensor, user: Tensor, film: Tensor) -> Float[Tensor, " n"]:
        """From embeddings that were looked up."""
        if self.slot is None:
            return (p * q).sum(1) + self.user_bias[user] + self.film_bias[film] + self.bias
        return self.slot(torch.cat([p, q], dim=1) * (SCALE / START))[:, 0]


def run(trial: Trial, *, dot: bool) -> Outcome:
    """Trains shortly under every penalty, then at length under the best, and judges."""
    ratings = split(table(), trial.size)
    short = replace(trial, steps=max(1, trial.steps // SHORTER))
    tried = [_trained(short, ratings, dot, penalty)[1] for penalty in PENALTIES]
    penalty = PENALTIES[int(np.argmin([one.valid for one in tried]))]
    module, trained = _trained(trial, ratings, dot, penalty)
    seconds = trained.seconds + sum(one.seconds for one in tried)
    return _judged(module, trained, ratings, {"penalty": penalty}, seconds)


def _trained(trial: Trial, ratings: Ratings, dot: bool, penalty: float) -> tuple[Similarity, Trained]:
    generator = torch.Generator().manual_seed(int(seeded("embeddings", trial.seed).integers(2**62)))
    slot = None if dot else network(trial.arm, DIMENSION, published(DIMENSION, DIMENSION), trial.seed)
    users, films = ratings.known.shape
    module = Similarity(users, films, slot, generator)
    order = seeded("ratings", trial.seed)

    def loss(step: int) -> Tensor:
        return penalised(module, batch(ratings, order), penalty)

    def valid() -> float:
        return 1 - float(gain(ranks(module, ratings.valid)).mean())

    return module, fit(module, trial, loss, valid, RECIPE)


Batch = tuple[Int[Tensor, " n"], Int[Tensor, " n"], Float[Tensor, " n"]]


def penalised(module: Similarity, batch: Batch, penalty: float) -> Float[Tensor, ""]:
    """Log loss plus ``penalty (|p|^2 + |q|^2)``, a mean over the batch."""
    user, film, seen = batch
    p, q = module.users[user], module.films[film]
    miss = functional.binary_cross_entropy_with_logits(module.score(p, q, user, film), seen)
    return miss + penalty * (p.square().sum(1) + q.square().sum(1)).mean()


def batch(ratings: Ratings, order: np.random.Generator) -> Batch:
    """Users, films, and 1 where they met; the first ``BATCH`` did, each followed by those who did not."""
    rows = order.integers(len(ratings.users), size=BATCH)
    users = np.tile(ratings.users[rows], 1 + NEGATIVES)
    films = np.concatenate([ratings.films[rows], unseen(ratings.known, users[BATCH:], order)])
    seen = torch.zeros(len(users))
    seen[:BATCH] = 1
    return torch.from_numpy(users), torch.from_numpy(films), seen


def ranks(module: Similarity, lists: np.ndarray) -> Float[Tensor, " users"]:
    """How many of the 99 are before the right film; who is equal counts half."""
    users, length = lists.shape
    user = torch.arange(users).repeat_interleave(length)
    with torch.no_grad():
        scores = module(user, torch.from_numpy(lists).flatten()).view(users, length)
    right, others = scores[:, :1], scores[:, 1:]
    before = (others > right).float() + 0.5 * (others == right).float()
    return torch.where(torch.isfinite(right[:, 0]), before.sum(1), float(OTHERS))


def gain(ranks: Float[Tensor, " users"]) -> Float[Tensor, " users"]:
    """``1 / log2(rank + 2)``: the normalised discounted cumulative gain of one right answer."""
    return 1 / torch.log2(ranks + 2)


def popular(ratings: Ratings) -> float:
    """The share of users whose film is among the first ten when films are ranked by how many saw them in training."""
    scores = ratings.known.sum(0)[ratings.test]
    before = (scores[:, 1:] > scores[:, :1]).sum(1) + 0.5 * (scores[:, 1:] == scores[:, :1]).sum(1)
    return float((before < TOP).mean())


def odds(ranks: Float[Tensor, " users"]) -> float:
    """Of not being among the first ten."""
    right = float((ranks < TOP).sum())
    return (len(ranks) - right + 0.5) / (right + 0.5)


def _judged(
    module: Similarity, trained: Trained, ratings: Ratings, numbers: dict[str, float], seconds: float
) -> Outcome:
    found = ranks(module, ratings.test)
    error, chance = odds(found), (OTHERS + 1 - TOP) / TOP
    good = trained.finite and math.isfinite(trained.valid)
    hits = found < TOP
    numbers |= {"hr10": float(hits.float().mean()), "ndcg10": float((gain(found) * hits).mean())}
    numbers["popular_hr10"] = popular(ratings)
    return Outcome(
        "done" if good else "diverged",
        error=error if good else chance,
        chance=chance,
        valid=trained.valid,
        numbers=numbers,
        parameters=living(module),
        in_slots=0 if module.slot is None else living(module.slot),
        seconds=seconds,
        **spline_figures(
            module, lambda: ranks(module, ratings.test), lambda net: odds(ranks(net, ratings.test))
        ),
    )
