"""Unknowns as an equation sees them: ``u``, ``u.x``, ``u.xy``, and arithmetic with them.

A field stands for its values; an attribute made of coordinate names is a derivative: ``u.xx``, ``u.xt``, or
``u.d("x1", "x1")`` where names are longer and run together badly. ``torch.sin(u)`` and operators work as on a tensor.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from edgewise.errors import InputError
from edgewise.pde.taylor import Index


class Field:
    """One unknown; ``fetch(index)`` gives the derivative of that multi-index at the points at hand."""

    def __init__(self, name: str, coordinates: Sequence[str], fetch: Callable[[Index], Tensor]) -> None:
        self._name, self._coordinates, self._fetch = name, tuple(coordinates), fetch

    @property
    def value(self) -> Tensor:
        """The unknown itself."""
        return self._fetch((0,) * len(self._coordinates))

    def d(self, *names: str) -> Tensor:
        """The derivative by these coordinates, one after the other."""
        unknown = [name for name in names if name not in self._coordinates]
        if unknown:
            raise self._trouble(unknown[0])
        return self._fetch(tuple(names.count(c) for c in self._coordinates))

    def __getattr__(self, text: str) -> Tensor:
        if text.startswith("_"):
            raise AttributeError(text)
        return self.d(*self._letters(text))

    def _letters(self, text: str) -> list[str]:
        """Coordinate names that ``text`` is made of, longest first."""
        found, rest = [], text
        while rest:
            fitting = [c for c in self._coordinates if rest.startswith(c)]
            if not fitting:
                raise self._trouble(text)
            found.append(max(fitting, key=len))
            rest = rest[len(found[-1]) :]
        return found

    def _trouble(self, text: str) -> InputError:
        names = ", ".join(self._coordinates)
        return InputError(
            f"{self._name}.{text} is no derivative of {self._name!r}: expected names of its coordinates, {names}"
        )

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        return function(*(_plain(a) for a in args), **{key: _plain(a) for key, a in (kwargs or {}).items()})


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(v) for v in value)
    return value.value if isinstance(value, Field) else value


def _binary(name: str) -> Callable[[Field, Any], Any]:
    def operate(self: Field, other: Any) -> Any:
        return getattr(self.value, name)(_plain(other))

    operate.__name__ = name
    return operate


def _unary(name: str) -> Callable[[Field], Any]:
    def operate(self: Field) -> Any:
        return getattr(self.value, name)()

    operate.__name__ = name
    return operate


BINARY = ("add", "sub", "mul", "truediv", "pow")
COMPARED = ("lt", "le", "gt", "ge")
for _name in (*BINARY, *(f"r{name}" for name in BINARY), *COMPARED):
    setattr(Field, f"__{_name}__", _binary(f"__{_name}__"))
for _name in ("neg", "abs"):
    setattr(Field, f"__{_name}__", _unary(f"__{_name}__"))


def leaf_field(name: str, coordinates: Sequence[str], rows: Tensor, place: dict[Index, int]) -> Field:
    """A field whose derivatives are rows of ``rows (indices, n)``."""
    return Field(name, coordinates, lambda index: rows[place[index]])


def recording_field(name: str, coordinates: Sequence[str], asked: set[Index], like: Tensor) -> Field:
    """A field of plausible numbers, shaped ``like``, that notes in ``asked`` which derivatives an equation reads."""

    def fetch(index: Index) -> Tensor:
        asked.add(index)
        return torch.full_like(like, 0.5 + 0.1 * len(asked))

    return Field(name, coordinates, fetch)
