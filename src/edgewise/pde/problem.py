"""An equation with all that belongs to it, checked before any time is spent on it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.errors import InputError
from edgewise.pde.checks import (
    Asked,
    check_contradictions,
    check_creases,
    check_names,
    check_pinned,
    listed,
)
from edgewise.pde.conditions import AnyCondition, BuiltIn, Condition, Law, law
from edgewise.pde.fields import recording_field
from edgewise.pde.geometry import Domain
from edgewise.pde.taylor import Index, Orders

HIGHEST_ORDER = 5


class Problem:
    """Equations ``residual = 0`` of named unknowns on a domain, with conditions and parameters by name.

    Args:
        unknowns: one name, or several.
        domain: where the equations hold; see ``edgewise.pde.geometry``.
        equations: by name, functions whose arguments are unknowns, coordinates and parameters, found by name, and which
            are zero where solved; or an ``energy`` of such a function.
        conditions: by name; see ``edgewise.pde.conditions``.
        parameters: numbers to be found, with a first guess each; ``constants`` are known numbers by name.
        creases: by coordinate, places inside the domain at which the solution may bend, where a coefficient jumps.

    Raises ``InputError``, in one line, for what is misspelt, left open or contradicts itself.

    Example:
        >>> from edgewise.pde import Interval, dirichlet
        >>> beam = Problem("u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + 1}, {"ends": dirichlet("u", 0.0)})
        >>> sorted(beam.orders["u"].indices)
        [(0,), (1,), (2,)]
    """

    def __init__(
        self,
        unknowns: str | Sequence[str],
        domain: Domain,
        equations: Mapping[str, Callable[..., Any] | Law],
        conditions: Mapping[str, AnyCondition],
        *,
        parameters: Mapping[str, float] | None = None,
        constants: Mapping[str, float] | None = None,
        creases: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.unknowns = (unknowns,) if isinstance(unknowns, str) else tuple(unknowns)
        self.domain = domain
        self.equations = {name: law(function) for name, function in equations.items()}
        self.conditions = dict(conditions)
        self.parameters = {name: float(guess) for name, guess in (parameters or {}).items()}
        self.constants = {name: float(value) for name, value in (constants or {}).items()}
        self.creases = {name: sorted(map(float, places)) for name, places in (creases or {}).items()}
        check_names(self)
        check_creases(self)
        asked = _asked(self)
        check_pinned(self, asked)
        check_contradictions(self)
        self.orders = {name: Orders([*asked[name], (0,) * len(domain.coordinates)]) for name in self.unknowns}

    def with_constants(self, **constants: float) -> "Problem":
        """The same problem with other constants, for continuation.

        Example:
            >>> from edgewise.pde import Interval, dirichlet
            >>> ends = {"ends": dirichlet("u", 0.0)}
            >>> one = Problem("u", Interval(x=(0, 1)), {"bend": lambda u, k: u.xx + k}, ends, constants={"k": 1.0})
            >>> one.with_constants(k=2.0).constants
            {'k': 2.0}
        """
        for name in constants:
            if name not in self.constants:
                raise InputError(f"no constant is called {name!r}; choose one of: {listed(self.constants)}")
        return Problem(
            self.unknowns,
            self.domain,
            self.equations,
            self.conditions,
            parameters=self.parameters,
            constants={**self.constants, **constants},
            creases=self.creases,
        )

    @property
    def time(self) -> int | None:
        """The axis called ``t`` that has an initial state, if there is one."""
        starts = any(isinstance(c, Condition) and c.on == "t.low" for c in self.conditions.values())
        return self.domain.coordinates.index("t") if starts else None

    def laws(self) -> list[Law]:
        """Of the equations, then of the conditions that have one."""
        others = (one.law for one in self.conditions.values() if not isinstance(one, BuiltIn))
        return [*self.equations.values(), *others]

    def evaluate(
        self,
        own: Law,
        points: Float[Tensor, "n coordinates"],
        fields: Mapping[str, Any],
        normals: Float[Tensor, "n coordinates"] | None = None,
    ) -> Float[Tensor, " n"]:
        """A law at points, its unknowns (and parameters that are not numbers) given as ``fields``."""
        names = self.domain.coordinates
        columns = points if normals is None else normals
        values: dict[str, Any] = {**self.parameters, **self.constants}
        values |= dict(zip(names, points.T, strict=True))
        values["normal"] = dict(zip(names, columns.T, strict=True))
        found = own({**values, **fields})
        return torch.as_tensor(getattr(found, "value", found), dtype=torch.float64).expand(len(points))

    def index(self, unknown: str, by: str | Sequence[str]) -> Index:
        """The multi-index of a derivative, ``by`` as in ``"xx"`` or ``["x1", "x1"]``."""
        asked: set[Index] = set()
        field = recording_field(unknown, self.domain.coordinates, asked, torch.zeros(1))
        _ = getattr(field, by) if isinstance(by, str) else field.d(*by)
        return asked.pop()

    def sides(self, condition: Condition) -> list[tuple[int, int]] | None:
        """The sides of the box that a condition is on; None where any of it is no side."""
        sides = [piece.side for piece in self.domain.on(condition.on)]
        return None if None in sides else [side for side in sides if side is not None]


def _asked(problem: Problem) -> Asked:
    """Which derivatives of which unknown are read anywhere."""
    laws = {f"equation {name!r}": own for name, own in problem.equations.items()}
    laws |= {
        f"condition {name!r}": one.law
        for name, one in problem.conditions.items()
        if not isinstance(one, BuiltIn)
    }
    asked: Asked = {name: set() for name in problem.unknowns}
    in_equations: set[str] = set()
    for owner, own in laws.items():
        _dry_run(problem, owner, own, asked)
        if owner.startswith("equation"):
            in_equations |= set(own.names)
    for name in problem.unknowns:
        if name not in in_equations:
            raise InputError(f"no equation holds the unknown {name!r}: expected it as an argument of one")
    return asked


def _dry_run(problem: Problem, owner: str, own: Law, asked: Asked) -> None:
    ends = torch.tensor(problem.domain.bounds, dtype=torch.float64)
    points = ends[:, 0] + torch.tensor([[0.37], [0.61]], dtype=torch.float64) * (ends[:, 1] - ends[:, 0])
    fields: dict[str, Any] = {
        name: recording_field(name, problem.domain.coordinates, asked[name], points[:, 0])
        for name in problem.unknowns
    }
    try:
        problem.evaluate(own, points, fields)
    except (TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{owner} gives no number for each point ({reason}); write it with torch.sin and the like, on u, u.x, x"
        ) from None
    deepest = max((sum(index) for found in asked.values() for index in found), default=0)
    if deepest > HIGHEST_ORDER:
        raise InputError(f"{owner} holds a derivative of order {deepest}: expected at most {HIGHEST_ORDER}")
