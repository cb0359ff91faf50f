"""``fit``: what it learns, how it ends, and that a run taken up ends with the same bits."""

import copy
import os
import signal
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from edgewise.errors import CheckpointError, FitWarning, InputError
from edgewise.large import ArraySource, LargeConfig, ParquetSource, fit, progress
from edgewise.large.state import newest
from edgewise.network import KAN
from edgewise.train import TrainConfig, train


@pytest.fixture
def table(rng):
    X = rng.uniform(-3, 3, (2000, 2)) * [1, 100] + [50, 0]
    return X, 1000 + np.sin(X[:, 0]) + (X[:, 1] / 300) ** 2


def new_network(widths=(2, 1), dtype=torch.float32):
    return KAN(list(widths), generator=torch.Generator().manual_seed(0), dtype=dtype)


def perceptron(width=8):
    module = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            parameter.copy_(
                torch.linspace(-1, 1, parameter.numel()).sin().view_as(parameter) * (number + 1) / 4
            )
    return module


def quick(**settings):
    return LargeConfig(
        **({"batch_size": 100, "steps": 30, "learning_rate": 0.05, "record_every": 10} | settings)
    )


def parameters(module):
    return torch.cat([t.detach().double().flatten() for t in module.state_dict().values()])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ema": 0.95},
        {"optimiser": "schedule-free"},
        {"precision": "bfloat16"},
        {"precision": "float64", "schedule": "one-cycle", "accumulate": 3},
    ],
    ids=str,
)
def test_a_network_learns_in_the_users_units(table, settings):
    X, y = table
    given = new_network()
    before = parameters(given).clone()
    result = fit(given, ArraySource(X, y, block_rows=300), quick(steps=400, **settings))
    error = result.module(torch.from_numpy(X).float()).detach().numpy()[:, 0] - y
    assert (error**2).mean() < 0.01 * y.var()
    assert result.status == "step limit"
    assert torch.equal(parameters(given), before)
    assert result.module.input_center.dtype == torch.float32


def test_it_is_as_good_as_training_from_memory(table):
    X, y = table
    config = TrainConfig(method="adam", batch_size=100, max_steps=20, learning_rate=0.05, validation=0.0)
    usual = train(new_network(dtype=torch.float64), X, y, config)
    settings = quick(steps=400, schedule="one-cycle", precision="float64", clip=None)
    streamed = fit(new_network(dtype=torch.float64), ArraySource(X, y), settings)
    assert streamed.history[-1].loss < 2 * usual.history[-1].loss


def test_any_module_and_any_loss(table):
    X, y = table
    source = ArraySource((X - [50, 0]) / [3, 300], y - 1000)
    result = fit(perceptron(), source, quick(steps=600), loss=nn.functional.l1_loss)
    losses = [entry.loss for entry in result.history]
    assert losses[-1] < 0.5 * losses[0]


def test_whole_numbers_reach_the_module_as_such(rng):
    """Tokens in, classes out: the next of three in a ring."""
    tokens = rng.integers(0, 3, (600, 4))
    module = nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 3))

    def loss(output, target):
        return nn.functional.cross_entropy(output.flatten(0, 1), target.flatten())

    result = fit(module, ArraySource(tokens, (tokens + 1) % 3), quick(steps=200), loss=loss)
    assert torch.equal(result.module(torch.arange(3)).argmax(1), torch.tensor([1, 2, 0]))


def test_classes_by_cross_entropy(table):
    X, _ = table
    result = fit(new_network((2, 2)), ArraySource(X, X[:, 1] > 20), quick(steps=200), loss="cross-entropy")
    found = result.module(torch.from_numpy(X).float()).argmax(1).numpy()
    assert (found == (X[:, 1] > 20)).mean() > 0.95


def test_parquet_and_arrays_train_alike(table, tmp_path):
    X, y = table
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=300)
    one = fit(new_network(), ParquetSource(tmp_path / "t.parquet", target="y"), quick())
    other = fit(new_network(), ArraySource(X, y, block_rows=300), quick())
    assert torch.equal(parameters(one.module), parameters(other.module))


def test_the_best_on_the_validation_table_is_handed_out(table):
    X, y = table
    wrong = ArraySource(X[:50], -y[:50])
    result = fit(new_network(), ArraySource(X, y), quick(steps=100), validation=wrong)
    losses = [entry.validation_loss for entry in result.history]
    best = fit(new_network(), ArraySource(X, y), quick(steps=100), validation=ArraySource(X[:50], y[:50]))
    assert f"best validation loss {min(losses):.3g}" in result.message
    assert losses.index(min(losses)) < len(losses) - 1, "the last is the best: nothing is shown"
    assert not torch.equal(parameters(best.module), parameters(result.module))


