r"""Modular subnetworks: does a network that learned a conjunction hold its two subroutines in parts of their own?

Source: Lepori, Serre & Pavlick, *Break It Down: Evidence for Structural Compositionality in Neural Networks*, arXiv
2301.10884 (NeurIPS 2023). A network learns ``y = a and b``; its weights are frozen; for each subroutine a binary mask
over them is learned by which the rest computes that subroutine alone. Then the mask is inverted: a module that was
taken away takes its own subroutine with it and leaves the other. Figures: ``asymmetry``; masks: ``sparsification``;
rows: ``conjunction``.

**Kept**: the base task with all three ways to fail, masks by continuous sparsification with the published temperature
and penalty, subnetwork and ablation tested on both subroutines, networks of random weights and masks of equal size
drawn from the complement as controls, figures below chance raised to it. **Reduced**: ten numbers in place of pictures
and sentences, one output in place of an odd one out among four (so right answers became the area under the ROC curve,
which like theirs has no threshold that a mask could upset), networks of 6,000 parameters and 2 to 8 hidden levels,
one mask a subroutine and network, one rate and start of the scores for all arms.

**Error**: the odds of a wrong label of the *whole* trained network, on balanced test rows. How modular it is says
``numbers``. Untrained networks know nothing and have odds near 1; their rows serve the contrasts. What is composed
here is subroutines through levels, so an advantage is compared between eight and two hidden levels of equal size.

**Arms** are whole networks of ``edgewise.study.arms``, normed and residual. A perceptron is masked weight by weight, a
KAN edge by edge, for the edge is what it calls its unit; ``kan-weights`` is the same KAN masked coefficient by
coefficient, which tells the network's part in a difference from the unit's.

**Contrasts** say: at four levels, taking a subroutine's part away hurts it more than the other; more than in random
networks; more than taking as many other units away; and the last, that a mask alone proves nothing, since it finds the
subroutines in random weights too.

``size`` scales parameters and training rows; ``steps`` is the training of the network, and each mask takes half of it.
Tuning, which only asks for the validation loss, finds no masks.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewise.errors import InputError
from edgewise.study.arms import Stack, build
from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.loop import Trained, fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.subnetworks.asymmetry import NOTHING, figures
from edgewise.study.hosts.subnetworks.conjunction import INPUTS, Rows, balanced, uniform
from edgewise.study.hosts.subnetworks.sparsification import Error, Forward, subnetwork, units
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.matching import matched
from edgewise.study.tasks import seeded

PARAMETERS, INTERVALS = 6000, 5
TRAIN, VALID, TEST = 8192, 2048, 8192
BATCH = 128
FORM = "residual"
ARMS = {
    "mlp": "mlp",
    "learned": "learned",
    "kan": "kan-critical",
    "kan-noise": "kan-noise",
    "kan-weights": "kan-critical",
}
DEPTHS = (2, 4, 8)
NUMBERS = {
    "accuracy": "of the whole network's labels, on balanced test rows",
    "subnet_own": "R of the subroutine a subnetwork was found for",
    "subnet_other": "R of the other subroutine in it",
    "ablated_own": "R of that subroutine in the network without the subnetwork",
    "ablated_other": "R of the other one there",
    "subnet_difference": "subnet_own - subnet_other; _a and _b: of one subroutine's subnetwork",
    "ablation_difference": "ablated_other - ablated_own; above 0 where the sign flips; _a and _b likewise",
    "control_difference": "the same without as many random units of the complement",
    "beyond_control": "ablation_difference - control_difference",
    "kept": "share of the units in a subnetwork",
    "overlap": "intersection over union of the two subnetworks",
    "whole_a": "R of the first subroutine in the whole network; whole_b: of the second",
    "units": "that can be masked",
}


def run(trial: Trial) -> Outcome:
    """Trains the network (unless it stays random), finds both subnetworks, and takes them away."""
    state, depth = trial.condition.split("-")
    network = drawn(trial, int(depth))
    loss, valid = _learning(network, trial)
    trained = fit(network, trial, loss, valid) if state == "trained" else Trained(valid(), 0.0, True)
    test = balanced(TEST, seeded("subnetworks", "test", trial.seed))
    error = odds(network, test)
    if not (trained.finite and np.isfinite(trained.valid)):
        return Outcome("diverged", error=1.0, chance=1.0, numbers=dict(NOTHING), seconds=trained.seconds)
    found = modularity(network, trial) if trial.stage == "main" else {}
    return Outcome(
        "done",
        error=error,
        chance=1.0,
        valid=trained.valid,
        numbers={"accuracy": 1 / (1 + error), **found},
        parameters=network.living(),
        in_slots=network.living(),
        seconds=trained.seconds,
        **spline_figures(network, lambda: network(test.X), lambda net: odds(net, test)),
    )


def drawn(trial: Trial, depth: int) -> Stack:
    """The untrained network of an arm; all arms and depths have the same number of parameters."""
    if trial.arm not in ARMS:
        raise InputError(f"arm {trial.arm!r} is not known; choose one of: {', '.join(ARMS)}")
    shape = matched(ARMS[trial.arm], INPUTS, 1, depth, round(PARAMETERS * trial.size), INTERVALS)
    return build(shape, FORM, trial.seed)


def odds(network: nn.Module, rows: Rows) -> float:
    """Of a wrong label, half a row added to either side."""
    with torch.no_grad():
        wrong = int(((network(rows.X)[:, 0] > 0) != rows.label).sum())
    return (wrong + 0.5) / (len(rows.X) - wrong + 0.5)


def modularity(network: Stack, trial: Trial) -> dict[str, float]:
    """Freezes the network, finds a subnetwork for each subroutine and tells the figures of ``asymmetry``."""
    network.requires_grad_(False)
    live = units(network, by_edge=trial.arm != "kan-weights")
    rows = uniform(_count(trial), seeded("subnetworks", "masks", trial.seed))
    steps = max(1, trial.steps // 2)
    batches = _batches("masks", len(rows.X), steps, trial.seed)
    found = {
        "a": subnetwork(network, live, _error(rows.X, rows.a, batches), steps),
        "b": subnetwork(network, live, _error(rows.X, rows.b, batches), steps),
    }
    rng = seeded("subnetworks", "controls", trial.seed)
    test = uniform(TEST, seeded("subnetworks", "subroutines", trial.seed))
    return figures(network, live, found, test, rng)


def _learning(network: Stack, trial: Trial) -> tuple[Callable[[int], Tensor], Callable[[], float]]:
    """Loss of a step's batch and the loss on validation rows."""
    rows = balanced(_count(trial), seeded("subnetworks", "train", trial.seed))
    held = balanced(VALID, seeded("subnetworks", "valid", trial.seed))
    error = _error(rows.X, rows.label, _batches("train", len(rows.X), trial.steps, trial.seed))

    def valid() -> float:
        with torch.no_grad():
            return float(_entropy(network(held.X), held.label))

    return lambda step: error(network, step), valid


