"""Pairs made of rows: each once, signed so that positive is better than the reference."""

import pandas as pd
import pytest

from edgewise.study.analysis import advantages, equal_time_advantages, judged
from edgewise.study.plan import EQUAL_TIME
from study_rows import line


def rows_of(arm, role, error, **other):
    return [line(role, arm, "gp", draw, 4, 0, error, **other) for draw in range(3)]


def test_an_advantage_is_in_dex_and_positive_where_the_arm_is_better():
    rows = judged(pd.DataFrame(rows_of("mlp", "depth", 0.1) + rows_of("kan", "depth", 0.01)))
    assert list(advantages(rows, "mlp")["advantage"]) == pytest.approx([1.0] * 3)


@pytest.mark.parametrize("faster", ["mlp", "kan"])
def test_pairs_at_equal_time_take_who_was_faster_longer_trained_and_each_pair_once(faster):
    slower = {"mlp": "kan", "kan": "mlp"}[faster]
    normal = rows_of("mlp", "depth", 0.1) + rows_of("kan", "depth", 0.1)
    again = [
        row | {"sweep": "another"} for row in normal if row["arm"] == "mlp"
    ]  # the same cells, named twice
    longer = rows_of(faster, EQUAL_TIME, 0.01, budget=f"time:{slower}", steps=300)
    pairs = equal_time_advantages(judged(pd.DataFrame(normal + again + longer)), "mlp")
    assert list(pairs["advantage"]) == pytest.approx([1.0 if faster == "kan" else -1.0] * 3)
