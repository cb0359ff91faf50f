r"""Several random starts: all share the time, and the one that leaves least at held-out points is kept.

Starts are compared by what is minimised, with every equation at points that no fit has seen,

    sum_equations |R|^2 (held out) + sum_conditions weight^2 |R|^2 + 2 E (held out),

mean squares all. Where an equation has several solutions, starts may come to different ones, each without residual: how
many came to the one that is returned is said, and other seeds show the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, isfinite

import numpy as np
import torch

from edgewise.pde.collocation import held_out
from edgewise.pde.conditions import BuiltIn
from edgewise.pde.config import SolveConfig
from edgewise.pde.solution import Solution
from edgewise.train.clock import Clock

ALIKE = 1e-2

Solved = Callable[[SolveConfig, Clock], Solution]


def best_of(solved: Solved, config: SolveConfig) -> Solution:
    """The best of ``config.starts`` solutions; a start that ends early leaves its time to those after it.

    Ctrl-C keeps the best so far.
    """
    if config.starts == 1:
        return solved(config, Clock(config.max_seconds, config.progress))
    whole, found = Clock(config.max_seconds), list[Solution]()
    for k, seed in enumerate(seeds(config.seed, config.starts)):
        clock = Clock(whole.left() / (config.starts - k), config.progress)
        try:
            found.append(solved(replace(config, seed=seed, starts=1), clock))
        except KeyboardInterrupt:
            if not found:
                raise
            break
        if clock.stopped or whole.expired:
            break
    best = min(found, key=merit)
    message = f"{_told(best, found, config.starts)}; {best.message}"
    return replace(best, message=message, seconds=whole.seconds, config=config)


def seeds(seed: int, count: int) -> list[int]:
    """The seed of every start: the one given, then others drawn from it.

    Example:
        >>> seeds(7, 3)[0], seeds(7, 3) == seeds(7, 4)[:3]
        (7, True)
    """
    return [seed, *map(int, np.random.SeedSequence(seed).generate_state(count - 1))]


def merit(solution: Solution) -> tuple[bool, float]:
    """What starts are compared by, the smaller the better; what diverged comes last."""
    problem, total = solution.problem, 0.0
    for name, left in solution.held_out.items():
        total += 2 * left if problem.equations[name].is_energy else left**2
    for name, one in problem.conditions.items():
        if name in solution.residuals and not isinstance(one, BuiltIn):
            total += (one.weight * solution.residuals[name]) ** 2
    return solution.status == "diverged", total if isfinite(total) else inf


def _told(best: Solution, found: Sequence[Solution], asked: int) -> str:
    """How many starts there were, how many agree, and which was the best."""
    points = held_out(best.problem.domain, best.breakpoints, 1000, 3)
    same = sum(_apart(one, best, points) <= ALIKE for one in found)
    made = f"{asked} starts" if len(found) == asked else f"{len(found)} of {asked} starts that had time"
    return f"best of {made} by held-out residual (seed {best.config.seed}); {same} of {len(found)} came to it"


def _apart(one: Solution, two: Solution, points: torch.Tensor) -> float:
    """The relative L2 distance, the largest of all unknowns."""
    gaps = []
    for name, own in one.unknowns.items():
        values, others = own.values(points).detach(), two.unknowns[name].values(points).detach()
        gaps.append(float((values - others).norm() / others.norm().clamp(min=1e-300)))
    return max(gaps)
