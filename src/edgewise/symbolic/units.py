r"""Units of measurement as a check on formulas, and the products of columns that have none.

Every number that adds or multiplies in a formula may carry a unit of its own; its powers are unknowns. Sums ask for
equal units, functions and exponents for none, the whole for the target's. All of these are linear in the unknowns:

    A u = -B      (a row per demand, ``u`` the powers of the constants' units, ``B`` those of the columns)

A formula is consistent exactly when this has a solution, and the unit of a constant is known exactly when it is the
same in every solution. In the strict mode constants have no unit. ``c log(x) + d`` is ``c log(x / x0)`` in disguise,
so beside a constant, or where the units cancel, a logarithm may take an argument with a unit.

Source: Buckingham, *On physically similar systems* (1914), for ``pi_groups``; Cranmer, *PySR*, for the free constants.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import exp, lcm, log
from typing import Any

import sympy

from edgewise.errors import InputError
from edgewise.symbolic.constants import Lifted, lifted
from edgewise.symbolic.parser import Expression

SCALE = "scale"
_FINEST = 10**6
_NEGLIGIBLE = 1e-9
_NONE = ("", "1", "-", "dimensionless")
_ASTROPY_POWER = re.compile(r"([^\W\d]+)\s*(?:\^|\*\*)?\s*\(?([+-]?\d+)\)?(?![\w.])")

Powers = dict[Any, Fraction]


@dataclass(frozen=True)
class Unit:
    """A unit by the powers of its base dimensions and its size in base units.

    Example:
        >>> unit("cm/s").powers
        (('[length]', Fraction(1, 1)), ('[time]', Fraction(-1, 1)))
    """

    text: str
    powers: tuple[tuple[str, Fraction], ...]
    scale: float = 1.0


@dataclass(frozen=True)
class Units:
    """The units of columns and target; called with an expression, whether it is consistent with them."""

    columns: tuple[tuple[str, Unit], ...]
    target: Unit | None = None
    strict: bool = False

    def __call__(self, expression: Expression) -> bool:
        return consistent(expression, dict(self.columns), self.target, strict=self.strict)


def unit(text: str) -> Unit:
    """The unit a text names, as pint (``"m/s**2"``) or astropy (``"m s-2"``) would write it; ``"1"`` for none.

    Raises ``InputError`` for a text that names none, and when pint is missing.
    """
    if not isinstance(text, str):
        raise InputError(f"the unit {text!r} is no text: expected a unit such as 'm/s**2', or '1' for none")
    if text.strip() in _NONE:
        return Unit("1", ())
    registry, dotted = _registry(), text.strip().replace("^", "**")
    rewritten = re.sub(r"\s+(?=[^\W\d])", "*", _ASTROPY_POWER.sub(r"\1**(\2)", text.strip()))
    rewritten = re.sub(r"\s*([*/])\s*\*?", r"\1", rewritten.replace("**", "^"))
    for attempt in (dotted, rewritten):
        found = _parsed(registry, attempt)
        if found is not None:
            return Unit(text.strip(), *found)
    near = difflib.get_close_matches(text.strip(), list(registry), n=1)
    advice = f"did you mean {near[0]!r}?" if near else "type for instance 'kg*m/s**2', or '1' for none"
    raise InputError(f"the unit {text!r} is not one pint knows: expected a product of units; {advice}")


def units_of(
    texts: Mapping[str, str],
    columns: Sequence[str],
    symbols: Sequence[str],
    target: str,
    strict: bool = False,
) -> Units:
    """Units for columns, by their names or symbols, and for the target, whose unit may be left open."""
    if not isinstance(texts, Mapping):
        raise InputError(
            f"units={texts!r}: expected a dict such as {{{columns[0]!r}: 'kg', {target!r}: 'm'}}"
        )
    known = {*map(str, columns), *symbols, target}
    strange = [name for name in texts if name not in known]
    if strange:
        raise InputError(
            f"units name {strange[0]!r}, which is no column: expected {', '.join(map(str, columns))} and "
            f"{target} for the target"
        )
    found = []
    for column, symbol in zip(map(str, columns), symbols, strict=True):
        name = column if column in texts else symbol
        if name not in texts:
            raise InputError(
                f"units say nothing of the column {column!r}: add its unit, or '1' if it has none"
            )
        found.append((symbol, unit(texts[name])))
    own = target in texts and target not in {*map(str, columns), *symbols}
    return Units(tuple(found), unit(texts[target]) if own else None, strict)


def consistent(
    expression: Expression, dimensions: Mapping[str, Unit], target: Unit | None, *, strict: bool = False
) -> bool:
    """Whether an expression in the columns ``dimensions`` can have the target's unit; ``None`` leaves that open."""
    return _Demands(lifted(expression, tuple(dimensions)), dimensions, target, strict).solvable


