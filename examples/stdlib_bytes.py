"""A byte-level language model of Python's own standard library: a transformer with Kolmogorov-Arnold blocks.

Six layers; the twin has the usual MLP in the block's place, with as many parameters. The text is every ``.py`` file
of the interpreter that runs this, in the order of their names, tests and installed packages left out; every tenth
file is for choosing, every tenth for the report. The hash of the text goes with the results.

    python examples/stdlib_bytes.py --json bytes.json
"""

import argparse
import hashlib
import math
import sysconfig
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from twins import Arm, Match, compare, write

from edgewise import KANBlock
from edgewise.large import ArraySource, LargeConfig

LAYERS, WIDTH, HEADS, WINDOW = 6, 64, 4, 128
LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "lib2to3"}


def main() -> None:
    """Runs the comparison and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--intervals", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    texts, digest = library()
    train, choose, report = (windows(text) for text in texts)
    match = Match(
        train=ArraySource(*train, block_rows=2048),
        validation=ArraySource(choose[0][:64], choose[1][:64]),
        loss=cross_entropy,
        judge=lambda module: bits_per_byte(module, *report),
        unit="bits per byte on files held out",
        config=LargeConfig(batch_size=16, steps=options.steps, weight_decay=0.1, warmup=0.1),
        rates=(0.001, 0.003, 0.01, 0.03),
        trial_steps=max(1, options.steps // 4),
        seeds=options.seeds,
    )
    arms = (Arm("KAN blocks", lambda seed: spline_model(seed, options.intervals)), Arm("MLPs", plain_model))
    found = compare(arms, match)
    write(found, match.unit, options.json, {"text_sha256": digest, "intervals": options.intervals})


def library() -> tuple[list[bytes], str]:
    """The text for training, choosing and reporting, and the hash of all of it."""
    root = Path(sysconfig.get_path("stdlib"))
    files = sorted(p for p in root.rglob("*.py") if not LEFT_OUT & set(p.relative_to(root).parts))
    parts: list[list[bytes]] = [[], [], []]
    for number, path in enumerate(files):
        parts[{8: 1, 9: 2}.get(number % 10, 0)].append(path.read_bytes())
    texts = [b"\n".join(part) for part in parts]
    return texts, hashlib.sha256(b"\0".join(texts)).hexdigest()


def windows(text: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Bytes ``(n, WINDOW)`` and the bytes that follow each."""
    found = np.frombuffer(text, np.uint8)
    count = (len(found) - 1) // WINDOW
    shape = (count, WINDOW)
    return found[: count * WINDOW].reshape(shape), found[1 : count * WINDOW + 1].reshape(shape)


class Attention(nn.Module):
    """Causal self-attention with a norm in front."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(WIDTH)
        self.mix, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.mix(self.norm(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(found.transpose(1, 2).flatten(2))


class Perceptron(nn.Sequential):
    """The usual MLP of a transformer, four times as wide, with a norm in front."""

    def __init__(self) -> None:
        wide = 4 * WIDTH
        super().__init__(
            nn.RMSNorm(WIDTH),
            nn.Linear(WIDTH, wide, bias=False),
            nn.GELU(),
            nn.Linear(wide, WIDTH, bias=False),
        )


class Model(nn.Module):
    """Bytes ``(n, WINDOW)`` to logits ``(n, WINDOW, 256)`` of the bytes that follow."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(256, WIDTH), nn.Embedding(WINDOW, WIDTH)
        self.attentions = nn.ModuleList(Attention() for _ in blocks)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.RMSNorm(WIDTH)
        for table in (self.embed, self.place):
            nn.init.normal_(table.weight, std=0.02)
        for attention in self.attentions:
            nn.init.normal_(attention.out.weight, std=0.02 / math.sqrt(2 * len(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        x = x.long()
        h = self.embed(x) + self.place.weight[: x.shape[1]]
        for attention, block in zip(self.attentions, self.blocks, strict=True):
            h = h + attention(h)
            h = h + block(h) / math.sqrt(2 * len(self.blocks))
        return self.norm(h) @ self.embed.weight.T


def plain_model(seed: int) -> Model:
    """With MLPs."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Model([Perceptron() for _ in range(LAYERS)])


def spline_model(seed: int, intervals: int = 5) -> Model:
    """With Kolmogorov-Arnold blocks of as many parameters."""
    with torch.random.fork_rng():
        size = sum(p.numel() for p in Perceptron().parameters())
        torch.manual_seed(seed)
        blocks = [
            KANBlock.matching(WIDTH, size, intervals=intervals, depth=2 * LAYERS, dtype=torch.float32)
            for _ in range(LAYERS)
        ]
        return Model(list(blocks))


def cross_entropy(output: Tensor, y: Tensor) -> Tensor:
    """Mean over all bytes, in nats."""
    return F.cross_entropy(output.flatten(0, 1).float(), y.long().flatten())


def bits_per_byte(module: nn.Module, X: np.ndarray, y: np.ndarray, rows: int = 1024) -> float:
    """Mean cross-entropy over evenly spread windows, in bits."""
    chosen = np.linspace(0, len(X) - 1, min(rows, len(X))).astype(int)
    total = 0.0
    with torch.no_grad():
        for part in np.array_split(chosen, max(1, len(chosen) // 64)):
            output = module(torch.from_numpy(X[part].copy()))
            total += float(cross_entropy(output, torch.from_numpy(y[part].copy()))) * len(part)
    return total / len(chosen) / math.log(2)


if __name__ == "__main__":
    main()
