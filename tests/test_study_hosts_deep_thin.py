"""The deep-thin host: its text and split, equal parameters, the best depth, and small trainings of every arm."""

import platform

import numpy as np
import pytest
import torch

from edgewise.study.hosts import deep_thin
from edgewise.study.hosts.decoder import Decoder
from edgewise.study.hosts.deep_thin.corpus import NAMES, STUDIED, corpus, split, spread, windows
from edgewise.study.hosts.deep_thin.optimum import optimum, shift
from edgewise.study.hosts.deep_thin.shape import shaped
from edgewise.study.hosts.trial import Trial

DIGEST = "12e6b4ae9a32f59c2899ca0e5eb2139d9afad950d9eaa3c304b8068471712aa4"


@pytest.fixture
def few_windows(monkeypatch):
    monkeypatch.setattr(deep_thin, "VALID", 4)
    monkeypatch.setattr(deep_thin, "TEST", 4)


def test_every_file_is_in_one_part():
    parts = split()
    assert sorted(name for part in parts for name in part) == sorted(NAMES)
    assert [len(part) for part in parts[1:]] == [8, 12]


@pytest.mark.skipif(platform.python_version() != STUDIED, reason=f"the study read the files of {STUDIED}")
def test_the_text_is_that_of_the_study():
    assert corpus().digest == DIGEST


def test_text_and_digest_follow_the_files(tmp_path):
    for k, name in enumerate(NAMES):
        (tmp_path / f"{name}.py").write_bytes(bytes([k]) * 3)
    first = corpus.__wrapped__(tmp_path)
    train, valid, test = split()
    for part, names in ((first.train, train), (first.valid, valid), (first.test, test)):
        assert part.tolist() == [NAMES.index(name) for name in names for _ in range(3)]
    (tmp_path / "ast.py").write_bytes(b"abc")
    assert corpus.__wrapped__(tmp_path).digest != first.digest


def test_guessing_is_the_entropy_of_how_often_bytes_occur(tmp_path):
    for name in NAMES:
        (tmp_path / f"{name}.py").write_bytes(b"ab" * 500)
    counts = 500 * len(split()[0]) + 1
    total = 2 * counts + 254
    assert corpus.__wrapped__(tmp_path).guessing == pytest.approx(-np.log2(counts / total))


def test_windows_hold_the_bytes_from_their_starts_on():
    text = torch.arange(100, dtype=torch.uint8)
    assert windows(text, np.array([3, 90]), 4).tolist() == [[3, 4, 5, 6, 7], [90, 91, 92, 93, 94]]


def test_spread_windows_do_not_overlap_in_what_is_predicted():
    text = torch.arange(101, dtype=torch.uint8)
    predicted = spread(text, 1000, 10)[:, 1:].flatten().tolist()
    assert predicted == list(range(1, 101))
    few = spread(text, 3, 10)
    assert few.shape == (3, 11)
    assert few[0, 0] == 0
    assert few[-1, -1] == 100


@pytest.mark.parametrize("arm", ["mlp", "learned", "kan"])
def test_all_depths_have_the_parameters_of_the_budget(arm):
    for blocks, passes in deep_thin.DEPTHS.values():
        decoder = Decoder(arm, shaped(blocks, deep_thin.BUDGET, passes), torch.Generator())
        beside = sum(p.numel() for p in decoder.parameters()) - decoder.embedding.numel()
        assert beside == pytest.approx(deep_thin.BUDGET, rel=0.02)


@pytest.mark.parametrize("condition", list(deep_thin.DEPTHS))
def test_all_arms_of_a_depth_have_the_same_parameters(condition):
    blocks, passes = deep_thin.DEPTHS[condition]
    plan = shaped(blocks, deep_thin.BUDGET, passes)
    counts = [
        sum(p.numel() for p in Decoder(arm, plan, torch.Generator()).parameters())
        for arm in deep_thin.HOST.arms
    ]
    assert max(counts) <= 1.02 * min(counts)


def test_deeper_is_thinner():
    widths = [shaped(blocks, deep_thin.BUDGET).width for blocks in (2, 6, 12, 24)]
    assert widths == sorted(set(widths), reverse=True)


def test_the_optimum_of_a_parabola_is_its_lowest_point():
    errors = {depth: 10 ** (0.2 * (np.log2(depth) - 2.5) ** 2 - 1) for depth in (2, 6, 12, 24)}
    assert optimum(errors) == pytest.approx(2**2.5)
    assert optimum({2: 1.0, 6: 2.0, 12: 3.0}) == 2.0
    assert optimum({2: 3.0, 6: 2.0, 12: 1.0}) == 12.0
    assert optimum({2: 3.0, 6: 1.0, 12: 1.0}) == pytest.approx(2 ** _lowest([1, np.log2(6), np.log2(12)]))


def test_the_shift_is_in_doublings_of_depth():
    def valley(best):
        return {depth: 10 ** (0.1 * (np.log2(depth) - best) ** 2) for depth in (2, 4, 8, 16, 32)}

    mean, interval = shift([valley(3.0), valley(3.2)], [valley(2.0), valley(2.0)])
    assert mean == pytest.approx(1.1)
    assert interval.high - mean == pytest.approx(12.706 * 0.1, rel=1e-3)  # t for one degree of freedom
    assert interval.low == pytest.approx(2 * mean - interval.high)


@pytest.mark.parametrize("arm", deep_thin.HOST.arms)
def test_every_arm_trains(arm, few_windows):
    outcome = deep_thin.run(Trial("deep_thin", arm, "6-twice", 0, 0.01, 3, size=0.05))
    assert outcome.status == "done"
    assert 0 < outcome.error < 9
    assert outcome.chance == corpus().guessing
    assert outcome.in_slots < outcome.parameters
    assert set(outcome.numbers) == set(deep_thin.HOST.numbers)
    assert (outcome.spline_share is None) == (not arm.startswith("kan"))
    assert (outcome.spline_damage is None) == (not arm.startswith("kan"))


def test_training_learns_more_than_how_often_bytes_occur(few_windows):
    trial = Trial("deep_thin", "mlp", "2", 0, 0.02, 60, size=0.1)
    assert deep_thin.run(trial).error < corpus().guessing


def test_the_same_trial_gives_the_same_outcome(few_windows):
    first, again, other = (
        deep_thin.run(Trial("deep_thin", "mlp", "2", seed, 0.01, 3, size=0.05)) for seed in (0, 0, 1)
    )
    assert first.error == again.error != other.error


def test_a_diverged_training_counts_as_guessing(few_windows):
    outcome = deep_thin.run(Trial("deep_thin", "mlp", "2", 0, float("inf"), 3, size=0.05))
    assert outcome.status == "diverged"
    assert outcome.error == outcome.chance == corpus().guessing


def _lowest(at):
    """Where the parabola through (at, log10 of 3, 1, 1) is lowest, by Newton's divided differences."""
    e = np.log10([3.0, 1.0, 1.0])
    slope = (e[1] - e[0]) / (at[1] - at[0])
    bend = ((e[2] - e[1]) / (at[2] - at[1]) - slope) / (at[2] - at[0])
    return (at[0] + at[1]) / 2 - slope / (2 * bend)
