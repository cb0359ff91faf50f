"""Tables: every block comes back as it was written, and a changed table is noticed."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from edgewise.errors import InputError
from edgewise.large import ArraySource, ParquetSource


@pytest.fixture
def table(rng):
    return pd.DataFrame({"a": rng.normal(size=100), "b": np.arange(100), "y": rng.normal(size=100)})


@pytest.fixture
def parquet(table, tmp_path):
    table.to_parquet(tmp_path / "t.parquet", row_group_size=30)
    return tmp_path / "t.parquet"


def whole(source):
    X, y = zip(*(source.read(block) for block in range(len(source.block_rows))), strict=True)
    return np.concatenate(X), np.concatenate(y)


def test_arrays_come_back_block_by_block(rng):
    X, y = rng.normal(size=(10, 3)), rng.normal(size=(10, 2))
    source = ArraySource(X, y, block_rows=4)
    assert (source.block_rows, source.rows, source.features, source.targets) == ((4, 4, 2), 10, 3, 2)
    for found, expected in zip(whole(source), (X, y), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_block_is_the_callers_own(rng):
    X = rng.normal(size=(10, 3))
    ArraySource(X, X[:, 0]).read(0)[0][:] = 7
    assert not (X == 7).any()


def test_npy_files_are_mapped_and_not_loaded(rng, tmp_path):
    X = rng.normal(size=(10, 3)).astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    source = ArraySource(tmp_path / "X.npy", torch.arange(10), block_rows=4)
    assert isinstance(source.X, np.memmap)
    assert [part.dtype for part in source.read(0)] == [np.float32, np.int64]
    np.testing.assert_array_equal(whole(source)[0], X)


def test_parquet_comes_back_row_group_by_row_group(parquet, table):
    source = ParquetSource(parquet, target="y")
    assert source.block_rows == (30, 30, 30, 10)
    X, y = whole(source)
    np.testing.assert_array_equal(X, table[["a", "b"]].to_numpy())
    np.testing.assert_array_equal(y, table[["y"]].to_numpy())


def test_parquet_columns_by_name_and_whole_numbers_stay_so(parquet, table):
    source = ParquetSource([parquet, parquet], target=["y", "a"], features=["b"])
    X, y = whole(source)
    assert X.dtype == np.int64
    np.testing.assert_array_equal(y, np.tile(table[["y", "a"]].to_numpy(), (2, 1)))


def test_a_folder_of_parquet_files_is_one_table(table, tmp_path):
    for part in range(3):
        table.to_parquet(tmp_path / f"{part}.parquet")
    assert ParquetSource(tmp_path, target="y").rows == 300


def test_an_empty_cell_becomes_nan(table, tmp_path):
    table.assign(b=table["b"].astype("Int64").mask(table["b"] == 3)).to_parquet(tmp_path / "t.parquet")
    X, _ = whole(ParquetSource(tmp_path / "t.parquet", target="y"))
    assert np.isnan(X[3, 1])
    assert np.isnan(X).sum() == 1


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (np.zeros(3), np.zeros(3), "expected (n, columns)"),
        (np.zeros((3, 2)), np.zeros(4), "X has 3 rows and y has 4"),
        (np.zeros((0, 2)), np.zeros(0), "n > 0"),
        (np.array([["a"]]), np.zeros(1), "expected numbers"),
        ("nowhere.npy", np.zeros(1), "nowhere.npy cannot be opened"),
    ],
)
def test_wrong_arrays_are_told_in_one_line(X, y, said):
    with pytest.raises(InputError) as caught:
        ArraySource(X, y)
    assert said in str(caught.value)


def test_wrong_parquet_is_told_in_one_line(parquet, table, tmp_path):
    cut, words, none = (tmp_path / name for name in ("cut.parquet", "words.parquet", "none.parquet"))
    cut.write_bytes(parquet.read_bytes()[:-50])
    table.assign(a="word").to_parquet(words)
    table[:0].to_parquet(none)
    for path, target, said in [
        (tmp_path / "gone.parquet", "y", "gone.parquet does not exist"),
        (cut, "y", "is no whole Parquet file"),
        (parquet, "z", "has no column 'z'; it has: a, b, y"),
        (words, "y", "column 'a' of"),
        (none, "y", "holds no rows"),
        ([], "y", "no *.parquet file"),
    ]:
        with pytest.raises(InputError) as caught:
            ParquetSource(path, target=target)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_damage_inside_a_row_group_is_told(parquet):
    content = bytearray(parquet.read_bytes())
    source = ParquetSource(parquet, target="y")
    content[4:200] = bytes(196)
    parquet.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        ParquetSource(parquet, target="y").read(0)
    assert source.rows == 100


def test_fingerprints_tell_tables_apart(parquet, table):
    def fingerprint():
        return json.loads(json.dumps(ParquetSource(parquet, target="y").fingerprint()))

    first = fingerprint()
    assert fingerprint() == first
    table.assign(a=table["a"] + 1).to_parquet(parquet, row_group_size=30)
    assert fingerprint() != first
    arrays = [
        ArraySource(X, X[:, 0]).fingerprint() for X in (np.zeros((5, 2)), np.ones((5, 2)), np.ones((6, 2)))
    ]
    assert arrays[0] != arrays[1] != arrays[2]
