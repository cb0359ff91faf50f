"""Formulas of a view's columns as formulas of the table: columns put in, the known factor put in front."""

from collections.abc import Sequence

import sympy

from edgewise.symbolic.parser import parse
from edgewise.symbolic.template import Template
from edgewise.symbolic.views import View

COLUMN = "z{}"


def column_names(view: View) -> tuple[str, ...]:
    """Plain names for a view's columns, to be replaced by ``lifted``."""
    return tuple(COLUMN.format(k) for k in range(len(view.texts)))


def lifted(written: Template, view: View, names: Sequence[str]) -> Template:
    """The template in the table's own symbols, its constants kept."""
    columns = {
        sympy.Symbol(name, real=True): parse(text, names)
        for name, text in zip(column_names(view), view.texts, strict=True)
    }
    symbols = tuple(sympy.Symbol(name, real=True) for name in names)
    body = written.expression.xreplace(columns) * parse(view.factor, names)
    return Template(body, symbols, written.symbols, written.values)
