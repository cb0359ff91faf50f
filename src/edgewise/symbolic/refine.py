r"""Laws from the term search, judged on all rows: fitted in ``y``, the best of them written out and settled.

A law's ``length`` is what it takes to write down and what it leaves unexplained, ``n/2 log(expected mean square) + 2
nodes``, in nats; the shortest is the best.
"""

from collections.abc import Iterable
from math import inf, log

import numpy as np

from edgewise.symbolic.findings import EXACT
from edgewise.symbolic.laws import FittedLaw, Law, fit_law
from edgewise.symbolic.screening import NATS_PER_NODE
from edgewise.symbolic.views import View
from edgewise.train.clock import Clock

MOST_OF_A_KIND = 80
_MUCH_LONGER = 40.0


def length(fitted: FittedLaw, view: View) -> float:
    """Nats; below what rounding leaves of ``y`` only the formula counts."""
    if not fitted.expected < inf:
        return inf
    least = (EXACT / 10 * float(np.std(view.y))) ** 2
    nodes = fitted.law.cost + fitted.law.target.output.cost + 2 * len(fitted.constants)
    return len(view.y) / 2 * log(max(fitted.expected, least, 1e-300)) + NATS_PER_NODE * nodes


def all_fitted(laws: Iterable[Law], view: View, clock: Clock) -> list[FittedLaw]:
    """Every law at its least squares, while there is time."""
    found = []
    for law in laws:
        if clock.expired:
            break
        fitted = fit_law(law, view)
        if fitted is not None:
            found.append(fitted)
    return found


def promising(laws: Iterable[Law], view: View, clock: Clock) -> list[FittedLaw]:
    """The laws that may be best, none much worse than the first of its kind, at their least squares.

    Merits of laws in different transforms, or with terms that hold the target, weigh errors differently; so each
    kind is represented by its own best.
    """
    kinds: dict[tuple[str, bool], list[Law]] = {}
    for law in sorted(laws, key=lambda law: law.merit):
        kind = kinds.setdefault((law.target.output.name, any(term.implicit for term in law.terms)), [])
        if len(kind) < MOST_OF_A_KIND and (not kind or law.merit <= kind[0].merit + _MUCH_LONGER):
            kind.append(law)
    best = sorted((law for kind in kinds.values() for law in kind), key=lambda law: law.merit)
    once: dict[object, Law] = {}
    for law in best:
        once.setdefault(law.key, law)
    return all_fitted(once.values(), view, clock)