def constant_units(open_formula: Lifted, units: Units) -> tuple[str | None, ...]:
    """The unit of each constant, ``None`` where the columns and the target leave it open."""
    demands = _Demands(open_formula, dict(units.columns), units.target, units.strict)
    if not demands.solvable:
        return (None,) * len(open_formula.symbols)
    known = [one for _, one in units.columns] + ([units.target] if units.target else [])
    solved = [demands.solution(symbol) for symbol in open_formula.symbols]
    return tuple(None if powers is None else _written(powers, known) for powers in solved)


def pi_groups(dimensions: Mapping[str, Unit]) -> tuple[tuple[int, ...], ...]:
    """Exponents, one tuple per independent product of the columns that has no unit, in the order of ``dimensions``.

    Example:
        >>> pi_groups({"length": unit("m"), "time": unit("s"), "gravity": unit("m/s**2")})
        ((-1, 2, 1),)
    """
    vectors = [dict(one.powers) for one in dimensions.values()]
    bases = sorted({base for powers in vectors for base in powers})
    rows = [[powers.get(base, Fraction(0)) for powers in vectors] for base in bases]
    pivots = _reduce(rows, len(vectors))
    groups = []
    for free in (column for column in range(len(vectors)) if column not in pivots):
        exponents = [Fraction(int(column == free)) for column in range(len(vectors))]
        for row, pivot in enumerate(pivots):
            exponents[pivot] = -rows[row][free]
        common = lcm(*[one.denominator for one in exponents])
        groups.append(tuple(int(one * common) for one in exponents))
    return tuple(groups)


class _Demands:
    """The equations that sums, functions and the target put on the units of a formula's constants."""

    def __init__(
        self, open_formula: Lifted, dimensions: Mapping[str, Unit], target: Unit | None, strict: bool
    ) -> None:
        self.values = dict(zip(open_formula.symbols, open_formula.values, strict=True))
        self.columns = {sympy.Symbol(name, real=True): one for name, one in dimensions.items()}
        self.strict, self.equations = strict, []
        whole = self._powers(open_formula.expression)
        if target is not None and open_formula.expression != 0:
            self._equal(whole, _sized(target))
        bases = {base for row in self.equations for base in row} - self.values.keys() - {SCALE}
        self.unknowns, self.bases = list(self.values), [*sorted(bases), SCALE]
        order = [*self.unknowns, *self.bases]
        self.rows = [[row.get(key, Fraction(0)) for key in order] for row in self.equations]
        self.pivots = _reduce(self.rows, len(self.unknowns))

    @property
    def solvable(self) -> bool:
        """Whether no demand without unknowns is broken; mere sizes, as of a foot in a metre, break none."""
        rest = self.rows[len(self.pivots) :]
        return not any(any(row[len(self.unknowns) : -1]) for row in rest)

    def solution(self, symbol: sympy.Symbol) -> Powers | None:
        """The powers of a constant's unit, ``None`` if several fit."""
        column = self.unknowns.index(symbol)
        if column not in self.pivots:
            return {} if self.strict else None
        row = self.rows[self.pivots.index(column)]
        if sum(1 for entry in row[: len(self.unknowns)] if entry) > 1:
            return None
        return {
            base: -power for base, power in zip(self.bases, row[len(self.unknowns) :], strict=True) if power
        }

    def _powers(self, part: Expression) -> Powers:
        if part in self.values:
            return {} if self.strict else {part: Fraction(1)}
        if part in self.columns:
            return _sized(self.columns[part])
        if isinstance(part, sympy.Mul):
            return _total([(Fraction(1), self._powers(factor)) for factor in part.args])
        if isinstance(part, sympy.Add):
            return self._sum(part)
        if isinstance(part, sympy.Pow):
            return self._power(*part.args)
        if isinstance(part, sympy.Abs):
            return self._powers(part.args[0])
        for argument in part.args:
            powers = self._powers(argument)
            if not isinstance(part, sympy.sign):
                self._equal(powers, {})
        return {}

    def _power(self, base: Expression, exponent: Expression) -> Powers:
        self._equal(self._powers(exponent), {})
        value = self._number(exponent)
        if value is None:
            self._equal(self._powers(base), {})
            return {}
        return _total([(value, self._powers(base))])

    def _sum(self, part: Expression) -> Powers:
        free = not self.strict and any(term in self.values for term in part.args)
        first, logarithms = None, []
        for term in part.args:
            factors, inner = self._logarithm(term)
            powers = self._powers(factors if inner is not None else term)
            if inner is not None:
                logarithms.append((self._number(factors) or Fraction(0), self._powers(inner)))
            first = powers if first is None else first
            self._equal(powers, first)
        if not free and logarithms:
            self._equal(_total(logarithms), {})
        return first or {}

    def _logarithm(self, term: Expression) -> tuple[Expression, Expression | None]:
        """``(c, u)`` of ``c log(u)`` with a number ``c``; ``(term, None)`` of anything else."""
        factors = sympy.Mul.make_args(term)
        logs = [factor for factor in factors if isinstance(factor, sympy.log)]
        others = sympy.Mul(*[factor for factor in factors if not isinstance(factor, sympy.log)])
        if len(logs) != 1 or self._number(others) is None:
            return term, None
        return others, logs[0].args[0]

    def _number(self, part: Expression) -> Fraction | None:
        """The value of a part without columns."""
        if part.free_symbols - self.values.keys():
            return None
        return Fraction(float(part.xreplace(self.values))).limit_denominator(_FINEST)

    def _equal(self, one: Powers, other: Powers) -> None:
        self.equations.append(_total([(Fraction(1), one), (Fraction(-1), other)]))


