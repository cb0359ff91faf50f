"""Searches in processes of their own, and the file their results go to."""

import datetime
import faulthandler
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edgewise

KILL_AT = 1.5
LATE = 1.05
LOADING_SECONDS = 120
SCORING_SECONDS = 90
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Remains:
    """What a process left: its row as far as it got, what it said at the end, the seconds it took with loading."""

    found: dict[str, Any]
    said: str
    seconds: float


def apart(script: Path, cell: dict[str, Any], limit: float) -> Remains:
    """Runs ``script --worker CELL FILE`` on one thread in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "row.json"
        started = time.perf_counter()
        try:
            ended = subprocess.run(
                [sys.executable, str(script.resolve()), "--worker", json.dumps(cell), str(file)],
                cwd=folder,
                env=os.environ | THREADS | {"MPLBACKEND": "Agg"},
                capture_output=True,
                text=True,
                timeout=KILL_AT * limit + LOADING_SECONDS + SCORING_SECONDS,
            )
            last = (ended.stderr.strip().splitlines() or ["nothing said"])[-1]
            said = f"the process ended with code {ended.returncode}: {last}"
        except subprocess.TimeoutExpired:
            said = "not done in the time allowed"
        spent = time.perf_counter() - started
        return Remains(json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}, said, spent)


@contextmanager
def timed(limit: float, row: dict[str, Any]) -> Iterator[None]:
    """Notes seconds, processor seconds and exceptions in ``row``; ends the process at ``KILL_AT`` times the limit."""
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(KILL_AT * limit, exit=True, file=nowhere)
        start, worked = time.perf_counter(), time.process_time()
        try:
            yield
        except Exception as error:
            row["failed"] = f"{type(error).__name__}: {str(error)[:200]}"
        row["seconds"] = round(time.perf_counter() - start, 3)
        row["cpu"] = round(time.process_time() - worked, 3)
        faulthandler.cancel_dump_traceback_later()


def circumstances(package: str, jobs: int) -> dict[str, Any]:
    """When and where a search starts, and which version it is of."""
    return {
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "version": version_of(package),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "jobs": jobs,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def version_of(package: str) -> str | None:
    """Of an installed package; edgewise may also be one that lies on the path."""
    if package == "edgewise":
        return edgewise.__version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def read(file: Path | None) -> list[dict[str, Any]]:
    """The rows of a file of results; none when there is no file."""
    if file is None or not file.exists():
        return []
    return [json.loads(text) for text in file.read_text(encoding="utf-8").splitlines() if text.strip()]


def append(file: Path | None, row: dict[str, Any]) -> None:
    """One more row, if there is a file."""
    if file is not None:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")


def texts(text: str) -> list[str]:
    """Words between commas."""
    return [part for part in text.split(",") if part]


def numbers(text: str) -> list[float]:
    """Numbers between commas."""
    return [float(part) for part in texts(text)]