def _error(X: Tensor, holds: Tensor, batches: Tensor) -> Error:
    def error(forward: Forward, step: int) -> Tensor:
        rows = batches[step]
        return _entropy(forward(X[rows]), holds[rows])

    return error


def _entropy(output: Tensor, holds: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(output[:, 0], holds.float())


def _batches(purpose: str, count: int, steps: int, seed: int) -> Tensor:
    rng = seeded("subnetworks", "batches", purpose, seed)
    return torch.from_numpy(rng.integers(0, count, (steps, BATCH)))


def _count(trial: Trial) -> int:
    return max(BATCH, round(TRAIN * trial.size))


HOST = Host(
    name="subnetworks",
    title="Modular subnetworks",
    source="Lepori, Serre & Pavlick, Break It Down, arXiv 2301.10884 (NeurIPS 2023)",
    headline="Networks that learned a conjunction hold its subroutines in parts that can be taken away one by one; "
    "networks of random weights do not, though masks find the subroutines in them too.",
    asks="Is a KAN, masked edge by edge, more modular than a perceptron masked weight by weight?",
    measured="odds of a wrong label of the whole network",
    conditions={
        **{f"trained-{depth}": f"trained, {depth} hidden levels" for depth in DEPTHS},
        **{f"random-{depth}": f"random weights, {depth} hidden levels" for depth in DEPTHS},
    },
    headlines=(
        Contrast(
            "taking a module away hurts its own subroutine more", "trained-4", None, "ablation_difference"
        ),
        Contrast("and more so than in random networks", "trained-4", "random-4", "ablation_difference"),
        Contrast("and more than taking as many others away", "trained-4", None, "beyond_control"),
        Contrast("a mask alone finds them in random weights too", "random-4", None, "subnet_difference"),
    ),
    deep="trained-8",
    shallow="trained-2",
    run=run,
    arms=tuple(ARMS),
    tuned_as={f"random-{depth}": f"trained-{depth}" for depth in DEPTHS},
    numbers=NUMBERS,
)
