"""What a case finds, whatever happens, with the circumstances."""

import os
import platform
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import torch

import edgewise
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
    date, load = datetime.now().isoformat(timespec="seconds"), os.getloadavg()[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        finding = MEASURES[case.piece](case)
    except Exception as error:
        finding = Finding("failed", f"{type(error).__name__}: {error}"[:500])
    finally:
        torch.set_num_threads(threads)
    return replace(
        finding,
        date=date,
        version=edgewise.__version__,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        load=round(load, 2),
    )
