"""The tasks by label, such as ``"nested:4:1"``: a family, then its whole numbers.

================== ============================================== =================================
label              what                                           source
================== ============================================== =================================
nested:D:k         a tree of depth D and roughness k              ``nested``
additive:k         a sum of rough functions: pure fitting         ``synthetic``
gp                 a Gaussian process: no composition             ``synthetic``
parity:k           jumps: nothing smooth                          ``synthetic``
iterated:t         a map applied t times                          ``synthetic``
product:k          a dot product                                  ``synthetic``
hyperteacher:M:K   K of M modules, some sets held out             ``hyperteacher``
formula:NAME       a public formula, such as formula:I.6.2        ``formulas``
digits, mnist      pictures                                       ``samples``
knots              the signature of a knot, a class               ``knots``
shuffled/LABEL     the targets of another task, shuffled: a null
================== ============================================== =================================

``draw`` numbers instances of a family: other random functions, other splits. The generator of an instance is seeded by
its label and its draw, and by nothing else.
"""

import functools
import hashlib
from collections.abc import Callable

import numpy as np

from edgewise.errors import InputError
from edgewise.study.tasks.formulas import formula
from edgewise.study.tasks.hyperteacher import hyperteacher
from edgewise.study.tasks.knots import knots
from edgewise.study.tasks.nested import nested
from edgewise.study.tasks.samples import digits, mnist
from edgewise.study.tasks.synthetic import additive, gaussian_process, iterated, parity, product
from edgewise.study.tasks.task import Task, shuffled

_FAMILIES: dict[str, tuple[Callable[..., Task], int]] = {
    "nested": (nested, 2),
    "additive": (additive, 1),
    "gp": (gaussian_process, 0),
    "parity": (parity, 1),
    "iterated": (iterated, 1),
    "product": (product, 1),
    "hyperteacher": (hyperteacher, 2),
    "digits": (digits, 0),
    "mnist": (mnist, 0),
    "knots": (knots, 0),
}
_SHUFFLED = "shuffled/"


@functools.lru_cache(maxsize=32)
def make(label: str, draw: int = 0) -> Task:
    """The task of a label; ``InputError`` for a label that is none.

    Example:
        >>> make("nested:4:1").inputs
        4
    """
    if label.startswith(_SHUFFLED):
        return shuffled(make(label.removeprefix(_SHUFFLED), draw))
    family, *arguments = label.split(":")
    if family == "formula" and len(arguments) == 1:
        return formula(arguments[0])
    numbers = checked(label)
    return _FAMILIES[family][0](seeded(label, draw), *numbers)


def checked(label: str) -> tuple[int, ...]:
    """The whole numbers of a label."""
    family, *arguments = label.removeprefix(_SHUFFLED).split(":")
    if family == "formula":
        formula(":".join(arguments))
        return ()
    count = _FAMILIES.get(family, (None, -1))[1]
    if len(arguments) != count or not all(a.isdecimal() and int(a) > 0 for a in arguments):
        known = ", ".join(name + ":n" * numbers for name, (_, numbers) in _FAMILIES.items())
        raise InputError(
            f"task {label!r} is not known; n standing for positive whole numbers, write one of: {known}, formula:NAME"
        )
    return tuple(int(a) for a in arguments)


def seeded(*parts: object) -> np.random.Generator:
    """A generator that depends on the parts and on nothing else, the same in every process."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


__all__ = ["Task", "checked", "make", "seeded"]
