r"""Looped transformers: one block that learns in context (Yang et al., arXiv 2311.12424; Gatmiry et al., 2410.08292).

A prompt shows points of a function, the model predicts it at queries; every prompt has another function, so the model
has to learn a way of learning. One block is looped 12 times, ``z <- f(z + e)``: the tokens ``e`` are put in again each
time.

**Kept**: loops and injection, ``z_0 = 0``; the loss is the mean over the last ``KEPT`` loops, and gradients go back
through these alone; softmax attention in heads, the norm at the end of a loop; noisy linear regression, 5 coordinates.
**Reduced**: width 32 for 256; 16 points for 41, all seen by every query, where the paper has a causal sequence of
points with one prediction each; so there is no curriculum and there are no positions. Sums of functions of 2
coordinates, and a function of such a sum, are the second family (``prompts``).

**Data**: generated, fresh in every step and the same for all arms. ``size`` scales the prompts of a batch, 32 at 1, and
those that validate and test.

**Error**: mean square at the queries of ``TEST`` prompts, over that of the function; 1 is who knows nothing. The
yardstick is ridge regression with the true features and the true noise, which nobody can beat on linear and additive
prompts: ``near_ridge`` is above 0 where the error is below twice ridge regression's.

**Deep and shallow** are the same block looped 12 times and applied once, on linear prompts. ``stack`` has the compute
of a loop and twelve times its blocks. On additive prompts a sum of functions of a coordinate is all there is to find,
on composed ones it is not: a KAN whose advantage is that of a fitting prior should lose some of it there. On composed
prompts ridge regression on a sum's features is no yardstick but says how far a sum gets.
"""

from math import log10

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.loop import fit
from edgewise.study.hosts.looped.model import Looped, Stacked
from edgewise.study.hosts.looped.prompts import COORDINATES, Prompts, drawn, least_squares
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import seeded

LOOPS, KEPT = 12, 5
BATCH, VALID, TEST = 32, 256, 512
NEAR = 2.0  # times ridge regression's error
FAMILY = {
    "loop": "linear",
    "once": "linear",
    "stack": "linear",
    "additive": "additive",
    "composed": "composed",
}


def run(trial: Trial) -> Outcome:
    """Trains on fresh prompts, then asks the test prompts once after 12 loops and once after 24."""
    family, module = FAMILY[trial.condition], model(trial)
    batch, valids, tests = (max(2, round(count * trial.size)) for count in (BATCH, VALID, TEST))
    valid, test = drawn(family, valids, trial.seed, "valid"), drawn(family, tests, trial.seed, "test")

    def loss(step: int) -> Tensor:
        prompts = drawn(family, batch, trial.seed, "train", step)
        return (module(prompts.tokens(), kept=KEPT) - prompts.asked).square().mean()

    trained = fit(module, trial, loss, lambda: error(module, valid))
    parameters = sum(p.numel() for p in module.parameters())
    in_slots = sum(p.numel() for slot in module.slots() for p in slot.parameters())
    common = {"chance": 1.0, "valid": trained.valid, "parameters": parameters, "in_slots": in_slots}
    if not trained.finite:
        message = "loss or gradient is not finite"
        return Outcome("diverged", message, error=1.0, seconds=trained.seconds, **common)
    found = error(module, test)
    return Outcome(
        "done",
        error=found,
        numbers=_numbers(family, module, test, found),
        **spline_figures(module, lambda: module(test.tokens()), lambda net: error(net, test)),
        seconds=trained.seconds,
        **common,
    )


def model(trial: Trial) -> Looped | Stacked:
    """Fresh, from the seed of the trial."""
    generator = torch.Generator().manual_seed(int(seeded("looped", "weights", trial.seed).integers(2**62)))
    entries = COORDINATES[FAMILY[trial.condition]] + 1
    if trial.condition == "stack":
        return Stacked(trial.arm, entries, LOOPS, generator)
    return Looped(trial.arm, entries, 1 if trial.condition == "once" else LOOPS, generator)


def error(module: nn.Module, prompts: Prompts, loops: int | None = None) -> float:
    """After so many loops, those of training unless given, over the mean square of what is asked."""
    with torch.no_grad():
        predicted: Float[Tensor, "1 prompts queries"] = module(prompts.tokens(), loops)
    return float((predicted - prompts.asked).square().mean() / prompts.asked.square().mean())


def _numbers(family: str, module: Looped | Stacked, test: Prompts, found: float) -> dict[str, float]:
    scale = float(test.asked.square().mean())
    ridge, plain = (least_squares(family, test, ridge=ridge) / scale for ridge in (True, False))
    numbers = {"ridge": ridge, "least_squares": plain, "near_ridge": log10(NEAR * ridge / found)}
    if isinstance(module, Looped):
        numbers["twice"] = error(module, test, 2 * module.loops)
    return numbers


HOST = Host(
    name="looped",
    title="Looped transformer",
    source="Yang et al., arXiv 2311.12424",
    headline="one block, looped, approaches ridge regression in context, and one pass of it does not",
    asks="does a KAN in the looped block learn in context any better, and more so where the functions are sums?",
    measured="mean square error at the queries over the mean square of the function",
    conditions={
        "loop": "one block looped 12 times, linear prompts",
        "once": "the same block applied once",
        "stack": "12 blocks, each applied once: the loop's compute",
        "additive": "loop, with prompts sum g_i(x_i)",
        "composed": "loop, with prompts g(sum h_i(x_i))",
    },
    headlines=(
        Contrast("looping a block beats applying it once", "loop", "once"),
        Contrast("it comes within twice the error of ridge regression", "loop", None, "near_ridge"),
    ),
    deep="loop",
    shallow="once",
    run=run,
    arms=("mlp", "mlp-gelu", "learned", "rational", "kan", "kan-noise"),
    tuned_as={"composed": "additive"},
    numbers={
        "ridge": "error of ridge regression with the true features and noise",
        "least_squares": "error of ordinary least squares with the true features",
        "near_ridge": "log10 of twice ridge regression's error over the model's, in dex",
        "twice": "error after twice the loops of training, where there are loops",
    },
)

__all__ = ["HOST"]
