"""A formula as text with its numbers made constants that can be fitted."""

from collections.abc import Sequence

from edgewise.symbolic.constants import lifted
from edgewise.symbolic.parser import parse
from edgewise.symbolic.template import Template


def opened(text: str, names: Sequence[str], decimals_only: bool = False) -> Template:
    """The formula ``text`` in the columns ``names`` with the numbers open that ``constants`` lifts.

    With ``decimals_only`` exact numbers (whole ones, fractions, multiples of pi) stay what they are.

    Example:
        >>> opened("2*sin(3*x) + 0.5", ["x"], decimals_only=True).values
        (0.5,)
    """
    found = lifted(parse(text, names), names)
    free = [k for k, exact in enumerate(found.exact) if not (exact and decimals_only)]
    kept = {found.symbols[k]: parse(found.written[k], []) for k in range(len(found.symbols)) if k not in free}
    symbols, values = tuple(found.symbols[k] for k in free), tuple(found.values[k] for k in free)
    return Template(found.expression.xreplace(kept), found.features, symbols, values)
