"""Rows on disk: once, whole, and only from files of ours."""

import sqlite3
from dataclasses import replace

import pytest

from edgewise.errors import CheckpointError
from edgewise.study.cell import Cell
from edgewise.study.measurement import Row
from edgewise.study.store import Store

CELL = Cell("main", "mlp", "plain", "gp", 0, 4, 4000, 1024, 0.0, 0, 0.01, 300, 128, 5)
ROW = Row("done", "", 0.25, 1.0, valid_loss=0.06, seconds=1.5)


def test_a_row_comes_back_as_it_was_written(tmp_path):
    with Store(tmp_path / "rows.sqlite") as store:
        assert store.add(CELL, ROW)
    with Store(tmp_path / "rows.sqlite") as store:
        assert store.rows([CELL]) == {CELL.key: ROW}
        assert store.rows([replace(CELL, seed=1)]) == {}


def test_a_cell_has_one_row_and_the_first_stays(tmp_path):
    with Store(tmp_path / "rows.sqlite") as store:
        assert store.add(CELL, ROW)
        assert not store.add(CELL, replace(ROW, error=0.5))
        assert len(store) == 1
        assert store.rows([CELL])[CELL.key].error == 0.25


def test_missing_cells_come_once_each(tmp_path):
    cells = [replace(CELL, seed=seed) for seed in range(5)]
    with Store(tmp_path / "rows.sqlite") as store:
        store.add(cells[2], ROW)
        missing = store.missing([*cells, *cells])
        assert sorted(cell.seed for cell in missing) == [0, 1, 3, 4]
        assert missing == store.missing(reversed(cells))


def test_two_writers_at_once_lose_nothing_and_double_nothing(tmp_path):
    with Store(tmp_path / "rows.sqlite") as one, Store(tmp_path / "rows.sqlite") as two:
        assert one.add(CELL, ROW)
        assert not two.add(CELL, ROW)
        assert two.add(replace(CELL, seed=1), ROW)
        assert len(one) == len(two) == 2


def test_a_fact_keeps_its_first_value(tmp_path):
    with Store(tmp_path / "rows.sqlite") as store:
        assert store.fact("time", 2.0) == 2.0
        assert store.fact("time", 3.0) == 2.0
        assert store.facts() == {"time": 2.0}


def test_a_number_that_is_none_is_refused(tmp_path):
    with Store(tmp_path / "rows.sqlite") as store:
        with pytest.raises(ValueError, match="JSON"):
            store.add(CELL, replace(ROW, error=float("nan")))
        assert len(store) == 0


def test_other_files_are_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("a letter, much longer than the header of a database would be\n" * 20)
    with pytest.raises(CheckpointError, match=r"notes\.txt cannot be used for rows"):
        Store(text)
    assert text.read_text().startswith("a letter")
    newer = tmp_path / "newer.sqlite"
    database = sqlite3.connect(newer)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(CheckpointError, match="rows of format 9"):
        Store(newer)


def test_reading_changes_no_byte_of_the_file(tmp_path):
    path = tmp_path / "rows.sqlite"
    with Store(path) as store:
        store.fact("time", 2.0)
    before = path.read_bytes()
    with Store(path) as store:
        assert len(store) == 0
    assert path.read_bytes() == before
