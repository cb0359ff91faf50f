"""Runs killed without warning: each is taken up where it was, and ends with the same bits."""

import random
import signal
import time

import psutil
import pytest

from edgewise.large.state import newest, read_state
from together.launch import launch, start
from together.long_run import STEPS, run


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The hash of a run that nobody killed, made by a process like those that are."""
    ended = launch("long_run.py", tmp_path_factory.mktemp("undisturbed") / "run")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()[-1]


@pytest.fixture
def server():
    """Starts a run as a process of its own for every folder written to it."""
    process = start("long_run.py")
    yield process
    process.kill()
    process.communicate()


def wait_for(happens, seconds=60.0):
    """Polls until something happens."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def started(server, folder):
    """The process that now works on a folder."""
    server.stdin.write(f"{folder}\n")
    server.stdin.flush()
    return psutil.Process(int(server.stdout.readline()))


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_run_ends_with_the_same_bits(kills, undisturbed, server, tmp_path):
    folder, chance, reached = tmp_path / "run", random.Random(kills), [-1]
    for _ in range(kills):
        process, before = started(server, folder), newest(folder)
        wait_for(lambda before=before: newest(folder) != before)
        time.sleep(chance.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        wait_for(lambda process=process: not process.is_running())
        state = read_state(folder)
        assert state is not None
        reached.append(state.numbers["step"])
    assert reached == sorted(reached)
    assert 0 < reached[-1] < STEPS
    ended = launch("long_run.py", folder)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["step", "limit", undisturbed]


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_ends_the_run_and_leaves_a_whole_checkpoint(victim, tmp_path):
    folder = tmp_path / "run"
    launcher = start("long_run.py", folder, 0.005, processes=2)
    try:
        wait_for(lambda: (newest(folder) or 0) > 20)
        workers = {int(p.environ()["RANK"]): p for p in psutil.Process(launcher.pid).children()}
        workers[victim].send_signal(signal.SIGKILL)
        _, said = launcher.communicate(timeout=60)
    finally:
        launcher.kill()
    assert launcher.returncode != 0
    (line,) = [line for line in said.splitlines() if "ProcessError" in line]
    assert f"process {1 - victim} of 2 has lost the others" in line
    assert f"in {folder} is whole: start the same command again to go on from there" in line
    step = newest(folder)
    assert f"the state of step {step} " in line
    result = run(str(folder))
    assert result.status == "step limit"
    assert result.history[-1].step == STEPS
