r"""Continual learning: Gaussian peaks shown one after the other, each only by rows of its own region.

    1-D   y = sum_k exp(-300 (x - c_k)^2),      five intervals of [-1, 1] with a peak in the middle of each
    2-D   y = sum_k exp(-60 |x - c_k|^2),       the corners and the middle of a 3 x 3 chessboard on [-1, 1]^2

The first is the KAN paper's experiment (section 3.5, and example 8 of its package). The second is our extension:
regions share columns and rows, so that splines of single coordinates meet data of other regions. Rows to learn from are
even grids, as in the paper, so that no cell of the splines is left without; test rows are random.

============= ==========================================================================================
arm           network
============= ==========================================================================================
spline        the paper's: splines alone, without base function, ``[1, 1]`` and in 2-D ``[2, 5, 1]``
kan-critical  two hidden levels of splines with base functions, as many parameters
mlp           two hidden levels of gelu nodes, as many parameters
learned       the same with a learned function on every node
============= ==========================================================================================

Every phase is full-batch Adam of so many steps at a constant rate, begun anew; the rate is the one with the lowest
final error on a development sequence that no finding uses. The order of the peaks is the seed's. ``numbers`` has a line
before the first phase and one after each: the error on every region, in the order of the phases.
"""

import itertools
import time

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.study.arms import Stack, build
from edgewise.study.claims.case import Case, Finding
from edgewise.study.claims.rows import root_mean_square
from edgewise.study.matching import matched
from edgewise.study.tasks import seeded
from edgewise.study.tasks.task import Array

TASKS = {"peaks-1d": 1, "peaks-2d": 2}
ARMS = ("spline", "kan-critical", "mlp", "learned")
DEVELOPMENT = 900  # seed of the sequence that rates are chosen on
TEST = 2000
HIDDEN_LEVELS, INTERVALS = 2, 5
_SHARPNESS, _HALF_WIDTH = {1: 300.0, 2: 60.0}, {1: 1 / 5, 2: 1 / 3}
_CENTERS = {
    1: np.linspace(-0.8, 0.8, 5)[:, None],
    2: np.array([*itertools.product((-2 / 3, 2 / 3), repeat=2), (0.0, 0.0)]),
}


def centers(task: str, seed: int) -> Array:
    """Where the peaks are ``(5, inputs)``, in the order in which they are shown."""
    if task not in TASKS:
        raise InputError(f"task {task!r} is not known; choose one of: {', '.join(TASKS)}")
    return np.asarray(seeded("order", task, seed).permutation(_CENTERS[TASKS[task]]), float)


def target(task: str, X: Array) -> Array:
    """``y (n,)`` at ``X (n, inputs)``."""
    distance = ((X[:, None, :] - _CENTERS[TASKS[task]]) ** 2).sum(-1)
    return np.exp(-_SHARPNESS[TASKS[task]] * distance).sum(1)


def measured(case: Case) -> Finding:
    """All phases of one network."""
    network, places = _network(case), centers(case.task, case.seed)
    regions = [_rows(case, place, k, "test", TEST) for k, place in enumerate(places)]
    started, lines = time.perf_counter(), [_errors(network, regions)]
    for k, place in enumerate(places):
        _learn(network, *_rows(case, place, k, "train", case.rows), case)
        lines.append(_errors(network, regions))
    if not np.isfinite(lines).all():
        return Finding("failed", "a value is not finite")
    y = torch.cat([y for _, y in regions])
    return Finding(
        "done",
        error=root_mean_square(np.array(lines[-1])),
        deviation=float(y.std(correction=0)),
        shape=_shape(network),
        parameters=_count(network),
        seconds=time.perf_counter() - started,
        numbers=lines,
    )


def _learn(network: nn.Module, X: Tensor, y: Tensor, case: Case) -> None:
    optimiser = torch.optim.Adam(network.parameters(), lr=case.rate)
    for _ in range(case.steps):
        optimiser.zero_grad()
        (network(X) - y).square().mean().backward()
        optimiser.step()


def _errors(network: nn.Module, regions: list[tuple[Tensor, Tensor]]) -> list[float]:
    with torch.no_grad():
        return [root_mean_square((network(X) - y).numpy()) for X, y in regions]


def _rows(case: Case, place: Array, phase: int, part: str, count: int) -> tuple[Tensor, Tensor]:
    inputs = TASKS[case.task]
    half = _HALF_WIDTH[inputs]
    if part == "train":
        line = np.linspace(-half, half, round(count ** (1 / inputs)))
        offsets = np.array([*itertools.product(line, repeat=inputs)])
    else:
        draw = seeded("peaks", part, case.task, case.seed, phase)
        offsets = draw.uniform(-half, half, (count, inputs))
    X = place + offsets
    return torch.from_numpy(X), torch.from_numpy(target(case.task, X))[:, None]


def _network(case: Case) -> nn.Module:
    inputs = TASKS[case.task]
    if case.arm == "spline":
        widths = {1: [1, 1], 2: [2, 5, 1]}[inputs]
        generator = torch.Generator().manual_seed(case.seed)
        (cells,) = case.sizes
        return KAN(widths, intervals=cells, base=None, generator=generator, dtype=torch.float64)
    if case.arm not in ARMS:
        raise InputError(f"arm {case.arm!r} is not known; choose one of: {', '.join(ARMS)}")
    shape = matched(case.arm, inputs, 1, HIDDEN_LEVELS, case.parameters, INTERVALS)
    return build(shape, "plain", case.seed).double()


def _count(network: nn.Module) -> int:
    return network.living() if isinstance(network, Stack) else sum(p.numel() for p in network.parameters())


def _shape(network: nn.Module) -> str:
    if isinstance(network, KAN):
        return f"{[sum(width) for width in network.widths]}, {network.intervals} cells"
    return f"{HIDDEN_LEVELS} hidden levels"
