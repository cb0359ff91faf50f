r"""How the error falls with the size of the network: ``error ~ size^-exponent``.

Theory for splines of degree 3 is an exponent of 4 against the number of cells. The KAN has the paper's shape; cells
double from the coarsest, each stage starting where the last ended, and every stage is judged. A perceptron has two
hidden layers of the same size, each size a fit of its own, tuned over starts and decays.

``numbers`` has a line ``size, parameters, error, seconds`` for every size; size is cells or hidden nodes a layer.
"""

import time

import numpy as np

from edgewise.study.claims import perceptron, rows, shapes
from edgewise.study.claims.case import Case, Finding
from edgewise.study.claims.perceptron import Kind
from edgewise.study.claims.spline import Kind as SplineKind
from edgewise.study.claims.spline import SplineTrial
from edgewise.study.statistics import slope

DEGREE = 3
STARTS, LEAST_SHARE = 4, 0.1
DECAYS = (1e-12, 1e-12, 1e-8, 1e-8, 1e-5)
FLOOR = 1e-10  # relative error below which rounding, not size, decides
FEWEST = 3


def measured(case: Case) -> Finding:
    """All sizes of a case."""
    return (_cells if case.arm == "kan" else _nodes)(case)


def exponent(sizes: list[float], errors: list[float], deviation: float) -> float | None:
    """``-slope`` of log error over log size, over the sizes whose error is not down to rounding; None for under three.

    Example:
        >>> round(exponent([1, 2, 4], [1.0, 0.25, 0.0625], 1.0), 6)
        2.0
    """
    kept = [(size, error) for size, error in zip(sizes, errors, strict=True) if error > FLOOR * deviation]
    if len(kept) < FEWEST:
        return None
    logs = np.log(np.array(kept))
    return -slope(logs[:, 0], logs[:, 1])


def _cells(case: Case) -> Finding:
    """Of several starts the one that does best on coarse cells climbs; each stage has what is left of the time."""
    started, table = time.perf_counter(), rows.table(case)
    tried = [
        SplineTrial(table, SplineKind(shape, DEGREE), case.seed + k)
        for shape in shapes.tried(case.task, rows.inputs(case.task))
        for k in range(STARTS)
    ]
    for trial in tried:
        trial.stage(case.sizes[0], LEAST_SHARE * case.seconds / STARTS)
    best = min(tried, key=lambda trial: trial.error)
    X, y = rows.test_rows(case)
    lines = []
    for cells in case.sizes:
        left = case.seconds - (time.perf_counter() - started)
        if left <= 0:
            break
        best.stage(cells, left)
        error = rows.root_mean_square(best.predict(X) - y)
        lines.append([cells, best.parameters, error, time.perf_counter() - started])
    return _finding(lines, float(y.std()), best.shape, time.perf_counter() - started)


def _nodes(case: Case) -> Finding:
    """Every size tuned in its share of the time."""
    table, (X, y) = rows.table(case), rows.test_rows(case)
    lines, shape = [], ""
    for size in case.sizes:
        started = time.perf_counter()
        kinds = [Kind((size, size), decay, case.arm == "learned") for decay in DECAYS]
        best = perceptron.tuned(table, kinds, case.seconds / len(case.sizes), case.seed)
        error = rows.root_mean_square(best.predict(X) - y)
        lines.append([size, best.parameters, error, time.perf_counter() - started])
        shape = best.shape
    return _finding(lines, float(y.std()), shape, sum(line[3] for line in lines))


def _finding(lines: list[list[float]], deviation: float, shape: str, seconds: float) -> Finding:
    if not lines:
        return Finding("failed", "no time for the first size")
    return Finding(
        "done",
        error=lines[-1][2],
        deviation=deviation,
        shape=shape,
        parameters=int(lines[-1][1]),
        seconds=seconds,
        numbers=lines,
    )
