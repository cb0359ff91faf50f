"""What a user can ask of ``edgewise fit`` beyond a target."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from edgewise.cli import app


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="edgewise")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every command runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of y = 2 x0 + 1."""
    path = tmp_path_factory.mktemp("made") / "line.csv"
    X = np.random.default_rng(0).uniform(0, 1, (30, 2)).round(6)
    pd.DataFrame({"x0": X[:, 0], "x1": X[:, 1], "y": 2 * X[:, 0] + 1}).to_csv(path, index=False)
    return path


def test_what_is_known_required_and_allowed_reaches_the_search(table):
    fit = ("fit", table, "--target", "y", "--seconds", "10", "--json", "--features", "x0")
    asked = (
        "--functions",
        "exp,sin",
        "--require",
        "x0",
        "--known",
        "2*x0 + ?",
        "--guess",
        "1.0",
        "--guess",
        "2.0",
    )
    result = run(*fit, *asked, "--units", "x0=m,y=m", "--out", "run")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["status"], found["formula"].removesuffix(".0")) == ("exact", "2*x0 + 1")
    assert [constant["unit"] for constant in found["certificate"]["constants"]] == ["1", "m"]
    with open("run/config.json") as file:
        extra = json.load(file)["extra"]
    assert extra["settings"]["functions"] == ["exp", "sin"]
    assert extra["settings"]["known"] == "2*x0 + ?"
    assert extra["settings"]["units"] == {"x0": "m", "y": "m"}
    assert extra["settings"]["guesses"] == ["1.0", "2.0"]
    assert extra["certificate"] == found["certificate"]


def test_resume_says_where_it_starts(table):
    fit = ("fit", table, "--target", "y", "--seconds", "10", "--resume", "--out", "run")
    assert "note: nothing to resume" in run(*fit).stderr
    again = run(*fit)
    assert again.exit_code == 0
    assert "note: starting from the formulas of the run in run" in again.stderr
    assert os.listdir() == ["run"]


def test_what_another_table_left_is_not_taken_up(table, tmp_path):
    (tmp_path / "run.progress.json").write_text(
        '{"kind": "edgewise search", "version": 1, "data": "", "formulas": []}'
    )
    fit = ("fit", table, "--target", "y", "--seconds", "10", "--out", "run")
    refused = run(*fit, "--resume")
    assert refused.exit_code == 2
    assert "is of other data" in refused.stderr.splitlines()[-1]
    assert run(*fit).exit_code == 0
    assert os.listdir() == ["run"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--functions", "sinus"], "did you mean 'sin'?"),
        (["--require", "mass"], "required='mass' is no column"),
        (["--known", "x0 + 1"], "one '?'"),
        (["--known", "g*?"], "'g'"),
        (["--units", "x0"], "--units has 'x0': expected a name and its unit"),
        (["--units", ""], "--units has ''"),
        (["--units", "x0=m"], "nothing of the column 'x1'"),
        (["--units", "x0=m,x1=banana"], "'banana'"),
        (["--units", "x0=m,x1=s,z=kg"], "'z', which is no column"),
        (["--guess", "x0 +"], "cannot read"),
    ],
)
def test_wrong_wishes_end_in_one_line(table, options, said):
    result = run("fit", table, "--target", "y", *options)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("edgewise: ")
    assert said in result.stderr
    assert os.listdir() == []
