"""A run with many checkpoints, to be killed and started again.

``long_run.py FOLDER [seconds a step] [dropout] [steps]`` runs it. ``long_run.py`` alone forks a process that runs it
for every line ``FOLDER SECONDS`` on standard input: importing torch once serves them all. Each says its number at once
and how it ended at its end.
"""

import hashlib
import os
import sys
import tempfile
import time

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.errors import EdgewiseError
from edgewise.large import ArraySource, LargeConfig, LargeResult, fit

STEPS = 500


def module(dropout: float) -> nn.Module:
    """Small, with dropout: what is random in it must come back too."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.Dropout(dropout), nn.Tanh(), nn.Linear(16, 1))


def run(folder: str, pause: float = 0.0, dropout: float = 0.2, steps: float = STEPS) -> LargeResult:
    """Goes on from whatever the folder holds."""
    X = np.random.default_rng(0).normal(size=(1000, 4))
    source = ArraySource(X, np.sin(X).sum(1), block_rows=130)
    held = ArraySource(X[:100], np.sin(X[:100]).sum(1))
    config = LargeConfig(
        batch_size=64, steps=int(steps), ema=0.9, checkpoint_every=3, record_every=10, precision="float64"
    )

    def loss(output: Tensor, target: Tensor) -> Tensor:
        time.sleep(pause)
        return nn.functional.mse_loss(output, target)

    return fit(module(dropout), source, config, loss=loss, run=folder, validation=held)


def digest(result: LargeResult) -> str:
    """A hash of every bit of the result: parameters and losses."""
    losses = [(entry.step, entry.loss, entry.validation_loss) for entry in result.history]
    content = b"".join(p.detach().numpy().tobytes() for p in result.module.parameters())
    return hashlib.sha256(content + repr(losses).encode()).hexdigest()


def serve() -> None:
    """One forked process for every line, waited for before the next."""
    with tempfile.TemporaryDirectory() as folder:
        run(folder, steps=3)
    for line in sys.stdin:
        number = os.fork()
        if not number:
            name, pause = line.split()
            print(os.getpid(), flush=True)
            print(*outcome(run(name, float(pause))), flush=True)
            os._exit(0)
        os.waitpid(number, 0)


def outcome(result: LargeResult) -> tuple[str, float | None, str]:
    """Status, the last validation loss, and every bit."""
    return result.status.replace(" ", "-"), result.history[-1].validation_loss, digest(result)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(serve())
    try:
        found = run(sys.argv[1], *map(float, sys.argv[2:]))
    except EdgewiseError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(*outcome(found))
