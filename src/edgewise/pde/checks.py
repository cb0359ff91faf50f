"""What is wrong with a problem before any time is spent on it, each in one line: ``InputError``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch

from edgewise.errors import InputError
from edgewise.pde.conditions import AnyCondition, BuiltIn, Condition, Data, Periodic, Symmetry
from edgewise.pde.geometry import Axes, Box
from edgewise.pde.taylor import Index

if TYPE_CHECKING:
    from edgewise.pde.problem import Problem

Asked = dict[str, set[Index]]


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
                    f"{owner} asks for {name!r}, which is nothing here: expected some of {listed(self.words)}{hint}"
                )


def check_names(problem: "Problem") -> None:
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


def check_creases(problem: "Problem") -> None:
    names = problem.domain.coordinates
    for name, places in problem.creases.items():
        if name not in names:
            raise InputError(f"creases are along {name!r}: expected one of {listed(names)}")
        low, high = problem.domain.bounds[names.index(name)]
        outside = [place for place in places if not low < place < high]
        if outside:
            raise InputError(f"a crease at {name}={outside[0]:g}: expected it between {low:g} and {high:g}")


def _check_condition(problem: "Problem", name: str, one: AnyCondition, words: dict[str, str]) -> None:
    owner = f"condition {name!r}"
    if not isinstance(one, AnyCondition):
        raise InputError(f"{owner} is {one!r}: expected dirichlet(...), periodic(...), data(...), ...")
    if isinstance(one, BuiltIn):
        if not isinstance(problem.domain, Box) or one.axis not in problem.domain.coordinates:
            axes = listed(problem.domain.coordinates)
            raise InputError(f"{owner} is about the axis {one.axis!r}: expected a box and one of {axes}")
        if isinstance(one, Symmetry) and one.unknown not in problem.unknowns:
            raise InputError(f"{owner} is about {one.unknown!r}: expected one of {listed(problem.unknowns)}")
        return
    if isinstance(one, Condition):
        problem.domain.on(one.on)
        words = {**words, "normal": "normal"}
    _Known(words).check(owner, one.law.names)
    if isinstance(one, Data) and one.points.shape[1] != len(problem.domain.coordinates):
        raise InputError(
            f"{owner} has points of {one.points.shape[1]} columns: expected {listed(problem.domain.coordinates)}"
        )


def check_pinned(problem: "Problem", asked: Asked) -> None:
    """Every axis along which an equation differentiates needs a condition on one of its ends."""
    if not problem.conditions:
        raise InputError(
            "no condition: the equations alone leave the solution open; type for instance "
            'conditions={"edge": dirichlet("u", 0.0)}'
        )
    if any(isinstance(one, Data) for one in problem.conditions.values()):
        return
    if any(one.is_energy for one in problem.equations.values()):
        return
    _check_level(problem, asked)
    _check_order(problem, asked)
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


def _check_level(problem: "Problem", asked: Asked) -> None:
    """An unknown of which only derivatives are read is open up to a number."""
    odd = {c.unknown for c in problem.conditions.values() if isinstance(c, Symmetry) and c.sign < 0}
    for name, found in asked.items():
        if name not in odd and all(any(index) for index in found):
            raise InputError(
                f"only derivatives of {name!r} are asked for, so any number may be added to it; "
                f"add dirichlet({name!r}, ...) somewhere or integral(lambda {name}: {name}.value, 0.0)"
            )


def _check_order(problem: "Problem", asked: Asked) -> None:
    """In time, and wherever an equation's order is three or more, one unknown takes as many conditions.

    Equations of second order may be singular at an end, which then needs none.
    """
    if len(asked) > 1 or not isinstance(problem.domain, Box):
        return
    (found,) = asked.values()
    around = {one.axis for one in problem.conditions.values() if isinstance(one, Periodic)}
    mirrored = {one.axis for one in problem.conditions.values() if isinstance(one, Symmetry)}
    for axis, name in enumerate(problem.domain.coordinates):
        order = max((index[axis] for index in found), default=0)
        if name in around or not (name == "t" or order > 2):
            continue
        given = sum(
            piece.name.split(".")[0] == name
            for one in problem.conditions.values()
            if isinstance(one, Condition)
            for piece in problem.domain.on(one.on)
        ) * (2 if name in mirrored else 1)
        if 0 < given < order:
            hint = "initial_rate(...)" if name == "t" else f"neumann(...) on='{name}'"
            raise InputError(
                f"the order along {name!r} is {order}, and its ends have {given} "
                f"condition{'s' * (given > 1)}: expected {order}; add for instance {hint}"
            )


def check_contradictions(problem: "Problem") -> None:
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
    problem: "Problem", sample: Callable[[Axes], Any], axes: Axes, one: Condition, other: Condition
) -> bool:
    points = sample(axes)[0]
    targets = [problem.evaluate(c.target, points, {}) for c in (one, other) if c.target is not None]
    return not torch.allclose(targets[0], targets[1], atol=1e-9)


def listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "(none)"
