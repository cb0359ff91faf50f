"""States on disk: whole or not there, whatever happens while they are written."""

import json
import os
import resource

import pytest
import torch

from edgewise.errors import CheckpointError
from edgewise.large.state import State, misfit, newest, packed, parsed, read_state, write_state


def state(step):
    tensors = {"a": torch.full((3,), float(step)), "b": torch.tensor(step), "c": torch.zeros(0, 2)}
    return State(tensors, {"step": step, "loss": step / 3})


def equal(one, other):
    same = one.tensors.keys() == other.tensors.keys()
    return same and all(torch.equal(t, other.tensors[name]) for name, t in one.tensors.items())


def test_a_state_comes_back_bit_for_bit(tmp_path):
    write_state(tmp_path / "run", 5, state(5))
    found = read_state(tmp_path / "run")
    assert equal(found, state(5))
    assert found.numbers["loss"] == 5 / 3


def test_nothing_there_yet(tmp_path):
    assert read_state(tmp_path) is None
    assert read_state(tmp_path / "none") is None
    assert newest(tmp_path / "none") is None


def test_the_newest_of_those_kept_is_read(tmp_path):
    for step in (0, 5, 10, 1000):
        write_state(tmp_path, step, state(step), keep=2)
    assert equal(read_state(tmp_path), state(1000))
    names = {f"state-{step:012d}.{end}" for step in (10, 1000) for end in ("json", "safetensors")}
    assert set(os.listdir(tmp_path)) == names


def test_bytes_there_and_back():
    found = parsed(packed(state(7)))
    assert equal(found, state(7))
    assert found.numbers == state(7).numbers


@pytest.mark.parametrize("call", ["replace", "fsync", "unlink", "open"])
@pytest.mark.parametrize("number", range(4))
def test_stopped_at_any_call_a_whole_state_is_left(tmp_path, monkeypatch, call, number):
    """Stopped like by a kill: no clean-up runs, as the exception is one that nobody catches."""
    for step in (1, 2):
        write_state(tmp_path, step, state(step))
    calls, real = iter(range(100)), getattr(os, call)

    def stop(*rest, **more):
        if next(calls) == number:
            raise KeyboardInterrupt
        return real(*rest, **more)

    monkeypatch.setattr(os, call, stop)
    try:
        write_state(tmp_path, 3, state(3))
    except KeyboardInterrupt:
        pass
    finally:
        monkeypatch.undo()
    found = read_state(tmp_path)
    assert equal(found, state(found.numbers["step"]))
    assert found.numbers["step"] in (2, 3)
    write_state(tmp_path, 4, state(4))
    assert len(os.listdir(tmp_path)) == 4, "leftovers"


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path):
    """The system refuses the bytes: a limit on file sizes stands for the full disk."""
    write_state(tmp_path, 1, state(1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        big = State({"a": torch.zeros(1000)}, {"step": 2})
        with pytest.raises(CheckpointError, match=r"File too large.*step 1 is whole; make room") as caught:
            write_state(tmp_path, 2, big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert equal(read_state(tmp_path), state(1))
    assert len(os.listdir(tmp_path)) == 2, "the draft stayed"


def damaged(folder, name, change):
    path = next(folder.glob(name))
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize("end", ["json", "safetensors"])
@pytest.mark.parametrize("change", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-1] + b"?"])
def test_damage_is_told_with_the_line_to_type(tmp_path, end, change):
    for step in (1, 2):
        write_state(tmp_path, step, state(step))
    damaged(tmp_path, f"state-*2.{end}", change)
    with pytest.raises(CheckpointError) as caught:
        read_state(tmp_path)
    said = str(caught.value)
    assert "\n" not in said
    assert "to go on from the state of step 1, type: rm " in said
    os.remove(said.split("rm ")[1])
    assert equal(read_state(tmp_path), state(1))


def test_exchanged_files_are_told(tmp_path):
    for step in (1, 2):
        write_state(tmp_path, step, state(step))
    os.replace(tmp_path / f"state-{1:012d}.safetensors", tmp_path / f"state-{2:012d}.safetensors")
    with pytest.raises(CheckpointError, match="belongs to another state"):
        read_state(tmp_path)


def test_another_programs_file_is_told(tmp_path):
    (tmp_path / f"state-{1:012d}.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(CheckpointError, match="to go on from the start, type: rm"):
        read_state(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="is a file: expected a folder"):
        read_state(tmp_path / "file")


def test_what_does_not_fit_is_named():
    one = {"a": torch.zeros(2), "b": torch.zeros(3)}
    assert misfit(one, one) is None
    assert misfit(one, one | {"b": torch.zeros(4)}) == "b is float32 (3,) there and float32 (4,) here"
    assert misfit({"a": one["a"]}, one) == "b is missing there and float32 (3,) here"
    assert (
        misfit(one, one | {"a": torch.zeros(2).double()}) == "a is float32 (2,) there and float64 (2,) here"
    )
