"""What ``edgewise pde NAME`` does: solve a built-in problem, hold it to its reference, keep it and write it down."""

import json
from math import isfinite
from pathlib import Path
from typing import Any

from edgewise.errors import InputError
from edgewise.pair import CONFIG, MODEL
from edgewise.pde.problems import CASES, case
from edgewise.pde.solution import Solution
from edgewise.pde.solve import solve

TABLE, PICTURE, FACTS = "table.csv", "field.png", "result.json"
PER_AXIS = {1: 401, 2: 61, 3: 21}


def names() -> dict[str, str]:
    """The built-in problems and a line on each.

    Example:
        >>> names()["heat"]
        'heat, one mode'
    """
    return {name: one.title for name, one in CASES.items()}


def run(
    name: str,
    *,
    seconds: float | None = None,
    seed: int = 0,
    progress: bool = False,
    method: str | None = None,
    causal: float | None = None,
) -> tuple[Solution, dict[str, Any]]:
    """Solves a built-in problem; the solution, and what ``--json`` prints of it.

    ``relative_l2`` is the largest relative error of all unknowns at fresh points, or of the parameter that was to be
    found; ``target`` and ``limit`` are what the problem is solved for. ``method`` and ``causal`` as in ``SolveConfig``
    take the place of the problem's own settings.
    """
    one = case(name)
    limit = one.seconds if seconds is None else seconds
    asked = {"method": method, "causal": causal}
    settings = {**one.settings, **{key: value for key, value in asked.items() if value is not None}}
    solution = solve(one.build(seed), max_seconds=limit, seed=seed, progress=progress, **settings)
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


def keep(folder: Path, solution: Solution, facts: dict[str, Any]) -> list[Path]:
    """Writes the solution (see ``edgewise.pde.storage``), a table, its pictures and ``facts``; returns the files."""
    from edgewise.view import save_figure
    from edgewise.view.field import field_figure
    from edgewise.view.writing import replacing

    solution.save(folder)
    names, exact = solution.problem.domain.coordinates, case(facts["problem"]).exact
    at = {name: solution.problem.domain.bounds[k][1] for k, name in enumerate(names) if k > 1}
    with replacing(folder / TABLE) as temporary:
        solution.table(PER_AXIS[min(len(names), 3)]).to_csv(temporary, index=False)
    save_figure(field_figure(solution, exact=exact, at=at), folder / PICTURE)
    with replacing(folder / FACTS) as temporary:
        temporary.write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return [folder / name for name in (TABLE, PICTURE, FACTS)]


def check_folder(folder: Path) -> None:
    """Raises ``InputError``, before any time is spent, where a solution cannot be kept."""
    if folder.is_file():
        raise InputError(f"{folder} is a file: expected a folder; choose another name")
    ours = {TABLE, PICTURE, FACTS, CONFIG, MODEL, f"{CONFIG}.next", f"{MODEL}.next"}
    others = sorted(one.name for one in folder.iterdir() if one.name not in ours) if folder.is_dir() else []
    if others:
        raise InputError(
            f"{folder} holds other files, such as {others[0]!r}: expected a new folder; type --out DIR"
        )


def written(solution: Solution, seconds: float, seed: int) -> tuple[str, dict[str, Any]]:
    """The solution as formulas, for ``--formula``: text, and what ``--json`` prints of it."""
    found = solution.to_formula(max_seconds=seconds, seed=seed)
    return found.to_text(), {
        "status": found.status,
        "message": found.message,
        "formulas": {name: one.text for name, one in found.formulas.items()},
        "residuals": {name: left if isfinite(left) else None for name, left in found.residuals.items()},
        "certificates": {name: one.to_dict() for name, one in found.certificates.items()},
        "seconds": round(found.seconds, 3),
    }
