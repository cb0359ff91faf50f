"""Rows with their circumstances."""

import re
from dataclasses import dataclass

import pytest
import torch

from edgewise.study.circumstances import examined


@dataclass(frozen=True)
class Note:
    said: str
    date: str = ""
    version: str = ""
    machine: str = ""
    load: float = -1.0


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_work_runs_on_one_thread_and_is_told_with_its_circumstances(two_threads):
    note = examined(lambda: Note(f"{torch.get_num_threads()} thread"), Note)
    assert note.said == "1 thread"
    assert torch.get_num_threads() == 2
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", note.date)
    assert "cores" in note.machine
    assert note.version
    assert note.load >= 0


def test_an_error_is_a_row_of_at_most_500_characters(two_threads):
    def broken():
        raise ValueError("x" * 1000)

    note = examined(broken, Note)
    assert note.said == f"ValueError: {'x' * 488}"
    assert torch.get_num_threads() == 2
    assert note.date


def test_an_interrupt_is_not_a_row(two_threads):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examined(interrupted, Note)
    assert torch.get_num_threads() == 2