@pytest.mark.parametrize("settings", [{}, {"ema": 0.9}, {"optimiser": "schedule-free"}], ids=str)
def test_a_run_in_three_sessions_ends_with_the_same_bits(table, tmp_path, settings):
    X, y = table
    source, held = ArraySource(X, y, block_rows=300), ArraySource(X[:99], y[:99])
    module = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 8), nn.Dropout(0.3), nn.Linear(8, 1))
    config = quick(steps=60, checkpoint_every=7, **settings)
    whole = fit(module, source, config, validation=held)
    seen = []

    def stopping(output, target):
        seen.append(1)
        if len(seen) in (13, 31):
            os.kill(os.getpid(), signal.SIGTERM)
        return nn.functional.mse_loss(output, target)

    sessions = [fit(module, source, config, loss=stopping, run=tmp_path, validation=held) for _ in range(3)]
    assert [result.status for result in sessions] == ["interrupted", "interrupted", "step limit"]
    assert torch.equal(parameters(sessions[-1].module), parameters(whole.module))
    facts = [[(e.step, e.loss, e.validation_loss) for e in r.history] for r in (sessions[-1], whole)]
    assert facts[0] == facts[1]


def test_a_finished_run_is_handed_out_again(table, tmp_path):
    one, other = (fit(new_network(), ArraySource(*table), quick(), run=tmp_path) for _ in range(2))
    assert torch.equal(parameters(one.module), parameters(other.module))
    assert one.history == other.history


def test_ctrl_c_keeps_what_there_is(table):
    signals = iter([signal.SIGINT])

    def loss(output, target):
        for number in signals:
            os.kill(os.getpid(), number)
        return nn.functional.mse_loss(output, target)

    before = signal.getsignal(signal.SIGINT)
    result = fit(perceptron(), ArraySource(*table), quick(), loss=loss)
    assert result.status == "interrupted"
    assert "after 2 of 30 steps" in result.message
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_does_not_wait(table):
    def loss(output, target):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        return nn.functional.mse_loss(output, target)

    with pytest.raises(KeyboardInterrupt):
        fit(perceptron(), ArraySource(*table), quick(), loss=loss)


def test_the_time_limit_ends_a_session(table, tmp_path):
    result = fit(new_network(), ArraySource(*table), quick(steps=10**6, max_seconds=0.2), run=tmp_path)
    assert result.status == "time limit"
    assert newest(tmp_path) == result.history[-1].step
    assert 0.2 <= result.seconds < 5


@pytest.mark.parametrize("bad", [float("nan"), 1e30])
def test_a_loss_gone_wrong_is_rolled_back(table, tmp_path, bad):
    steps = []

    def loss(output, target):
        steps.append(1)
        return nn.functional.mse_loss(output, target) * (bad if len(steps) == 25 else 1.0)

    settings = quick(checkpoint_every=1, schedule="constant", warmup=0.0)
    result = fit(perceptron(), ArraySource(*table), settings, loss=loss, run=tmp_path)
    good = fit(perceptron(), ArraySource(*table), quick(steps=20, schedule="constant", warmup=0.0))
    assert result.status == "rolled back"
    assert "after 24 steps" in result.message
    assert newest(tmp_path) == 24, "a state after the accident"
    assert torch.equal(parameters(result.module), parameters(good.module))


def test_randomness_is_the_seeds_and_the_callers_is_left_alone(table):
    module = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    results = [fit(module, ArraySource(*table), quick(steps=5, seed=seed)) for seed in (0, 0, 1)]
    assert torch.equal(torch.rand(3), expected)
    same, also, other = (parameters(result.module) for result in results)
    assert torch.equal(same, also)
    assert not torch.equal(same, other)


@pytest.mark.parametrize("every", [1, 7, 1000])
def test_checkpoints_do_not_change_the_result(table, tmp_path, every):
    kept = fit(new_network(), ArraySource(*table), quick(checkpoint_every=every), run=tmp_path / "run")
    assert torch.equal(
        parameters(kept.module), parameters(fit(new_network(), ArraySource(*table), quick()).module)
    )


