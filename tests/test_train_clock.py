"""Time in a run, by a clock that ticks when told."""

from types import SimpleNamespace

import pytest

from edgewise.train import clock
from edgewise.train.clock import Clock


@pytest.fixture
def watch(monkeypatch):
    """A list whose last entry is the time."""
    now = [100.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: now[-1]))
    return now


def test_seconds_pass_from_the_making(watch):
    run = Clock()
    watch.append(102.5)
    assert run.seconds == 2.5


def test_it_expires_at_its_limit(watch):
    run = Clock(limit=3.0)
    watch.append(102.9)
    assert not run.expired
    assert run.left() == pytest.approx(0.1)
    watch.append(103.0)
    assert run.expired
    assert run.left() == 0.0


def test_without_a_limit_it_never_expires(watch):
    run = Clock()
    watch.append(1e12)
    assert not run.expired
    assert run.left() == float("inf")


def test_it_is_silent_unless_asked(capfd):
    run = Clock()
    run.tick(loss="1.0")
    run.close()
    assert capfd.readouterr() == ("", "")


def test_progress_goes_to_standard_error_alone(capfd):
    run = Clock(progress=True)
    run.tick(loss="0.25")
    run.close()
    out, err = capfd.readouterr()
    assert out == ""
    assert "training" in err