def _total(parts: Sequence[tuple[Fraction, Powers]]) -> Powers:
    found: Powers = {}
    for factor, powers in parts:
        for key, power in powers.items():
            found[key] = found.get(key, Fraction(0)) + factor * power
    return found


def _sized(one: Unit) -> Powers:
    return {**dict(one.powers), SCALE: Fraction(log(one.scale))}


def _reduce(rows: list[list[Fraction]], width: int) -> list[int]:
    """Gauss-Jordan on the first ``width`` columns, in place; returns the pivots' columns, one a leading row."""
    pivots: list[int] = []
    for column in range(width):
        top = len(pivots)
        found = next((k for k in range(top, len(rows)) if rows[k][column]), None)
        if found is None:
            continue
        rows[top], rows[found] = rows[found], rows[top]
        lead = rows[top][column]
        rows[top] = [entry / lead for entry in rows[top]]
        for k in range(len(rows)):
            if k != top and (factor := rows[k][column]):
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[top], strict=True)]
        pivots.append(column)
    return pivots


def _written(powers: Powers, known: Sequence[Unit]) -> str:
    """A unit in the user's own base units where there are such, with a factor where they do not suffice."""
    own = {one.powers[0][0]: one for one in known if len(one.powers) == 1 and one.powers[0][1] == 1}
    factor, over, under = float(powers.get(SCALE, 0)), [], []
    for base, power in sorted(powers.items(), key=lambda pair: str(pair[0])):
        if base == SCALE:
            continue
        name, size = (own[base].text, own[base].scale) if base in own else (_base_unit(base), 1.0)
        factor -= float(power) * log(size)
        shown = str(abs(power)) if power.denominator == 1 else f"({abs(power)})"
        (over if power > 0 else under).append(name if abs(power) == 1 else f"{name}**{shown}")
    text = "*".join(over) or "1"
    if under:
        text += f"/{under[0]}" if len(under) == 1 else f"/({'*'.join(under)})"
    return text if abs(factor) < _NEGLIGIBLE else f"{exp(factor):.6g} {text}".removesuffix(" 1")


@lru_cache(maxsize=1)
def _registry() -> Any:
    try:
        import pint
    except ImportError:
        raise InputError("units need the package pint: type pip install 'edgewise[units]'") from None
    return pint.UnitRegistry()


def _base_unit(dimension: str) -> str:
    registry = _registry()
    return f"{registry.get_base_units(next(iter(registry.get_compatible_units(dimension))))[1]:~C}"


def _parsed(registry: Any, text: str) -> tuple[tuple[tuple[str, Fraction], ...], float] | None:
    """Powers and size of a unit; ``None`` for a text that is no unit."""
    try:
        found = registry.parse_units(text)
        powers = found.dimensionality.items()
        scale = float(registry.get_base_units(found)[0])
    except (
        Exception
    ):  # pint's reader ends a bad text with whatever its parts raise, tokenize's errors among them
        return None
    exact = sorted((base, Fraction(power).limit_denominator(_FINEST)) for base, power in powers)
    return tuple(exact), scale if scale > 0 else 1.0
