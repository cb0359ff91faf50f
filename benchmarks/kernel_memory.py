"""Working memory of one training step, all of it: what torch takes and what the compiled kernels take by ``malloc``.

A fresh process sets up a layer 64 -> 64 with Adam and takes steps of a few rows, so that parameters, gradients,
optimiser state and libraries are there. Then come the batch and one step of many rows, and Linux is asked for the
largest resident size since (``VmHWM``, set back by writing 5 to ``clear_refs``). What it grew by, in float32 numbers
over ``batch * (in + out)``, includes the batch itself and the gradient of the input. Linux only.

    python benchmarks/kernel_memory.py edgewise 500 65536
"""

import ctypes
import gc
import os
import sys
from pathlib import Path

import numpy as np
import torch
from kernel_cases import Case
from kernel_peers import INKAN, edgewise_layer, parameters_of
from torch import Tensor, nn

WIDTH, FEW = 64, 64
# blocks above 64 kB go back to the system as soon as they are free
ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}


def build(name: str, case: Case) -> nn.Module:
    if name == "inkan":
        return INKAN.make(case, "local basis compiled")
    if name == "edgewise":
        return edgewise_layer(case)
    first = nn.Linear(WIDTH, case.hidden, bias=False)
    return nn.Sequential(first, nn.SiLU(), nn.Linear(case.hidden, WIDTH, bias=False))


def resident(key: str) -> int:
    """``VmRSS`` or ``VmHWM`` of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/self/status has no {key}")


def step(layer: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, target: Tensor) -> None:
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(layer(x), target)
    loss.backward()
    optimizer.step()


def batch_of(rows: int) -> tuple[Tensor, Tensor]:
    x = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (rows, WIDTH)).astype(np.float32))
    return x.requires_grad_(), torch.ones(rows, WIDTH)


def working_memory(name: str, intervals: int, rows: int) -> float:
    """Peak growth by one step in float32 numbers over ``rows * (in + out)``."""
    torch.set_num_threads(1)
    layer = build(name, Case(name, rows, WIDTH, intervals))
    optimizer = torch.optim.Adam(parameters_of(layer), lr=1e-3, fused=True)
    for warm in (FEW, FEW + 1):  # the second tells a compiler that the number of rows will vary
        step(layer, optimizer, *batch_of(warm))
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    step(layer, optimizer, *batch_of(rows))
    return (resident("VmHWM") - before) / (4 * rows * 2 * WIDTH)


if __name__ == "__main__":
    missing = {key: value for key, value in ENVIRONMENT.items() if os.environ.get(key) != value}
    if missing:  # malloc reads its environment once, at the start
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | missing)
    print(working_memory(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
