"""Who solves a built-in problem: each loads its libraries, then gets problem, time and seed."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgewise.pde.problems import Case

Solve = Callable[[Case, float, int], Any]


@dataclass(frozen=True)
class Method:
    """The package that a method stands for, and what loads it; loading is not timed."""

    package: str
    load: Callable[[], Solve]


def edgewise() -> Solve:
    """``edgewise.pde.solve`` as ``edgewise pde NAME`` calls it."""
    from edgewise.pde import solve

    def run(case: Case, seconds: float, seed: int) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the status says it
            return solve(case.build(seed), max_seconds=seconds, seed=seed, **case.settings)

    return run


def perceptron() -> Solve:
    """Tanh layers, the same residuals and the same Levenberg-Marquardt, size chosen within the time."""
    from pde_perceptron import solve_perceptron

    def run(case: Case, seconds: float, seed: int) -> Any:
        easier = case.settings.get("continuation")
        return solve_perceptron(case.build(seed), seconds, seed, easier)

    return run


def deepxde() -> Solve:
    """DeepXDE as its examples set it."""
    from pde_deepxde import deepxde as load

    solve = load()
    return lambda case, seconds, seed: solve(case.build(seed), seconds, seed)


METHODS = {
    "edgewise": Method("edgewise", edgewise),
    "perceptron": Method("edgewise", perceptron),
    "deepxde": Method("deepxde", deepxde),
}
