"""Running: the same rows from one process, two and a cluster; nothing lost or doubled by a kill."""

import json
import sqlite3
import time
import warnings

import pytest

from edgewise.errors import InputError
from edgewise.study.command import report_study, run_study
from edgewise.study.measurement import measure
from edgewise.study.run import DEPTH, run
from edgewise.study.spec import load
from edgewise.study.workers import workers
from study_rows import TINY
from together.launch import launch, start

SHORT = TINY.replace("equal_time = [1]\n", "")  # its cells depend on measured time


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "study.toml").write_text(SHORT)
    return tmp_path


def rows(path):
    """Every row as written, but for the seconds it took."""
    with sqlite3.connect(path) as database:
        found = database.execute("SELECT key, row FROM rows").fetchall()
    assert len({key for key, _ in found}) == len(found)
    return {key: {k: v for k, v in json.loads(text).items() if k != "seconds"} for key, text in found}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The rows of one process."""
    place = tmp_path_factory.mktemp("alone")
    (place / "study.toml").write_text(SHORT)
    result = run_study(place, processes=1, progress=False)
    assert result.status == "done"
    found = rows(place / "rows.sqlite")
    assert len(found) == result.rows
    assert all(row["status"] == "done" for row in found.values())
    return found


def test_a_finished_study_trains_nothing_again(folder, alone, monkeypatch):
    run_study(folder, processes=1, progress=False)
    no_more = DEPTH._replace(measure=lambda cell: pytest.fail(f"trained again: {cell}"))
    monkeypatch.setattr("edgewise.study.run.DEPTH", no_more)
    again = run_study(folder, processes=1, progress=False)
    assert (again.status, again.rows) == ("done", 0)
    assert rows(folder / "rows.sqlite") == alone


def test_a_time_limit_ends_between_rows_and_the_next_run_goes_on(folder, alone):
    first = run_study(folder, processes=1, max_seconds=1e-9, progress=False)
    assert (first.status, first.rows) == ("time limit", 1)
    assert "goes on from here" in first.message
    assert run_study(folder, processes=1, progress=False).status == "done"
    assert rows(folder / "rows.sqlite") == alone


def test_ctrl_c_keeps_what_there_is(folder, monkeypatch):
    calls = []

    def interrupted(cell):
        calls.append(cell)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measure(cell)

    monkeypatch.setattr("edgewise.study.run.DEPTH", DEPTH._replace(measure=interrupted))
    result = run_study(folder, processes=1, progress=False)
    assert (result.status, result.rows) == ("interrupted", 2)
    assert len(rows(folder / "rows.sqlite")) == 2


def test_a_progress_line_tells_what_is_left(folder, capsys):
    run_study(folder, processes=1, progress=True)
    said = capsys.readouterr()
    assert "sweeps: 100%" in said.err
    assert "failed=0" in said.err
    assert said.out == ""


@pytest.mark.slow
def test_two_processes_give_the_same_rows(folder, alone):
    result = run(load(folder / "study.toml"), folder / "two.sqlite", processes=2)
    assert result.status == "done"
    assert rows(folder / "two.sqlite") == alone


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_of_two_workers_gives_the_same_rows(folder, alone):
    pytest.importorskip("distributed")
    result = run(load(folder / "study.toml"), folder / "cluster.sqlite", processes=2, cluster="local")
    assert result.status == "done"
    assert rows(folder / "cluster.sqlite") == alone


@pytest.mark.slow
def test_kills_lose_no_row_and_double_none(folder, alone):
    path, seen = folder / "rows.sqlite", set()
    for wanted in (2, 8):
        process = start("study_run.py", folder, 0.3)
        try:
            until(lambda wanted=wanted: path.exists() and count(path) >= wanted)
        finally:
            process.kill()
            process.communicate()
        found = set(rows(path))
        assert seen <= found
        seen = found
    assert 8 <= len(seen) < len(alone)
    ended = launch("study_run.py", folder, 0)
    assert ended.stdout.strip() == "done", ended.stderr
    assert rows(path) == alone


def until(happens, seconds=120.0):
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def count(path):
    with sqlite3.connect(path, timeout=60) as database:
        try:
            return database.execute("SELECT COUNT(*) FROM rows").fetchone()[0]
        except sqlite3.OperationalError:  # the table is not there yet
            return 0


def test_mistakes_are_said(folder):
    spec = load(folder / "study.toml")
    with pytest.raises(InputError, match="processes=0"):
        run(spec, folder / "rows.sqlite", processes=0)
    with pytest.raises(InputError, match=r"no rows\.sqlite; type: edgewise study run"):
        report_study(folder)
    with pytest.raises(InputError, match=r"there is no .*quick\.toml"):
        run_study(folder, quick=True)


def test_a_scheduler_that_does_not_answer_is_said_so():
    pytest.importorskip("distributed")
    with (
        warnings.catch_warnings(),
        pytest.raises(InputError, match="no Dask scheduler answers at 'nowhere'"),
        workers(1, "nowhere", measure),
    ):
        warnings.simplefilter("ignore")


def test_quick_rows_stand_by_themselves(folder, monkeypatch):
    (folder / "quick.toml").write_text(SHORT)
    monkeypatch.setattr("edgewise.study.run.cpu_count", lambda: 1)
    run_study(folder, quick=True, max_seconds=1e-9, progress=False)
    assert (folder / "quick" / "rows.sqlite").is_file()
    assert not (folder / "rows.sqlite").exists()
