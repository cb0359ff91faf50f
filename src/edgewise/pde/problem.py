"""An equation with all that belongs to it, checked before any time is spent on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.errors import InputError
from edgewise.pde.conditions import AnyCondition, BuiltIn, Condition, Data, Law, Periodic, Symmetry, law
from edgewise.pde.fields import recording_field
from edgewise.pde.geometry import Axes, Box, Domain
from edgewise.pde.taylor import Index, Orders

HIGHEST_ORDER = 5
Asked = dict[str, set[Index]]


class Problem:
    """Equations ``residual = 0`` of named unknowns on a domain, with conditions and parameters by name.

    Args:
        unknowns: one name, or several.
        domain: where the equations hold; see ``edgewise.pde.geometry``.
        equations: by name, functions whose arguments are unknowns, coordinates and parameters, found by name.
        conditions: by name; see ``edgewise.pde.conditions``.
        parameters: numbers to be found, with a first guess each; ``constants`` are known numbers by name.

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
        equations: Mapping[str, Callable[..., Any]],
        conditions: Mapping[str, AnyCondition],
        *,
        parameters: Mapping[str, float] | None = None,
        constants: Mapping[str, float] | None = None,
    ) -> None:
        self.unknowns = (unknowns,) if isinstance(unknowns, str) else tuple(unknowns)
        self.domain = domain
        self.equations = {name: law(function) for name, function in equations.items()}
        self.conditions = dict(conditions)
        self.parameters = {name: float(guess) for name, guess in (parameters or {}).items()}
        self.constants = {name: float(value) for name, value in (constants or {}).items()}
        _check_names(self)
        asked = _asked(self)
        _check_pinned(self, asked)
        _check_contradictions(self)
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
                raise InputError(f"no constant is called {name!r}; choose one of: {_listed(self.constants)}")
        return Problem(
            self.unknowns,
            self.domain,
            {name: part.function for name, part in self.equations.items()},
            self.conditions,
            parameters=self.parameters,
            constants={**self.constants, **constants},
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


@dataclass(frozen=True)
class _Known:
    """All that a law's arguments may be called."""

    words: dict[str, str]

    def check(self, owner: str, names: Sequence[str]) -> None:
        for name in names:
            if name not in self.words:
                near = get_close_matches(name, self.words, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise InputError(
                    f"{owner} asks for {name!r}, which is nothing here: expected some of {_listed(self.words)}{hint}"
                )


def _check_names(problem: Problem) -> None:
    groups = {
        "unknown": problem.unknowns,
        "coordinate": problem.domain.coordinates,
        "parameter": tuple(problem.parameters),
        "constant": tuple(problem.constants),
    }
    words: dict[str, str] = {}
    for kind, names in groups.items():
        for name in names:
            if not name.isidentifier() or name in words:
                other = f"already a {words[name]}" if name in words else "not a name"
                raise InputError(f"the {kind} {name!r} is {other}: expected different names of letters")
            words[name] = kind
    if not problem.equations:
        raise InputError('no equation; type for instance equations={"poisson": lambda u: u.xx + u.yy}')
    for name, own in problem.equations.items():
        _Known(words).check(f"equation {name!r}", own.names)
    for name, one in problem.conditions.items():
        _check_condition(problem, name, one, words)


def _check_condition(problem: Problem, name: str, one: AnyCondition, words: dict[str, str]) -> None:
    owner = f"condition {name!r}"
    if not isinstance(one, AnyCondition):
        raise InputError(f"{owner} is {one!r}: expected dirichlet(...), periodic(...), data(...), ...")
    if isinstance(one, BuiltIn):
        if not isinstance(problem.domain, Box) or one.axis not in problem.domain.coordinates:
            axes = _listed(problem.domain.coordinates)
            raise InputError(f"{owner} is about the axis {one.axis!r}: expected a box and one of {axes}")
        if isinstance(one, Symmetry) and one.unknown not in problem.unknowns:
            raise InputError(f"{owner} is about {one.unknown!r}: expected one of {_listed(problem.unknowns)}")
        return
    if isinstance(one, Condition):
        problem.domain.on(one.on)
        words = {**words, "normal": "normal"}
    _Known(words).check(owner, one.law.names)
    if isinstance(one, Data) and one.points.shape[1] != len(problem.domain.coordinates):
        raise InputError(
            f"{owner} has points of {one.points.shape[1]} columns: expected {_listed(problem.domain.coordinates)}"
        )


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


def _check_pinned(problem: Problem, asked: Asked) -> None:
    """Every axis along which an equation differentiates needs a condition on one of its ends."""
    if not problem.conditions:
        raise InputError(
            "no condition: the equations alone leave the solution open; type for instance "
            'conditions={"edge": dirichlet("u", 0.0)}'
        )
    if any(isinstance(one, Data) for one in problem.conditions.values()):
        return
    held = {one.axis for one in problem.conditions.values() if isinstance(one, Periodic)}
    names = set(problem.domain.coordinates)
    for one in problem.conditions.values():
        if isinstance(one, Condition):
            heads = {piece.name.split(".")[0] for piece in problem.domain.on(one.on)}
            held |= heads & names if heads <= names else (heads & names) | names - {"t"}
    for axis, name in enumerate(problem.domain.coordinates):
        derived = any(index[axis] for found in asked.values() for index in found)
        if derived and name not in held:
            raise InputError(
                f"nothing is said about the ends of {name!r}, along which the equations differentiate; "
                f"add a condition with on='{name}.low', on='{name}.high' or periodic({name!r})"
            )


def _check_contradictions(problem: Problem) -> None:
    pinned = [
        (name, one)
        for name, one in problem.conditions.items()
        if isinstance(one, Condition) and one.pins is not None
    ]
    ends = torch.tensor(problem.domain.bounds, dtype=torch.float64)
    axes = [torch.linspace(float(low), float(high), 4, dtype=torch.float64)[1:3] for low, high in ends]
    for (name, one), (other_name, other) in combinations(pinned, 2):
        shared = {p.name for p in problem.domain.on(one.on)} & {p.name for p in problem.domain.on(other.on)}
        for piece in problem.domain.pieces:
            if (
                piece.name in shared
                and one.pins == other.pins
                and _differ(problem, piece.sample, axes, one, other)
            ):
                raise InputError(
                    f"conditions {name!r} and {other_name!r} give {one.pins!r} different values on "
                    f"{piece.name!r}; leave one of them out"
                )


def _differ(
    problem: Problem, sample: Callable[[Axes], Any], axes: Axes, one: Condition, other: Condition
) -> bool:
    points = sample(axes)[0]
    targets = [problem.evaluate(c.target, points, {}) for c in (one, other) if c.target is not None]
    return not torch.allclose(targets[0], targets[1], atol=1e-9)


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "(none)"
