"""The tournament: who gets how much time, by trials that count it."""

import time

import numpy as np
import pytest

from edgewise.study.claims.tournament import EXACT, Table, best_of


class Counting:
    """Falls to its floor at once and notes until when it was allowed to train."""

    def __init__(self, floor, log):
        self.floor, self.log, self.error = floor, log, float("inf")

    def train(self, until):
        self.log.append((self.floor, until))
        self.error = self.floor
        time.sleep(max(0.0, min(0.01, until - time.perf_counter())))


def test_all_share_the_first_third_and_three_the_second():
    log = []
    best = best_of([Counting(floor, log) for floor in (5, 4, 3, 2, 1)], lambda t, k: Counting(9, log), 0.3)
    assert best.floor == 1
    first, second = log[:5], log[5:8]
    assert [floor for floor, _ in first] == [5, 4, 3, 2, 1]
    assert [floor for floor, _ in second] == [1, 2, 3]
    end = log[-1][1]
    shares = [1 - (end - until) / 0.3 for _, until in (*first, *second)]
    assert shares == pytest.approx(
        [k / 15 for k in range(1, 6)] + [(3 + k) / 9 for k in range(1, 4)], abs=1e-6
    )


def test_what_is_exact_ends_it_early_and_else_new_starts_fill_the_time():
    log = []
    started = time.perf_counter()
    best_of([Counting(EXACT / 2, log)], lambda t, k: pytest.fail("started again"), 5.0)
    assert time.perf_counter() - started < 1
    again = []
    best = best_of([Counting(1.0, log)], lambda t, k: again.append(k) or Counting(0.5, log), 0.1)
    assert again == list(range(len(again)))
    assert len(again) > 1
    assert best.error == 0.5


def test_rows_of_neither_part_are_not_looked_at():
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10.0)
    parts = np.arange(4), np.arange(4, 6)
    table = Table(X, y, *parts)
    X[6:], y[6:] = 1e9, -1e9
    other = Table(X, y, *parts)
    assert np.array_equal(table.X, other.X)
    assert np.array_equal(table.held_y, other.held_y)
    assert table.left(table.y) == pytest.approx(np.arange(4.0))
