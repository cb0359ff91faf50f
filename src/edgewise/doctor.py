"""What a machine offers to edgewise, in a few plain lines: versions, threads, spline path, BLAS, compiler."""

import os
import platform
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from edgewise import __version__, kernels
from edgewise.report import FILES, read_run

PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "sympy",
    "matplotlib",
    "safetensors",
)
COMPILERS = ("c++", "g++", "clang++", "cl")


def machine_lines() -> list[str]:
    """One line per subject, the advice last."""
    compiler = find_compiler()
    path, reason = kernels.which()
    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return [
        f"edgewise    {__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"packages    {packages}",
        f"threads     torch uses {torch.get_num_threads()} of {os.cpu_count() or 1} cores",
        f"splines     {path} ({reason})",
        f"BLAS        numpy: {_numpy_blas()}; torch: {_torch_blas()}",
        f"compiler    {compiler or 'none found'}",
        f"advice      {_advice()}",
    ]


def run_lines(folder: Path) -> list[str]:
    """What a run folder holds; raises ``CheckpointError`` when it cannot be read."""
    run = read_run(folder)
    missing = [name for name in FILES if not (folder / name).exists()]
    widths = [sums if not products else (sums, products) for sums, products in run.network.widths]
    return [
        f"run         {folder}: {run.extra['status']}, {len(run.formulas)} formulas for {run.target!r} from "
        f"{len(run.features)} features",
        f"network     {widths}, {run.network.free().numel()} parameters, {run.network.input_center.dtype}",
        f"files       missing: {', '.join(missing)}; type: edgewise view {folder}"
        if missing
        else "files       all there",
    ]


def find_compiler() -> str | None:
    """The path of a C++ compiler: ``$CXX`` if that is one, or the first of the usual names."""
    named = os.environ.get("CXX", "").split()[:1]
    return next((path for name in (*named, *COMPILERS) if (path := shutil.which(name))), None)


def _advice() -> str:
    cores, threads = os.cpu_count() or 1, torch.get_num_threads()
    if threads > cores:
        return f"More threads than cores slow everything down; type: export OMP_NUM_THREADS={cores}"
    if sys.maxsize < 2**32:
        return "This Python is 32-bit; install a 64-bit one for tables of more than a few hundred megabytes."
    if cores >= 4 and threads == 1:
        return "Only one thread is in use; for large networks type: unset OMP_NUM_THREADS MKL_NUM_THREADS"
    return "Nothing to change; type: edgewise fit DATA --target NAME"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _numpy_blas() -> str:
    try:
        return str(np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"])  # type: ignore[index]
    except (KeyError, TypeError):
        return "unknown"


def _torch_blas() -> str:
    found = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    return found[1] if found else "unknown"
