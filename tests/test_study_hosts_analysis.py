"""From rows to paired figures, on rows made up for the purpose."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from edgewise.study.hosts.analysis import (
    advantage,
    advantage_in_time,
    by_seed,
    composition,
    contrast,
    effect,
    frame,
    seeds_needed,
    settled,
)
from edgewise.study.hosts.host import Contrast
from edgewise.study.hosts.stages import stages
from edgewise.study.hosts.trial import Outcome
from edgewise.study.store import Store
from study_hosts import HOST, installed, plan, planted, row, study, table


@pytest.fixture(autouse=True)
def toy():
    with installed():
        yield


def test_an_advantage_is_a_difference_of_logarithms_by_seed():
    lines = table(*[row(arm=arm, seed=s, error=e) for arm, s, e in PAIRS])
    assert advantage(lines, "toy", "deep").to_dict() == pytest.approx({0: 1.0, 1: -math.log10(2)})
    assert advantage(lines, "toy", "deep", "learned").dropna().empty


PAIRS = [("mlp", 0, 0.5), ("kan", 0, 0.05), ("kan", 1, 0.2), ("mlp", 1, 0.1)]


def test_seeds_without_a_partner_do_not_count():
    lines = table(row(arm="mlp", seed=0), row(arm="kan", seed=0), row(arm="kan", seed=1))
    assert effect(advantage(lines, "toy", "deep")).pairs == 1


def test_nobody_is_worse_than_knowing_nothing():
    lines = table(
        row(seed=0, error=5.0, chance=2.0),
        row(seed=1, error=1.0, chance=2.0),
        row(seed=2, error=0.1, status="diverged", chance=2.0),
        row(seed=3, error=7.0, chance=None, arm="kan"),
    )
    assert lines["e"].tolist() == [2.0, 1.0, 2.0, 2.0]


def test_what_failed_knows_nothing_or_has_the_worst_error():
    failed = {"status": "failed", "error": None, "chance": None}
    lines = table(
        row(seed=0, chance=2.0), row(arm="kan", seed=0, **failed), row(seed=1, chance=3.0),
        row(arm="kan", seed=2, **failed),
    )  # fmt: skip
    assert lines["e"].tolist() == [0.1, 2.0, 0.1, 3.0]
    unknown = table(
        row(error=0.4, chance=None), row(seed=1, error=0.7, chance=None), row(arm="kan", **failed)
    )
    assert unknown["e"].tolist() == [0.4, 0.7, 0.7]
    assert table(row(**failed))["e"].isna().all()


def test_equal_time_takes_the_longer_trials_of_whoever_was_faster():
    slow = table(
        row(error=0.1), row(error=0.01, budget="time:kan"), row(arm="kan", error=0.1)
    )  # fmt: skip
    assert advantage(slow, "toy", "deep").tolist() == pytest.approx([0.0])
    assert advantage_in_time(slow, "toy", "deep").tolist() == pytest.approx([-1.0])
    fast = table(row(error=0.1), row(arm="kan", error=0.1), row(arm="kan", error=0.01, budget="time:mlp"))
    assert advantage_in_time(fast, "toy", "deep").tolist() == pytest.approx([1.0])
    assert advantage_in_time(fast, "toy", "shallow").empty


def test_composition_is_paired_by_seed():
    lines = table(*planted({"deep": 0.5, "shallow": 0.2}, spread=0.1))
    assert composition(lines, HOST).tolist() == pytest.approx([0.4, 0.3, 0.2])
    only_deep = table(*planted({"deep": 0.5}))
    assert effect(composition(only_deep, HOST)).pairs == 0


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        (Contrast("", "deep", "shallow"), 1.0),
        (Contrast("", "deep", "shallow", "slope"), 2.0),
        (Contrast("", "deep", None, "slope"), 3.0),
    ],
)
def test_contrasts(asked, value):
    lines = table(
        row(condition="deep", error=0.01, numbers={"slope": 3.0}),
        row(condition="shallow", error=0.1, numbers={"slope": 1.0}),
    )
    assert contrast(lines, HOST, asked).tolist() == pytest.approx([value])


def test_a_number_that_is_missing_is_no_pair():
    lines = table(row(seed=0, numbers={}), row(seed=1, numbers={"slope": 2.0}))
    found = effect(by_seed(lines, "toy", "deep", value="slope"))
    assert (found.mean, found.pairs) == (2.0, 1)


def test_an_effect_is_a_t_interval():
    values = [0.1, 0.3, 0.2, 0.6]
    found = effect(pd.Series([*values, math.nan]))
    known = stats.ttest_1samp(values, 0)
    assert found.interval == pytest.approx(tuple(known.confidence_interval()))
    assert found.p == pytest.approx(known.pvalue)
    assert (found.mean, found.pairs) == (pytest.approx(0.3), 4)


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        ([0.1, 0.2], "open"), ([0.1, 0.11, 0.12], "positive"), ([-0.1, -0.11, -0.12], "negative"),
        ([0.1], "absent"), ([], "absent"),
    ],
)  # fmt: skip
def test_signs(values, sign):
    assert effect(values).sign == sign


def test_seeds_needed_are_those_of_the_interval():
    values = np.array([0.1, 0.5, -0.2, 0.3])
    needed = seeds_needed(values)
    reach = [stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5 for n in (needed - 1, needed)]
    assert reach[0] >= values.mean() > reach[1]
    assert seeds_needed([0.5, -0.5]) is None
    assert seeds_needed([0.5]) is None


def test_a_frame_has_every_row_but_those_of_tuning():
    with Store(":memory:", Outcome) as store:
        assert frame(study(), store).empty
        for _, planned in stages(study(), store):
            for trial in planned:
                slow = {"kan": 4.0}.get(trial.arm, 1.0)
                store.add(trial, Outcome("done", error=0.5, chance=1.0, valid=trial.rate, seconds=slow))
        lines = frame(study(), store)
    assert set(lines["stage"]) == {"main"}
    budgets = lines.groupby(["arm", "budget"]).size().to_dict()
    assert budgets == {
        ("kan", "steps"): 9, ("learned", "steps"): 9, ("mlp", "steps"): 9,
        ("mlp", "time:kan"): 3, ("learned", "time:mlp"): 3,
    }  # fmt: skip
    assert effect(advantage_in_time(lines, "toy", "deep", "learned")).pairs == 3
    assert lines["e"].tolist() == [0.5] * 33


def test_no_rows_are_settled_too():
    empty = settled(table().drop(columns="e"))
    assert empty.empty
    assert effect(advantage(empty, "toy", "deep")).pairs == 0
    assert plan().host == "toy"
