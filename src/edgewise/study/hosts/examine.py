"""What a trial gives, whatever happens, with the circumstances."""

import os
import platform
from dataclasses import replace
from datetime import datetime
from math import isfinite

import torch

import edgewise
from edgewise.study.hosts import host
from edgewise.study.hosts.trial import Outcome, Trial


def examine(trial: Trial) -> Outcome:
    """Runs a trial on one thread; what goes wrong is a row of status ``"failed"`` without an error."""
    date, load = datetime.now().isoformat(timespec="seconds"), os.getloadavg()[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        outcome = finite(host(trial.host).run(trial))
    except Exception as error:
        outcome = Outcome("failed", f"{type(error).__name__}: {error}"[:500])
    finally:
        torch.set_num_threads(threads)
    return replace(
        outcome,
        date=date,
        version=edgewise.__version__,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        load=round(load, 2),
    )


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
