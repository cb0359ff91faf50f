"""What a case finds, whatever happens, with the circumstances."""

from collections.abc import Callable

from edgewise.study.circumstances import examined
from edgewise.study.claims import accuracy, knots, peaks, scaling
from edgewise.study.claims.case import Case, Finding

MEASURES: dict[str, Callable[[Case], Finding]] = {
    "accuracy": accuracy.measured,
    "scaling": scaling.measured,
    "peaks": peaks.measured,
    "noise": accuracy.measured,
    "samples": accuracy.measured,
    "knots": knots.measured,
}


def examine(case: Case) -> Finding:
    """Measures a case on one thread; what goes wrong is a finding too."""
    return examined(lambda: MEASURES[case.piece](case), lambda message: Finding("failed", message))
