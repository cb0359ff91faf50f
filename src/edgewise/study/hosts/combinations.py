r"""Combinations of modules that training never shows: does compositional generalisation come with scale?

Source: Redhardt, Akram & Schug, *Scaling can lead to compositional generalization*, arXiv 2507.07207.

    y = sum_k ( sum_m c_m V_mk ) f_k( ( sum_m c_m W_mk ) . x ) / K,      K of M weights c_m are not 0

A network gets ``x`` and ``c`` and sees only some of the sets of K modules; ``error`` is on sets it never saw. Kept: the
teacher made of modules that are mixed by weights, the held-out sets of which every module is known from other sets,
perceptrons of three hidden levels, scale in rows, in covered sets and in parameters, the linear probe for constituents.
Reduced: 10 modules instead of 16, ``x`` of 4, 4 hidden nodes whose functions are drawn from four families
(``edgewise.study.tasks.primitives``) instead of ReLU, so that no arm owns the teacher; one output.

``error`` is the root mean square over the deviation of the targets. Data are drawn, see
``edgewise.study.tasks.hyperteacher``; every seed is another teacher with another split. ``size`` multiplies rows and
parameters. ``few-sets`` shows a third of the sets that are not held out, with as many rows.

Why ``deep`` is ``unseen`` and ``shallow`` is ``seen``: they are the same training, judged on held-out and on shown
sets. An advantage that is larger on sets never seen is one in putting known parts together; an advantage of fitting is
one on shown sets, of which at most the same is left on others.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from edgewise.errors import InputError
from edgewise.study.arms import Stack
from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.loop import Trained, fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.stacks import ARMS, stack
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import Task, make, seeded
from edgewise.study.tasks.hyperteacher import INPUTS

LEVELS, BATCH, TEST = 3, 256, 4096
SHARE = 1 / 3  # of the shown sets, where few are shown
PROBE_RIDGE = 1e-4


@dataclass(frozen=True)
class Scale:
    """``hot`` of ``modules`` at a time, rows and parameters at size 1, which part of the shown sets, what is judged."""

    modules: int = 10
    hot: int = 3
    rows: int = 16_384
    parameters: int = 20_000
    few: bool = False
    judged: str = "held"


BASE = Scale()
SCALES = {
    "unseen": BASE,
    "seen": replace(BASE, judged="test"),
    "few-rows": replace(BASE, rows=2048),
    "many-rows": replace(BASE, rows=131_072),
    "few-sets": replace(BASE, few=True),
    "narrow": replace(BASE, parameters=4000),
    "wide": replace(BASE, parameters=60_000),
    "two": replace(BASE, hot=2),
}


@dataclass(frozen=True)
class Rows:
    """Inputs in [-1, 1] and targets of mean 0 and variance 1 on the training rows."""

    X: Float[Tensor, "n inputs"]
    y: Float[Tensor, " n"]


def rows_of(scale: Scale, seed: int, size: float = 1.0) -> dict[str, Rows]:
    """``train``, ``valid``, ``test`` (shown sets) and ``held``."""
    task = make(f"hyperteacher:{scale.modules}:{scale.hot}", seed)
    wanted = {"train": max(64, round(scale.rows * size)), "valid": 1024, "test": TEST, "held": TEST}
    kept = covered(task, seeded("covered", seed)) if scale.few else None
    raw = {
        part: _drawn(task, part, count, seeded("combinations", part, seed), kept)
        for part, count in wanted.items()
    }
    mean, spread = raw["train"][1].mean(), raw["train"][1].std()
    return {part: Rows(_real(_centred(X)), _real((y[:, 0] - mean) / spread)) for part, (X, y) in raw.items()}


Table = tuple[NDArray[np.float64], NDArray[np.float64]]


def _drawn(
    task: Task, part: str, count: int, source: np.random.Generator, kept: NDArray[np.int64] | None
) -> Table:
    """Rows of a part; those for training and validation are of the ``kept`` sets, where there are any."""
    if kept is None or part not in ("train", "valid"):
        return task.rows(count, part, source)
    found: list[Table] = []
    while sum(len(X) for X, _ in found) < count:
        X, y = task.rows(count, part, source)
        inside = np.isin(set_numbers(X), kept)
        found.append((X[inside], y[inside]))
    X, y = (np.concatenate(side)[:count] for side in zip(*found, strict=True))
    return X, y


def covered(task: Task, source: np.random.Generator) -> NDArray[np.int64]:
    """A third of the shown sets in which every module occurs, as ``set_numbers``."""
    shown = np.unique(set_numbers(task.rows(TEST, "train", source)[0]))
    every = np.bitwise_or.reduce(shown)
    while True:
        kept = source.permutation(shown)[: math.ceil(SHARE * len(shown))]
        if np.bitwise_or.reduce(kept) == every:
            return kept


def set_numbers(X: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which modules a row has, as bits."""
    hot = X[:, INPUTS:] > 0
    return (hot << np.arange(hot.shape[1])).sum(1)


