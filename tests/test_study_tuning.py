"""Learning rates: equal trials, optimum inside, development tasks only."""

import pytest

from edgewise.study.measurement import Row
from edgewise.study.plan import EQUAL_TIME, equal_time, main_plan, stages, tuned
from edgewise.study.spec import load
from edgewise.study.store import Store
from edgewise.study.tuning import Choice, chosen, nearest, trials, widened
from study_rows import TINY


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(TINY)
    return load(path)


def row(loss, status="done", seconds=1.0):
    return Row(status, "", 0.5, 1.0, valid_loss=loss, seconds=seconds)


def test_every_arm_has_as_many_trials(spec):
    planned = trials(spec, (0.001, 0.01))
    assert {len(by_rate) for by_rate in planned.values()} == {2}
    assert {len(cells) for by_rate in planned.values() for cells in by_rate.values()} == {1}
    cells = [c for by_rate in planned.values() for several in by_rate.values() for c in several]
    assert {cell.draw for cell in cells} == {900}
    assert {cell.stage for cell in cells} == {"trial"}


def test_the_lowest_validation_loss_wins_and_divergence_counts_as_the_mean(spec):
    planned = {("mlp", "plain", 1): trials(spec, (0.001, 0.01, 0.1))["mlp", "plain", 1]}
    losses = {0.001: row(0.5), 0.01: row(0.2), 0.1: row(None, "diverged")}
    rows = {cell.key: losses[rate] for rate, (cell,) in planned["mlp", "plain", 1].items()}
    choice = chosen(planned, rows)["mlp", "plain", 1]
    assert choice.rate == 0.01
    assert choice.bracketed
    assert choice.scores[0.1] == 0.0


def test_an_optimum_at_an_end_widens_the_grid_for_everybody():
    inside = Choice(0.01, {0.001: 0.0, 0.01: -1.0, 0.1: 0.0})
    low = Choice(0.001, {0.001: -1.0, 0.01: 0.0, 0.1: 0.0})
    grid = (0.001, 0.01, 0.1)
    assert widened(grid, {("mlp", "plain", 1): inside}) == grid
    assert widened(grid, {("mlp", "plain", 1): inside, ("kan", "plain", 1): low}) == (0.0001, *grid)
    assert not low.bracketed


def test_depths_not_tried_take_the_nearest_in_octaves():
    choices = {
        ("mlp", "plain", depth): Choice(rate, {rate: 0.0})
        for depth, rate in ((1, 0.1), (4, 0.01), (16, 0.001))
    }
    assert nearest(choices, "mlp-again", "plain", 2).rate == 0.01
    assert nearest(choices, "mlp", "plain", 32).rate == 0.001


def fill(spec, store, seconds):
    """Rows for one stage after the other; the best rate of every arm is 0.003, ``seconds`` by arm."""
    for name, cells in stages(spec, store):
        for cell in store.missing(cells):
            loss = 0.1 if cell.rate == 0.003 else 0.3
            store.add(cell, row(loss, seconds=seconds[cell.arm]))
        yield name, cells


SECONDS = {"mlp": 1.0, "mlp-again": 1.0, "kan-critical": 4.1, "swap-first": 1.0}


def test_stages_follow_each_other_and_end(spec, tmp_path):
    with Store(tmp_path / "rows.sqlite") as store:
        assert main_plan(spec, store).cells() == ()
        found = list(fill(spec, store, SECONDS))
        assert [name for name, _ in found] == ["tuning", "tuning", "sweeps", EQUAL_TIME]
        choices = tuned(spec, store)
        assert {choice.rate for choice in choices.values()} == {0.003}
        assert all(choice.bracketed for choice in choices.values())
        assert {cell.rate for cell in main_plan(spec, store).cells()} == {0.003}
        assert [len(store.missing(cells)) for _, cells in stages(spec, store)] == [0] * 4


def test_equal_time_gives_the_faster_arm_more_steps(spec, tmp_path):
    with Store(tmp_path / "rows.sqlite") as store:
        list(fill(spec, store, SECONDS))
        (longer,) = equal_time(spec, store)
        assert (longer.arm, longer.steps, longer.budget) == ("mlp", 4 * spec.steps, "time:kan-critical")
    with Store(tmp_path / "other.sqlite") as store:
        list(fill(spec, store, SECONDS | {"kan-critical": 0.24}))
        (longer,) = equal_time(spec, store)
        assert (longer.arm, longer.steps, longer.budget) == ("kan-critical", 4 * spec.steps, "time:mlp")


def test_equal_time_waits_for_all_rows(spec, tmp_path):
    with Store(tmp_path / "rows.sqlite") as store:
        found = stages(spec, store)
        for _ in range(2):
            for cell in store.missing(next(found)[1]):
                store.add(cell, row(0.1 if cell.rate == 0.003 else 0.3))
        assert equal_time(spec, store) == ()
