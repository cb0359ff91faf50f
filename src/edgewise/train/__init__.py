"""Training behind one function: ``train(network, X, y, config) -> FitResult``.

The network given is left alone. Scales are measured here (or those it has are kept) and folded into the network that
comes back, rows are split once, the work is done in float64 (float32 for large minibatch runs) and the best state on
held-out rows is what the caller gets, whatever happened after it.
"""

import copy
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch

from edgewise.data import Scales, as_tensors, measure, split_rows
from edgewise.engines import Engine, Local
from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.train.clock import Clock
from edgewise.train.config import FitResult, Step, TrainConfig, Watch
from edgewise.train.lbfgs import FullBatch
from edgewise.train.minibatch import Minibatch
from edgewise.train.problem import FEWEST_TO_SPLIT, Rows
from edgewise.train.recorder import Frame, Recorder
from edgewise.train.staircase import Staircase
from edgewise.train.threads import one_thread

__all__ = ["FitResult", "Frame", "Recorder", "Step", "TrainConfig", "train"]

MANY_PARAMETERS = 3000
MANY_NUMBERS = 40_000_000
MANY_ROWS = 50_000
SMALL_WORK = 2_000_000


def train(
    network: KAN,
    X: Any,
    y: Any,
    config: TrainConfig | None = None,
    engine: Engine | None = None,
    watch: Watch | None = None,
) -> FitResult:
    """Fits a network to rows ``X (n, inputs)`` and targets ``y (n,)`` or ``(n, outputs)``.

    Returns a new network of the same type and shape of edges that maps the user's ``X`` to the user's ``y``. For
    ``loss="cross-entropy"``, ``y`` holds class numbers and the outputs are logits. Raises ``InputError`` when the
    data and the network do not fit each other.

    Under ``torchrun``, pass ``edgewise.engines.engine()``: every process is given the same network and the same table,
    works on its share of the rows by L-BFGS or Adam, and returns the same network.

    ``watch`` is called with the ``Step`` and a copy of the network after every accepted step, and at the end with the
    network that is handed back and the step it comes from; ``Recorder()`` keeps them for a movie.

    Example:
        >>> X = torch.linspace(-1, 1, 50)[:, None]
        >>> result = train(KAN([1, 1]), X, X**2, TrainConfig(max_seconds=5))
        >>> bool((result.network(X) - X**2).abs().max() < 1e-4)
        True
    """
    config, engine = config or TrainConfig(), engine or Local()
    inputs, targets = as_tensors(X, y)
    _check_fit(network, inputs, targets, config)
    clock = Clock(config.max_seconds, config.progress)
    scales = _kept(network) if config.keep_scales else measure(inputs, targets, network.widths[-1][1])
    rows = _rows(inputs, targets, scales, config)
    method, reason = _choose(network, rows, config, engine.world)
    large = method == "adam" and inputs.numel() > MANY_NUMBERS
    kind = torch.float32 if large else torch.float64
    working = copy.deepcopy(network).to(kind)
    _identity(scales, working).install(working)
    run = _run(method, working, rows.to(kind), config, clock, engine)
    if watch:
        run.watch = lambda step, seen: watch(step, _finished(seen, network, scales, config))
    small = rows.y.numel() * network.free().numel() < SMALL_WORK
    try:
        with one_thread() if small else nullcontext():
            status = run.climb()
    except KeyboardInterrupt:
        status = "interrupted"
    finally:
        clock.close()
    if not run.best_loss < float("inf"):
        status = "rolled back"
    message = f"{_SAID[status]}; {method}: {reason}; held-out loss {run.best_loss:.3g}"
    found = _finished(run.best, network, scales, config)
    if watch and run.history:
        watch(min(run.history, key=lambda step: step.validation_loss), found)
    return FitResult(status, message, tuple(run.history), clock.seconds, found)


def _run(
    method: str, network: KAN, rows: Rows, config: TrainConfig, clock: Clock, engine: Engine
) -> Staircase | FullBatch | Minibatch:
    if method == "least-squares":
        return Staircase(network, rows, config, clock)
    kind = FullBatch if method == "lbfgs" else Minibatch
    return kind(network, rows, config, clock, engine)


