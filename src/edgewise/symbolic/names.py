"""Column names as symbols: what a formula calls each feature."""

import keyword
import re
from collections.abc import Sequence

from edgewise.symbolic.parser import CONSTANTS, FUNCTIONS

_IN_CODE = {"numpy", "scipy", "torch", "pow", "fabs"}
_TAKEN = frozenset(FUNCTIONS) | frozenset(CONSTANTS) | frozenset(keyword.kwlist) | _IN_CODE


def symbol_names(names: Sequence[str]) -> tuple[str, ...]:
    """Unique identifiers close to the given names; those that are identifiers already stay as they are.

    Example:
        >>> symbol_names(["mass (kg)", "exp", "x", "x"])
        ('mass_kg', 'exp_', 'x', 'x_2')
    """
    found: list[str] = []
    for name in names:
        plain = re.fullmatch(r"\w+", str(name), flags=re.ASCII)
        stem = str(name) if plain else re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_") or "x"
        if stem[0].isdigit():
            stem = f"x{stem}"
        if stem in _TAKEN:
            stem = f"{stem}_"
        candidate, number = stem, 1
        while candidate in found:
            number += 1
            candidate = f"{stem}_{number}"
        found.append(candidate)
    return tuple(found)
