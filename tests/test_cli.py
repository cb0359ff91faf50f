import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import edgewise
from edgewise.cli import app
from edgewise.pde import load as load_solution
from edgewise.report import FILES

LAW = "2*x0 + 1"


def run(*arguments, **settings):
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], prog_name="edgewise", **settings
    )


def mistake(*arguments):
    """The single line a mistake ends with."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("edgewise: ")
    assert "Traceback" not in result.stderr
    return result.stderr


def process(*arguments, cwd=None, **settings):
    command = [sys.executable, "-m", "edgewise", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, **settings)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every command runs in a folder of its own, with the same package."""
    monkeypatch.chdir(tmp_path)
    source = os.path.dirname(os.path.dirname(edgewise.__file__))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A table of y = 2 x0 + 1, and what ``fit`` printed and wrote for it."""
    folder = tmp_path_factory.mktemp("made")
    X = np.random.default_rng(0).uniform(0, 1, (30, 2)).round(6)
    frame = pd.DataFrame({"x0": X[:, 0], "word": "a", "x1": X[:, 1], "y": 2 * X[:, 0] + 1})
    frame.to_csv(folder / "line.csv", index=False)
    result = run("fit", folder / "line.csv", "--target", "y", "--seconds", 10, "--out", folder / "run")
    assert result.exit_code == 0, result.stderr
    return folder, result


def test_fit_prints_the_table_of_formulas_and_writes_a_run(made):
    folder, result = made
    marked = [line for line in result.stdout.splitlines() if line.startswith("  >")]
    assert len(marked) == 1
    assert marked[0].endswith(LAW)
    assert "exact: " in result.stdout
    assert "note: column 'word' holds text and was left out" in result.stderr
    assert sorted(entry.name for entry in (folder / "run").iterdir()) == sorted(FILES)


def test_fit_json_prints_one_object_and_nothing_else(made):
    folder, _ = made
    result = process(
        "fit", folder / "line.csv", "--target", "y", "--json", "--features", "x0", "--seconds", "10"
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert set(found) == {
        "status",
        "formula",
        "complexity",
        "loss",
        "held_out_loss",
        "seconds",
        "run",
        "certificate",
    }
    assert (found["certificate"]["status"], found["certificate"]["unused"]) == ("exact", [])
    assert (found["status"], found["formula"], found["run"]) == ("exact", LAW, os.path.join("runs", "line"))
    assert found["loss"] < 1e-20
    assert found["held_out_loss"] < 1e-20
    assert os.path.exists(os.path.join(found["run"], "model.safetensors"))


def test_the_same_seed_gives_the_same_run(made):
    folder, _ = made
    for out in ("a", "b"):
        assert run("fit", folder / "line.csv", "--target", "y", "--out", out, "--seed", "3").exit_code == 0
    for name in ("model.safetensors", "equations.csv", "network.svg"):
        with open(f"a/{name}", "rb") as one, open(f"b/{name}", "rb") as other:
            assert one.read() == other.read()


def test_predict_prints_csv_with_a_header(made):
    folder, _ = made
    result = run("predict", folder / "run", folder / "line.csv")
    assert result.exit_code == 0
    assert result.stderr == ""
    table = pd.read_csv(folder / "line.csv")
    found = pd.read_csv(io.StringIO(result.stdout))
    assert list(found.columns) == ["y"]
    np.testing.assert_allclose(found["y"], table["y"], rtol=1e-9)
    simplest = run("predict", folder / "run", folder / "line.csv", "--index", "0")
    assert simplest.exit_code == 0
    assert len(simplest.stdout.splitlines()) == 31


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("text", LAW),
        ("sympy", LAW),
        ("latex", "2"),
        ("numpy", "def formula"),
        ("torch", "torch"),
        ("c", "double"),
        ("javascript", "function formula"),
    ],
)
def test_formula_prints_in_every_form(made, form, said):
    folder, _ = made
    result = run("formula", folder / "run", "--as", form)
    assert result.exit_code == 0
    assert said in result.stdout
    assert result.stdout.endswith("\n")
    assert not result.stdout.endswith("\n\n")


def test_formula_prints_any_row(made):
    folder, _ = made
    table = pd.read_csv(folder / "run" / "equations.csv", dtype=str)
    for k, equation in enumerate(table["equation"]):
        assert run("formula", folder / "run", "--index", k).stdout == f"{equation}\n"


def test_view_writes_by_extension(made):
    folder, _ = made
    for name in ("net.svg", "net.png", "net.pdf", "net.html"):
        result = run("view", folder / "run", "--out", name)
        assert (result.exit_code, result.stdout) == (0, f"{name}\n")
        assert os.path.getsize(name) > 1000
    assert run("view", folder / "run").stdout == f"{folder / 'run' / 'report.html'}\n"


def test_view_draws_what_it_is_asked_to_in_inches(made):
    folder, _ = made
    for size, show in (("3.5x3", "network"), ("3.5X2.5", "dependence")):
        call = ("view", folder / "run", "--out", f"{show}.svg", "--size", size, "--show", show)
        assert run(*call).exit_code == 0
        sides = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', Path(f"{show}.svg").read_text())
        assert sides is not None
        assert [float(side) / 72 for side in sides.groups()] == [float(n) for n in size.lower().split("x")]
    assert Path("network.svg").read_text() != Path("dependence.svg").read_text()
    assert "--size 7x4" in mistake("view", folder / "run", "--out", "a.pdf", "--size", "wide")
    assert "too low" in mistake("view", folder / "run", "--out", "a.pdf", "--size", "3.5x0.5")
    assert "holds no frames" in mistake("view", folder / "run", "--out", "a.gif")


def test_doctor_describes_the_machine_and_a_run(made):
    folder, _ = made
    assert "BLAS" in run("doctor").stdout
    lines = run("doctor", folder / "run").stdout.splitlines()
    assert lines[0].startswith("run")
    assert lines[2] == "files       all there"
    assert lines[3] == "rows        30 of the run"
    assert lines[-1].startswith("advice")
    assert "does not exist" in mistake("doctor", "nowhere")


def test_version_and_help():
    assert run("--version").stdout == f"edgewise {edgewise.__version__}\n"
    assert run().exit_code == 0
    for command in ("fit", "predict", "formula", "view", "doctor"):
        assert command in run("--help").stdout
        assert run(command, "--help").exit_code == 0


TABLES = {
    "empty.csv": ("", "is empty"),
    "header.csv": ("a,y\n", "has a header and no rows"),
    "one.csv": ("a,y\n1,2\n", "has 1 row"),
    "duplicate.csv": ("a,a,y\n1,2,3\n2,3,4\n", "'a' twice"),
    "target.csv": ("a,b\n1,2\n2,3\n", "has no target 'y'"),
    "text.csv": ("a,y\n1,red\n2,blue\n", "the target 'y' holds text"),
    "flag.csv": ("a,y\n1,True\n2,False\n", "the target 'y' holds true/false"),
    "nan.csv": (
        "a,y\n1,2\n,3\n3,4\n",
        "column 'a' has NaN, infinity or nothing in 1 of 3 cells, first in row 2",
    ),
    "inf.csv": ("a,y\n1,2\n2,inf\n3,4\n", "the target 'y' has NaN"),
    "damaged.csv": ("a,y\n1,2\nx,3\n3,4\n", "first 'x' in row 2"),
    "constant.csv": ("a,y\n1,2\n1,3\n", "no column of varying numbers"),
    "huge.csv": ("a,y\n1e300,2\n1,3\n", "use other units"),
    "ragged.csv": ("a,y\n1,2\n1,3,4\n", "in line 3"),
    "page.csv": ("<html>", "an HTML or XML page"),
}


@pytest.mark.parametrize("name", TABLES)
def test_bad_tables_end_in_one_line(tmp_path, name):
    content, said = TABLES[name]
    (tmp_path / name).write_text(content)
    assert said in mistake("fit", name, "--target", "y")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_bad_paths_end_in_one_line(tmp_path):
    assert "does not exist" in mistake("fit", "nope.csv", "--target", "y")
    assert "is a folder" in mistake("fit", tmp_path, "--target", "y")
    (tmp_path / "image.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    assert "a PNG image" in mistake("fit", "image.csv", "--target", "y")


def test_bad_options_end_in_one_line(made):
    folder, _ = made
    fit = ("fit", folder / "line.csv")
    assert mistake(*fit) == "edgewise: Missing option '--target'; type: edgewise fit --help\n"
    assert "type: edgewise --help" in mistake("fti")
    assert "type: edgewise fit --help" in mistake(*fit, "--target", "y", "--seconds", "soon")
    assert "type: edgewise fit --help" in mistake(*fit, "--target", "y", "--seed", "-1")
    for seconds in ("0", "-1", "nan", "inf"):
        assert "--seconds is" in mistake(*fit, "--target", "y", "--seconds", seconds)
    assert "--features is empty" in mistake(*fit, "--target", "y", "--features", "")
    assert "is the target and among" in mistake(*fit, "--target", "y", "--features", "x0,y")
    assert "'x0' twice" in mistake(*fit, "--target", "y", "--features", "x0,x0")
    assert "has no feature 'X0'" in mistake(*fit, "--target", "y", "--features", "X0")
    assert "column 'word' holds text" in mistake(*fit, "--target", "y", "--features", "x0,word")
    assert "is no row of the table" in mistake("formula", folder / "run", "--index", "99")
    assert "is no row of the table" in mistake(
        "predict", folder / "run", folder / "line.csv", "--index", "-1"
    )
    assert "--help" in mistake("formula", folder / "run", "--as", "fortran")
    assert "expected .svg" in mistake("view", folder / "run", "--out", "net.bmp")
    assert "does not exist" in mistake("view", folder / "run", "--out", "nowhere/net.svg")


def test_bad_runs_end_in_one_line(made, tmp_path):
    folder, _ = made
    for command in (["formula"], ["view"], ["doctor"]):
        assert "does not exist" in mistake(*command, "nowhere")
        assert "does not exist" in mistake(*command, tmp_path)
    assert "does not exist" in mistake("predict", "nowhere", folder / "line.csv")
    (tmp_path / "other.csv").write_text("x0,z\n1,2\n")
    assert "has no column 'x1'" in mistake("predict", folder / "run", "other.csv")


def test_fit_replaces_its_own_run_and_nothing_else(made, tmp_path):
    folder, _ = made
    fit = ("fit", folder / "line.csv", "--target", "y", "--out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "'thesis.txt'" in mistake(*fit, "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert run(*fit, "run").exit_code == 0
    assert run(*fit, "run").exit_code == 0
    (tmp_path / "run" / "notes.txt").touch()
    assert "'notes.txt'" in mistake(*fit, "run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_one_may_not_write_ends_in_one_line(made, tmp_path):
    folder, _ = made
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "Permission denied" in mistake("fit", folder / "line.csv", "--target", "y", "--out", "locked/run")


def test_failures_of_the_system_end_in_one_line_and_leave_the_formulas(made):
    folder, _ = made

    def full(*_, **__):
        raise OSError(28, "No space left on device", "model.safetensors")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgewise.report.save", full)
        result = run("fit", folder / "line.csv", "--target", "y")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("edgewise: No space left on device: model.safetensors")
    assert "Traceback" not in result.stderr
    assert os.listdir("runs") == ["line.progress.json"]
    again = run("fit", folder / "line.csv", "--target", "y", "--resume")
    assert again.exit_code == 0
    assert "note: starting from the formulas in" in again.stderr
    assert os.listdir("runs") == ["line"]


def test_warnings_become_notes_told_once(made, tmp_path):
    folder, _ = made
    (tmp_path / "t.csv").write_text("x0,x1\n1,2\n3,4\n")

    def warn_twice(path, names):
        for _ in range(2):
            warnings.warn("strange\nrows", stacklevel=1)
        return np.ones((1, len(names)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgewise.tables.read_inputs", warn_twice)
        result = run("predict", folder / "run", "t.csv")
    assert result.exit_code == 0
    assert result.stderr == "note: strange rows\n"


def test_names_with_commas_and_strange_letters_work(tmp_path):
    rows = "\n".join(f"{k},{k % 3},{2 * k + 1}" for k in range(12))
    (tmp_path / "t.csv").write_text(f'"a,b",class,"h (m)\nx"\n{rows}\n')
    result = run(
        "fit", "t.csv", "--target", "h (m)\nx", "--features", '"a,b",class', "--seconds", "5", "--out", "r"
    )
    assert result.exit_code == 0, result.stderr
    assert run("predict", "r", "t.csv").stdout.splitlines()[:2] == ['"h (m)', 'x"']
    assert "a_b" in run("formula", "r").stdout


def test_a_constant_target_gives_the_constant(tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n" + "\n".join(f"{k},7" for k in range(10)))
    result = run("fit", "t.csv", "--target", "y", "--json")
    assert result.exit_code == 0, result.stderr
    assert float(json.loads(result.stdout)["formula"]) == 7


def test_a_mistake_in_a_real_process_has_one_line_and_code_2(tmp_path):
    result = process("fit", "nope.csv", "--target", "y", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "edgewise: nope.csv does not exist: expected a CSV or Parquet file; look with: ls ."
    ]


def test_a_reader_that_goes_away_is_no_failure(made):
    folder, _ = made
    big = pd.concat([pd.read_csv(folder / "line.csv")] * 3000)
    big.to_csv("big.csv", index=False)
    command = f"{sys.executable} -m edgewise predict {folder / 'run'} big.csv | head -n 2"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120)
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == ""


def test_ctrl_c_keeps_the_best_so_far(tmp_path):
    a, b, c = np.random.default_rng(0).uniform(-2, 2, (3, 300))
    y = np.tanh(np.sin(3 * a * b) + np.cos(2 * b * c - a)) + np.log(2 + np.sin(4 * a * c))
    pd.DataFrame({"a": a, "b": b, "c": c, "y": y}).to_csv("hard.csv", index=False)
    command = [sys.executable, "-m", "edgewise", "fit", "hard.csv", "--target", "y", "--seconds", "300"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # a shell that starts the tests in the background makes them, and what they start, deaf to Ctrl-C
    hearing = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, preexec_fn=hearing, **pipes) as running:
        assert running.stderr is not None
        assert "searching" in running.stderr.readline()
        time.sleep(2)
        running.send_signal(signal.SIGINT)
        try:
            output, errors = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == 0, errors
    assert "interrupted" in output
    assert sorted(os.listdir("runs/hard")) == sorted(FILES)


def test_pde_alone_lists_the_problems():
    listed = run("pde")
    assert listed.exit_code == 0
    assert "heat" in listed.stdout
    assert json.loads(run("pde", "--json").stdout).keys() == {
        line.split()[0] for line in listed.stdout.splitlines()
    }


def test_pde_solves_a_problem_and_says_how_well():
    facts = json.loads(run("pde", "heat", "--json").stdout)
    assert {"problem", "relative_l2", "seconds", "parameters", "status"} <= facts.keys()
    assert facts["relative_l2"] < 1e-6
    shown = run("pde", "heat").stdout
    assert "relative error" in shown
    assert str(facts["parameters"]) in shown


def test_pde_shows_what_was_found_between_its_bounds():
    shown = run("pde", "inverse-diffusion", "--seconds", "10").stdout.splitlines()[-1]
    name, found, low, high = re.fullmatch(r"(\w+) = (\S+), between (\S+) and (\S+)", shown).groups()
    assert name == "D"
    assert float(low) < float(found) < float(high)


def test_pde_goes_another_way_where_asked():
    said = run("pde", "heat", "--method", "variable-projection", "--causal", "100").stdout
    assert "by causal weights, then at once, by variable projection as asked" in said
    assert "choose one of: auto, least-squares" in mistake("pde", "heat", "--method", "newton")


def test_pde_keeps_its_solution_and_writes_it_down(tmp_path):
    folder = tmp_path / "poisson"
    facts = json.loads(run("pde", "poisson", "--out", str(folder), "--formula", "--json").stdout)
    assert facts["formula"]["formulas"] == {"u": "sin(pi*x)*sin(pi*y)"}
    assert facts["formula"]["status"] == "exact"
    assert json.loads((folder / "result.json").read_text(encoding="utf-8")) == facts
    assert (folder / "field.png").read_bytes().startswith(b"\x89PNG")
    solution, table = load_solution(folder), pd.read_csv(folder / "table.csv")
    assert list(table) == ["x", "y", "u"]
    assert np.abs(solution(table[["x", "y"]].to_numpy()) - table["u"]).max() < 1e-12
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    assert "holds other files, such as" in mistake("pde", "poisson", "--out", str(tmp_path))


def test_a_misspelt_problem_is_one_line():
    assert "choose one of: poisson" in mistake("pde", "heet")


SHORT_STUDY = """
question = "Does it run?"
reference = "mlp"
steps = 3
batch_size = 32

