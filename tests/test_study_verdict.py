"""Planted advantages get the verdicts they were planted with; noise gets none."""

import numpy as np
import pandas as pd
import pytest

from edgewise.study.analysis import advantages, equal_time_advantages, judged
from edgewise.study.verdict import COMPOSITION, FITTING, MIXED, checks, decided, verdicts
from study_rows import line, pairs, planted

COMPOSED = {"depth": 0.12, "target": 0.12, "held": 0.15}
FITTED = {"depth": -0.12, "rough": 0.12, "held": -0.15}


def words(**settings):
    return [verdict.word for verdict in verdicts(pairs(**settings))]


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_composition_advantage_is_found(seed):
    (verdict,) = verdicts(pairs(**COMPOSED, seed=seed))
    assert verdict.word == COMPOSITION
    assert [c.mean for c in verdict.contrasts] == pytest.approx([0.12, 0.12, 0.15], abs=0.05)
    for contrast, truth in zip(verdict.contrasts, (0.12, 0.12, 0.15), strict=True):
        assert contrast.interval.low - 0.02 < truth < contrast.interval.high + 0.02


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_fitting_advantage_is_found(seed):
    assert words(**FITTED, seed=seed) == [FITTING]


@pytest.mark.parametrize("effects", [COMPOSED, FITTED])
def test_with_half_the_rows_at_random_nothing_is_decided(effects):
    found = [words(**effects, random=0.5, seed=seed)[0] for seed in range(20)]
    assert found.count(MIXED) >= 19


def test_no_effect_is_seldom_taken_for_one():
    found = [words(seed=seed)[0] for seed in range(20)]
    assert found.count(MIXED) == 20


def test_an_effect_within_the_band_is_called_none():
    (verdict,) = verdicts(pairs(draws=12))
    assert verdict.contrasts[0].sign == "equal"
    assert verdict.advantage == pytest.approx(0.3, abs=0.1)


def test_a_high_level_alone_is_no_composition():
    assert words(level=0.8) == [MIXED]


@pytest.mark.parametrize(
    ("signs", "word"),
    [
        (["positive", "positive", "positive"], COMPOSITION),
        (["positive", "positive", "negative"], MIXED),
        (["positive", "open", "absent"], MIXED),
        (["negative", "equal", "negative"], FITTING),
        (["open", "open", "open"], MIXED),
    ],
)
def test_the_rule(signs, word):
    assert decided(signs) == word


def test_missing_sweeps_leave_the_verdict_open():
    found = pairs(**COMPOSED)
    (verdict,) = verdicts(found[found["role"] == "depth"])
    assert [contrast.sign for contrast in verdict.contrasts] == ["positive", "absent", "absent"]
    assert verdict.word == MIXED


def test_swapping_the_names_of_the_arms_turns_the_verdict_round():
    rows = planted(**COMPOSED)
    rows["arm"] = rows["arm"].map({"mlp": "kan", "kan": "mlp"})
    (verdict,) = verdicts(advantages(rows, "mlp"))
    assert verdict.word == FITTING


def again(difference, draws=8, seeds=5, seed=0):
    rng, lines = np.random.default_rng(seed), []
    for draw in range(draws):
        for s in range(seeds):
            for levels in (1, 2, 4, 8):
                for arm, shift in (("mlp", 0.0), ("mlp-again", difference)):
                    error = 10 ** (-1 - shift + 0.1 * rng.normal())
                    lines.append(line("depth", arm, "gp", draw, levels, s, error))
    return advantages(judged(pd.DataFrame(lines)), "mlp")


def test_the_reference_against_itself_passes_and_a_biased_one_does_not():
    (fair,) = checks(again(0.0))
    (biased,) = checks(again(0.08))
    assert fair.passed
    assert abs(fair.mean) < 0.03
    assert not biased.passed
    assert biased.mean == pytest.approx(0.08, abs=0.02)
    assert verdicts(again(0.0)) == ()


def test_a_leak_on_shuffled_targets_is_seen():
    lines = [
        line("null", arm, "shuffled/gp", draw, 4, seed, 0.8 if arm == "kan" else 1.0)
        for arm in ("mlp", "kan")
        for draw in range(3)
        for seed in range(2)
    ]
    _, null = checks(advantages(judged(pd.DataFrame(lines)), "mlp"))
    assert null.name.startswith("kan")
    assert not null.passed


def test_no_error_counts_for_more_than_predicting_the_mean():
    lines = [
        line("depth", "mlp", "gp", 0, 1, 0, 0.1),
        line("depth", "kan", "gp", 0, 1, 0, 37.0),
        line("depth", "mlp", "gp", 0, 2, 0, 1.0, status="diverged"),
        line("depth", "kan", "gp", 0, 2, 0, 0.1),
    ]
    found = advantages(judged(pd.DataFrame(lines)), "mlp")
    assert found["advantage"].tolist() == pytest.approx([-1.0, 1.0])
    assert found["raw"].tolist() == pytest.approx([-1 - np.log10(37), 1.0])


def test_only_the_same_task_draw_and_seed_are_paired():
    lines = [line("depth", "mlp", "gp", 0, 1, 0, 0.1), line("depth", "kan", "gp", 0, 1, 1, 0.1)]
    assert advantages(judged(pd.DataFrame(lines)), "mlp").empty


def test_equal_time_pairs_the_longer_run_of_the_faster_arm():
    lines = [
        line("depth", "mlp", "gp", 0, 4, 0, 0.1),
        line("depth", "slow", "gp", 0, 4, 0, 0.05),
        line("depth", "fast", "gp", 0, 4, 0, 0.05),
        line("equal time", "mlp", "gp", 0, 4, 0, 0.01, budget="time:slow", steps=200),
        line("equal time", "fast", "gp", 0, 4, 0, 0.02, budget="time:mlp", steps=200),
    ]
    found = equal_time_advantages(judged(pd.DataFrame(lines)), "mlp").set_index("arm")["advantage"]
    assert found["slow"] == pytest.approx(np.log10(0.01 / 0.05))
    assert found["fast"] == pytest.approx(np.log10(0.1 / 0.02))
