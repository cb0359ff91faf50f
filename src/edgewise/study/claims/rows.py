"""The rows of a case: the same for every arm of the same task, seed, size and noise."""

import numpy as np

from edgewise.study.claims.case import Case
from edgewise.study.claims.tournament import Table
from edgewise.study.tasks import make, seeded
from edgewise.study.tasks.task import Array, Rows

TEST = 10_000
HELD_OUT = 0.2


def table(case: Case) -> Table:
    """Rows to learn from, every fifth held out to choose by, noise on all of their targets."""
    X, y = _drawn(case, "train", case.rows)
    if case.noise:
        generator = seeded("noise", case.task, case.seed, case.rows)
        y = y + case.noise * y.std() * generator.normal(size=len(y))
    held, kept = np.split(seeded("split", case.task, case.seed).permutation(len(y)), [int(HELD_OUT * len(y))])
    return Table(X, y, kept, held)


def test_rows(case: Case) -> Rows:
    """10,000 fresh rows without noise, ``X`` and ``y (n,)``."""
    return _drawn(case, "test", TEST)


def inputs(task: str) -> int:
    """Columns of a formula."""
    return make(_label(task)).inputs


def root_mean_square(values: Array) -> float:
    """``sqrt(mean v^2)``."""
    return float(np.sqrt(np.mean(values**2)))


def _drawn(case: Case, part: str, count: int) -> Rows:
    X, y = make(_label(case.task)).rows(count, part, seeded("claims", part, case.task, case.seed))
    return X, y[:, 0]


def _label(task: str) -> str:
    return f"formula:{task}"
