import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgewise.errors import CheckpointError, InputError
from edgewise.estimators.progress import Progress, fingerprint
from edgewise.symbolic import Candidate, Formula

ENDLESS = """
import sys
from pathlib import Path
from edgewise.estimators.progress import Progress
from edgewise.symbolic import Candidate, Formula
texts = ["+".join(["x"] * n) for n in range(1, 60)]
candidates = [Candidate(Formula(text, ("x",)), 1, 0.5, 0.0) for text in texts]
progress = Progress(Path(sys.argv[1]), "data", ("x",))
while True:
    for n in range(1, 60):
        progress.write(candidates[:n])
"""


def candidates(*texts):
    return [Candidate(Formula(text, ("x", "z")), 1, float("inf"), 0.0) for text in texts]


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "search.json", "data", ("x", "z"))


def test_formulas_are_read_as_they_were_written(progress):
    assert progress.read() == ()
    progress.write(candidates("x", "2.5*x + z"))
    assert progress.read() == ("x", "2.5*x + z")
    progress.write(candidates("z"))
    assert progress.read() == ("z",)
    assert [entry.name for entry in progress.path.parent.iterdir()] == ["search.json"]


def test_another_process_finds_a_whole_file_whenever_this_one_is_killed(tmp_path):
    path = tmp_path / "search.json"
    source = str(Path(sys.modules["edgewise"].__file__).parents[1])
    for delay in (0.0, 0.031):
        path.unlink(missing_ok=True)
        child = subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(path)], env={**os.environ, "PYTHONPATH": source}
        )
        end = time.monotonic() + 60
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(delay)
        child.kill()
        child.wait()
        assert len(Progress(path, "data", ("x",)).read()) > 0


def test_other_data_are_refused_and_their_file_stays(progress):
    progress.write(candidates("x"))
    other = Progress(progress.path, "other", ("x", "z"))
    with pytest.raises(CheckpointError, match=r"is of other data.*delete it, or name another file"):
        other.read()
    assert progress.read() == ("x",)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        "\x80",
        json.dumps({"kind": "else", "version": 1, "data": "data", "formulas": []}),
        json.dumps({"kind": "edgewise search", "version": 2, "data": "data", "formulas": []}),
        json.dumps(
            {"kind": "edgewise search", "version": 1, "data": "data", "formulas": [{"equation": "q(x)"}]}
        ),
        json.dumps({"kind": "edgewise search", "version": 1, "data": "data", "formulas": ["x"]}),
    ],
)
def test_a_damaged_file_is_told_in_one_line(progress, content):
    progress.path.write_bytes(content.encode("latin-1"))
    with pytest.raises(CheckpointError, match="no checkpoint of a search, or a damaged one") as caught:
        progress.read()
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_told_before_the_search(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        Progress(tmp_path / "none" / "search.json", "data", ("x",)).read()
    (tmp_path / "folder").mkdir()
    with pytest.raises(CheckpointError):
        Progress(tmp_path / "folder", "data", ("x",)).read()


def test_the_fingerprint_tells_all_that_matters(rng):
    X, y = rng.normal(size=(5, 2)), rng.normal(size=5)
    prints = {
        fingerprint(X, y, ("x", "z"), None),
        fingerprint(X, y + 1e-15, ("x", "z"), None),
        fingerprint(X[::-1], y, ("x", "z"), None),
        fingerprint(X, y, ("x", "w"), None),
        fingerprint(X, y, ("x", "z"), "x + ?"),
        fingerprint(X.reshape(2, 5), y, ("x", "z"), None),
    }
    assert len(prints) == 6
    assert fingerprint(np.asfortranarray(X), y.copy(), ("x", "z"), None) in prints
