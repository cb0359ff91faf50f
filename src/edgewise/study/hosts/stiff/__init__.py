r"""Stiff neural differential equations: what is left of a gradient that went through an implicit scheme.

Source: Fronk & Petzold, *The vanishing gradient problem for stiff neural differential equations*, arXiv 2508.01519. The
scaling of the two equations follows Kim et al., *Stiff neural ordinary differential equations*, arXiv 2103.15341.

    v' = s N(Q v),     N the slot: a perceptron of two hidden levels, or two layers of splines

Kept: implicit Euler and the trapezoid on ``y' = -lam (y - cos t)``, their derivatives with respect to the rate beside
the exact one (``schemes``), and a neural right-hand side for van der Pol's oscillator with ``mu`` from 1 to 50.
Reduced: training matches the integral over segments of the data (``learned``) instead of running a solver over whole
trajectories, which is minutes a run; ``mu-20-solved`` trains through one implicit step from the data. The decay of
the derivative is measured by solving the schemes with the trained network. The derivative of the exact solution
vanishes too, in a transient even exponentially: the schemes do not lose what could have been had.

Data: SciPy's LSODA, see ``oscillator``. In these coordinates the equation is a sum of functions of one variable, which
a single layer of splines can hold; so the network gets the state turned by an angle between 20 and 70 degrees, but in
``mu-20-straight``. ``size`` multiplies the trajectories.

``error`` is the relative root mean square error of eight trajectories over one period from other starts. Why ``deep``
is ``mu-20`` and ``shallow`` is ``mu-20-straight``: same equation, same data; turned, functions of one variable have to
be composed with mixes of the two coordinates, straight, they only have to be fitted.
"""

import math

import numpy as np
import torch
from torch import Tensor

from edgewise.errors import InputError
from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.loop import Trained, fit
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.stacks import ARMS, living, stack
from edgewise.study.hosts.stiff.learned import Batches, Learned, fast_decay, trajectory_error
from edgewise.study.hosts.stiff.oscillator import Array, rounds, segments
from edgewise.study.hosts.stiff.schemes import exact, gradient, slope
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import seeded

LEVELS, PARAMETERS, BATCH = 2, 1500, 256
TRAIN, VALID, TEST, TIMES = 40, 8, 8, 200
CONDITIONS = {  # mu, turned, through the solver
    "mu-1": (1.0, True, False),
    "mu-5": (5.0, True, False),
    "mu-20": (20.0, True, False),
    "mu-50": (50.0, True, False),
    "mu-20-straight": (20.0, False, False),
    "mu-20-solved": (20.0, True, True),
}
RATES, STEP, COUNT = np.geomspace(1e5, 1e7, 5), 0.1, 20


def run(trial: Trial) -> Outcome:
    """Trains a right-hand side and drives it over one period."""
    if trial.condition not in CONDITIONS:
        raise InputError(
            f"condition {trial.condition!r} is not known; choose one of: {', '.join(CONDITIONS)}"
        )
    mu, turned, through = CONDITIONS[trial.condition]
    train, valid = (
        segments(mu, seeded("stiff", part, mu, trial.seed), _scaled(count, trial))
        for part, count in (("train", TRAIN), ("valid", VALID))
    )
    angle = seeded("angle", trial.seed).uniform(np.pi / 9, 7 * np.pi / 18) if turned else 0.0
    module = Learned(stack(trial.arm, 2, 2, LEVELS, PARAMETERS, trial.seed), train, angle)
    trained = _train(module, Batches(train), Batches(valid), trial, through)
    return _judged(module, trained, trial, mu, Batches(valid))


def _scaled(count: int, trial: Trial) -> int:
    return max(2, round(count * trial.size))


def _train(module: Learned, train: Batches, valid: Batches, trial: Trial, through: bool) -> Trained:
    order = seeded("segments", trial.seed)

    def square(rows: Tensor | slice, part: Batches) -> Tensor:
        missed = part.solved(module, rows) if through else part.missed(module, rows)
        return missed.square().mean()

    def loss(step: int) -> Tensor:
        return square(torch.from_numpy(order.integers(len(train), size=BATCH)), train)

    def judge() -> float:
        with torch.no_grad():
            return float(square(slice(None), valid))

    return fit(module, trial, loss, judge)