def _centred(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of modules brought from [0, 1] to [-1, 1]."""
    return np.concatenate([X[:, :INPUTS], 2 * X[:, INPUTS:] - 1], axis=1)


def run(trial: Trial) -> Outcome:
    """Trains on shown sets and judges."""
    if trial.condition not in SCALES:
        raise InputError(f"condition {trial.condition!r} is not known; choose one of: {', '.join(SCALES)}")
    scale = SCALES[trial.condition]
    data = rows_of(scale, trial.seed, trial.size)
    parameters = max(1500, round(scale.parameters * trial.size))
    module = stack(trial.arm, data["train"].X.shape[1], 1, LEVELS, parameters, trial.seed)
    return _judged(module, _train(module, data, trial), data, scale.judged)


def _train(module: Stack, data: dict[str, Rows], trial: Trial) -> Trained:
    train, order = data["train"], seeded("combination batches", trial.seed)

    def loss(step: int) -> Tensor:
        rows = torch.from_numpy(order.integers(len(train.y), size=BATCH))
        return (module(train.X[rows])[:, 0] - train.y[rows]).square().mean()

    return fit(module, trial, loss, lambda: relative(module, data["valid"]))


def _judged(module: Stack, trained: Trained, data: dict[str, Rows], judged: str) -> Outcome:
    error, chance = relative(module, data[judged]), relative(None, data[judged])
    held, seen = relative(module, data["held"]), relative(module, data["test"])
    good = trained.finite and math.isfinite(error)
    return Outcome(
        "done" if good else "diverged",
        error=error if good else chance,
        chance=chance,
        valid=trained.valid,
        numbers={
            "held_error": held,
            "seen_error": seen,
            "gap": math.log10(held / seen),
            "decodable": decodable(module, data["test"], data["held"]),
        },
        parameters=module.living(),
        in_slots=module.living(),
        seconds=trained.seconds,
        **spline_figures(module, lambda: module(data[judged].X), lambda net: relative(net, data[judged])),
    )


def relative(module: nn.Module | None, rows: Rows) -> float:
    """``error`` as the module's page defines it; that of predicting the training mean without a module."""
    with torch.no_grad():
        made = torch.zeros_like(rows.y) if module is None else module(rows.X)[:, 0]
    return float((made - rows.y).double().square().mean() / rows.y.double().var(correction=0)) ** 0.5


def decodable(module: Stack, shown: Rows, held: Rows) -> float:
    """Mean R^2 over modules, on held-out sets, of a linear probe of what enters the last layer for ``c``.

    The probe is fitted on shown sets. Below 0 it is worse than the mean of the held-out rows.
    """
    fitted, asked = (_before_last(module, rows.X) for rows in (shown, held))
    gram = fitted.T @ fitted + PROBE_RIDGE * len(fitted) * np.eye(fitted.shape[1])
    probe = np.linalg.solve(gram, fitted.T @ shown.X[:, INPUTS:].double().numpy())
    true = held.X[:, INPUTS:].double().numpy()
    missed = np.square(asked @ probe - true).mean(0)
    return float((1 - missed / true.var(0)).mean())


def _before_last(module: Stack, X: Tensor) -> NDArray[np.float64]:
    """What enters the last layer, and 1."""
    seen: list[Tensor] = []
    handle = module.layers[-1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with torch.no_grad():
            module(X)
    finally:
        handle.remove()
    nodes = seen[0].double().numpy()
    return np.concatenate([nodes, np.ones((len(nodes), 1))], axis=1)


def _real(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values).float()


HOST = Host(
    name="combinations",
    title="Combinations never seen (hyperteacher)",
    source="Redhardt et al., arXiv 2507.07207",
    headline="With more data, more of the combinations covered and larger models, unseen combinations are solved.",
    asks="Is a KAN's advantage on unseen combinations larger or smaller than on seen ones?",
    measured="root mean square error on unseen combinations (in 'seen', on seen ones) over the targets' deviation",
    conditions={
        "unseen": "3 of 10 modules, 16,384 rows of three quarters of the sets, 20,000 parameters; judged on the others",
        "seen": "the same training, judged on the sets that training showed",
        "few-rows": "an eighth of the rows",
        "many-rows": "eight times the rows",
        "few-sets": "as many rows of a third of the sets",
        "narrow": "a fifth of the parameters",
        "wide": "three times the parameters",
        "two": "2 of 10 modules, so that pairs are held out of which nothing is ever seen together",
    },
    headlines=(
        Contrast("more rows solve more unseen combinations", "many-rows", "few-rows"),
        Contrast("more covered sets do", "unseen", "few-sets"),
        Contrast("more parameters do", "wide", "narrow"),
    ),
    deep="unseen",
    shallow="seen",
    run=run,
    arms=ARMS,
    tuned_as={name: "unseen" for name in ("seen", "few-sets", "two")},
    numbers={
        "held_error": "error on unseen combinations",
        "seen_error": "error on combinations not held out, all of them seen but in few-sets",
        "gap": "log10 of held_error over seen_error",
        "decodable": "R^2 on unseen combinations of a linear probe for the modules' weights before the last layer",
    },
)
