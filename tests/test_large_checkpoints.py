"""Networks out of a run's checkpoints."""

import numpy as np
import pytest
import torch

from edgewise.errors import CheckpointError
from edgewise.large import ArraySource, LargeConfig, checkpoints, fit
from edgewise.network import KAN

X = np.linspace(3, 9, 256)[:, None]
Y = 50 + X**2


def network(width=2):
    return KAN([1, width, 1], generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("ema", [None, 0.9])
def test_all_that_were_kept_in_order_and_in_units(tmp_path, ema):
    config = LargeConfig(batch_size=64, steps=40, learning_rate=0.05, checkpoint_every=10, keep=100, ema=ema)
    result = fit(network(), ArraySource(X, Y), config, run=tmp_path)
    frames = checkpoints(tmp_path, network())
    assert [frame.number for frame in frames] == [0, 10, 20, 30, 40]
    with torch.no_grad():
        inputs = torch.from_numpy(X).float()
        errors = [float((frame.network(inputs).numpy() - Y).std()) for frame in frames]
        assert torch.allclose(frames[-1].network(inputs), result.module(inputs), rtol=1e-5)
    assert errors[-1] < 0.5 * errors[0]


def test_other_networks_and_folders_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        checkpoints(tmp_path, network())
    fit(network(), ArraySource(X, Y), LargeConfig(batch_size=64, steps=2), run=tmp_path)
    with pytest.raises(CheckpointError, match="holds another network"):
        checkpoints(tmp_path, network(3))
