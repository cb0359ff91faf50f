"""One formula in all the forms in which a page shows it or hands it out."""

from collections.abc import Sequence

from edgewise.errors import InputError
from edgewise.symbolic.formula import Formula


def forms(formula: Formula, labels: Sequence[str]) -> dict[str, str]:
    """``latex``, ``mathml`` with the inputs called by their ``labels``, and source in ``python`` and ``c``.

    Source is empty where the language has no counterpart of a function in the formula.
    """
    return {
        "latex": formula.latex(),
        "mathml": formula.mathml(dict(zip(formula.features, labels, strict=True))),
        "python": _source(formula, "numpy"),
        "c": _source(formula, "c"),
    }


def _source(formula: Formula, language: str) -> str:
    try:
        return formula.code(language)
    except InputError:
        return ""
