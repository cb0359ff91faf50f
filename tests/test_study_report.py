"""The report: sentences from the numbers, figures that are there, pages that load nothing."""

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from edgewise.study import figures, words
from edgewise.study.analysis import advantages, judged
from edgewise.study.arms import ARMS, FORMS
from edgewise.study.command import report_study, run_study
from edgewise.study.page import Heading, Picture, Table, Text, as_html, as_markdown
from edgewise.study.plan import Plan
from edgewise.study.report import blocks
from edgewise.study.spec import load
from edgewise.study.statistics import Interval
from edgewise.study.tuning import Choice
from edgewise.study.verdict import Contrast, Verdict, checks, verdicts
from page_reader import Reader
from study_rows import TINY, line, planted


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny study, run and reported."""
    place = tmp_path_factory.mktemp("study")
    (place / "study.toml").write_text(TINY)
    run_study(place, processes=1, progress=False)
    report_study(place)
    return place


def test_the_report_is_whole(folder):
    page, text = ((folder / name).read_text() for name in ("report.html", "report.md"))
    for part in (
        "Asked.",
        "Answer.",
        "How sure.",
        "What this does not show.",
        "Verdicts",
        "What would change",
    ):
        assert part in page
        assert part in text
    assert {path.stem for path in (folder / "figures").iterdir()} == {
        "error",
        "advantage",
        "elsewhere",
        "target",
        "swap",
        "scaling",
    }
    assert all(re.search(rf"\(figures/{name}\.png\)", text) for name in ("error", "target"))
    lines = pd.read_csv(folder / "rows.csv")
    assert lines.drop_duplicates("key").shape[0] > 15
    assert not list(folder.glob(".report*"))


def test_the_page_loads_nothing_and_is_well_formed(folder):
    page = (folder / "report.html").read_text()
    assert "http" not in page
    assert "script" not in Reader(page).tags


def test_a_study_without_rows_says_so(tmp_path):
    (tmp_path / "study.toml").write_text(TINY)
    run_study(tmp_path, processes=1, max_seconds=1e-9, progress=False)
    report_study(tmp_path)
    assert "Run the study to its end" in (tmp_path / "report.md").read_text()


COMPOSED = {"depth": 0.12, "target": 0.12, "held": 0.15}


def test_the_answer_follows_the_rows():
    composed = verdicts(advantages(planted(**COMPOSED), "mlp"))
    fitted = verdicts(advantages(planted(depth=-0.12, rough=0.12, held=-0.15), "mlp"))
    assert "verdict is COMPOSITION: its advantage comes from composition" in words.answer(composed)
    assert "verdict is FITTING: its advantage comes from fitting" in words.answer(fitted)
    assert words.answer(composed).count(". ") == 1  # two sentences
    factor = float(re.search(r"errors ([\d.]+) times", words.answer(composed))[1])
    assert factor == pytest.approx(10 ** -composed[0].advantage, abs=0.005)


def test_the_answer_counts_verdicts_and_names_the_control():
    def one(arm, p, advantage):
        interval = Interval(-0.1, 0.1)
        contrasts = tuple(
            Contrast(name, 0.1, interval, p, 1.0, 3) for name in ("depth", "target", "transfer")
        )
        return Verdict(arm, "plain", contrasts, advantage)

    said = words.answer(
        [one("kan-noise", 0.5, 0.1), one("kan-critical", 0.01, 1.0), one("learned", 0.5, 0.30103)]
    )
    assert "1 COMPOSITION (advantage comes from composition), 1 MIXED (rows do not decide" in said
    assert "; of 6 contrasts, for fitting 0, for composition 3." in said
    assert "FITTING" not in said
    assert (
        "the KAN with our start (kan-critical, plain), has errors 0.10 times those of the perceptron" in said
    )
    assert "(a perceptron with learned functions on its nodes: 0.50 times)" in said


def test_the_best_of_each_are_compared_across_forms_and_depths():
    found = {
        ("mlp", "plain", 4): 0.1,
        ("mlp", "residual", 4): 0.4,
        ("kan-noise", "residual", 2): 0.05,
        ("kan-noise", "residual", 4): 0.1,
        ("learned", "plain", 1): 0.2,
    }
    lines = [
        line("depth", arm, "gp", draw, depth, 0, error * factor, form=form)
        for (arm, form, depth), error in found.items()
        for draw, factor in ((0, 0.5), (1, 2.0))
    ]
    said = words.best_of_each(judged(pd.DataFrame(lines)), "mlp")
    assert (
        "the best KAN (kan-noise, residual, L = 2) has errors 0.50 times those of the best perceptron (mlp, plain"
        in said
    )
    assert "learned functions on its nodes: 2.00 times)" in said
    assert "among 2 settings of KANs and 2 of perceptrons" in said
    assert "No rows" in words.best_of_each(judged(pd.DataFrame(lines[:4])), "mlp")


def test_every_arm_has_plain_words():
    named = dict(words.glossary(ARMS, FORMS))
    assert set(named) == {*ARMS, *FORMS}
    assert all(text and text != name for name, text in named.items())
    assert named["kan-glorot"] == "KAN with the start 'glorot'"


def test_a_failed_self_test_is_said_first():
    lines = [
        line("depth", arm, "gp", draw, levels, 0, error)
        for arm, error in (("mlp", 0.1), ("mlp-again", 0.08))
        for draw in range(3)
        for levels in (1, 2)
    ]
    rows = judged(pd.DataFrame(lines))
    found = checks(advantages(rows, "mlp"))
    said = words.certainty(found, rows, Plan({("mlp", "plain", 1): Choice(0.1, {0.1: 0.0})}, {}))
    assert said.startswith("The instrument failed its own test (the reference against itself")
    assert "+0.097 dex" in said
    assert "1 of 1 learning rates lie at the end" in said
    assert "rests on 3 targets with up to 1 seeds each" in said


def test_without_rows_of_what_should_be_0_nothing_is_said_to_be_0():
    lines = [
        line("depth", arm, "gp", draw, 1, 0, error)
        for arm, error in (("mlp", 0.1), ("kan-critical", 0.08))
        for draw in range(3)
    ]
    rows = judged(pd.DataFrame(lines))
    said = words.certainty(checks(advantages(rows, "mlp")), rows, Plan({}, {}))
    assert said.startswith("The instrument was not tested on what should be 0 (no rows for it yet")
    assert "came out as 0" not in said


def test_errors_are_told_by_form_so_that_forms_can_be_compared(tmp_path):
    (tmp_path / "study.toml").write_text(TINY)
    lines = [
        line("depth", "mlp", "gp", draw, levels, 0, error * factor, form=form)
        for form, error in (("plain", 0.1), ("residual", 0.4))
        for draw, factor in ((0, 0.5), (1, 2.0))
        for levels in ((1, 2) if form == "plain" else (2,))
    ]
    made = blocks(load(tmp_path / "study.toml"), Plan({}, {}), judged(pd.DataFrame(lines)))
    table = next(b for b in made if isinstance(b, Table) and b.caption.startswith("Relative error"))
    assert table.headers == ["arm", "form", "L = 1", "L = 2"]
    assert table.rows == [["mlp", "plain", "0.100", "0.100"], ["mlp", "residual", "-", "0.400"]]


def test_slopes_on_other_tasks_stand_by_themselves_and_change_no_verdict(tmp_path):
    (tmp_path / "study.toml").write_text(TINY)
    lines = [
        line("elsewhere", arm, "gp", 0, levels, seed, error, form="plain")
        for seed in range(3)
        for levels in (1, 2, 4)
        for arm, error in (("mlp", 0.5), ("kan", 0.05 * levels))
    ]
    rows = judged(pd.DataFrame(lines))
    assert verdicts(advantages(rows, "mlp")) == ()
    made = blocks(load(tmp_path / "study.toml"), Plan({}, {}), rows)
    table = next(b for b in made if isinstance(b, Table) and "dex per doubling" in b.headers)
    assert table.rows == [["gp", "plain", "kan", "+1.000", "+0.398", "-0.301", "-0.301 to -0.301"]]


def test_a_smaller_loss_on_held_out_combinations_is_seen_to_be_a_loss(tmp_path):
    (tmp_path / "study.toml").write_text(TINY)
    shown = {"mlp": 0.1, "kan": 0.2}
    lines = [
        line("transfer", arm, "hyperteacher:6:2", draw, 4, 0, error, 0.5)
        for arm, error in shown.items()
        for draw in range(3)
    ]
    made = blocks(load(tmp_path / "study.toml"), Plan({}, {}), judged(pd.DataFrame(lines)))
    table = next(b for b in made if isinstance(b, Table) and "held out" in b.headers)
    assert table.rows[0][2].startswith("-0.301")
    assert table.rows[0][3].startswith("+0.000")


def test_a_legend_names_who_is_in_any_panel_once():
    with figures.drawn(2, "x", "y") as (axes, png):
        axes[0].plot([0, 1], label="mlp")
        axes[1].plot([0, 1], label="mlp")
        axes[1].plot([1, 0], label="rational")
    assert [text.get_text() for text in axes[0].figure.legends[0].texts] == ["mlp", "rational"]
    assert png.getvalue()


def test_every_figure_draws_something():
    rows = planted(**COMPOSED)
    pairs, styles = advantages(rows, "mlp"), figures.Styles(["kan", "mlp"])
    scale = rows[rows["role"] == "depth"].assign(role="scale", parameters=lambda f: 1000 * f["depth"])
    drawn = [
        figures.errors(rows, styles),
        figures.advantage(pairs, styles),
        figures.elsewhere(pairs.assign(role="elsewhere"), styles),
        figures.target(pairs, styles),
        figures.swap(pairs[pairs["role"] == "depth"], styles),
        figures.scaling(scale, styles),
    ]
    for png in drawn:
        picture = imread(BytesIO(png))
        assert picture.shape[0] > 200
        assert picture.shape[1] > 400
        assert (picture[..., :3] < 0.9).any(axis=2).mean() > 0.01


def test_the_report_of_planted_rows_has_their_numbers(tmp_path):
    (tmp_path / "study.toml").write_text(TINY)
    found = blocks(load(tmp_path / "study.toml"), Plan({}, {}), planted(**COMPOSED))
    (table,) = [b for b in found if isinstance(b, Table) and "verdict" in b.headers]
    assert table.rows[0][:3] == ["kan", "plain", "COMPOSITION"]
    (model,) = [b for b in found if isinstance(b, Table) and "mixed model" in b.caption]
    assert float(model.rows[0][2]) == pytest.approx(0.12, abs=0.03)
    assert model.rows[0][5] == "yes"
    (by_depth,) = [b for b in found if isinstance(b, Table) and "by depth" in b.caption]
    means = [float(row[4]) for row in by_depth.rows]
    assert [row[3] for row in by_depth.rows] == ["1", "2", "4", "8", "16"]
    assert means == pytest.approx([0.3 + 0.12 * k for k in range(5)], abs=0.12)


def test_untrained_rows_are_counted():
    lines = [line("depth", "kan", "gp", 0, 4, seed, 0.95 if seed < 3 else 0.1) for seed in range(10)]
    rows = judged(pd.DataFrame(lines))
    assert rows["untrained"].sum() == 3
    assert np.isclose(rows["e"].max(), 0.95)


def test_blocks_are_escaped():
    made = [
        Heading("a < b", title=True),
        Text("1 & 2", "x"),
        Table(["a|b"], [["<i>"]], "c"),
        Picture("p", b"1", "d"),
    ]
    page, text = as_html(made), as_markdown(made, "figures")
    assert "<h1>a &lt; b</h1>" in page
    assert "<strong>x</strong><p>1 &amp; 2</p>" in page
    assert "&lt;i&gt;</td>" in page
    assert "| a\\|b |\n| --- |\n| <i> |" in text
    assert "![d](figures/p.png)" in text


def test_a_table_without_rows_says_so():
    made = [Table(["arm", "mean"], [], "What was swapped.")]
    assert "<th>" not in as_html(made)
    assert "What was swapped. No rows." in as_html(made)
    assert as_markdown(made, "figures") == "*What was swapped.* No rows.\n"


def test_factors():
    assert words.times(-1.0) == "10.00 times"
    assert words.times(float("nan")) == "unknown times"


def test_the_reports_sources_speak_of_no_verdict_by_hand():
    source = Path(words.__file__).with_name("report.py").read_text()
    assert not re.search("COMPOSITION|FITTING|MIXED", source)