[tuning]
tasks = ["nested:2:2"]
rates = [0.003, 0.01, 0.03]
depths = [1]
extensions = 1
parameters = 300
rows = 64

[[sweep]]
name = "depth"
role = "depth"
arms = ["mlp", "kan-critical"]
forms = ["plain"]
tasks = ["nested:2:1"]
depths = [1]
draws = [0]
parameters = [300]
rows = [64]
seeds = 1
"""


def test_a_study_is_run_and_reported_and_done_cells_stay(tmp_path):
    (tmp_path / "study.toml").write_text(SHORT_STUDY)
    assert "edgewise study run" in mistake("study", "report", tmp_path)
    assert run("study", "run", tmp_path, "--processes", "1").exit_code == 0
    assert run("study", "report", tmp_path).exit_code == 0
    before = (tmp_path / "rows.csv").read_text()
    assert run("study", "run", tmp_path, "--processes", "1").exit_code == 0
    written = run("study", "report", tmp_path).stdout.split()
    assert {Path(path).name for path in written} >= {"report.html", "report.md"}
    assert (tmp_path / "rows.csv").read_text() == before
    assert before.count("\n") > 2


def test_a_study_that_cannot_be_run_is_one_line(tmp_path):
    (tmp_path / "study.toml").write_text(SHORT_STUDY)
    assert "max_seconds=-1.0" in mistake("study", "run", tmp_path, "--seconds", "-1")
    (tmp_path / "study.toml").unlink()
    assert "name a folder with a study.toml" in mistake("study", "run", tmp_path)
