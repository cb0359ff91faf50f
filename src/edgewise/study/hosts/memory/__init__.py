r"""Neural memory that learns at test time, without an outer loop (Titans: Behrouz et al., arXiv 2501.00663).

The memory is a network ``M``. Pairs of keys and values stream by once, in chunks; every chunk is one step of
``S = eta S - theta grad``, ``M = (1 - alpha) M + S`` on ``|M(k) - v|^2`` (``rule``); at the end the memory is asked for
values of keys it has seen.

**Kept**: the rule; a gradient for each chunk at the weights before it; memory depths 2 and 4 of one width (so a deeper
memory is a larger one, as in the paper) and the linear memory as the case of one layer. **Reduced**: no language model
around it and no outer loop. ``M_0`` is a random start instead of a learned one, and the gates are constants instead of
functions of the token: theta is the trial's rate, eta and alpha are chosen for every trial from ``ETAS x ALPHAS`` on
validation streams, which have other laws than the test streams. Gates may close (0 is in both grids), as the paper's
may, so the contrasts about momentum and decay are gains or nothing. Between layers, inputs are normed in all arms.

**Data**: ``streams``, generated; eight coordinates a key unless said. ``steps`` is the number of writes, of eight pairs
each, of long streams; short ones have an eighth of it. ``size`` scales the number of test streams, 16 at 1.

**Matching**: all arms have the parameters of the perceptron with ``WIDTH`` nodes a level, within 2 %.

**Error**: mean square of what is recalled less what was written, over all pairs of the stream, newest to oldest; where
the law changes, over the last context. Divided by the mean square of the values, so 1 is who knows nothing.

**Deep and shallow** are memories of four layers and of two on the same kind of stream: what is composed is the layers
through which a surprise has to travel. At equal time the faster memory takes in a longer stream under the same law.
Forgetting is read off ``low-d`` and ``high-d``, where keys wander from place to place under one law: splines are local
in a coordinate, but every key moves every coordinate, so in many coordinates all keys share all cells.
"""

import time
from dataclasses import dataclass, replace
from math import log10
from statistics import fmean

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.study.arms import Shape, Stack, build, kinds
from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.memory.rule import Rule, Weights, module_of, read, written
from edgewise.study.hosts.memory.streams import VALUES, Pairs, Stream, drawn
from edgewise.study.hosts.shares import spline_share, without_splines
from edgewise.study.hosts.slot import INTERVALS
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.layers import Dense
from edgewise.study.matching import count, matched

WIDTH = 48
ETAS, ALPHAS = (0.0, 0.5, 0.8, 0.9), (0.0, 0.001, 0.003, 0.01)
LINEAR_THETAS = (0.003, 0.01, 0.03, 0.1)
VALID, TEST = 4, 16
SHORTER = 8
_ARMS = {"kan": "kan-critical", "kan-noise": "kan-noise"}


