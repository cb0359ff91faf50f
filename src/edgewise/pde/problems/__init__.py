"""Built-in problems, each with a reference solution of its own: ``edgewise pde NAME``.

A reference is a formula, a series, or a method that shares no code with the solver;
``tests/test_pde_problems.py`` holds each to another truth.
"""

from edgewise.errors import InputError
from edgewise.pde.problems.case import Case
from edgewise.pde.problems.cavity import CAVITY
from edgewise.pde.problems.darcy import DARCY
from edgewise.pde.problems.evolution import EVOLUTION
from edgewise.pde.problems.flow import FLOW
from edgewise.pde.problems.inverse import INVERSE
from edgewise.pde.problems.steady import STEADY

CASES: dict[str, Case] = {case.name: case for case in (*STEADY, *DARCY, *EVOLUTION, *FLOW, *CAVITY, *INVERSE)}


def case(name: str) -> Case:
    """The built-in problem of that name.

    Example:
        >>> case("poisson").target
        1e-06
    """
    if name not in CASES:
        raise InputError(f"no built-in problem is called {name!r}; choose one of: {', '.join(CASES)}")
    return CASES[name]


__all__ = ["CASES", "Case", "case"]
