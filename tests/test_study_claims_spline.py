"""Spline trials and their exponents: exact where splines are, of order four where they are not."""

import time

import numpy as np
import pytest

from edgewise.study.claims.case import Case
from edgewise.study.claims.scaling import exponent, measured
from edgewise.study.claims.spline import Kind, SplineTrial, kinds
from edgewise.study.claims.tournament import Table


def table(function, columns, rows=300):
    X = np.random.default_rng(0).uniform(-2, 3, (rows, columns))
    return Table(X, function(X), np.arange(rows - 60), np.arange(rows - 60, rows)), X


def test_a_cubic_is_met_to_the_last_digits_in_the_users_units():
    function = lambda X: 7 + 100 * X[:, 0] ** 3 - X[:, 1]  # noqa: E731
    rows, X = table(function, 2)
    trial = SplineTrial(rows, Kind((2, 1), 3), 0)
    trial.train(time.perf_counter() + 5)
    assert trial.error < 1e-15
    assert np.abs(trial.predict(X) - function(X)).max() < 1e-4
    assert trial.shape == f"[2, 1], {trial.network.intervals} cells, degree 3"
    assert trial.parameters == 2 * (trial.network.intervals + 3)


def test_time_is_kept_and_what_was_reached_goes_on():
    rows, _ = table(lambda X: np.exp(np.sin(3 * X[:, 0]) + X[:, 1] ** 2 / 4), 2)
    trial = SplineTrial(rows, Kind((2, 1, 1), 3), 0)
    trial.train(time.perf_counter() + 0.05)
    early = trial.error
    trial.train(time.perf_counter() + 3)
    assert trial.error < 0.5 * early
    started = time.perf_counter()
    trial.train(started - 1)
    assert time.perf_counter() - started < 1


def test_every_shape_is_tried_in_three_kinds():
    assert kinds([(2, 1)]) == (Kind((2, 1), 3), Kind((2, 1), 5), Kind((2, 1), 3, 1e-5))


def test_exponents_of_planted_errors():
    sizes = [5, 10, 20, 40]
    assert exponent(sizes, [3 * size**-4.0 for size in sizes], 1.0) == pytest.approx(4.0)
    floored = [1e-8, 1e-9, 1e-11, 1e-12]
    assert exponent(sizes, floored, 1.0) is None  # two above rounding are too few
    assert exponent(sizes, floored, 1e-3) is not None


def test_splines_of_one_variable_have_the_exponent_of_theory():
    # the best cubic spline through a smooth function: error ~ cells^-4 once cells resolve it
    case = Case("scaling", "kan", "toy-bessel", 0, rows=1500, seconds=20.0, sizes=(20, 40, 80))
    finding = measured(case)
    cells, parameters, errors, seconds = np.array(finding.numbers).T
    assert cells.tolist() == [20, 40, 80]
    assert parameters.tolist() == [23, 43, 83]
    assert np.all(np.diff(seconds) > 0)
    assert exponent(cells.tolist(), errors.tolist(), finding.deviation) == pytest.approx(4.3, abs=0.5)
