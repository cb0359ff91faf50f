"""What a machine offers to edgewise, and how a network in a folder does, in plain lines."""

import os
import platform
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from edgewise import __version__, kernels, splines
from edgewise.checkpoint import load, load_extra
from edgewise.diagnostics import advice, diagnose
from edgewise.network import KAN
from edgewise.report import FILES, KIND, read_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
DRAWN_ROWS = 256


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
    """What a run folder, or one that ``save`` wrote, holds and how its network does, layer by layer.

    Raises ``CheckpointError`` when it cannot be read.
    """
    if load_extra(folder).get("kind") != KIND:
        network = load(folder)
        return [f"saved       {folder}", _network_line(network), *network_lines(network)]
    run = read_run(folder)
    missing = [name for name in FILES if not (folder / name).exists()]
    return [
        f"run         {folder}: {run.extra['status']}, {len(run.formulas)} formulas for {run.target!r} from "
        f"{len(run.features)} features",
        _network_line(run.network),
        f"files       missing: {', '.join(missing)}; type: edgewise view {folder}"
        if missing
        else "files       all there",
        *network_lines(run.network, run.X),
    ]


def network_lines(network: KAN, X: "NDArray[np.float64] | None" = None) -> list[str]:
    """The diagnosis of a network on rows ``X (n, inputs)``; without any, on rows drawn over its domain."""
    if X is None or not len(X):
        rows, source = rows_in_the_domain(network), "drawn evenly over the domain, as none are stored"
    else:
        rows, source = X, "of the run"
    found = diagnose(network, rows)
    return [
        f"rows        {len(rows)} {source}",
        *found.lines(),
        f"advice      {advice(found)}",
    ]


def rows_in_the_domain(network: KAN, count: int = DRAWN_ROWS) -> Tensor:
    """Uniform rows ``(count, inputs)`` over the domain of the first layer's splines, in the user's units."""
    first = network.kan_layers[0].spline
    low, high = splines.domain(first.knots, first.degree)
    share = torch.rand(count, network.in_features, generator=torch.Generator().manual_seed(0))
    inside = low + (high - low) * share.to(low)
    return inside * network.input_scale + network.input_center


def find_compiler() -> str | None:
    """The path of a C++ compiler: ``$CXX`` if that is one, or the first of the usual names."""
    named = os.environ.get("CXX", "").split()[:1]
    return next((path for name in (*named, *COMPILERS) if (path := shutil.which(name))), None)


def _network_line(network: KAN) -> str:
    widths = [sums if not products else (sums, products) for sums, products in network.widths]
    return f"network     {widths}, {network.free().numel()} parameters, {network.input_center.dtype}"


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
