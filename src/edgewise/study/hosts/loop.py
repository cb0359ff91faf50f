"""The one recipe by which hosts are trained: AdamW, a one-cycle learning rate, clipped gradients, best state kept."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgewise.large.schedules import rate
from edgewise.study.hosts.trial import Trial

LOOKS = 10


@dataclass(frozen=True)
class Recipe:
    """What a host may set, the same for all arms; ``schedule`` see ``edgewise.large.schedules``."""

    decay: float = 0.01
    clip: float = 1.0
    schedule: str = "one-cycle"
    betas: tuple[float, float] = (0.9, 0.95)


@dataclass(frozen=True)
class Trained:
    """``valid`` of the state that was kept, ``seconds`` of training, and whether loss and gradient stayed finite."""

    valid: float
    seconds: float
    finite: bool


def fit(
    module: nn.Module,
    trial: Trial,
    loss: Callable[[int], Tensor],
    valid: Callable[[], float],
    recipe: Recipe | None = None,
    *,
    after_step: Callable[[int], None] | None = None,
) -> Trained:
    """Trains for ``trial.steps`` at ``trial.rate`` and leaves the module in its best state.

    ``loss(step)`` is that of the batch of a step, ``valid()`` (lower is better) is asked ten times; ``after_step``
    may change weights (masks, averages). Training stops where loss or gradient are not finite.
    """
    recipe = recipe or Recipe()
    optimiser = torch.optim.AdamW(
        module.parameters(), lr=trial.rate, betas=recipe.betas, weight_decay=recipe.decay
    )
    look, started, finite = max(1, trial.steps // LOOKS), time.perf_counter(), True
    best, best_valid = copy.deepcopy(module.state_dict()), float("inf")
    for step in range(trial.steps):
        for group in optimiser.param_groups:
            group["lr"] = trial.rate * rate(recipe.schedule, step, trial.steps)
        finite = _step(module, optimiser, loss(step), recipe.clip)
        if not finite:
            break
        if after_step is not None:
            after_step(step)
        if (step + 1) % look == 0 or step + 1 == trial.steps:
            now = valid()
            if now < best_valid:
                best, best_valid = copy.deepcopy(module.state_dict()), now
    module.load_state_dict(best)
    return Trained(best_valid, time.perf_counter() - started, finite)


def _step(module: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor, clip: float) -> bool:
    """One step; False, and nothing changed, where loss or gradient are not finite."""
    optimiser.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(module.parameters(), clip)
    finite = bool(torch.isfinite(loss) & torch.isfinite(norm))
    if finite:
        optimiser.step()
    return finite
