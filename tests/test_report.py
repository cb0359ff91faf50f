import json
import os
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest

from edgewise.errors import CheckpointError, InputError
from edgewise.estimators import FormulaRegressor
from edgewise.network import KAN
from edgewise.report import FILES, check_free, draw, pending, read_run, spread, write_run
from edgewise.runpage import command
from edgewise.tables import Table


@pytest.fixture(scope="module")
def fitted():
    X = np.random.default_rng(0).uniform(0.5, 2, (40, 2))
    table = Table(X, 2 * X[:, 0] + 1, ("mass (kg)", "time"), "height")
    frame = pd.DataFrame(X, columns=pd.Index(table.names))
    return FormulaRegressor(max_seconds=5, random_state=0).fit(frame, table.y), table


@pytest.fixture(scope="module")
def master(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "height"
    with pending(folder) as temporary:
        write_run(temporary, *fitted, settings={"seconds": 5})
    return folder


@pytest.fixture
def run(master, tmp_path):
    return shutil.copytree(master, tmp_path / "run")


def changed(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    config["extra"] |= changes
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_run_folder_holds_its_five_files(run):
    assert sorted(entry.name for entry in run.iterdir()) == sorted(FILES)
    table = pd.read_csv(run / "equations.csv")
    assert list(table.columns) == ["complexity", "loss", "score", "equation", "chosen"]
    assert table["chosen"].sum() == 1
    assert "</html>" in (run / "report.html").read_text()
    assert "</svg>" in (run / "network.svg").read_text()


def test_a_run_is_read_back_as_it_was(run, fitted):
    model, table = fitted
    found = read_run(run)
    assert (found.features, found.target) == (table.names, table.target)
    assert [formula.text for formula in found.formulas] == list(model.equations_["equation"])
    assert found.chosen == model.report_.chosen
    np.testing.assert_array_equal(found.X, table.X)
    for formula, candidate in zip(found.formulas, model.candidates_, strict=True):
        np.testing.assert_array_equal(formula(table.X), candidate.formula(table.X))


def test_the_page_of_a_run_has_every_formula_in_every_form(run, fitted):
    model, table = fitted
    text = (run / "report.html").read_text(encoding="utf-8")
    scene = json.loads(text.partition('id="scene">')[2].partition("</script>")[0])
    assert scene["names"]["symbols"] == list(read_run(run).extra["symbols"])
    assert sum(scene["rows"]["held"]) == len(model.report_.held_out)
    assert len(scene["rows"]["observed"]) == len(table.y)
    for formula, candidate in zip(scene["formulas"], model.candidates_, strict=True):
        np.testing.assert_allclose(
            formula["values"], candidate.formula(np.array(scene["rows"]["inputs"])), rtol=1e-6
        )
        assert formula["tree"] is not None
        assert formula["math"][0] == "math"
        assert "def formula(" in formula["python"]
        assert "double formula(" in formula["c"]
    assert scene["history"]["loss"] == sorted(scene["history"]["loss"], reverse=True)
    assert dict(scene["versions"])["edgewise"]
    edges = [edge for layer in scene["network"]["layers"] for edge in layer["edges"]]
    assert all("candidates" in edge for edge in edges if "law" not in edge and edge["share"] > 0)


def test_an_earlier_runs_page_does_without_what_it_did_not_store(run, tmp_path):
    found = read_run(run)
    for key in ("shown", "history", "versions", "candidates"):
        del found.extra[key]
    assert draw(found, tmp_path / "page.html").stat().st_size > 1000


def test_the_command_repeats_the_run():
    settings = {
        "data": "my table.csv", "target": "y", "features": ["a", "b,c"], "seconds": 5.0, "seed": 3,
        "units": {"a": "m"}, "guesses": ["a**2", "a"], "functions": None,
    }  # fmt: skip
    assert shlex.split(command(settings)) == [
        *("edgewise", "fit", "my table.csv", "--target", "y", "--features", 'a,"b,c"', "--seconds", "5"),
        *("--seed", "3", "--units", "a=m", "--guess", "a**2", "--guess", "a"),
    ]
    assert command({"seed": 1}) == ""


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".html", ".SVG"])
def test_a_run_can_be_drawn_again(run, tmp_path, suffix):
    path = draw(read_run(run), tmp_path / f"picture{suffix}")
    assert path.stat().st_size > 1000


def test_drawing_refuses_other_endings_and_missing_folders(run, tmp_path):
    with pytest.raises(InputError, match=r"expected \.svg, \.png, \.pdf or \.html"):
        draw(read_run(run), tmp_path / "picture.bmp")
    with pytest.raises(InputError, match="does not exist"):
        draw(read_run(run), tmp_path / "nowhere" / "picture.png")


HOSTILE = {
    "code": {
        "formulas": [{"equation": "__import__('os').system('true')", "complexity": 1, "loss": 0, "score": 0}]
    },
    "unknown symbol": {"formulas": [{"equation": "z", "complexity": 1, "loss": 0, "score": 0}]},
    "no equation": {"formulas": [{}]},
    "no formulas": {"formulas": []},
    "formulas of text": {"formulas": "x"},
    "chosen outside": {"chosen": 99},
    "chosen of text": {"chosen": "0"},
    "features of a number": {"features": 3},
    "sample of text": {"sample": "rows"},
    "sample of another width": {"sample": [[1.0, 2.0, 3.0]]},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_damaged_or_hostile_runs_are_refused_in_one_line(run, kind):
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        read_run(changed(run, **HOSTILE[kind]))
    assert "\n" not in str(caught.value)


def test_a_network_without_formulas_is_no_run(tmp_path):
    from edgewise import save

    with pytest.raises(CheckpointError, match="no formulas"):
        read_run(save(KAN([1, 1]), tmp_path / "net"))


def test_a_failure_leaves_nothing_and_keeps_the_earlier_run(run):
    before = (run / "config.json").read_bytes()
    with pytest.raises(FileNotFoundError), pending(run) as temporary:
        os.rename(temporary / "not there", temporary / "config.json")
    assert (run / "config.json").read_bytes() == before
    assert list(run.parent.iterdir()) == [run]


def test_a_failure_leaves_no_new_parent(tmp_path):
    with pytest.raises(KeyboardInterrupt), pending(tmp_path / "runs" / "a"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_run_and_an_empty_folder_are_replaced(run, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (run, tmp_path / "empty"):
        with pending(folder) as temporary:
            (temporary / "new").touch()
        assert [entry.name for entry in folder.iterdir()] == ["new"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["empty", "run"]


def test_what_is_no_run_is_never_replaced(run, tmp_path):
    (run / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"'notes\.txt'.*--out"):
        check_free(run)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="is no run of edgewise"):
        check_free(foreign)
    with pytest.raises(InputError, match="is a file or link"):
        check_free(foreign / "config.json")
    (tmp_path / "link").symlink_to(foreign)
    with pytest.raises(InputError, match="is a file or link"):
        check_free(tmp_path / "link")


def test_the_present_folder_is_never_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="the folder you are in"):
        check_free(tmp_path)


@pytest.mark.parametrize(
    ("rows", "columns", "most"), [(3, 2, 3), (10_000, 2, 500), (10_000, 1000, 50), (9, 10**6, 2)]
)
def test_samples_are_bounded_and_reach_both_ends(rows, columns, most):
    found = spread(rows, columns)
    assert len(found) == most
    assert (found[0], found[-1]) == (0, rows - 1)
