"""The study of hosts from its files to its page; sentences and tables that follow the rows."""

import re
import sqlite3
from io import BytesIO

import pandas as pd
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from edgewise.cli import app
from edgewise.errors import InputError
from edgewise.study.command import report_study, run_study
from edgewise.study.hosts import figures, words
from edgewise.study.hosts.analysis import effect
from edgewise.study.hosts.report import blocks
from edgewise.study.hosts.verdict import Splines, readings
from edgewise.study.page import Table, Text
from edgewise.study.tuning import Choice
from page_reader import Reader
from study_hosts import HOST, TOY_FILE, installed, named, plan, planted, row, study, table, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The toy's study, run, interrupted on the way, and reported."""
    place = written(tmp_path_factory.mktemp("hosts"))
    with installed():
        first = run_study(place, processes=1, max_seconds=1e-9, progress=False)
        assert (first.status, first.rows) == ("time limit", 1)
        assert run_study(place, processes=1, progress=False).status == "done"
        report_study(place)
    return place


@pytest.fixture(autouse=True)
def toy():
    with installed():
        yield


def test_a_run_that_was_stopped_goes_on_and_ends(folder):
    with sqlite3.connect(folder / "rows.sqlite") as database:
        keys = [key for (key,) in database.execute("SELECT key FROM rows")]
    assert len(set(keys)) == len(keys)
    again = run_study(folder, processes=1, progress=False)
    assert (again.status, again.rows) == ("done", 0)


def test_the_report_says_the_five_things_first(folder):
    text = (folder / "report.md").read_text()
    said = ("**Asked.**", "**Answer.**", "**How sure.**", "**What this does not show.**", "## Host by host")
    places = [text.index(one) for one in said]
    assert places == sorted(places)
    assert text.startswith("# Does the toy show it?")
    assert text.index("| A toy |") < text.index("## A toy")
    assert "18 of 18 planned trainings are in, of up to 2 seeds, and 2 at equal time" in text
    assert "2.1 times" in text  # the KAN's time
    lines = pd.read_csv(folder / "rows.csv")
    assert set(lines["budget"]) == {"steps", "time:kan", "time:mlp"}


def test_the_page_loads_nothing_and_is_well_formed(folder):
    page = (folder / "report.html").read_text()
    assert "http" not in page
    assert "script" not in Reader(page).tags
    assert (folder / "figures" / "toy.png").stat().st_size > 5000


def test_quick_rows_stand_by_themselves(folder):
    run_study(folder, quick=True, processes=1, max_seconds=1e-9, progress=False)
    report_study(folder, quick=True)
    text = (folder / "quick" / "report.md").read_text()
    assert "None of 9 planned trainings is in." in text  # one row of tuning is none of these
    assert "No pair of a KAN and an MLP is in: not measured yet." in text


def test_mistakes_at_the_command_line_are_one_line(folder):
    def said(*arguments):
        result = CliRunner().invoke(app, ["study", "run", *map(str, arguments)])
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        return result.stderr

    assert "so no pieces to choose; leave out --only" in said(folder, "--only", "knots")
    assert "host 'brain' is not known; choose some of: toy" in said(folder, "--host", "brain")
    (folder / "other").mkdir()
    (folder / "other" / "claims.toml").write_text('question = "?"')
    assert "no hosts.toml, so no hosts to choose; leave out --host" in said(folder / "other", "--host", "toy")
    assert "no hosts.toml" in said(folder / "figures", "--host", "toy")


def test_chosen_hosts_are_run_alone(tmp_path):
    with installed(second=named("second")):
        written(tmp_path, TOY_FILE.replace("rates = [0.01, 0.1]", "rates = []"))
        (tmp_path / "second.toml").write_text((tmp_path / "toy.toml").read_text())
        result = CliRunner().invoke(
            app, ["study", "run", str(tmp_path), "--host", "second", "--processes", "1", "--quick"]
        )
        assert result.exit_code == 0, result.output
        (path,) = [path for path in report_study(tmp_path, quick=True) if path.suffix == ".csv"]
        assert set(pd.read_csv(path)["host"]) == {"second"}
        assert "None of 9 planned rows is in." in path.with_name("report.md").read_text()


