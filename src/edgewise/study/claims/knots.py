"""The signature of a knot from the geometry of its complement, with baselines of one and two numbers.

========= ==========================================================================================
arm       what predicts
========= ==========================================================================================
largest   the signature that most training knots have
slope     a straight line in the slope ``Re(lambda / mu)``: two numbers
kan       small networks of splines
mlp       tanh perceptrons
learned   perceptrons with learned functions on their nodes
========= ==========================================================================================

Networks learn the signature as a number by least squares, tuned as everywhere here; answers are rounded to the nearest
even number. ``task`` is ``"knots:cusp"`` (lambda and mu) or ``"knots:all"`` (seven columns). A quarter of the knots of
at most 12 crossings is for the test; ``error`` is the share of wrong answers there, and ``numbers`` has wrong answers
and count for the test and for the knots of 13 crossings, which nobody learned from.
"""

import time
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgewise.errors import InputError
from edgewise.study.claims.accuracy import ARMS as NETWORKS
from edgewise.study.claims.accuracy import fitted
from edgewise.study.claims.case import Case, Finding
from edgewise.study.claims.shapes import tried
from edgewise.study.claims.tournament import Table
from edgewise.study.tasks import seeded
from edgewise.study.tasks.knots import COLUMN_SETS, LARGEST, Knots, mirrored
from edgewise.study.tasks.task import Array

Indices = NDArray[np.int64]
SHARES = (0.6, 0.75)  # training up to the first, held-out rows up to the second, test from there
ARMS = ("largest", "slope", *NETWORKS)


class Answers(Protocol):
    """What gives signatures, not yet rounded."""

    def predict(self, X: Array) -> Array:
        """``(n,)`` for ``X (n, columns)``."""
        ...


def measured(case: Case) -> Finding:
    """One fit."""
    if case.arm not in ARMS:
        raise InputError(f"arm {case.arm!r} is not known; choose one of: {', '.join(ARMS)}")
    draw = seeded("knots", case.seed)
    knots = mirrored(draw, columns(case.task))
    small = draw.permutation(np.flatnonzero(knots.crossings <= LARGEST))
    kept, held, test = np.split(small, [int(share * len(small)) for share in SHARES])
    started = time.perf_counter()
    finding, answers = _learned(case, knots, kept, held)
    seconds = time.perf_counter() - started
    larger = np.flatnonzero(knots.crossings > LARGEST)
    numbers = [[_wrong(answers, knots, part), len(part)] for part in (test, larger)]
    return replace(finding, error=numbers[0][0] / len(test), numbers=numbers, seconds=seconds)


def columns(task: str) -> str:
    """The columns that a task names."""
    family, _, found = task.partition(":")
    if family != "knots" or found not in COLUMN_SETS:
        raise InputError(
            f"task {task!r} is not known; choose one of: {', '.join(f'knots:{n}' for n in COLUMN_SETS)}"
        )
    return found


def rounded(values: Array) -> Array:
    """The nearest even number.

    Example:
        >>> rounded(np.array([0.9, 1.1, -2.8])).tolist()
        [0.0, 2.0, -2.0]
    """
    return 2 * np.round(values / 2)


def _learned(case: Case, knots: Knots, kept: Indices, held: Indices) -> tuple[Finding, Answers]:
    rest = np.concatenate([kept, held])
    if case.arm == "largest":
        return Finding("done", shape="one number", parameters=1), _Constant(knots.signature[rest])
    if case.arm == "slope":
        return Finding("done", shape="a line", parameters=2), _Line(knots.X[rest], knots.signature[rest])
    best = fitted(case, Table(knots.X, knots.signature, kept, held), tried(case.task, knots.X.shape[1]))
    return Finding("done", valid_error=best.error**0.5, shape=best.shape, parameters=best.parameters), best


def _wrong(answers: Answers, knots: Knots, part: Indices) -> int:
    return int((rounded(answers.predict(knots.X[part])) != knots.signature[part]).sum())


class _Constant:
    def __init__(self, y: Array) -> None:
        values, counts = np.unique(y, return_counts=True)
        self.value = float(values[counts.argmax()])

    def predict(self, X: Array) -> Array:
        return np.full(len(X), self.value)


class _Line:
    """Least squares in ``Re(lambda / mu) = lambda mu_re / |mu|^2``, the first three columns."""

    def __init__(self, X: Array, y: Array) -> None:
        self.line = np.polyfit(_slope(X), y, 1)

    def predict(self, X: Array) -> Array:
        return np.asarray(np.polyval(self.line, _slope(X)), float)


def _slope(X: Array) -> Array:
    return X[:, 0] * X[:, 1] / (X[:, 1] ** 2 + X[:, 2] ** 2)
