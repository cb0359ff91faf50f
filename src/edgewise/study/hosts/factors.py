r"""Features needed: how many of a network's own parts answer to one factor, and does it take an autoencoder to see it?

Sources: Cunningham et al., *Sparse autoencoders find highly interpretable features in language models*, arXiv
2309.08600, and Bricken et al., *Towards monosemanticity* (2023): nodes of a perceptron answer to several factors each,
latents of a sparse autoencoder trained on the same nodes to fewer. A language model's factors are not known; ours are:

    z_j = p_j q_j,    y = z M,    j = 1 ... 16,  two pairs (p_j, q_j) at a time uniform in [0, 1]^2, the others 0

with 32 inputs, a random ``M`` of 8 outputs and one hidden level of the slot's network. The networks have equal
parameters, so a perceptron has some 140 nodes and a KAN 16. Units are a network's hidden nodes (after the function of
nodes, where it has one), the latents of a linear TopK autoencoder on them (``edgewise.study.hosts.dictionary``; 32
latents, four active: two for each active pair), and a KAN's first edges. How many factors a unit answers to and how
many units a factor takes is counted as in ``edgewise.study.hosts.dictionary.counting``; both counts are 1 where every
unit is one factor.

In the condition ``aligned`` every input belongs to one factor, and so does every first edge of a KAN by construction;
in ``mixed`` the inputs are rotated at random, which a perceptron hardly notices and functions of single inputs do. That
rotation has to be undone before anything else: it is the deeper task.

**Kept**: the question, and the autoencoder. **Reduced**: a network of one hidden level on a task with independent
factors, some of which are 0 at a time, so that "answers to" is a correlation and no matter of judgement.

**Error**: unexplained share of the variance of test targets. **Contrasts** say: latents answer to fewer factors than
nodes do, and a factor takes fewer of them. ``size`` scales rows and the parameters of the networks.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.errors import InputError
from edgewise.layer import KANLayer
from edgewise.study.arms import Stack, build
from edgewise.study.hosts.dictionary.autoencoder import Autoencoder
from edgewise.study.hosts.dictionary.counting import factors_per_unit, units_per_factor
from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.loop import Recipe, fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.layers import Dense
from edgewise.study.matching import matched
from edgewise.study.tasks import seeded
from edgewise.study.tasks.task import Array

FACTORS, OUTPUTS, ACTIVE = 16, 8, 2
INPUTS = 2 * FACTORS
PARAMETERS, INTERVALS = 5760, 5
LATENTS, LATENTS_ACTIVE, LATENTS_RATE = 32, 4, 0.003
_PARTS = {"train": 16384, "valid": 2048, "test": 8192}
BATCH = 256
ARMS = {"mlp": "mlp", "learned": "learned", "kan": "kan-critical", "kan-noise": "kan-noise"}
NOTHING = {"sorted_out": 0.0, "spared": 0.0}
NUMBERS = {
    "nodes": "hidden nodes",
    "factors_per_node": "of the network's own nodes; see the module",
    "nodes_per_factor": "likewise",
    "factors_per_latent": "of an autoencoder's latents on these nodes",
    "latents_per_factor": "likewise",
    "factors_per_edge": "of a KAN's first edges",
    "edges_per_factor": "likewise",
    "sorted_out": "factors_per_node - factors_per_latent",
    "spared": "nodes_per_factor - latents_per_factor",
    "latents_error": "unexplained share of the nodes' variance",
}


class Pairs(NamedTuple):
    """Inputs ``X (n, 32)``, factors ``z (n, 16)`` and targets ``y (n, 8)``."""

    X: Float[Tensor, "n inputs"]
    z: Float[Tensor, "n factors"]
    y: Float[Tensor, "n outputs"]


def run(trial: Trial) -> Outcome:
    """Trains a network, then an autoencoder on its nodes, and counts."""
    train, valid, test = (rows(trial, part) for part in _PARTS)
    network = drawn(trial)
    trained = fit(network, trial, _loss(network, train, trial), lambda: unexplained(network, valid))
    error = unexplained(network, test)
    if not (trained.finite and np.isfinite(error)):
        return Outcome("diverged", error=1.0, chance=1.0, numbers=dict(NOTHING), seconds=trained.seconds)
    return Outcome(
        "done",
        error=error,
        chance=1.0,
        valid=trained.valid,
        numbers=counted(network, train, test, trial) if trial.stage == "main" else {},
        parameters=network.living(),
        in_slots=network.living(),
        seconds=trained.seconds,
        **spline_figures(network, lambda: network(test.X), lambda net: unexplained(net, test)),
    )


def rows(trial: Trial, part: str) -> Pairs:
    """Rows of a part, the same for all arms."""
    rng = seeded("factors", part, trial.seed)
    count = max(BATCH, round(_PARTS[part] * trial.size))
    chosen = rng.random((count, FACTORS)).argpartition(ACTIVE - 1, axis=1)[:, :ACTIVE]
    active = np.zeros((count, FACTORS, 1))
    np.put_along_axis(active[:, :, 0], chosen, 1.0, axis=1)
    pairs = active * rng.random((count, FACTORS, 2))
    z = pairs.prod(axis=2)
    share = ACTIVE / FACTORS
    middle, spread = share / 4, (share / 9 - share**2 / 16) ** 0.5
    y = (z - middle) @ mixing(trial.seed) / spread
    X = pairs.reshape(count, INPUTS)
    if trial.condition == "mixed":
        X = X @ rotation(trial.seed)
    return Pairs(*(torch.from_numpy(part.astype(np.float32)) for part in (X, z, y)))


def mixing(seed: int) -> Array:
    """``M (16, 8)``, columns of norm 1."""
    drawn = seeded("factors", "mixing", seed).normal(size=(FACTORS, OUTPUTS))
    return drawn / np.linalg.norm(drawn, axis=0)


def rotation(seed: int) -> Array:
    """A random orthogonal matrix of the inputs."""
    return np.linalg.qr(seeded("factors", "rotation", seed).normal(size=(INPUTS, INPUTS)))[0]


def drawn(trial: Trial) -> Stack:
    """The untrained network: one hidden level, the same number of parameters for all arms."""
    if trial.arm not in ARMS:
        raise InputError(f"arm {trial.arm!r} is not known; choose one of: {', '.join(ARMS)}")
    shape = matched(ARMS[trial.arm], INPUTS, OUTPUTS, 1, round(PARAMETERS * trial.size), INTERVALS)
    return build(shape, "plain", trial.seed)


def unexplained(network: Stack, of: Pairs) -> float:
    """``sum |y - f|^2 / sum |y|^2``."""
    with torch.no_grad():
        return float((network(of.X) - of.y).square().mean() / of.y.square().mean())


def nodes(network: Stack, X: Float[Tensor, "n inputs"]) -> Float[Tensor, "n nodes"]:
    """The hidden level, after the functions of nodes where the network has such."""
    first, last = network.layers
    with torch.no_grad():
        return last.nodes(first(X)) if isinstance(last, Dense) else first(X)


def counted(network: Stack, train: Pairs, test: Pairs, trial: Trial) -> dict[str, float]:
    """All figures of the units of a trained network."""
    seen, shown = nodes(network, train.X), nodes(network, test.X)
    middle, scale = seen.mean(0), seen.var(0).mean().clamp(min=1e-12) ** -0.5
    model = latents((seen - middle) * scale, trial)
    with torch.no_grad():
        scaled = (shown - middle) * scale
        code, left = model.code(scaled), scaled - model(scaled)
    z = test.z.double().numpy()
    numbers = {
        "nodes": float(shown.shape[1]),
        **_named("node", shown, z),
        **_named("latent", code, z),
        "latents_error": float(left.square().mean() / scaled.square().mean()),
    }
    first = network.layers[0]
    if isinstance(first, KANLayer):
        with torch.no_grad():
            numbers |= _named("edge", first.curves(test.X).flatten(1), z)
    return numbers | {
        "sorted_out": numbers["factors_per_node"] - numbers["factors_per_latent"],
        "spared": numbers["nodes_per_factor"] - numbers["latents_per_factor"],
    }


def latents(seen: Float[Tensor, "n nodes"], trial: Trial) -> Autoencoder:
    """A linear TopK autoencoder on nodes, trained as long as the network."""
    seed = int(seeded("factors", "latents", trial.seed).integers(2**62))
    model = Autoencoder("linear", seen.shape[1], LATENTS, LATENTS_ACTIVE, seed)
    model.directions.register_hook(model.along)
    batches = _batches("latents", len(seen), trial)
    fit(
        model,
        replace(trial, rate=LATENTS_RATE),
        lambda step: model.loss(seen[batches[step]], max(1, trial.steps // 20)),
        lambda: _left(model, seen),
        Recipe(decay=0.0, betas=(0.9, 0.999)),
        after_step=lambda _: model.rescale(),
    )
    return model


def _named(unit: str, values: Tensor, z: Array) -> dict[str, float]:
    table = values.double().numpy()
    return {
        f"factors_per_{unit}": factors_per_unit(table, z),
        f"{unit}s_per_factor": units_per_factor(table, z),
    }


def _left(model: Autoencoder, seen: Tensor) -> float:
    with torch.no_grad():
        return float((model(seen) - seen).square().mean())


def _loss(network: Stack, train: Pairs, trial: Trial) -> Callable[[int], Tensor]:
    batches = _batches("train", len(train.X), trial)
    return lambda step: (network(train.X[batches[step]]) - train.y[batches[step]]).square().mean()


def _batches(purpose: str, count: int, trial: Trial) -> Tensor:
    rng = seeded("factors", "batches", purpose, trial.seed)
    return torch.from_numpy(rng.integers(0, count, (trial.steps, BATCH)))


HOST = Host(
    name="factors",
    title="Features needed",
    source="Cunningham et al., Sparse autoencoders find highly interpretable features, arXiv 2309.08600",
    headline="Latents of a sparse autoencoder answer to fewer factors than the nodes it was trained on.",
    asks="Do a KAN's own nodes and edges answer to single factors without one?",
    measured="unexplained share of the variance of test targets",
    conditions={"aligned": "every input belongs to one factor", "mixed": "inputs rotated at random"},
    headlines=(
        Contrast("latents answer to fewer factors than nodes", "aligned", None, "sorted_out"),
        Contrast("a factor takes fewer latents than nodes", "aligned", None, "spared"),
    ),
    deep="mixed",
    shallow="aligned",
    run=run,
    arms=tuple(ARMS),
    numbers=NUMBERS,
)
