"""Runs killed without warning: each is taken up where it was, and ends with the same bits."""

import random
import shutil
import signal
import time

import psutil
import pytest

from edgewise.large.state import newest, read_state
from together.launch import launch, start
from together.long_run import STEPS, run


@pytest.fixture(scope="module")
def server():
    """Starts a run as a process of its own for every folder written to it."""
    process = start("long_run.py")
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    """How a run ends that nobody kills."""
    return ended(server, tmp_path_factory.mktemp("undisturbed") / "run")


def wait_for(happens, seconds=60.0):
    """Polls until something happens."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def started(server, folder, pause=0.004):
    """The process that now works on a folder."""
    server.stdin.write(f"{folder} {pause}\n")
    server.stdin.flush()
    return psutil.Process(int(server.stdout.readline()))


def ended(server, folder):
    """How a run ends that is left to itself."""
    started(server, folder, 0.0)
    return server.stdout.readline()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_run_ends_with_the_same_bits(kills, undisturbed, server, tmp_path):
    folder, chance, reached = tmp_path / "run", random.Random(kills), [-1]
    for _ in range(kills):
        before = newest(folder)
        process = started(server, folder)
        wait_for(lambda before=before: newest(folder) != before)
        time.sleep(chance.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        wait_for(lambda process=process: not process.is_running())
        state = read_state(folder)
        assert state is not None
        reached.append(state.numbers["step"])
    assert reached == sorted(reached)
    assert 0 < reached[-1] < STEPS
    assert undisturbed.startswith("step-limit ")
    assert ended(server, folder) == undisturbed


@pytest.mark.slow
def test_a_killed_worker_ends_the_run_and_leaves_a_whole_checkpoint(tmp_path):
    """The one that writes is killed. Taken up by one process or two, the run ends where one undisturbed does."""
    folder, steps = tmp_path / "run", 120
    launcher = start("long_run.py", folder, 0.005, 0.0, steps, processes=2)
    try:
        wait_for(lambda: (newest(folder) or 0) > 20)
        workers = {int(p.environ()["RANK"]): p for p in psutil.Process(launcher.pid).children()}
        workers[0].send_signal(signal.SIGKILL)
        _, said = launcher.communicate(timeout=60)
    finally:
        launcher.kill()
    assert launcher.returncode != 0
    (line,) = [line for line in said.splitlines() if "ProcessError" in line]
    assert "process 1 of 2 has lost the others" in line
    kept = f"the state of step {newest(folder)} in {folder} is whole: start the same command again to go on from there"
    assert kept in line
    shutil.copytree(folder, tmp_path / "alone")
    alone = run(str(tmp_path / "alone"), dropout=0.0, steps=steps).history[-1]
    expected = run(str(tmp_path / "undisturbed"), dropout=0.0, steps=steps).history[-1]
    two = launch("long_run.py", folder, 0.0, 0.0, steps, processes=2)
    assert two.returncode == 0, two.stderr
    assert alone.step == expected.step == steps
    found = [alone.validation_loss, float(two.stdout.split()[1])]
    assert found == pytest.approx([expected.validation_loss] * 2, rel=0, abs=1e-6)
