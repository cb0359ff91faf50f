r"""A dot product to be learned: pairs of embeddings whose noisy dot product is seen, judged on embeddings never seen.

    p, q ~ N(0, s^2 I),   y = <p, q> + N(0, 0.85^2),   s^2 = (0.5544 / d)^(1/2)

so that who knows nothing has a root mean square error of 1.13, as on the ratings the generator imitates. There are as
many users as items and a hundred pairs a user; users and items of validation and test are others.

``error`` is the root mean square of ``f(p, q) - <p, q>`` over that of ``<p, q>``, without noise. The dot product itself
is fitted beside it, ``a <p, q> + b . p + c . q + e`` by least squares, its ridge chosen on the validation pairs.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from edgewise.study.hosts.loop import Trained, fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.similarity.networks import SCALE, network, published
from edgewise.study.hosts.stacks import living
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import seeded

NOISE, NAIVE = 0.85, 1.13
SIGNAL = math.sqrt(NAIVE**2 - NOISE**2)  # deviation of a dot product
PAIRS, BATCH = 100, 512
VALID, TEST = 4096, 8192
RIDGES = (0.0, 1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True)
class Pairs:
    """Embeddings of users and items in units of their deviation, who met whom, and the dot products in units of theirs.

    ``seen`` has the noise.
    """

    users: Float[Tensor, "users d"]
    items: Float[Tensor, "items d"]
    user: Int[Tensor, " n"]
    item: Int[Tensor, " n"]
    true: Float[Tensor, " n"]
    seen: Float[Tensor, " n"]

    def inputs(self, rows: Tensor | slice = slice(None)) -> Float[Tensor, "rows inputs"]:
        """What a network gets: ``[p, q]`` of deviation ``SCALE``."""
        return SCALE * torch.cat([self.users[self.user[rows]], self.items[self.item[rows]]], dim=1)


def draw(generator: np.random.Generator, people: int, pairs: int, dimension: int) -> Pairs:
    """``pairs`` meetings of ``people`` users and as many items."""
    users, items = generator.normal(size=(2, people, dimension))
    user, item = generator.integers(people, size=(2, pairs))
    true = (users[user] * items[item]).sum(1) / dimension**0.5
    seen = true + generator.normal(size=pairs) * (NOISE / SIGNAL)
    return Pairs(_real(users), _real(items), _whole(user), _whole(item), _real(true), _real(seen))


def run(trial: Trial, dimension: int, people: int) -> Outcome:
    """Trains a similarity on the pairs of ``people`` users and judges it on others."""
    count = max(10, round(people * trial.size))
    sizes = {"train": (count, PAIRS * count), "valid": (VALID, VALID), "test": (TEST, TEST)}
    data = {
        part: draw(seeded("similarity", part, dimension, count, trial.seed), *size, dimension)
        for part, size in sizes.items()
    }
    module = network(trial.arm, dimension, published(dimension, 2 * dimension), trial.seed)
    trained = _train(module, data["train"], data["valid"], trial)
    return _judged(module, trained, data)


def _train(module: nn.Module, train: Pairs, valid: Pairs, trial: Trial) -> Trained:
    order = seeded("batches", trial.condition, trial.seed)

    def loss(step: int) -> Tensor:
        rows = torch.from_numpy(order.integers(len(train.seen), size=BATCH))
        return (module(train.inputs(rows))[:, 0] - train.seen[rows]).square().mean()

    return fit(module, trial, loss, lambda: _square(module, valid, valid.seen))


def _judged(module: nn.Module, trained: Trained, data: dict[str, Pairs]) -> Outcome:
    test = data["test"]
    error = relative(module, test)
    dot = dot_error(data["train"], data["valid"], test)
    good = trained.finite and math.isfinite(error)
    error = error if good else 1.0
    excess = SIGNAL * math.hypot(error, NOISE / SIGNAL) - NOISE
    return Outcome(
        "done" if good else "diverged",
        error=error,
        chance=1.0,
        valid=trained.valid,
        numbers={"dot_error": dot, "over_dot": math.log10(error / dot), "excess": excess},
        parameters=living(module),
        in_slots=living(module),
        seconds=trained.seconds,
        **spline_figures(module, lambda: module(test.inputs()), lambda net: relative(net, test)),
    )


def relative(module: nn.Module, test: Pairs) -> float:
    """``error`` as the module's page defines it."""
    return (_square(module, test, test.true) / float(test.true.square().mean())) ** 0.5


def _square(module: nn.Module, pairs: Pairs, target: Tensor) -> float:
    with torch.no_grad():
        return float((module(pairs.inputs())[:, 0] - target).double().square().mean())


def dot_error(train: Pairs, valid: Pairs, test: Pairs) -> float:
    """The relative error of the fitted dot product with biases."""
    X, y = _features(train), train.seen.double().numpy()
    gram, moment = X.T @ X, X.T @ y
    fits = [np.linalg.solve(gram + (ridge + 1e-9) * np.eye(len(gram)), moment) for ridge in RIDGES]
    seen, true = valid.seen.double().numpy(), test.true.double().numpy()
    best = min(fits, key=lambda weight: float(np.square(_features(valid) @ weight - seen).mean()))
    return float(np.sqrt(np.square(_features(test) @ best - true).mean() / np.square(true).mean()))


def _features(pairs: Pairs) -> NDArray[np.float64]:
    """``<p, q>``, ``p``, ``q`` and 1."""
    p, q = (side.double().numpy() for side in (pairs.users[pairs.user], pairs.items[pairs.item]))
    dot = (p * q).sum(1, keepdims=True) / p.shape[1] ** 0.5
    return np.concatenate([dot, p, q, np.ones_like(dot)], axis=1)


def _real(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values).float()


def _whole(values: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(values)
