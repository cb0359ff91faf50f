"""What holds besides the equations: values and slopes on edges, initial states, periodicity, integrals, data.

Values are numbers or functions of coordinates, ``dirichlet("u", lambda x, y: x * y, on="x.low")``; arguments are found
by name. ``hard`` conditions of value on sides of a box are built into the network, which then meets them exactly;
all others are residuals of their own, ``weight`` times as large as an equation's.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.errors import InputError
from edgewise.pde.fields import Field

WEIGHT = 30.0
# Equations hold and measurements err: where both cannot be met, the equations win.
DATA_WEIGHT = 0.1
Value = float | int | Callable[..., Any]


@dataclass(frozen=True)
class Law:
    """A function of named things: unknowns, coordinates, parameters, and ``normal_x``, ... on an edge."""

    names: tuple[str, ...]
    function: Callable[..., Any]
    is_energy: bool = False

    def __call__(self, values: Mapping[str, Any]) -> Any:
        return self.function(*(values[name] for name in self.names))


def law(value: "Value | Law") -> Law:
    """A number or a function as a law; the function's own argument names say what it needs.

    Example:
        >>> law(lambda x, t: x * t).names
        ('x', 't')
    """
    if isinstance(value, Law):
        return value
    if callable(value):
        return Law(tuple(inspect.signature(value).parameters), value)
    number = float(value)
    return Law((), lambda: number)


def energy(function: Callable[..., Any]) -> Law:
    """An equation that asks for the least integral of ``function``: ``energy(lambda u, a: a * u.x**2 / 2 - u.value)``.

    Ends of which no condition says anything are natural: nothing flows out there.
    """
    found = law(function)
    return Law(found.names, found.function, is_energy=True)


@dataclass(frozen=True)
class Condition:
    """``law = 0`` on part of the boundary. ``pins`` is the unknown whose value, ``target``, that fixes, if it does."""

    law: Law
    on: str
    weight: float = WEIGHT
    pins: str | None = None
    target: Law | None = None
    hard: bool = False


@dataclass(frozen=True)
class Periodic:
    """Every unknown goes on smoothly from one end of a box's axis to the other; built in."""

    axis: str


@dataclass(frozen=True)
class Symmetry:
    """``u`` mirrored at the middle of a box's axis is ``sign u``; built in."""

    unknown: str
    axis: str
    sign: int


@dataclass(frozen=True)
class Integral:
    """``integral of law over the domain = value``."""

    law: Law
    value: float
    weight: float = WEIGHT


@dataclass(frozen=True)
class Data:
    """``law = values`` at points ``(n, coordinates)``."""

    points: Float[Tensor, "n coordinates"]
    law: Law
    values: Float[Tensor, " n"]
    weight: float = DATA_WEIGHT


BuiltIn = Periodic | Symmetry
AnyCondition = Condition | Periodic | Symmetry | Integral | Data


def dirichlet(
    unknown: str, value: Value = 0.0, on: str = "boundary", *, hard: bool = True, weight: float = WEIGHT
) -> Condition:
    """``u = value``."""
    target = law(value)
    return Condition(_minus(unknown, lambda u: u.value, target), on, weight, unknown, target, hard)


def initial(
    unknown: str, value: Value = 0.0, *, time: str = "t", hard: bool = True, weight: float = WEIGHT
) -> Condition:
    """``u = value`` at the start of time."""
    return dirichlet(unknown, value, f"{time}.low", hard=hard, weight=weight)


def initial_rate(unknown: str, value: Value = 0.0, *, time: str = "t", weight: float = WEIGHT) -> Condition:
    """``du/dt = value`` at the start of time."""
    return Condition(_minus(unknown, lambda u: u.d(time), law(value)), f"{time}.low", weight)


def neumann(unknown: str, value: Value = 0.0, on: str = "boundary", *, weight: float = WEIGHT) -> Condition:
    """``du/dn = value`` along the outward normal."""
    target = law(value)
    return Condition(
        Law(
            (unknown, "normal", *target.names),
            lambda u, normal, *rest: _outward(u, normal) - target.function(*rest),
        ),
        on,
        weight,
    )


def robin(
    unknown: str, a: Value, b: Value, value: Value = 0.0, on: str = "boundary", *, weight: float = WEIGHT
) -> Condition:
    """``a u + b du/dn = value``; ``a`` and ``b`` are numbers or functions too."""
    parts = [law(a), law(b), law(value)]

    def residual(u: Field, normal: Mapping[str, Tensor], values: Mapping[str, Any]) -> Any:
        left, right, target = (part(values) for part in parts)
        return left * u.value + right * _outward(u, normal) - target

    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    return Condition(
        Law(
            (unknown, "normal", *names),
            lambda u, normal, *rest: residual(u, normal, dict(zip(names, rest, strict=True))),
        ),
        on,
        weight,
    )


def condition(function: Callable[..., Any], on: str = "boundary", *, weight: float = WEIGHT) -> Condition:
    """``function = 0`` of unknowns, coordinates and parameters, and ``normal``, a dictionary by coordinate."""
    return Condition(law(function), on, weight)


def periodic(axis: str) -> Periodic:
    """Both ends of ``axis`` are the same place."""
    return Periodic(axis)


def even(unknown: str, axis: str) -> Symmetry:
    """``u`` is the same on both sides of the middle of ``axis``."""
    return Symmetry(unknown, axis, 1)


def odd(unknown: str, axis: str) -> Symmetry:
    """``u`` changes sign at the middle of ``axis``."""
    return Symmetry(unknown, axis, -1)


def integral(function: Callable[..., Any], value: float = 0.0, *, weight: float = WEIGHT) -> Integral:
    """The integral of a function of unknowns and coordinates over the whole domain."""
    return Integral(law(function), float(value), weight)


def data(
    points: Any,
    values: Any,
    unknown: str | Callable[..., Any] = "u",
    *,
    weight: float = DATA_WEIGHT,
) -> Data:
    """Measurements of an unknown, or of a function of unknowns: ``(n, coordinates)`` points and ``n`` values."""
    x, y = (torch.as_tensor(part, dtype=torch.float64) for part in (points, values))
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise InputError(
            f"data got points {tuple(x.shape)} and values {tuple(y.shape)}; expected (n, coordinates) and (n,)"
        )
    if not (bool(torch.isfinite(x).all()) and bool(torch.isfinite(y).all())):
        raise InputError("data hold a NaN or an infinity: expected finite numbers; drop such rows")
    measured = Law((unknown,), lambda u: u.value) if isinstance(unknown, str) else law(unknown)
    return Data(x, measured, y, weight)


def _outward(u: Field, normal: Mapping[str, Tensor]) -> Any:
    return sum(along * u.d(name) for name, along in normal.items())


def _minus(unknown: str, left: Callable[[Field], Tensor], right: Law) -> Law:
    return Law((unknown, *right.names), lambda u, *rest: left(u) - right.function(*rest))