def test_no_report_without_rows(tmp_path):
    with pytest.raises(InputError, match=r"no rows\.sqlite; type: edgewise study run"):
        report_study(written(tmp_path))


GAINS = planted({"deep": 0.30103, "shallow": 0.1, "control": 0.0})


def page(*rows, asked=None, choices=None):
    """Paragraphs by label, and tables by caption, of a report without pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "conditions", lambda lines, host: b"")
        found = blocks(asked or study(), table(*rows), choices or {})
    texts = {one.label: one.text for one in found if isinstance(one, Text)}
    return texts, {one.caption: one for one in found if isinstance(one, Table)}


def cells(tables, caption):
    (found,) = [one for said, one in tables.items() if said.startswith(caption)]
    return [dict(zip(found.headers, line, strict=True)) for line in found.rows]


def test_the_answer_follows_the_rows():
    said = page(*GAINS)[0]["Answer."]
    assert said.startswith(
        "In 1 of 1 hosts, where they compose most, the KAN has 0.50 times the error of the MLP"
    )
    assert "its gain changes by +0.201 dex [only one, no interval]" in said
    assert "too few hosts for an interval" in said
    assert said.count(". ") == 1  # two sentences
    assert "sign test p 1.00), equal time is missing." in said
    longer = [row(seed=seed, error=0.025, budget="time:kan") for seed in range(3)]
    assert (
        "sign test p 1.00), at equal time 2.00 times (-0.301 dex [only one"
        in page(*GAINS, *longer)[0]["Answer."]
    )
    alone = page(*[line for line in GAINS if line["condition"] == "deep"])[0]["Answer."]
    assert "Whether that grows with what is composed is not measured yet." in alone


def test_several_hosts_have_an_interval_together():
    with installed(second=named("second")):
        more = planted({"deep": 0.3, "shallow": 0.1}, host="second")
        said = page(*GAINS, *more, asked=study(plan(), plan("second")))[0]["Answer."]
    assert "speaks for composition; 0 of 2 headlines are reproduced, 2 are not, 0 are not measured" in said
    assert "above 0 in 2, below in 0, sign test p 0.50" in said


def test_a_host_is_a_row():
    lines = [line | {"spline_share": 0.5, "spline_damage": 0.01} for line in GAINS]
    tables = page(*lines)[1]
    (line,) = cells(tables, "Gains in dex at equal parameters")
    assert line["host"] == "A toy"
    assert line["headline"] == "NOT REPRODUCED"
    assert line["contrasts that hold"] == "0 of 2"
    assert line["KAN's gain"].startswith("+0.301 [+0.27")
    assert line["speaks for"] == "COMPOSITION"
    (line,) = cells(tables, "Beside it")
    assert line["gain at equal time"] == "not measured"
    assert float(line["p (Holm)"]) < 0.05
    assert line["failed"] == "0 of 18"
    assert line["splines"] == "it has become an MLP: share 50%, damage +0.01 dex"


def test_losing_less_is_not_called_an_advantage():
    (line,) = cells(page(*planted({"deep": -0.2, "shallow": -0.5}))[1], "Gains in dex at equal parameters")
    assert line["speaks for"] == "COMPOSITION, but it only loses less"


def test_the_table_of_errors_has_rates_failures_and_parameters():
    rows = [line | {"parameters": 1234, "in_slots": 1000, "seconds": 2.5} for line in GAINS]
    rows[1] |= {"status": "diverged"}
    inside, outside = Choice(0.1, {0.01: 1.0, 0.1: 0.5, 1.0: 2.0}), Choice(0.1, {0.01: 1.0, 0.1: 0.5})
    choices = {"toy": {("mlp", "deep"): outside, ("kan", "deep"): inside, ("mlp", "shallow"): inside}}
    found = {
        (line["condition"], line["arm"]): line
        for line in cells(page(*rows, choices=choices)[1], "Errors on test data")
    }
    assert found["deep", "kan"]["failed"] == "1"
    assert found["deep", "kan"]["inside"] == "yes"
    assert found["deep", "mlp"] == {
        "condition": "deep", "arm": "mlp", "error, median": "0.1", "lowest to highest": "0.1 to 0.1",
        "knowing nothing": "1", "rows": "3 of 3", "failed": "", "rate": "0.1", "inside": "NO",
        "parameters": "1,234", "in slots": "1,000", "seconds": "2.5",
    }  # fmt: skip
    assert found["control", "mlp"]["inside"] == "yes"  # tuned as shallow
    assert ("deep", "learned") not in found


def test_gains_at_equal_time_stand_beside_those_at_equal_parameters():
    longer = [row(seed=seed, error=0.05, budget="time:kan", steps=24) for seed in range(3)]
    lines = cells(page(*GAINS, *longer)[1], "Gains over the MLP")
    found = {line["condition"]: line for line in lines}
    assert found["deep"]["equal parameters"].startswith("+0.301")
    assert found["deep"]["equal time"].startswith("-0.000") or found["deep"]["equal time"].startswith(
        "+0.000"
    )
    assert found["shallow"]["equal time"] == "not asked"


def test_numbers_are_medians_with_their_meanings():
    rows = [line | {"numbers": {"gap": float(line["seed"]), "odd": 2.0}} for line in GAINS]
    rows[0]["numbers"] = {}
    _, tables = page(*rows)
    (caption,) = [caption for caption in tables if caption.startswith("Other figures")]
    assert caption.endswith("gap: test less validation error; odd: see the module.")
    first = cells(tables, "Other figures")[0]
    assert (first["condition"], first["arm"], first["gap"], first["odd"]) == ("shallow", "mlp", "1", "2")


def test_a_page_without_rows_says_what_is_missing():
    texts, tables = page()
    assert texts["Answer."].startswith("No pair of a KAN and an MLP is in: not measured yet.")
    assert texts["How sure."] == "None of 27 planned trainings is in."
    (line,) = cells(tables, "Gains in dex")
    assert line["speaks for"] == line["headline"] == "NOT MEASURED"
    assert line["contrasts that hold"] == "not measured"


@pytest.mark.parametrize(
    ("gain", "control", "said"),
    [
        (0.4, 0.36, "yes: 90% of it"),
        (0.4, 0.02, "no: 5% of it"),
        (
            -0.4,
            0.1,
            "no certain gain to explain; learned activations: +0.100 dex [",
        ),
    ],
)
def test_what_learned_activations_explain(gain, control, said):
    own = planted({"deep": control}, arms=("learned",))
    rows = planted({"deep": gain}) + [line for line in own if line["arm"] == "learned"]
    assert page(*rows)[0]["Control."].startswith(f"Do learned activations give half of the gain? {said}")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "not measured"),
        ([0.25], "+0.250 [only one, no interval]"),
        ([0.1, 0.1], "+0.100 [+0.100, +0.100]"),
    ],
)
def test_figures_in_words(values, said):
    assert words.signed(effect(values)) == said


def test_splines_in_words():
    assert words.still(Splines(0.31, 0.5)) == "still a KAN: share 31%, damage +0.50 dex"
    assert words.still(Splines(None, 0.5)) == "still a KAN: damage +0.50 dex"
    assert words.still(Splines(None, None)) == "not measured"


def test_what_would_change_the_verdict():
    def said(*rows):
        return words.changes(readings(study(), table(*rows)))[0]

    assert said() == "A toy: two seeds of the KAN and the MLP at both ends of its dial."
    assert "here it is not reproduced" in said(*GAINS)
    headline = [
        line | {"error": line["error"] * factor, "numbers": {"slope": slope + line["seed"]}}
        for line in GAINS
        for factor, slope in [(5.0, 9.0) if line["condition"] == "deep" else (1.0 + 0.1 * line["seed"], 1.0)]
    ]
    for line in headline:
        line["numbers"] = {"slope": (9.0 if line["condition"] == "deep" else 1.0) * (1 + 0.1 * line["seed"])}
    assert "reaches over 0" in said(*headline)
    for line in headline:  # the second seed of the KAN does badly
        if (line["arm"], line["condition"], line["seed"]) == ("kan", "deep", 1):
            line["error"] *= 3
    assert re.search(r"some \d+ seeds, if mean and deviation stay \(3 so far\)", said(*headline))


def test_the_figure_is_drawn_with_holes_in_the_rows():
    lines = table(*GAINS[:-2], row(seed=0, error=0.05, budget="time:kan"))
    picture = imread(BytesIO(figures.conditions(lines, HOST)))
    assert picture.shape[1] > 600
    assert picture[..., :3].std() > 0.02
