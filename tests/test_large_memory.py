"""A table twice the size of a limit that the system enforces."""

import json
import sys

import pytest

from together.launch import HERE, run_command

SCRIPT = HERE.parents[1] / "benchmarks" / "large.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts private memory on Linux alone")
def test_it_trains_where_loading_the_table_is_refused(tmp_path):
    command = [sys.executable, SCRIPT, "--rounds", 1, "--steps", 30, "--folder", tmp_path, "--json"]
    ended = run_command([str(word) for word in command])
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout)
    assert found["refused"] == [True, True], "the limit is none"
    for way in ("memory map", "parquet"):
        assert found["rows"][way] * 9 * 8 >= 2 * found["limit"]
