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

MOST_FITTED = 400
_MUCH_LONGER = 40.0


def length(fitted: FittedLaw, view: View) -> float:
    """Nats; below what rounding leaves of ``y`` only the formula counts."""
    if not fitted.expected < inf:
        return inf
    least = (EXACT / 10 * float(np.std(view.y))) ** 2
    nodes = fitted.law.cost + fitted.law.target.output.cost + 2 * len(fitted.constants)
    return len(view.y) / 2 * log(max(fitted.expected, least, 1e-300)) + NATS_PER_NODE * nodes


def promising(laws: Iterable[Law], view: View, clock: Clock) -> list[FittedLaw]:
    """The laws that may be best, none of them much worse than the first, at their least squares."""
    seen, found = set(), []
    order = sorted(laws, key=lambda law: law.merit)
    for law in order:
        if clock.expired or len(found) == MOST_FITTED or law.merit > order[0].merit + _MUCH_LONGER:
            break
        if law.key in seen:
            continue
        seen.add(law.key)
        fitted = fit_law(law, view)
        if fitted is not None:
            found.append(fitted)
    return found
