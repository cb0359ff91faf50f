"""Starts the scripts beside this file on one process or several of this machine, as a user would."""

import os
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {"PYTHONPATH": str(HERE.parents[1] / "src"), "OMP_NUM_THREADS": "1"}


def command(script: str, *arguments: object, processes: int = 1) -> list[str]:
    """A command line; ``torchrun`` starts several processes, with gloo on a port that is free now."""
    if processes == 1:
        return [sys.executable, str(HERE / script), *map(str, arguments)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = [f"--nproc_per_node={processes}", "--master_addr=127.0.0.1", f"--master_port={port}"]
    head = [sys.executable, "-m", "torch.distributed.run", *place]
    return [*head, str(HERE / script), *map(str, arguments)]


def launch(script: str, *arguments: object, processes: int = 1) -> subprocess.CompletedProcess[str]:
    """Runs a script to its end."""
    return run_command(command(script, *arguments, processes=processes))


def run_command(words: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs any command to its end."""
    return subprocess.run(words, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=250)


def start(script: str, *arguments: object, processes: int = 1) -> subprocess.Popen[str]:
    """Starts a script and does not wait; it can be talked to."""
    return subprocess.Popen(
        command(script, *arguments, processes=processes),
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