def _judged(module: Learned, trained: Trained, trial: Trial, mu: float, valid: Batches) -> Outcome:
    source = seeded("stiff", "test", mu, trial.seed)
    times, truth = rounds(mu, source, _scaled(TEST, trial), TIMES)
    error, chance = trajectory_error(module, times, truth), _ignorant(truth)
    good = trained.finite and math.isfinite(error)
    return Outcome(
        "done" if good else "diverged",
        error=error if good else chance,
        chance=chance,
        valid=trained.valid,
        numbers=_linear_slopes(trial.seed) | _excess(module) | {"missed": trained.valid**0.5},
        parameters=living(module),
        in_slots=living(module),
        seconds=trained.seconds,
        **spline_figures(
            module, lambda: module(valid.nodes), lambda net: trajectory_error(net, times, truth)
        ),
    )


def _ignorant(truth: Array) -> float:
    """The error of who stays at the mean state."""
    return float(np.square(truth - truth.mean((0, 1))).sum() / np.square(truth).sum()) ** 0.5


def _excess(module: Learned) -> dict[str, float]:
    """By how much the learned fast rate's derivatives fall faster than ``1 / |z|``."""
    return {f"{scheme}_excess": found - 1 for scheme, found in fast_decay(module).items()}


def _linear_slopes(seed: int) -> dict[str, float]:
    """Slopes of ``log |dL/dlam|`` over ``log lam`` on ``y' = -lam (y - cos t)``, data of a slow rate."""
    source = seeded("linear", seed)
    start, slow = source.uniform(1.5, 2.5), torch.tensor(source.uniform(0.5, 2.0), dtype=torch.float64)
    data = exact(slow, start, STEP, COUNT)
    return {
        f"{scheme}_slope": slope(
            RATES, np.array([gradient(scheme, rate, start, data, STEP) for rate in RATES])
        )
        for scheme in ("euler", "trapezoid", "exact")
    }


HOST = Host(
    name="stiff",
    title="Stiff neural differential equations",
    source="Fronk & Petzold, arXiv 2508.01519",
    headline="Through every implicit scheme the gradient of a fast rate vanishes, at least like 1 / |z|.",
    asks="Does a KAN's right-hand side follow a stiff oscillator better, and if so because functions are fitted?",
    measured="relative root mean square error of trajectories over one period from new starts",
    conditions={
        "mu-1": "van der Pol, mu = 1, turned state",
        "mu-5": "mu = 5",
        "mu-20": "mu = 20",
        "mu-50": "mu = 50",
        "mu-20-straight": "mu = 20, state not turned: the right-hand side is a sum of functions of one variable",
        "mu-20-solved": "mu = 20, trained through one step of the implicit trapezoid",
    },
    headlines=(
        Contrast("through implicit Euler it falls faster than 1 / |z|", "mu-20", None, "euler_excess"),
        Contrast("through the trapezoid it falls faster than 1 / |z|", "mu-20", None, "trapezoid_excess"),
        Contrast("training through the solver is worse than matching integrals", "mu-20", "mu-20-solved"),
    ),
    deep="mu-20",
    shallow="mu-20-straight",
    run=run,
    arms=ARMS,
    tuned_as={"mu-20-straight": "mu-20"},
    numbers={
        "euler_excess": "exponent of the decay of dv/dz through implicit Euler with the trained network, less 1",
        "trapezoid_excess": "the same through the trapezoid",
        "euler_slope": "slope of log |dL/dlam| over log lam through implicit Euler on y' = -lam (y - cos t)",
        "trapezoid_slope": "the same through the trapezoid",
        "exact_slope": "the same of the exact solution",
        "missed": "root mean square of the loss on validation segments",
    },
)
