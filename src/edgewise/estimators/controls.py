"""What a user asks of a search, checked and put into the words of the search."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise.catalogue import function, spellings
from edgewise.errors import InputError
from edgewise.symbolic import Candidate, symbol_names
from edgewise.symbolic.candidates import scored
from edgewise.symbolic.known import Known
from edgewise.symbolic.parser import Expression, parse
from edgewise.symbolic.units import Units, units_of

if TYPE_CHECKING:
    from edgewise.estimators.formulas import FormulaRegressor

TARGET = "y"


@dataclass(frozen=True)
class Judge:
    """Whether a formula of the part searched, put into the whole, has consistent units."""

    units: Units
    known: Known | None = None

    def __call__(self, expression: Expression) -> bool:
        return self.units(self.known.expression(expression) if self.known else expression)


@dataclass(frozen=True)
class Controls:
    """What is asked of a search in the table at hand: every name checked, every text read."""

    symbols: tuple[str, ...]
    functions: tuple[str, ...] | None
    required: tuple[str, ...]
    guesses: tuple[str, ...]
    known: Known | None
    units: Units | None

    @property
    def judge(self) -> Judge | None:
        """What the units allow."""
        return None if self.units is None else Judge(self.units, self.known)

    def whole(
        self, candidates: Sequence[Candidate], chosen: int, X: np.ndarray, y: np.ndarray
    ) -> tuple[tuple[Candidate, ...], int]:
        """Candidates of the whole, the simplest first, with losses on these rows; and the place of the chosen one."""
        if self.known is None:
            return tuple(candidates), chosen
        formulas = [self.known.whole(candidate.formula) for candidate in candidates]
        order = sorted(range(len(formulas)), key=lambda k: formulas[k].complexity)
        return scored([formulas[k] for k in order], X, y), order.index(chosen)


def controls(model: "FormulaRegressor", columns: Sequence[str], target: str = TARGET) -> Controls:
    """The settings of an estimator for these columns; raises ``InputError`` for those that do not fit."""
    symbols = symbol_names(columns)
    known = None if model.known is None else Known(model.known, symbols)
    own = target if isinstance(model.units, Mapping) and target in model.units else TARGET
    return Controls(
        symbols,
        function_names(model.functions),
        required_symbols(model.required, columns, symbols, known),
        checked_guesses(model.guesses, symbols),
        known,
        None if model.units is None else units_of(model.units, columns, symbols, own),
    )


def function_names(functions: Any) -> tuple[str, ...] | None:
    """Names in the catalogue for names there (``"sine"``) or in formulas (``"sin"``)."""
    if functions is None:
        return None
    names = spellings()
    return tuple(_known(name, names) for name in texts("functions", functions))


def required_symbols(
    required: Any, columns: Sequence[str], symbols: Sequence[str], known: Known | None
) -> tuple[str, ...]:
    """The symbols of required columns, given by name or symbol; those in the known part are there already."""
    found = []
    for name in texts("required", required):
        if name not in columns and name not in symbols:
            raise InputError(f"required={name!r} is no column: expected one of {', '.join(columns)}")
        symbol = symbols[list(columns).index(name)] if name in columns else name
        if known is None or symbol not in known.symbols:
            found.append(symbol)
    return tuple(found)


def checked_guesses(guesses: Any, symbols: Sequence[str]) -> tuple[str, ...]:
    """Formulas to start from that can be read."""
    found = texts("guesses", guesses)
    for text in found:
        try:
            parse(text, symbols)
        except InputError as error:
            raise InputError(f"guesses hold {text!r}: {error}") from None
    return found


def readable(formulas: Sequence[str], symbols: Sequence[str]) -> tuple[str, ...]:
    """Those of earlier formulas that can be read in the columns of now."""
    found = []
    for text in formulas:
        try:
            parse(text, symbols)
        except InputError:
            continue
        found.append(text)
    return tuple(found)


def texts(name: str, values: Any) -> tuple[str, ...]:
    """A list of texts; ``None`` is empty, and a bare text is refused, for it would be read letter by letter."""
    if values is None:
        return ()
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray | set | frozenset):
        raise InputError(
            f"{name}={values!r}: expected a list of texts; type for instance {name}=[{values!r}]"
        )
    found = tuple(values)
    strange = [value for value in found if not isinstance(value, str)]
    if strange:
        raise InputError(f"{name} has {strange[0]!r}: expected texts only")
    return found


def _known(name: str, names: dict[str, str]) -> str:
    if name in names:
        return names[name]
    try:
        return function(name).name
    except InputError as error:
        near = difflib.get_close_matches(name, names, n=1)
        advice = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"functions hold {name!r}: {error}{advice}") from None
