r"""What is known of a law beforehand: ``y = a(x) + b(x) u(x)`` with ``u``, written ``?``, to be found.

The search then looks for ``u`` in the targets ``(y - a) / b``; everything that is reported is the whole again.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy

from edgewise.errors import InputError
from edgewise.symbolic.formula import Formula
from edgewise.symbolic.parser import Expression, parse

_UNKNOWN = "unknown_part_"


@dataclass(frozen=True)
class Known:
    """The known part ``text`` of a formula in ``features``, such as ``"g*sin(theta) + ?"``.

    Example:
        >>> Known("2*x + ?", ("x",)).whole(Formula("x**2", ("x",))).text
        'x**2 + 2*x'
    """

    text: str
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or self.text.count("?") != 1:
            raise InputError(
                f"known={self.text!r}: expected a formula with one '?' for the part to find, such as 'x**2 * ?'"
            )
        _, factor = self._parts
        if factor == 0 or self._unknown in factor.free_symbols:
            raise InputError(
                f"known={self.text!r}: expected known terms plus or times '?', which stands alone and not inside a "
                "function, a power or a divisor; type for instance '2*x + ?'"
            )

    @property
    def symbols(self) -> set[str]:
        """The columns in the known part."""
        return {symbol.name for part in self._parts for symbol in part.free_symbols}

    def targets(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The unknown part's values ``(n,)`` where the whole is ``y (n,)``.

        Raises ``InputError`` where the known part has no finite value, or is a factor of zero.
        """
        terms, factor = (Formula(sympy.sstr(part, full_prec=False), self.features)(X) for part in self._parts)
        with np.errstate(all="ignore"):
            values = (y - terms) / factor
        bad = ~np.isfinite(values)
        if bad.any():
            raise InputError(
                f"known={self.text!r} has no finite value, or is zero times '?', in {int(bad.sum())} of {len(y)} rows, "
                f"first in row {int(np.argmax(bad)) + 1}: drop those rows, or know less"
            )
        return values

    def expression(self, unknown: Expression) -> Expression:
        """The whole for an unknown part."""
        terms, factor = self._parts
        return terms + factor * unknown

    def whole(self, unknown: Formula) -> Formula:
        """The whole formula for one of the unknown part."""
        return Formula(sympy.sstr(self.expression(unknown.sympy()), full_prec=False), self.features)

    @property
    def _unknown(self) -> sympy.Symbol:
        name = _UNKNOWN
        while name in self.features:
            name += "_"
        return sympy.Symbol(name, real=True)

    @cached_property
    def _parts(self) -> tuple[Expression, Expression]:
        """``(a, b)`` of ``a + b u``."""
        name = self._unknown.name
        try:
            whole = parse(self.text.replace("?", f" {name} "), (*self.features, name))
        except InputError as error:
            said = str(error).replace(f", {name}", "").replace(name, "?")
            raise InputError(f"known={self.text!r}: {said}") from None
        factor = sympy.diff(whole, self._unknown)
        if self._unknown in factor.free_symbols:
            return sympy.Integer(0), factor
        return whole.subs(self._unknown, 0), factor
