"""Made-up rows with a planted advantage, and a tiny study: what tests of the study's later rooms are fed."""

import itertools

import numpy as np
import pandas as pd

from edgewise.study.analysis import advantages, judged

TINY = """
question = "Does it run?"
reference = "mlp"
steps = 6
batch_size = 32
equal_time = [1]

[tuning]
tasks = ["product:1"]
rates = [0.003, 0.01]
depths = [1]
extensions = 1
parameters = 200
rows = 32

[[sweep]]
name = "depth"
role = "depth"
arms = ["mlp", "mlp-again", "kan-critical"]
tasks = ["product:1"]
depths = [1, 2]
parameters = [200]
rows = [32]
seeds = 1

[[sweep]]
name = "transfer"
role = "transfer"
arms = ["mlp", "kan-critical"]
tasks = ["hyperteacher:4:2"]
depths = [1]
parameters = [200]
rows = [32]
seeds = 1

[[sweep]]
name = "scale"
role = "scale"
arms = ["mlp", "kan-critical"]
tasks = ["product:1"]
depths = [1]
parameters = [200, 400]
rows = [32]
seeds = 1

[[sweep]]
name = "null"
role = "null"
arms = ["mlp", "kan-critical"]
tasks = ["shuffled/product:1"]
depths = [1]
parameters = [200]
rows = [32]
seeds = 1

[[sweep]]
name = "swap"
role = "swap"
arms = ["mlp", "kan-critical", "swap-first"]
tasks = ["product:1"]
depths = [1]
parameters = [200]
rows = [32]
seeds = 1

[[sweep]]
name = "elsewhere"
role = "elsewhere"
arms = ["mlp", "kan-critical"]
tasks = ["gp"]
depths = [1, 2]
parameters = [200]
rows = [32]
seeds = 1

[[sweep]]
name = "target"
role = "target"
arms = ["mlp", "kan-critical"]
tasks = ["nested:1:1", "nested:1:2", "nested:2:1", "nested:2:2"]
depths = [1]
parameters = [200]
rows = [32]
seeds = 1
"""


def planted(depth=0.0, target=0.0, rough=0.0, held=0.0, *, random=0.0, seed=0, draws=6, level=0.3, seeds=3):
    """Rows of ``mlp`` and ``kan``: slopes over log2 L, log2 D and log2 kappa, a gain on held-out combinations.

    ``random`` is the share of rows whose errors are replaced by numbers from 0.001 to 1.
    """
    rng, lines = np.random.default_rng(seed), []

    def add(role, task, draw, seed_, levels, advantage, gain=None):
        hardness = -1.5 + 0.2 * rng.normal()
        for arm, sign in (("mlp", 0), ("kan", 1)):
            error = 10 ** (hardness - sign * advantage + 0.05 * rng.normal())
            other = (
                None
                if gain is None
                else 10 ** (hardness + 0.5 - sign * (advantage + gain) + 0.05 * rng.normal())
            )
            if rng.random() < random:
                error = 10 ** rng.uniform(-3, 0)
                other = None if gain is None else 10 ** rng.uniform(-3, 0)
            lines.append(line(role, arm, task, draw, levels, seed_, error, other))

    for draw, s in itertools.product(range(draws), range(seeds)):
        own = level + 0.1 * rng.normal()
        for levels in (1, 2, 4, 8, 16):
            add("depth", "nested:4:1", draw, s, levels, own + depth * np.log2(levels))
        for D, kappa in itertools.product((1, 2, 4), (1, 2, 4)):
            advantage = level + target * np.log2(D) + rough * np.log2(kappa)
            add("target", f"nested:{D}:{kappa}", draw, s, 4, advantage)
        add("transfer", "hyperteacher:6:2", draw, s, 4, level, held)
    return judged(pd.DataFrame(lines))


def line(role, arm, task, draw, levels, seed, error, held=None, **other):
    """One row as ``analysis.frame`` has them."""
    made = {
        "key": f"{role} {arm} {task} {draw} {levels} {seed}",
        "sweep": role,
        "role": role,
        "arm": arm,
        "form": "plain",
        "task": task,
        "draw": draw,
        "depth": levels,
        "parameters": 1000,
        "rows": 100,
        "noise": 0.0,
        "seed": seed,
        "steps": 100,
        "budget": "steps",
        "status": "done",
        "error": error,
        "mean_error": 1.0,
        "held_error": held,
        "bare_error": None,
        "trainable": 1000,
        "width": 10,
        "operations": 1e4,
        "operations_published": 1e5,
        "seconds": 1.0,
    }
    return made | other


def pairs(**settings):
    """Paired advantages of planted rows."""
    return advantages(planted(**settings), "mlp")
