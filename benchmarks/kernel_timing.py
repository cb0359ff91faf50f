"""Turns taken within rounds, and what becomes of their times.

Every round calls every contestant, in an order drawn anew, so that a disturbance meets all of them. A quick one is
called once before it counts and then as often as fits in ``BURST``, like the steps of a training loop; its time is the
mean of those, without garbage collection, as in ``timeit``. Who has used up the seconds sits the remaining rounds out,
but not before ``LEAST`` rounds. Ratios are taken round by round.
"""

import contextlib
import ctypes
import gc
import math
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LEAST = 3
QUICK = 0.1
BURST = 0.02
LOOP_STEPS = 400_000
LOOP = Path(__file__).with_name("fma_peak.cpp")


def pin(threads: int) -> str:
    """Keeps this process and all threads it will start on so many cores; says what was done."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned to cores: this system cannot"
    cores = sorted(os.sched_getaffinity(0))
    if threads > len(cores):
        raise SystemExit(f"--threads {threads}: this process may use {len(cores)} cores")
    chosen = cores[-threads:]
    os.sched_setaffinity(0, chosen)
    return f"pinned to core{'s' * (threads > 1)} {', '.join(map(str, chosen))}"


def take_turns(steps: dict[str, Callable[[], object]], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Milliseconds of every contestant in every round, ``nan`` where it sat out."""
    order, shuffler = list(steps), random.Random(0)
    times: dict[str, list[float]] = {name: [] for name in steps}
    spent = dict.fromkeys(steps, 0.0)
    last = dict.fromkeys(steps, 0.0)
    for number in range(rounds):
        shuffler.shuffle(order)
        gc.collect()
        for name in order:
            if number >= LEAST and spent[name] > seconds:
                times[name].append(math.nan)
                continue
            start = time.perf_counter()
            if last[name] < QUICK:
                steps[name]()
            calls = max(1, int(BURST / last[name])) if last[name] else 1
            gc.disable()
            begin = time.perf_counter()
            for _ in range(calls):
                steps[name]()
            end = time.perf_counter()
            gc.enable()
            last[name] = (end - begin) / calls
            spent[name] += end - start
            times[name].append(1e3 * last[name])
    return times


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile of the rounds taken part in."""
    taken = [value for value in values if not math.isnan(value)]
    low, middle, high = statistics.quantiles(taken, n=4, method="inclusive") if len(taken) > 1 else taken * 3
    return low, middle, high


def ratio(above: list[float], below: list[float]) -> float:
    """Median of the ratios over the rounds in which both took part."""
    return quartiles([a / b for a, b in zip(above, below, strict=True)])[1]


def fma_loop() -> tuple[Callable[[], object], float] | None:
    """A loop of nothing but multiply-adds on one core and the operations of a call; None without a compiler."""
    compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "fma_peak.so")
        command = [compiler, "-O3", "-march=native", "-shared", "-fPIC", str(LOOP), "-o", str(library)]
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(command, check=True, capture_output=True)
        if not library.exists():
            return None
        loop = ctypes.CDLL(str(library)).fma_loop
    loop.restype, loop.argtypes = ctypes.c_double, (ctypes.c_long, ctypes.c_void_p)
    numbers = (ctypes.c_float * 3)(0.5, 0.25, 0.0)
    return lambda: loop(LOOP_STEPS, numbers), loop(LOOP_STEPS, numbers)