@dataclass(frozen=True)
class Setting:
    """What a condition sets: the stream, the memory's layers, the grid of its rule."""

    stream: Stream
    layers: int = 2
    short: bool = False
    etas: tuple[float, ...] = ETAS
    alphas: tuple[float, ...] = ALPHAS

    def writes(self, steps: int) -> int:
        """Of the stream; ``steps`` where it is long."""
        return max(1, steps // SHORTER) if self.short else steps


_STEADY, _CHANGING = Setting(Stream(8)), Setting(Stream(8, changes=True))
SETTINGS = {
    "depth-2": _STEADY,
    "depth-4": replace(_STEADY, layers=4),
    "short": replace(_STEADY, short=True),
    "no-momentum": replace(_STEADY, etas=(0.0,)),
    "changing": _CHANGING,
    "changing-no-decay": replace(_CHANGING, alphas=(0.0,)),
    "low-d": Setting(Stream(2, wanders=True)),
    "high-d": Setting(Stream(32, wanders=True)),
}


def run(trial: Trial) -> Outcome:
    """Chooses eta and alpha on validation streams, then writes and asks the test streams once."""
    setting, started = SETTINGS[trial.condition], time.perf_counter()
    valid, test = (_pairs(trial, split) for split in ("valid", "test"))
    network = memory(trial.arm, setting, trial.seed)
    chosen, best = _chosen(network, setting, valid, Rule.grid((trial.rate,), setting.etas, setting.alphas))
    weights = written(network, test, chosen.each(len(test.keys)))
    recalled = _errors(network, weights, setting, test)
    parameters = network.living()
    common = {"chance": 1.0, "valid": best, "parameters": parameters, "in_slots": parameters}
    seconds = time.perf_counter() - started
    if not bool(recalled.isfinite().all()):
        message = "a memory of a test stream is not finite"
        return Outcome("diverged", message, error=1.0, seconds=seconds, **common)
    error = float(recalled.mean())
    numbers = _ages(recalled) | {"eta": round(float(chosen.eta), 6), "alpha": round(float(chosen.alpha), 6)}
    numbers |= _beside_linear(setting, valid, test, error)
    share, damage = _splines(network, weights, setting, test) if trial.arm in _ARMS else (None, None)
    return Outcome(
        "done",
        error=error,
        numbers=numbers,
        spline_share=share,
        spline_damage=damage,
        seconds=seconds,
        **common,
    )


def memory(arm: str, setting: Setting, seed: int) -> Stack:
    """The network of an arm as it is before the first write."""
    levels, key = setting.layers - 1, setting.stream.coordinates
    widths = (key, *[WIDTH] * levels, VALUES)
    wanted = count(kinds("mlp", levels), widths, INTERVALS)
    if arm == "mlp":
        return build(Shape("mlp", widths, INTERVALS, (0,) * (levels + 1)), "normed", seed)
    name = _ARMS.get(arm, arm)
    return build(matched(name, key, VALUES, levels, wanted, INTERVALS), "normed", seed)


def linear(key: int) -> Stack:
    """``M(k) = W k + b``, zero before the first write."""
    layer = Dense(key, VALUES, 0.0, nn.Identity(), torch.Generator())
    return Stack([layer], (1.0,), "normed")


def _pairs(trial: Trial, split: str) -> Pairs:
    setting = SETTINGS[trial.condition]
    streams = VALID if split == "valid" else max(2, round(TEST * trial.size))
    return drawn(
        setting.stream, streams, setting.writes(trial.steps), split, setting.stream, setting.short, trial.seed
    )


def _chosen(network: Stack, setting: Setting, valid: Pairs, grid: Rule) -> tuple[Rule, float]:
    """The rule of the grid that recalls best, and its error; one that is not finite is worse than any."""
    rules, streams = len(grid.theta), len(valid.keys)
    pairs = valid.repeated(rules)
    weights = written(network, pairs, grid.each(streams))
    errors = _errors(network, weights, setting, pairs).view(rules, -1).mean(-1)
    errors = errors.nan_to_num(nan=torch.inf, posinf=torch.inf)
    best = int(errors.argmin())
    return grid.one(best), float(errors[best])


def _errors(
    network: Stack, weights: Weights, setting: Setting, pairs: Pairs
) -> Float[Tensor, "streams pairs"]:
    """Of every pair asked for, oldest first, over the mean square of all values asked for."""
    keys, values = pairs.last(setting.stream.asked(pairs.keys.shape[1]))
    with torch.no_grad():
        return (read(network, weights, keys) - values).square().mean(-1) / values.square().mean()


def _ages(errors: Float[Tensor, "streams pairs"]) -> dict[str, float]:
    quarter = max(1, errors.shape[1] // 4)
    oldest, newest = float(errors[:, :quarter].mean()), float(errors[:, -quarter:].mean())
    return {"oldest": oldest, "newest": newest, "forgotten": log10(oldest / newest)}


def _beside_linear(setting: Setting, valid: Pairs, test: Pairs, error: float) -> dict[str, float]:
    """A linear memory under the same rule on the same streams, its theta chosen too."""
    network = linear(setting.stream.coordinates)
    grid = Rule.grid(LINEAR_THETAS, setting.etas, setting.alphas)
    chosen, _ = _chosen(network, setting, valid, grid)
    weights = written(network, test, chosen.each(len(test.keys)))
    found = float(_errors(network, weights, setting, test).mean())
    return {"linear_error": found, "over_linear": log10(found / error)}


def _splines(
    network: Stack, weights: Weights, setting: Setting, test: Pairs
) -> tuple[float | None, float | None]:
    """Share and damage, means over the test streams."""
    keys, values = test.last(setting.stream.asked(test.keys.shape[1]))
    shares, errors, bare_errors = [], [], []
    for stream, (key, value) in enumerate(zip(keys, values, strict=True)):
        module = module_of(network, weights, stream)
        shares.append(spline_share(module, lambda net=module, k=key: net(k)) or 0.0)
        errors.append(_error(module, key, value))
        bare_errors.append(_error(without_splines(module), key, value))
    return fmean(shares), log10(fmean(bare_errors) / fmean(errors))


def _error(module: nn.Module, keys: Tensor, values: Tensor) -> float:
    with torch.no_grad():
        return float((module(keys) - values).square().mean())


HOST = Host(
    name="memory",
    title="Neural memory at test time",
    source="Titans, arXiv 2501.00663",
    headline=(
        "a deep memory written by surprise with momentum and decay recalls more than a linear one, "
        "the more the longer the stream, and a deeper one more still"
    ),
    asks="does a memory of splines recall more, and does it forget less?",
    measured="mean square error of recall at the end of the stream, over that of knowing nothing",
    conditions={
        "depth-2": "a memory of two layers; a long stream under one law, keys all over",
        "depth-4": "the same with a memory of four layers of the same width",
        "short": "depth-2 on a stream of an eighth of the length",
        "no-momentum": "depth-2 with eta = 0",
        "changing": "depth-2, every context with a law of its own; the last one is asked for",
        "changing-no-decay": "changing with alpha = 0",
        "low-d": "depth-2, one law, keys of 2 coordinates that wander",
        "high-d": "depth-2, one law, keys of 32 coordinates that wander",
    },
    headlines=(
        Contrast("a deep memory recalls more than a linear one", "depth-2", None, "over_linear"),
        Contrast("the more the longer the stream", "depth-2", "short", "over_linear"),
        Contrast("a deeper memory recalls more", "depth-4", "depth-2"),
        Contrast("momentum helps", "depth-2", "no-momentum"),
        Contrast("decay helps where the law changes", "changing", "changing-no-decay"),
    ),
    deep="depth-4",
    shallow="depth-2",
    run=run,
    arms=("mlp", "learned", "kan", "kan-noise"),
    numbers={
        "oldest": "error of the oldest quarter of what is asked for",
        "newest": "error of the newest quarter",
        "forgotten": "log10 oldest / newest, in dex: what is lost with age",
        "linear_error": "error of a tuned linear memory on the same streams",
        "over_linear": "log10 linear_error / error, in dex",
        "eta": "momentum chosen on validation streams",
        "alpha": "decay chosen on validation streams",
    },
)

__all__ = ["HOST"]
