"""Training at every depth: the laws, the arms, one training run, and the choice of its learning rate.

Inputs are uniform in [-1, 1]^4, targets centred and scaled over 100,000 rows. Every step draws new rows, so nothing can
be learned by heart; the error is that on 8,192 rows of its own, root mean square over the target's deviation.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import torch
from torch import Tensor

from edgewise import KAN
from edgewise.diagnostics import diagnose

WIDTH, INTERVALS, BATCH, STEPS = 12, 20, 256, 800
DEPTHS = (1, 2, 4, 8, 16, 32)
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
SEEDS, TUNING_SEED = (0, 1, 2, 3, 4), 100
KEPT_RATE, KEPT_DEPTHS = 1e-2, (2, 8, 32)
FAILED = 0.9  # of the target's deviation: as good as having learned nothing


def waves(x: Tensor) -> Tensor:
    """``exp( (sin pi (a^2 + b^2) + sin pi (c^2 + d^2)) / 2 )``."""
    a, b, c, d = x.T
    return ((torch.sin(math.pi * (a**2 + b**2)) + torch.sin(math.pi * (c**2 + d**2))) / 2).exp()


def tree(x: Tensor) -> Tensor:
    """``u v + tanh(2 u - v)``,  ``u = tanh(2 a b + c)``,  ``v = tanh(2 c d - a)``."""
    a, b, c, d = x.T
    u, v = torch.tanh(2 * a * b + c), torch.tanh(2 * c * d - a)
    return u * v + torch.tanh(2 * u - v)


def chain(x: Tensor) -> Tensor:
    """``cos(3 q + d) / (1 + q^2)``,  ``q = sin(2 p + c)``,  ``p = sin(2 a + b) / (1 + b^2)``."""
    a, b, c, d = x.T
    p = torch.sin(2 * a + b) / (1 + b**2)
    q = torch.sin(2 * p + c)
    return torch.cos(3 * q + d) / (1 + q**2)


LAWS: dict[str, Callable[[Tensor], Tensor]] = {"waves": waves, "tree": tree, "chain": chain}
ARMS: dict[str, dict[str, Any]] = {
    "noise": {"init": "noise"},
    "noise, rms": {"init": "noise", "norm": "rms"},
    "critical, rms": {"init": "critical", "norm": "rms"},
    "critical, rms, scaled": {"init": "critical", "norm": "rms", "residual": "scaled"},
    "splines alone, rms": {"init": "critical", "norm": "rms", "base": None},
}


@dataclass(frozen=True)
class Cell:
    """One training run: what is told apart in the file of results."""

    arm: str
    law: str
    depth: int
    seed: int
    rate: float
    steps: int


def network(arm: str, depth: int, generator: torch.Generator) -> KAN:
    """``depth`` hidden levels of 12 nodes, 20 intervals on [-1, 1]."""
    return KAN([4] + [WIDTH] * depth + [1], intervals=INTERVALS, generator=generator, **ARMS[arm])


def rows(law: str, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """New rows and their centred, scaled targets."""
    x = 2 * torch.rand(count, 4, generator=generator) - 1
    return x, (LAWS[law](x)[:, None] - _SCALES[law][0]) / _SCALES[law][1]


def trained(cell: Cell) -> KAN:
    """The network of a cell after its steps of Adam under a one-cycle learning rate."""
    generator = torch.Generator().manual_seed(cell.seed)
    net = network(cell.arm, cell.depth, generator)
    optimiser = torch.optim.Adam(net.parameters(), cell.rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, cell.rate, total_steps=cell.steps + 1)
    for _ in range(cell.steps):
        x, y = rows(cell.law, BATCH, generator)
        loss = (net(x) - y).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net


def error(net: KAN, law: str) -> float:
    """Root mean square error on 8,192 rows that no training draws, over the target's deviation."""
    x, y = rows(law, 8192, torch.Generator().manual_seed(987654321))
    with torch.no_grad():
        return float((net(x) - y).square().mean().sqrt())


def measured(cell: Cell) -> dict[str, Any]:
    """A cell with its error, None where that is no number, and its seconds."""
    start = time.perf_counter()
    found = error(trained(cell), cell.law)
    seconds = round(time.perf_counter() - start, 2)
    return asdict(cell) | {"error": found if math.isfinite(found) else None, "seconds": seconds}


def kept_rows() -> Iterator[dict[str, Any]]:
    """What splines do in networks before and after training: their energy, and the outputs without them."""
    for depth in KEPT_DEPTHS:
        for law in LAWS:
            yield kept_row(Cell("critical, rms, scaled", law, depth, TUNING_SEED, KEPT_RATE, STEPS))


def kept_row(cell: Cell) -> dict[str, Any]:
    """Shares and changes of the outputs without splines, and gradients at the first layer over those at the last."""
    x, y = rows(cell.law, 256, torch.Generator().manual_seed(1))
    row: dict[str, Any] = {"arm": cell.arm, "law": cell.law, "depth": cell.depth}
    for when, steps in (("start", 0), ("end", cell.steps)):
        found = diagnose(trained(replace(cell, steps=steps)), x, y)
        # Of shares the median over the layers, of the changes without one layer's splines the largest.
        row[when] = {
            "loss": float(f"{found.loss:.3g}"),
            "share": float(f"{median(layer.gain.share for layer in found.layers):.3g}"),
            "without_one": float(f"{max(layer.deletion.change for layer in found.layers):.3g}"),
            "without_all": float(f"{found.deleted.change:.3g}"),
            "loss_without": float(f"{found.deleted.loss:.3g}"),
            "spread": float(f"{found.spread:.3g}"),
        }
    return row


def tuning_cells(arm: str, steps: int, depths: Iterable[int] = DEPTHS) -> list[Cell]:
    """The runs from which an arm's learning rate is chosen: every rate on every law, one seed kept for it."""
    return [
        Cell(arm, law, depth, TUNING_SEED, rate, steps) for depth in depths for rate in RATES for law in LAWS
    ]


def best_rate(arm: str, depth: int, found: Iterable[dict[str, Any]]) -> float:
    """The rate with the smallest median error over the laws, no number counting as infinite."""
    errors: dict[float, list[float]] = {rate: [] for rate in RATES}
    for row in found:
        if (row["arm"], row["depth"], row["seed"]) == (arm, depth, TUNING_SEED):
            errors[row["rate"]].append(math.inf if row["error"] is None else row["error"])
    return min(RATES, key=lambda rate: sorted(errors[rate])[len(errors[rate]) // 2])


def chosen(row: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    """Whether a run was done at the rate that all tuning runs point to."""
    return row["rate"] == best_rate(row["arm"], row["depth"], rows)


def final_cells(
    arm: str, steps: int, found: Iterable[dict[str, Any]], depths: Iterable[int] = DEPTHS
) -> list[Cell]:
    """The runs that are reported, at the chosen rate."""
    found = list(found)
    return [
        Cell(arm, law, depth, seed, best_rate(arm, depth, found), steps)
        for depth in depths
        for seed in SEEDS
        for law in LAWS
    ]


def _scales() -> dict[str, tuple[Tensor, Tensor]]:
    x = 2 * torch.rand(100_000, 4, generator=torch.Generator().manual_seed(123456789)) - 1
    return {name: (law(x).mean(), law(x).std()) for name, law in LAWS.items()}


_SCALES = _scales()
