"""The two comparisons under examples/: equal parameters, clean splits, tables that say what was run."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(EXAMPLES))

import digits  # noqa: E402
import stdlib_bytes  # noqa: E402
import twins  # noqa: E402

from edgewise.large import ArraySource, LargeConfig  # noqa: E402


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_twins_have_equal_parameters():
    assert count(digits.perceptron(0)) == pytest.approx(count(digits.spline_network(0)), rel=0.01)
    for intervals in (5, 10):
        both = count(stdlib_bytes.spline_model(0, intervals)), count(stdlib_bytes.plain_model(0))
        assert both[0] == pytest.approx(both[1], rel=0.02)


def test_seeds_make_modules_and_leave_the_global_state_alone():
    before = torch.random.get_rng_state()
    for make in (
        digits.perceptron,
        digits.spline_network,
        stdlib_bytes.plain_model,
        stdlib_bytes.spline_model,
    ):
        one, same, other = (list(make(seed).parameters()) for seed in (0, 0, 1))
        assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
        assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.equal(before, torch.random.get_rng_state())


def test_digits_are_split_once_and_whole():
    parts = digits.split_digits()
    assert [len(X) for X, _ in parts] == [3500, 500, 1000]
    assert np.bincount(np.concatenate([y for _, y in parts]).astype(int)).tolist() == [500] * 10
    rows = np.concatenate([X for X, _ in parts])
    assert len(np.unique(rows, axis=0)) > 4950
    assert (rows.min(), rows.max()) == (-1.0, 1.0)


def test_the_library_is_read_in_order_and_cut_into_windows():
    texts, digest = stdlib_bytes.library()
    assert stdlib_bytes.library()[1] == digest
    assert min(map(len, texts)) > 100_000
    assert b"class JSONDecoder" in b"".join(texts)
    X, y = stdlib_bytes.windows(bytes(range(256)) * 2)
    assert X.shape == y.shape == (3, stdlib_bytes.WINDOW)
    np.testing.assert_array_equal(y[:, :-1], X[:, 1:])


def test_the_model_looks_back_only():
    model = stdlib_bytes.spline_model(0).eval()
    x = torch.randint(0, 256, (1, 20), generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[0, 10:] = 7
    with torch.no_grad():
        torch.testing.assert_close(model(x)[:, :10], model(changed)[:, :10])


def test_a_model_that_knows_nothing_needs_eight_bits():
    def know_nothing(x):
        return torch.zeros(*x.shape, 256)

    X, y = stdlib_bytes.windows(bytes(range(256)) * 20)
    assert stdlib_bytes.bits_per_byte(know_nothing, X, y) == pytest.approx(8.0)


def test_a_comparison_runs_both_and_gives_the_faster_one_the_slower_ones_time(tmp_path, capsys):
    X = np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype(np.float32)
    source = ArraySource(X, X[:, :1] ** 2)
    match = twins.Match(
        train=source,
        validation=source,
        loss="squared",
        judge=lambda module: float(module(torch.from_numpy(X)).square().mean().item()),
        unit="size",
        config=LargeConfig(batch_size=32, steps=6),
        rates=(0.01, 0.1),
        trial_steps=2,
        seeds=2,
    )
    arms = (
        twins.Arm("linear", lambda seed: torch.nn.Linear(2, 1)),
        twins.Arm("other", lambda seed: torch.nn.Linear(2, 1)),
    )
    found = twins.compare(arms, match)
    assert [run.budget for run in found] == ["equal steps"] * 4 + ["equal time"] * 2
    assert len({run.arm for run in found[4:]}) == 1
    assert all(run.status == "step limit" and math.isfinite(run.score) for run in found)
    twins.write(found, match.unit, tmp_path / "runs.json", {"data": "squares"})
    assert capsys.readouterr().out.count("\n| ") == 4
    assert len(json.loads((tmp_path / "runs.json").read_text())["runs"]) == 6