_SAID = {
    "converged": "converged",
    "step limit": "stopped at the step limit, still improving",
    "time limit": "stopped at the time limit, best so far kept",
    "interrupted": "interrupted, best so far kept",
    "rolled back": "the loss stopped being a number and the best state before that was kept; scale or check the data",
}


def _choose(network: KAN, rows: Rows, config: TrainConfig, world: int) -> tuple[str, str]:
    """The method and the reason for it."""
    parameters, count = network.free().numel(), rows.X.shape[0]
    if world > 1 and config.method == "least-squares":
        raise InputError(f"least-squares works in one process, not in {world}; type method='lbfgs'")
    if count < world:
        raise InputError(f"{count} rows for {world} processes: start at most {count}")
    if config.method != "auto":
        return config.method, "asked for"
    squared = config.loss == "squared" and not (config.sparsity or config.entropy)
    if (
        world == 1
        and squared
        and network.joins.linear
        and parameters <= MANY_PARAMETERS
        and rows.y.numel() * parameters <= MANY_NUMBERS
    ):
        return "least-squares", f"chosen for {parameters} parameters and {count} rows"
    if count <= MANY_ROWS:
        why = f"{parameters} parameters" if squared else "a loss that is not a plain sum of squares"
        why = why if network.joins.linear else f"residual={network.joins.residual!r}"
        why = why if world == 1 else f"{world} processes"
        return "lbfgs", f"chosen for {why} and {count} rows"
    return "adam", f"chosen for {count} rows"


def _check_fit(network: KAN, X: torch.Tensor, y: torch.Tensor, config: TrainConfig) -> None:
    outputs = 1 if config.loss == "cross-entropy" else network.out_features
    if X.shape[1] != network.in_features or y.shape[1] != outputs:
        raise InputError(
            f"a network of widths {list(network.widths)} got X with {X.shape[1]} columns and y with {y.shape[1]}; "
            f"make it KAN([{X.shape[1]}, ..., {y.shape[1]}])"
        )
    if config.method == "least-squares" and (config.sparsity or config.entropy or config.loss != "squared"):
        raise InputError(
            "least-squares minimises plain squares; for sparsity, entropy or classes use method='lbfgs'"
        )
    if config.method == "least-squares" and not network.joins.linear:
        raise InputError(
            f"least-squares needs closed-form derivatives, which residual={network.joins.residual!r} has not; "
            "use method='lbfgs' or 'adam'"
        )
    if config.loss == "cross-entropy" and not _are_classes(y, network.out_features):
        raise InputError(f"cross-entropy needs class numbers from 0 to {network.out_features - 1} in y")


def _are_classes(y: torch.Tensor, classes: int) -> bool:
    return bool(((y == y.round()) & (y >= 0) & (y < classes)).all())


def _rows(X: torch.Tensor, y: torch.Tensor, scales: Scales, config: TrainConfig) -> Rows:
    scaled = (X - scales.input_center) / scales.input_scale
    target = y if config.loss == "cross-entropy" else (y - scales.output_center) / scales.output_scale
    share = config.validation if X.shape[0] >= FEWEST_TO_SPLIT else 0.0
    kept, held = split_rows(X.shape[0], share, torch.Generator().manual_seed(config.seed))
    return Rows(scaled[kept], target[kept], scaled[held], target[held])


def _kept(network: KAN) -> Scales:
    maps = (network.input_center, network.input_scale, network.output_center, network.output_scale)
    return Scales(*(part.detach().cpu().double() for part in maps))


def _identity(scales: Scales, network: KAN) -> Scales:
    wide = torch.zeros(network.out_features, dtype=torch.float64)
    return Scales(torch.zeros_like(scales.input_center), torch.ones_like(scales.input_scale), wide, wide + 1)


def _finished(best: KAN, given: KAN, scales: Scales, config: TrainConfig) -> KAN:
    """The trained network in the user's units and in the type and place of the given one."""
    if config.loss == "cross-entropy":
        wide = torch.zeros(best.out_features, dtype=torch.float64)
        scales = replace(scales, output_center=wide, output_scale=wide + 1)
    scales.install(best)
    return best.to(device=given.input_center.device, dtype=given.input_center.dtype)
