"""Work of one row: on one thread, whatever happens, with date, version, machine and load."""

import os
import platform
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar

import torch

import edgewise


class Record(Protocol):
    """A dataclass with the fields ``date``, ``version``, ``machine`` and ``load``."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Row = TypeVar("Row", bound=Record)


def examined(work: Callable[[], Row], failed: Callable[[str], Row]) -> Row:
    """What ``work`` gives, or ``failed`` of the exception in words; with the circumstances."""
    date, load = datetime.now().isoformat(timespec="seconds"), os.getloadavg()[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        row = work()
    except Exception as error:
        row = failed(f"{type(error).__name__}: {error}"[:500])
    finally:
        torch.set_num_threads(threads)
    return replace(
        row,
        date=date,
        version=edgewise.__version__,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        load=round(load, 2),
    )