def test_a_checkpoint_every_so_many_seconds(table, tmp_path):
    fit(new_network(), ArraySource(*table), quick(checkpoint_seconds=1e-9, keep=100), run=tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 31


def test_a_checkpoint_that_cannot_be_written_is_a_warning(table, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    def loss(output, target):
        monkeypatch.setattr(os, "fsync", full)  # once the run has begun
        return nn.functional.mse_loss(output, target)

    with pytest.warns(FitWarning, match=r"No space left on device.*step 0 is whole.*training goes on"):
        result = fit(perceptron(), ArraySource(*table), quick(checkpoint_every=20), loss=loss, run=tmp_path)
    assert result.status == "step limit"
    assert "No space left on device" in result.message
    assert newest(tmp_path) == 0


def test_a_folder_that_cannot_be_written_to_ends_the_run_at_once(table, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="is a file: expected a folder"):
        fit(new_network(), ArraySource(*table), quick(), run=tmp_path / "file")
    with pytest.raises(CheckpointError, match="could not be written"):
        fit(new_network(), ArraySource(*table), quick(), run=tmp_path / "file" / "run")


def test_another_run_in_the_folder_is_refused(table, tmp_path):
    X, y = table
    fit(perceptron(), ArraySource(X, y), quick(), run=tmp_path)
    changed, longer = y.copy(), (np.tile(X, (2, 1)), np.tile(y, 2))
    changed[0] += 1
    for module, source, config, said in [
        (perceptron(9), ArraySource(X, y), quick(), "0.bias is float32 (8,) there and float32 (9,) here"),
        (perceptron(), ArraySource(X, y), quick(batch_size=50), "batch_size was 100 and is 50"),
        (perceptron(), ArraySource(X, changed), quick(), "the table has changed since the run"),
        (perceptron(), ArraySource(*longer), quick(), "shape of X was [2000, 2] and is [4000, 2]"),
    ]:
        with pytest.raises(CheckpointError) as caught:
            fit(module, source, config, run=tmp_path)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    assert fit(perceptron(), ArraySource(X, y), quick(), run=tmp_path).status == "step limit"


def test_another_validation_table_is_noticed(table, tmp_path):
    X, y = table
    fit(perceptron(), ArraySource(X, y), quick(), run=tmp_path, validation=ArraySource(X[:50], y[:50]))
    for held, said in [
        (ArraySource(X[:51], y[:51]), r"shape of validation X was \[50, 2\] and is \[51, 2\]"),
        (None, "validation X was there and is missing"),
    ]:
        with pytest.raises(CheckpointError, match=said):
            fit(perceptron(), ArraySource(X, y), quick(), run=tmp_path, validation=held)


def test_a_parquet_file_that_changed_between_sessions_is_noticed(table, tmp_path):
    frame = pd.DataFrame(table[0], columns=["a", "b"]).assign(y=table[1])
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    fit(new_network(), ParquetSource(path, target="y"), quick(), run=tmp_path / "run")
    frame[:-1].to_parquet(path)
    with pytest.raises(CheckpointError, match=r"the table has changed .*: bytes of t.parquet was \d+ and is"):
        fit(new_network(), ParquetSource(path, target="y"), quick(), run=tmp_path / "run")


@pytest.mark.parametrize(
    ("module", "more", "said"),
    [
        (new_network((3, 1)), {}, "got a table of 2 features and 1 targets; make it KAN([2, ..., 1])"),
        (new_network((2, 3)), {"loss": "huber"}, "choose one of: squared, cross-entropy"),
        (nn.Tanh(), {}, "Tanh has no parameters to train"),
        (perceptron(), {"validation": ArraySource(np.ones((3, 1)), np.ones(3))}, "expected the same columns"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(table, module, more, said):
    with pytest.raises(InputError) as caught:
        fit(module, ArraySource(*table), quick(), **more)
    assert said in str(caught.value)


def test_a_missing_number_in_the_table_is_told(table):
    X, y = table
    with pytest.raises(InputError, match="the targets of block 0 hold a NaN"):
        fit(new_network(), ArraySource(X, np.where(y > 1000, np.nan, y)), quick())


def test_a_progress_line_goes_to_standard_error(table, capsys, monkeypatch):
    monkeypatch.setattr(progress, "tqdm", partial(progress.tqdm, mininterval=0))
    fit(new_network(), ArraySource(*table), quick(progress=True))
    out, err = capsys.readouterr()
    assert out == ""
    assert "30/30" in err
    assert "waiting=" in err


def test_a_deep_copy_is_trained_and_frozen_parts_stay(table):
    module = perceptron()
    module[0].requires_grad_(False)
    result = fit(copy.deepcopy(module), ArraySource(*table), quick())
    assert torch.equal(result.module[0].weight, module[0].weight)
    assert not torch.equal(result.module[2].weight, module[2].weight)


def test_a_compiled_module_is_what_is_called(table, monkeypatch):
    called = []

    def compiled(module):
        return lambda X: called.append(len(X)) or module(X)

    monkeypatch.setattr(torch, "compile", compiled)
    plain, other = (fit(perceptron(), ArraySource(*table), quick(compile=way)) for way in (False, True))
    assert called == [100] * 30
    assert torch.equal(parameters(plain.module), parameters(other.module))
