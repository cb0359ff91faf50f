from math import inf

import numpy as np
import pytest
import torch

from edgewise.network import KAN
from edgewise.symbolic.findings import (
    EXACT,
    Table,
    exactness,
    finding_of,
    findings,
    law_finding,
    outside_error,
    plain_finding,
)
from edgewise.symbolic.opening import opened
from edgewise.train.clock import Clock

NAMES = ("a", "b")


def rows(count=60, low=0.5, high=2.0):
    return np.random.default_rng(4).uniform(low, high, (count, 2))


def table(X, y, everywhere=None, names=NAMES):
    inputs = torch.from_numpy(X)
    more = inputs if everywhere is None else torch.from_numpy(everywhere)
    return Table(inputs, torch.from_numpy(y)[:, None], more, names, 0)


def noise(count, seed=5):
    return np.random.default_rng(seed).normal(size=count)


def left_out(X, y, design):
    """Root mean square of the errors at rows left out one at a time, over the deviation."""
    misses = []
    for row in range(len(y)):
        rest = np.arange(len(y)) != row
        misses.append(y[row] - design[row] @ np.linalg.lstsq(design[rest], y[rest], rcond=None)[0])
    return np.sqrt(np.mean(np.square(misses))) / np.std(y)


def test_errors_are_those_of_the_text_and_of_rows_left_out():
    X = rows()
    y = 1.37 * X[:, 0] + 0.41 * X[:, 1] ** 2 + 0.1 * noise(60)
    found = plain_finding(opened("1.1*a + 0.7*b**2", NAMES), table(X, y))
    design = np.column_stack([X[:, 0], X[:, 1] ** 2])
    truth = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(found.formula(X), truth, rtol=1e-2)
    assert found.error == pytest.approx(np.sqrt(np.mean((found.formula(X) - y) ** 2)) / np.std(y))
    assert found.expected == pytest.approx(left_out(X, y, design), rel=1e-3)
    assert not found.exact


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_an_exact_law_is_exact_and_its_numbers_are_settled(unit):
    X = rows()
    found = law_finding(opened("1.9*a*b + 0.4", NAMES), table(X, unit * (2 * X[:, 0] * X[:, 1] + 0.5)))
    assert found.exact
    assert found.error < 1e-12
    if unit == 1:
        assert found.formula.text == "2*a*b + 1/2"
        assert found.written.symbols == ()


def test_a_plain_finding_settles_nothing():
    X = rows()
    found = plain_finding(opened("1.9*a*b", NAMES), table(X, 2 * X[:, 0] * X[:, 1]))
    assert len(found.written.symbols) == 1
    assert found.error < 1e-12


def test_a_formula_undefined_on_any_row_is_never_expected_to_be_good():
    X = rows()
    beyond = np.vstack([X, [[-1.0, 1.0]]])
    found = plain_finding(opened("1.1*log(a)", NAMES), table(X, np.log(X[:, 0]), beyond))
    assert found.error == found.expected == inf
    assert not found.exact


@pytest.mark.parametrize(("count", "enough"), [(4, False), (6, True)])
def test_too_few_rows_for_the_constants_are_never_exact(count, enough):
    X = rows(count)
    found = plain_finding(opened("1.5*a + 0.3*b", NAMES), table(X, 1.7 * X[:, 0] + 0.9 * X[:, 1]))
    assert found.error < 1e-12
    assert found.exact == enough
    assert (found.expected < inf) == enough


@pytest.mark.parametrize(
    ("y", "least", "most"),
    [
        (np.linspace(0.1, 1, 50) ** 1.1, EXACT, EXACT),
        (1e8 + np.linspace(0.1, 1, 50) ** 1.1, 1e-7, 1e-6),
        ((np.linspace(0.1, 1, 50) ** 1.1).astype(np.float32).astype(float), 1e-7, 1e-5),
        (np.arange(50.0), EXACT, EXACT),
        (np.full(50, 3.3), EXACT, EXACT),
        (1e15 + np.linspace(0.1, 1, 50) ** 1.1, 1e-4, 1e-4),
    ],
)
def test_exactness_is_what_storing_the_target_costs(y, least, most):
    assert least <= exactness(table(rows(50), y)) <= most


def test_single_precision_targets_can_be_exact():
    X = rows()
    y = (2 * X[:, 0] * X[:, 1]).astype(np.float32).astype(float)
    assert law_finding(opened("1.9*a*b", NAMES), table(X, y)).exact
    assert not law_finding(opened("1.9*a*b", NAMES), table(X, y + 1e-4 * noise(60))).exact


def test_errors_just_outside_are_those_of_a_fit_to_the_middle():
    X = rows(200)
    y = X[:, 0] ** 2 + 0.01 * noise(200)
    found = plain_finding(opened("1.5*a + 0.2", NAMES), table(X, y))
    low, high = np.quantile(X, [0.05, 0.95], axis=0)
    inside = ((low <= X) & (high >= X)).all(1)
    design = np.column_stack([X[:, 0], np.ones(200)])
    constants = np.linalg.lstsq(design[inside], y[inside], rcond=None)[0]
    wanted = np.sqrt(np.mean((design @ constants - y)[~inside] ** 2)) / np.std(y)
    assert outside_error(found, table(X, y)) == pytest.approx(wanted, rel=1e-6)


def test_few_rows_say_nothing_of_the_outside():
    X = rows(6)
    assert (
        outside_error(plain_finding(opened("1.5*a + 0.2", NAMES), table(X, X[:, 0])), table(X, X[:, 0]))
        is None
    )


def network():
    """``y = 2 sin(a) + 0.3 b``, fully symbolic, in the table's own units."""
    net = KAN([2, 1], intervals=1, base=None, dtype=torch.float64, generator=torch.Generator())
    for source, name, row in (
        (0, "sine", [1.0, 0.0, 2.0, 0.0, 1.0]),
        (1, "linear", [1.0, 0.0, 0.3, 0.0, 1.0]),
    ):
        net.kan_layers[0].remove_edge(source, 0)
        net.kan_layers[0].fix_edge(source, 0, name, torch.tensor(row, dtype=torch.float64))
    return net


def test_the_formula_of_a_symbolic_network_is_what_it_computes():
    X = rows()
    y = 2 * np.sin(X[:, 0]) + 0.3 * X[:, 1]
    found = finding_of(network(), table(X, y))
    np.testing.assert_allclose(found.formula(X), y, rtol=1e-9)
    assert found.exact
    assert found.network is not None


def test_thinner_formulas_follow_the_full_one_and_have_fewer_constants():
    X = rows()
    y = 2 * np.sin(X[:, 0]) + 0.3 * X[:, 1] + 0.05 * noise(60)
    found = findings(network(), table(X, y), Clock())
    counts = [len(one.written.symbols) for one in found]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 1
    errors = [one.error for one in found]
    assert errors == sorted(errors)
    assert errors[0] < 0.3


def test_thinning_stops_when_time_is_up():
    X = rows()
    y = 2 * np.sin(X[:, 0]) + 0.3 * X[:, 1] + 0.05 * noise(60)
    assert len(findings(network(), table(X, y), Clock(1e-9))) == 1
