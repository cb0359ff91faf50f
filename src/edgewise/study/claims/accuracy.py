"""How accurately a formula is learned: a KAN of the paper's shape or smaller, and tuned perceptrons, in equal time.

========= ===================================================================================================
arm       networks
========= ===================================================================================================
kan       those of ``edgewise.study.claims.shapes``, cubic, of degree 5 and smoothed
mlp       tanh perceptrons of the eleven sizes and decays of ``edgewise.study.claims.perceptron``
learned   the same sizes and decays, with a learned function on every node
========= ===================================================================================================

All are trained by least squares in double precision, tuned by ``tournament`` in the case's seconds and judged once.
"""

import time

from edgewise.errors import InputError
from edgewise.study.claims import perceptron, rows, shapes, spline
from edgewise.study.claims.case import Case, Finding
from edgewise.study.claims.perceptron import TRIALS, PerceptronTrial
from edgewise.study.claims.spline import SplineTrial
from edgewise.study.claims.tournament import Table
from edgewise.study.tasks.task import Array

ARMS = ("kan", "mlp", "learned")


def measured(case: Case) -> Finding:
    """One fit."""
    started = time.perf_counter()
    best = fitted(case, rows.table(case), shapes.tried(case.task, rows.inputs(case.task)))
    seconds = time.perf_counter() - started
    return judged(best, *rows.test_rows(case), seconds)


def fitted(case: Case, table: Table, tried: tuple[shapes.Shape, ...]) -> SplineTrial | PerceptronTrial:
    """The arm's best network."""
    if case.arm not in ARMS:
        raise InputError(f"arm {case.arm!r} is not known; choose one of: {', '.join(ARMS)}")
    if case.arm == "kan":
        return spline.tuned(table, tried, case.seconds, case.seed)
    kinds = [kind._replace(learned=case.arm == "learned") for kind in TRIALS]
    return perceptron.tuned(table, kinds, case.seconds, case.seed)


def judged(best: SplineTrial | PerceptronTrial, X: Array, y: Array, seconds: float) -> Finding:
    """The error of a network on rows it has not seen."""
    return Finding(
        "done",
        error=rows.root_mean_square(best.predict(X) - y),
        deviation=float(y.std()),
        valid_error=best.error**0.5,
        shape=best.shape,
        parameters=best.parameters,
        seconds=seconds,
    )
