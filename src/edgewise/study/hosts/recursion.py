r"""Tiny recursive model: a small net applied to its own latent state again and again beats a deeper one.

Source: Jolicoeur-Martineau, *Less is More: Recursive Reasoning with Tiny Networks*, arXiv 2510.04871. One net ``f`` of
two blocks improves a latent state ``z`` and an answer ``y``, see ``edgewise.study.hosts.recursive``:

    z <- f(z + y + x)  n times,     y <- f(y + z);     T such cycles a step, the gradient through all of the last

Kept: one net for both states; the sum as its input; post-norm without weights; no biases; T - 1 cycles without
gradient; deep supervision with the state carried on but not its gradient; a halting head that learns only whether all
is right; averaged weights.

Reduced: the mixer is linear and knows which cells share a unit; the paper's is a second MLP, over the cells, which has
to find that out: in 800 to 1,000 steps of recursion neither a SwiGLU nor a GELU over the cells got beyond guessing.
n = 2 and T = 2 instead of 6 and 3. 4 steps of supervision instead of 16, and a puzzle stays for all of them whatever
the halting head says, so that all arms see the same batches; that head reads the mean over cells, there being no extra
token. The ordinary softmax, and only blank cells asked for; AdamW with one cycle instead of AdamATan2 with a constant
rate; weights averaged over some 100 steps instead of 1,000.

Data: 1,000 puzzles of 6 x 6 cells, 24 of them blank, moved by random symmetries, see ``edgewise.study.hosts.sudoku``;
published: 9 x 9 cells, Sudoku-Extreme, where 87.4 % of the grids are solved, and 63 to 87 % over depths of recursion.

``deeper`` has as many calls of a net as the training of ``recursion`` pays for: its step runs 3 calls without gradient
and 3 with one (a gradient costs two calls), as much as 4 nets in a row with one. It has four times the parameters.
``direct`` has the parameters of ``recursion``, and a quarter of its compute. Both see a fresh puzzle in every place
at every step, four times as many as recursion sees. ``size``: see ``edgewise.study.hosts.solving``.

``deep`` and ``shallow`` are ``recursion`` and ``direct``: the same net with the same parameters, called 24 times before
it answers and once. What the KAN gains by fitting the rules of a single round shows in ``direct``; what it gains or
loses by being composed with itself is the difference.
"""

from edgewise.study.hosts.host import Contrast, Host
from edgewise.study.hosts.recursive import Model, Recursion, Recursive, Shape, Stack
from edgewise.study.hosts.solving import NUMBERS, Weights, solve
from edgewise.study.hosts.trial import Outcome, Trial

LOOPS = {"recursion": Recursion(inner=2, cycles=2), "fewer": Recursion(inner=1, cycles=1)}
STACKED = {"direct": 1, "deeper": 4}


def run(trial: Trial) -> Outcome:
    """Trains the model of the trial's condition."""
    return solve(trial, lambda weights, shape: model(trial.arm, trial.condition, weights, shape))


def model(arm: str, condition: str, weights: Weights, shape: Shape) -> Model:
    """One net that calls itself, or several in a row."""
    if condition in LOOPS:
        plan = LOOPS[condition]
        net = weights.net(arm, shape, plan.calls)
        return Recursive(weights.reader(shape), net, net, plan)
    count = STACKED[condition]
    return Stack(weights.reader(shape), [weights.net(arm, shape, count) for _ in range(count)])


HOST = Host(
    name="recursion",
    title="Tiny recursive model (TRM)",
    source="Jolicoeur-Martineau, arXiv 2510.04871",
    headline="Recursion on a latent state beats the same net without it, and a deeper one at equal compute.",
    asks="Does a KAN bear being applied to its own output, and does its advantage grow there?",
    measured="odds of a wrong blank cell in unseen 6 x 6 Sudoku puzzles",
    conditions={
        "recursion": "one net, six calls in each of 4 steps of supervision (n = 2, T = 2)",
        "fewer": "one net, two calls in each of 4 steps (n = 1, T = 1)",
        "direct": "one net, called once: the parameters of recursion",
        "deeper": "four nets in a row: the compute of recursion, four times its parameters",
    },
    headlines=(
        Contrast("recursion solves more grids than the same net called once", "recursion", "direct", "grids"),
        Contrast("recursion solves more grids than a deeper stack", "recursion", "deeper", "grids"),
    ),
    deep="recursion",
    shallow="direct",
    run=run,
    arms=("mlp", "mlp-gelu", "learned", "rational", "kan", "kan-noise"),
    tuned_as={"fewer": "recursion"},
    numbers=NUMBERS,
)
