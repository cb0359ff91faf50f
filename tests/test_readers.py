import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewise.errors import InputError
from edgewise.readers import read_frame


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


PLAIN = "a,b,y\n1,2,3\n2,3.5,-5e3\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PLAIN, id="comma"),
        pytest.param(PLAIN.replace(",", ";"), id="semicolon"),
        pytest.param(PLAIN.replace(",", "\t"), id="tab"),
        pytest.param(PLAIN.replace(",", "   "), id="blanks"),
        pytest.param(PLAIN.replace(",", " , "), id="comma and blanks"),
        pytest.param("\ufeff" + PLAIN, id="byte order mark"),
        pytest.param(PLAIN.encode("utf-16"), id="utf-16"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="windows"),
        pytest.param("\n\n" + PLAIN.replace("\n", "\n\n"), id="blank lines"),
        pytest.param('"a","b",y\n1,"2",3\n2,3.5,-5e3\n', id="quotes"),
        pytest.param(PLAIN.rstrip(), id="no last line break"),
        pytest.param("a,b,y,\n1,2,3,\n2,3.5,-5e3,\n", id="trailing separators"),
    ],
)
def test_every_way_to_write_a_text_table_reads_the_same(tmp_path, content):
    frame, _ = read_frame(written(tmp_path, "table.dat", content))
    assert list(frame.columns) == ["a", "b", "y"]
    np.testing.assert_array_equal(frame.to_numpy(float), [[1, 2, 3], [2, 3.5, -5000]])


def test_numbers_come_back_bit_for_bit(tmp_path):
    values = np.random.default_rng(0).normal(size=500) * 10.0 ** np.random.default_rng(1).integers(
        -30, 30, 500
    )
    text = "v\n" + "\n".join(map(repr, values.tolist()))
    frame, _ = read_frame(written(tmp_path, "v.csv", text))
    np.testing.assert_array_equal(frame["v"].to_numpy(), values)


def test_parquet_is_known_by_content_and_its_index_left_out(tmp_path):
    path = tmp_path / "no-extension"
    pd.DataFrame({"a": [1.0, 2.0], "y": [3, 4]}, index=pd.Index(["p", "q"])).to_parquet(path)
    frame, notes = read_frame(path)
    assert list(frame.columns) == ["a", "y"]
    assert notes == ["1 column without a name left out"]


def test_a_quoted_name_may_hold_separators_and_line_breaks(tmp_path):
    frame, _ = read_frame(written(tmp_path, "t.csv", '"a,1","b\nc"\n1,2\n'))
    assert list(frame.columns) == ["a,1", "b\nc"]


def test_latin_1_is_read_with_a_note(tmp_path):
    frame, notes = read_frame(written(tmp_path, "t.csv", "température,y\n1,2\n".encode("latin-1")))
    assert list(frame.columns) == ["température", "y"]
    assert "Latin-1" in notes[0]


def test_headers_that_look_like_markup_are_headers(tmp_path):
    for header in ("<x>,y", "[H2],y", "{a},y"):
        assert read_frame(written(tmp_path, "t.csv", f"{header}\n1,2\n"))[0].shape == (1, 2)


NO_TABLES = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n ", "is empty"),
    "header only": (b"a,y\n", "no rows"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00", "a PNG image"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00", "a JPEG image"),
    "pdf": (b"%PDF-1.7\n", "a PDF document"),
    "excel": (b"PK\x03\x04\x14\x00", "Excel"),
    "gzip": (b"\x1f\x8b\x08\x00", "a gzip archive"),
    "html": (b"<!DOCTYPE html><html>", "an HTML or XML page"),
    "json object": (b'{"a": 1}', "JSON"),
    "json list": (b"[[1, 2]]", "JSON"),
    "binary": (bytes(range(256)), "a binary file"),
    "duplicate names": (b"a,b,a,y\n1,2,3,4\n", "'a' twice"),
    "duplicates after trimming": (b"a, a,y\n1,2,3\n", "'a' twice"),
    "no header": (b"1.5,2,3\n4,5,6\n", "starts with numbers"),
    "too many cells": (b"a,y\n1,2,3\n4,5,6\n", "more cells than the 2 names"),
    "one ragged row": (b"a,y\n1,2\n4,5,6\n", "in line 3"),
    "open quote": (b'a,y\n1,"2\n', "is no table"),
    "truncated utf-16": ("a,y\n1,2\n".encode("utf-16")[:-1], "is cut off"),
    "truncated parquet": (b"PAR1" + bytes(50), "damaged Parquet"),
}


@pytest.mark.parametrize("kind", NO_TABLES)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, kind):
    content, said = NO_TABLES[kind]
    path = written(tmp_path, "data.csv", content)
    with pytest.raises(InputError) as caught:
        read_frame(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_folders_and_devices_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist: expected a CSV or Parquet file; look with: ls"):
        read_frame(tmp_path / "nope.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_frame(tmp_path)
    with pytest.raises(InputError, match="not a regular file"):
        read_frame("/dev/null")


def test_duplicate_names_are_refused_in_parquet_too(tmp_path):
    columns = [pa.array([1.0, 2.0])] * 3
    pq.write_table(pa.Table.from_arrays(columns, names=["a", "a", "y"]), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="'a' twice"):
        read_frame(tmp_path / "t.parquet")


def test_a_table_too_large_for_memory_is_a_mistake_told_in_one_line(tmp_path, monkeypatch):
    def no_memory(*_, **__):
        raise MemoryError

    monkeypatch.setattr(pd, "read_csv", no_memory)
    with pytest.raises(InputError, match="does not fit into memory"):
        read_frame(written(tmp_path, "t.csv", PLAIN))
