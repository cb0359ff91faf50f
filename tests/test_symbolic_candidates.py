from math import inf, log

import numpy as np
import pytest

from edgewise.symbolic.candidates import choose, front, scored
from edgewise.symbolic.findings import Finding
from edgewise.symbolic.formula import Formula

TEXTS = {1: "x", 3: "x + 1", 4: "sin(x) + 1", 6: "x**2 + x + 1"}


def finding(nodes, expected, exact=False):
    formula = Formula({1: "x", 3: "2*x", 4: "2*sin(x)", 5: "2*x + 1", 6: "2*sin(x) + 1"}[nodes], ("x",))
    assert formula.complexity == nodes
    return Finding(formula, None, expected, expected, exact, None)


def said(findings):
    return [(one.formula.complexity, one.expected) for one in findings]


def test_the_front_is_what_nothing_simpler_is_as_good_as():
    some = [
        finding(5, 0.2),
        finding(1, 0.9),
        finding(4, 0.5),
        finding(3, 0.5),
        finding(6, 0.1),
        finding(3, 0.4),
    ]
    assert said(front(some)) == [(1, 0.9), (3, 0.4), (5, 0.2), (6, 0.1)]


def test_the_front_against_its_definition(rng):
    some = [
        finding(int(n), float(e))
        for n, e in zip(rng.choice([1, 3, 4, 5, 6], 60), rng.random(60), strict=True)
    ]
    pairs = set(said(some))
    wanted = {(n, e) for n, e in pairs if not any((m, f) != (n, e) and m <= n and f <= e for m, f in pairs)}
    assert said(front(some)) == sorted(wanted)
    rng.shuffle(some)
    assert said(front(some)) == sorted(wanted)


def test_a_hair_better_is_no_better_and_undefined_is_never_better():
    assert said(front([finding(1, 0.5), finding(3, 0.5 * (1 - 1e-9))])) == [(1, 0.5)]
    assert said(front([finding(1, 0.5), finding(3, inf)])) == [(1, 0.5)]
    assert said(front([])) == []


@pytest.mark.parametrize("rows", [5, 50, 5000])
def test_the_choice_is_the_shortest_description(rows):
    some = [finding(1, 0.9), finding(3, 0.5), finding(5, 0.45), finding(6, 0.44)]
    lengths = [rows * log(one.expected) + 2 * one.formula.complexity for one in some]
    assert choose(some, rows) == int(np.argmin(lengths))


def test_more_rows_pay_for_more_nodes():
    some = [finding(1, 0.50), finding(6, 0.45)]
    assert (choose(some, 10), choose(some, 1000)) == (0, 1)


def test_the_simplest_exact_one_is_chosen_whatever_comes_after():
    some = [finding(1, 0.9), finding(3, 1e-10, True), finding(5, 1e-15, True)]
    assert choose(some, 100) == 1


def test_losses_are_mean_squares_and_scores_their_fall_per_node():
    X, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.5, 3.0])
    found = scored([Formula(text, ("x",)) for text in ("2", "x", "x + 1/6")], X, y)
    assert [one.loss for one in found] == pytest.approx([6.5 / 6 + 1 / 3 - 2 / 3, 0.25 / 3, 1 / 18], abs=1)
    for one in found:
        assert one.loss == pytest.approx(np.mean((one.formula(X) - y) ** 2))
        assert one.complexity == one.formula.complexity
    assert found[0].score == 0
    assert found[2].score == pytest.approx(log(found[1].loss / found[2].loss) / (found[2].complexity - 1))


def test_undefined_and_exact_formulas_have_losses_and_scores_that_say_so():
    X = np.array([[1.0], [-2.0]])
    found = scored([Formula(text, ("x",)) for text in ("1", "log(x)", "x")], X, X[:, 0])
    assert [one.loss for one in found] == [4.5, inf, 0.0]
    assert [one.score for one in found] == [0.0, -inf, 0.0]
