import numpy as np
import pandas as pd
import pytest

from edgewise.errors import InputError
from edgewise.tables import Table, read_inputs, read_table


@pytest.fixture
def table(tmp_path):
    def write(text, name="data.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def refused(path, target="y", features=None):
    with pytest.raises(InputError) as caught:
        read_table(path, target, features)
    assert "\n" not in str(caught.value)
    return str(caught.value)


MIXED = "a,word,flag,day,b,y\n1,x,True,2020-01-01,5,3\n2,y,False,2020-01-02,7,5\n"


def test_columns_of_numbers_in_order_and_the_target(table):
    found = read_table(table("b,y,a\n1,2,3\n2,3,5\n"), "y")
    assert isinstance(found, Table)
    assert (found.names, found.target, found.notes) == (("b", "a"), "y", ())
    assert found.X.dtype == found.y.dtype == np.float64
    np.testing.assert_array_equal(found.X, [[1, 3], [2, 5]])
    np.testing.assert_array_equal(found.y, [2, 3])


def test_features_choose_and_order_columns(table):
    found = read_table(table("a,b,c,y\n1,2,3,4\n5,6,8,9\n"), "y", ["c", "a"])
    np.testing.assert_array_equal(found.X, [[3, 1], [8, 5]])


def test_columns_that_hold_no_numbers_are_left_out_with_a_note(table):
    found = read_table(table(MIXED), "y")
    assert found.names == ("a", "b")
    assert found.notes == (
        "2 columns hold text and were left out: 'word', 'day'",
        "column 'flag' holds true/false and was left out",
    )


@pytest.mark.parametrize(("name", "kind"), [("word", "text"), ("flag", "true/false"), ("day", "text")])
def test_columns_that_hold_no_numbers_cannot_be_asked_for(table, name, kind):
    path = table(MIXED)
    assert f"column '{name}' holds {kind}" in refused(path, "y", ["a", name])
    assert f"the target '{name}' holds {kind}" in refused(path, name)


def test_dates_and_nullable_numbers_in_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    days = pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"])
    frame = {
        "n": pd.array([1, 2, 5], "Int64"),
        "day": days,
        "c": pd.Categorical(["1", "2", "1"]),
        "y": [1, 2, 4],
    }
    pd.DataFrame(frame).to_parquet(path)
    found = read_table(path, "y")
    assert (found.names, found.notes) == (("n", "c"), ("column 'day' holds dates and was left out",))
    assert "the target 'day' holds dates" in refused(path, "day")


def test_constant_and_empty_columns_are_left_out_with_a_note(table):
    found = read_table(table("a,b,c,d,y\n1,2,,4,1\n3,2,,4,2\n"), "y")
    assert found.names == ("a",)
    assert found.notes == (
        "column 'c' holds nothing and was left out",
        "2 columns hold no variation and were left out: 'b', 'd'",
    )


def test_a_constant_target_stays_with_a_note(table):
    found = read_table(table("a,y\n1,2\n3,2\n"), "y")
    assert found.y.tolist() == [2, 2]
    assert "the formula is that number" in found.notes[0]


def test_no_feature_that_varies_is_refused(table):
    assert "no column of varying numbers" in refused(table("a,y\n1,2\n1,3\n"))
    assert "no column of varying numbers" in refused(table("y\n2\n3\n"))


def test_a_missing_target_names_the_columns_and_the_nearest(table):
    message = refused(table("velocity,height\n1,2\n2,3\n"), "velocty")
    assert message.endswith(
        "has no target 'velocty'; its columns are 'velocity', 'height'; type --target velocity"
    )


def test_features_must_exist_differ_and_exclude_the_target(table):
    path = table("a,b,y\n1,2,3\n2,3,4\n")
    assert "has no feature 'z'" in refused(path, "y", ["a", "z"])
    assert "'a' twice" in refused(path, "y", ["a", "a"])
    assert "is the target and among --features" in refused(path, "y", ["a", "y"])
    assert "--features is empty" in refused(path, "y", [])


def test_missing_and_infinite_cells_name_column_count_and_first_row(table):
    message = refused(table("a,b,y\n1,1,1\n2,,2\n3,inf,3\n"))
    assert "column 'b' has NaN, infinity or nothing in 2 of 3 cells, first in row 2" in message
    assert "the target 'y' has NaN" in refused(table("a,y\n1,1\n2,\n"))


def test_a_few_words_among_numbers_are_an_error_not_a_lost_column(table):
    message = refused(table("a,y\n1,1\noops,2\n3,3\n4,4\n"))
    assert "column 'a' holds text in 1 of 4 cells, first 'oops' in row 2" in message
    assert read_table(table("a,b,y\n1,5,1\noops,6,2\n3,7,3\n"), "y", ["b"]).names == ("b",)


def test_decimal_commas_are_an_error_not_a_lost_column(table):
    assert "expected numbers with a decimal point" in refused(table("a;b;y\n1,5;1;2\n2,5;2;3\n"))


def test_one_row_is_refused(table):
    assert "has 1 row: expected at least 2" in refused(table("a,y\n1,2\n"))


@pytest.mark.parametrize("text", ["a,y\n1e300,1\n2,2\n", "a,y\n1,1e300\n2,2\n", "a,y\n1,-1e300\n2,2\n"])
def test_huge_numbers_are_refused(table, text):
    assert "expected at most 1e+150; use other units" in refused(table(text))


def test_integers_of_any_length_and_more_columns_than_rows_are_fine(table):
    path = table("a,y\n99999999999999999999999,1\n-3,2\n")
    assert read_table(path, "y").X[0, 0] == 1e23
    names = [f"c{k}" for k in range(40)]
    wide = (
        ",".join(names) + ",y\n" + "\n".join(",".join(str(i * (j + 1)) for j in range(41)) for i in range(3))
    )
    assert read_table(table(wide), "y").X.shape == (3, 40)


def test_inputs_are_read_by_name_and_the_rest_ignored(table):
    path = table("word,b,a\nx,1,2\ny,1,4\n")
    np.testing.assert_array_equal(read_inputs(path, ["a", "b"]), [[2, 1], [4, 1]])


def test_inputs_must_be_there_and_be_numbers(table):
    path = table("Mass,b\n1,\n2,3\n")
    with pytest.raises(InputError, match=r"has no column 'mass'.*rename 'Mass' to 'mass'"):
        read_inputs(path, ["mass"])
    with pytest.raises(InputError, match="column 'b' has NaN"):
        read_inputs(path, ["b"])


def test_a_table_cannot_be_changed(table):
    found = read_table(table("a,y\n1,2\n3,2.5\n"), "y")
    with pytest.raises(AttributeError):
        found.target = "a"  # type: ignore[misc]
