"""Which trials come next: tuning that widens for all alike, the full product, equal time."""

from dataclasses import replace

import pytest

from edgewise.study.hosts.stages import TUNING_SEED, chosen, equal_time, main, ratios, stages, trials, tuned
from edgewise.study.hosts.trial import Outcome
from edgewise.study.store import Store
from study_hosts import installed, plan, study


@pytest.fixture(autouse=True)
def toy():
    with installed():
        yield


@pytest.fixture
def store():
    with Store(":memory:", Outcome) as opened:
        yield opened


def go(asked, store, outcome):
    """Every stage with its trials, each trial given ``outcome(trial)``."""
    found = []
    for name, planned in stages(asked, store):
        found.append((name, planned))
        for trial in planned:
            store.add(trial, outcome(trial))
    return found


def peaked(best, seconds=None):
    """Outcomes whose ``valid`` is lowest at the rate that ``best`` names for an arm and condition."""

    def outcome(trial):
        distance = abs(trial.rate - best(trial.arm, trial.condition))
        return Outcome(
            "done", error=0.1, chance=1.0, valid=distance, seconds=(seconds or {}).get(trial.arm, 1.0)
        )

    return outcome


def test_the_stages_of_a_host(store):
    found = go(study(plan(rates=(0.01, 0.1, 1.0))), store, peaked(lambda arm, condition: 0.1))
    assert [name for name, _ in found] == ["toy: tuning", "toy: main", "toy: equal time"]
    tuning, planned, timed = (trials for _, trials in found)
    assert {(t.seed, t.stage) for t in tuning} == {(TUNING_SEED, "tuning")}
    assert {t.condition for t in tuning} == {"shallow", "deep"}  # control takes the rate of shallow
    assert len(tuning) == 3 * 2 * 3
    assert len(planned) == 3 * 3 * 3
    assert {t.rate for t in planned} == {0.1}
    assert {t.seed for t in planned} == {0, 1, 2}
    assert timed == ()  # everybody took as long


def test_hosts_come_one_after_the_other(store):
    with installed(second=replace(plan_host(), name="second")):
        found = go(study(plan(rates=()), plan("second", rates=())), store, peaked(lambda *_: 0.0))
    assert [name for name, _ in found] == [
        f"{host}: {stage}" for host in ("toy", "second") for stage in ("main", "equal time")
    ]


def plan_host():
    from study_hosts import HOST

    return HOST


def test_every_arm_and_condition_has_its_own_rate(store):
    best = {("mlp", "deep"): 0.01, ("kan", "shallow"): 1.0}
    asked = plan(rates=(0.001, 0.01, 0.1, 1.0, 10.0))
    go(study(asked), store, peaked(lambda *group: best.get(group, 0.1)))
    rates = {(t.arm, t.condition): t.rate for t in main(asked, store)}
    assert rates["mlp", "deep"] == 0.01
    assert rates["kan", "shallow"] == rates["kan", "control"] == 1.0
    assert rates["learned", "deep"] == 0.1


def test_a_best_rate_at_an_end_widens_the_grid_for_all(store):
    found = go(study(), store, peaked(lambda arm, condition: 1.0 if arm == "kan" else 0.1))
    tuning = [trials for name, trials in found if "tuning" in name]
    assert [sorted({t.rate for t in each}) for each in tuning] == [
        [0.01, 0.1],
        [0.01, 0.1, 1.0],
        [0.01, 0.1, 1.0, 10.0],
    ]
    assert len({t.key for t in tuning[-1]}) == 3 * 2 * 4
    choices = tuned(plan(), store)
    assert choices["kan", "deep"].rate == 1.0
    assert all(choice.bracketed for choice in choices.values())


def test_a_grid_grows_at_most_twice_and_says_so(store):
    go(study(), store, peaked(lambda *_: 1e9))
    choice = tuned(plan(), store)["mlp", "deep"]
    assert max(choice.scores) == choice.rate == 10.0
    assert not choice.bracketed


def test_the_quick_study_leaves_the_grid_as_it_is(store):
    found = go(study(plan(widens=False)), store, peaked(lambda *_: 1e9))
    assert [name for name, _ in found] == ["toy: tuning", "toy: main", "toy: equal time"]
    assert {t.rate for t in main(plan(widens=False), store)} == {0.1}


def test_nothing_is_planned_before_tuning_is_done(store):
    assert tuned(plan(), store) is None
    assert main(plan(), store) == ()
    assert equal_time(plan(), store) == ()


def test_a_host_without_rates_needs_no_tuning(store):
    assert tuned(plan(rates=()), store) == {}
    assert {t.rate for t in main(plan(rates=()), store)} == {0.0}


def test_one_rate_is_taken_untried(store):
    found = go(study(plan(rates=(0.03,))), store, peaked(lambda *_: 0.0))
    assert "toy: tuning" not in dict(found)
    assert {t.rate for t in main(plan(rates=(0.03,)), store)} == {0.03}


def test_what_diverged_is_never_chosen():
    planned = trials(plan(), (0.01, 0.1))
    rows = {
        trial.key: Outcome("done" if rate == 0.1 else "diverged", error=1.0, valid=rate)
        for by_rate in planned.values()
        for rate, trial in by_rate.items()
    }
    assert {choice.rate for choice in chosen(planned, rows).values()} == {0.1}


def test_the_faster_of_a_pair_gets_more_steps(store):
    asked = plan(rates=())
    found = go(study(asked), store, peaked(lambda *_: 0.0, {"kan": 4.1, "learned": 0.5}))
    timed = {(t.arm, t.budget, t.condition): t.steps for t in found[-1][1]}
    assert timed == {("mlp", "time:kan", "deep"): 48, ("learned", "time:mlp", "deep"): 24}
    assert len(found[-1][1]) == 6
    assert ratios(asked, store) == {("kan", "deep"): 4.0, ("learned", "deep"): 0.5}


def test_times_that_were_measured_once_stay(store):
    asked = plan(rates=())
    store.fact("time toy kan deep at size 1", 8.0)
    go(study(asked), store, peaked(lambda *_: 0.0, {"kan": 4.1}))
    assert {t.steps for t in equal_time(asked, store) if t.budget == "time:kan"} == {96}


def test_an_arm_that_never_came_to_its_end_has_no_equal_time(store):
    def outcome(trial):
        return Outcome("failed" if trial.arm == "kan" else "done", error=0.1, seconds=1.0)

    asked = plan(rates=())
    assert go(study(asked), store, outcome)[-1][1] == ()
    assert ratios(asked, store) == {("learned", "deep"): 1.0}
