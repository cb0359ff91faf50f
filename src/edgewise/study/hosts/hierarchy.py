r"""Hierarchical reasoning: a slow and a fast net, trained by the gradient of their last calls alone.

Source: Wang et al., *Hierarchical Reasoning Model*, arXiv 2506.21734; the figures that set it against full gradients
are those of arXiv 2510.04871 (see ``edgewise.study.hosts.recursion``). The fast net improves a latent state ``z``, the
slow one the state ``y`` that is read out, see ``edgewise.study.hosts.recursive``:

    z <- fast(z + y + x)  n times,     y <- slow(y + z);     T such cycles a step

HRM takes the gradient of the last ``z <- fast`` and the last ``y <- slow`` for that of the whole, as it would be at a
fixed point (the *one-step gradient*); TRM goes back through the whole last cycle, which there has seven calls.
Published on Sudoku-Extreme: TRM 87.4 % of grids, with the one-step gradient 56.5 %, with two nets 82.4 %; HRM 55.0 %.

Kept: two nets, the one-step gradient, deep supervision with a state carried without its gradient. Reduced: as in
``recursion``, and further two blocks a net instead of four, the mixer in place of attention, and a halting head that
learns only whether all is right instead of one that learns the worth of going on.

All conditions have the same two nets, so that they differ in nothing but what is told. ``full`` makes the calls of
``hierarchy`` and goes back through all six of a step, since the last cycle alone is one call more than HRM's two; TRM's
single net is in the host ``recursion``, on the same data. ``deeper`` has three fast and three slow nets in turn, the
compute of ``full`` and three times its parameters (``hierarchy`` takes little more than half of that compute); ``once``
has each net once.

The arms ``kan-slow`` and ``kan-fast`` have the KAN in one of the nets and the MLP in the other. ``deep`` and
``shallow`` are ``hierarchy`` and ``once``: the same two nets, composed with themselves or not.
"""

from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.recursive import Model, Recursion, Recursive, Shape, Stack
from edgewise.study.hosts.solving import NUMBERS, Weights, solve
from edgewise.study.hosts.trial import Outcome, Trial

LOOPS = {
    "hierarchy": Recursion(inner=2, cycles=2, gradient="call"),
    "full": Recursion(inner=2, cycles=2, gradient="step"),
}
STACKED = {"once": 1, "deeper": 3}
HALVES = {"kan-slow": ("mlp", "kan"), "kan-fast": ("kan", "mlp")}


def run(trial: Trial) -> Outcome:
    """Trains the model of the trial's condition."""
    return solve(trial, lambda weights, shape: model(trial.arm, trial.condition, weights, shape))


def model(arm: str, condition: str, weights: Weights, shape: Shape) -> Model:
    """A fast and a slow net that call each other, or pairs of them in a row."""
    pair = HALVES.get(arm, (arm, arm))
    reader = weights.reader(shape)
    if condition in LOOPS:
        plan = LOOPS[condition]
        fast, slow = (weights.net(half, shape, plan.calls) for half in pair)
        return Recursive(reader, fast, slow, plan)
    row = pair * STACKED[condition]
    return Stack(reader, [weights.net(half, shape, len(row)) for half in row])


HOST = Host(
    name="hierarchy",
    title="Hierarchical reasoning (HRM)",
    source="Wang et al., arXiv 2506.21734",
    headline="Two recursive nets beat plain ones even by the gradient of their last calls, and more by all of it.",
    asks="Where does a KAN help or hurt: in the slow net, the fast one, or both?",
    measured="odds of a wrong blank cell in unseen 6 x 6 Sudoku puzzles",
    conditions={
        "hierarchy": "six calls in each of 4 steps (n = 2, T = 2), the gradient of the last call of each net",
        "full": "the same calls, the gradient of all six",
        "once": "the fast net, then the slow one: the parameters of hierarchy",
        "deeper": "three fast and three slow nets in turn: the compute of full, three times its parameters",
    },
    headlines=(
        Contrast(
            "the full gradient solves more grids than that of the last calls", "full", "hierarchy", "grids"
        ),
        Contrast("the hierarchy solves more grids than a deeper stack", "hierarchy", "deeper", "grids"),
        Contrast("the full gradient solves more grids than a deeper stack", "full", "deeper", "grids"),
    ),
    deep="hierarchy",
    shallow="once",
    run=run,
    arms=("mlp", "learned", "kan", "kan-noise", "kan-slow", "kan-fast"),
    tuned_as={"full": "hierarchy", "once": "deeper"},
    numbers=NUMBERS,
)
