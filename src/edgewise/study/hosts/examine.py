"""What a trial gives, whatever happens, with the circumstances."""

from dataclasses import replace
from math import isfinite

from edgewise.study.circumstances import examined
from edgewise.study.hosts import host
from edgewise.study.hosts.trial import Outcome, Trial


def examine(trial: Trial) -> Outcome:
    """Runs a trial on one thread; what goes wrong is a row of status ``"failed"`` without an error."""
    return examined(lambda: finite(host(trial.host).run(trial)), lambda message: Outcome("failed", message))


def finite(outcome: Outcome) -> Outcome:
    """The same as rows can hold it: numbers that are not finite are missing, and with such an error it diverged."""
    error, chance = _number(outcome.error), _number(outcome.chance)
    if outcome.status == "done" and error is None:
        outcome = replace(outcome, status="diverged", message=outcome.message or "error not finite")
    known = {name: _number(value) for name, value in outcome.numbers.items()}
    return replace(
        outcome,
        error=chance if error is None else error,
        chance=chance,
        valid=_number(outcome.valid),
        numbers={name: value for name, value in known.items() if value is not None},
        spline_share=_number(outcome.spline_share),
        spline_damage=_number(outcome.spline_damage),
        seconds=float(outcome.seconds),
    )


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and isfinite(value) else None
