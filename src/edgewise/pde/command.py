"""What ``edgewise pde NAME`` does: solve a built-in problem and hold it to its reference."""

from typing import Any

from edgewise.pde.problems import CASES, case
from edgewise.pde.solution import Solution
from edgewise.pde.solve import solve


def names() -> dict[str, str]:
    """The built-in problems and a line on each.

    Example:
        >>> names()["heat"]
        'heat, one mode'
    """
    return {name: one.title for name, one in CASES.items()}


def run(
    name: str, *, seconds: float | None = None, seed: int = 0, progress: bool = False
) -> tuple[Solution, dict[str, Any]]:
    """Solves a built-in problem; the solution, and what ``--json`` prints of it.

    ``relative_l2`` is the largest relative error of all unknowns at fresh points, or of the parameter that was to be
    found; ``target`` and ``limit`` are what the problem is solved for.
    """
    one = case(name)
    limit = one.seconds if seconds is None else seconds
    solution = solve(one.build(seed), max_seconds=limit, seed=seed, progress=progress, **one.settings)
    return solution, {
        "problem": name,
        "relative_l2": one.error(solution),
        "seconds": round(solution.seconds, 3),
        "parameters": solution.count,
        "status": solution.status,
        "message": solution.message,
        "estimate": solution.estimate,
        "target": one.target,
        "limit": limit,
        "seed": seed,
        "found": solution.parameters,
        "intervals": solution.intervals,
    }
