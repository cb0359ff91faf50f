"""The study of claims from its file to its report, and verdicts on findings made up for the purpose."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from edgewise.errors import InputError
from edgewise.study.claims import Case, Finding, examine, knots, load, words
from edgewise.study.claims.analysis import Count, forgetting, leads, medians
from edgewise.study.claims.published import PUBLISHED
from edgewise.study.command import report_study, run_study
from edgewise.study.page import Table, as_html
from edgewise.study.store import Store

TINY = """
question = "Does it hold?"

[accuracy]
tasks = ["kv", "I.44.4"]
arms = ["kan", "mlp"]
seeds = 1
seconds = 0.4
rows = [200]

[scaling]
tasks = ["toy-exp-sin"]
arms = ["kan", "mlp"]
seeds = 1
seconds = 1
cells = [3, 6]
nodes = [2, 3]
rows = 200
most = 30

[peaks]
tasks = ["peaks-1d"]
arms = ["spline", "mlp"]
seeds = 1
steps = 3
rates = [0.01, 0.1]
rows = [25, 25]
cells = [20, 10]

[noise]
tasks = ["toy-exp-sin"]
arms = ["kan", "mlp"]
seeds = 1
seconds = 0.3
rows = [100]
noise = [0.0, 0.1]

[knots]
tasks = ["knots:cusp"]
arms = ["largest", "slope", "kan", "mlp"]
seeds = 1
seconds = 0.5
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("claims")
    (place / "claims.toml").write_text(TINY)
    result = run_study(place, processes=1, progress=False)
    assert result.status == "done"
    report_study(place)
    return place


def test_every_case_has_a_row_with_its_circumstances(folder):
    asked = load(folder / "claims.toml")
    with Store(folder / "rows.sqlite", Finding) as store:
        found = store.rows(asked.fits())
        assert len(store) == len(asked.fits()) + 4 + 2  # trials and runs of the peaks
    assert {finding.status for finding in found.values()} == {"done"}
    for finding in found.values():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", finding.date)
        assert finding.version
        assert "cores" in finding.machine
        assert finding.load is not None


def test_a_finished_study_measures_nothing_again(folder):
    again = run_study(folder, processes=1, progress=False)
    assert (again.status, again.rows) == ("done", 0)


def test_the_report_says_the_four_things_first(folder):
    page, text = ((folder / name).read_text() for name in ("report.html", "report.md"))
    places = [
        text.index(said)
        for said in ("**Asked.**", "**Answer.**", "**How sure.**", "**What this does not show.**")
    ]
    assert places == sorted(places)
    assert places[-1] < text.index("## Claim by claim")
    assert "http" not in page
    assert "NOT MEASURED" in text  # sample sizes are not asked for
    for name in ("accuracy", "scaling", "peaks", "noise"):
        assert (folder / "figures" / f"{name}.png").stat().st_size > 5000
    assert "0.5 to 3" in text  # the range of kv's second input
    assert pd.read_csv(folder / "rows.csv")["piece"].nunique() == 5


def test_pieces_can_be_run_one_by_one(tmp_path):
    (tmp_path / "claims.toml").write_text(TINY)
    assert run_study(tmp_path, only=["peaks"], processes=1, progress=False).rows == 6
    report_study(tmp_path)
    assert "Not measured" in (tmp_path / "report.md").read_text()
    with pytest.raises(InputError, match="choose some of: accuracy, scaling"):
        run_study(tmp_path, only=["speed"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('tasks = ["kv", "I.44.4"]', 'tasks = ["kw"]', "formula 'kw' is not known"),
        (
            'arms = ["spline", "mlp"]',
            'arms = ["kan"]',
            "peaks: arm 'kan' is not known; choose one of: spline",
        ),
        ('"knots:cusp"', '"knots:none"', "choose one of: knots:cusp, knots:all"),
        ("seeds = 1", "seeds = 0", "accuracy: seeds = 0; expected a positive whole number"),
        ("seconds = 0.4", "seconds = 0", "accuracy: seconds = 0; expected a positive number"),
        ("[knots]", "[knot]", "claims.toml has the entry 'knot'"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, said):
    (tmp_path / "claims.toml").write_text(TINY.replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(said)):
        load(tmp_path / "claims.toml")


def test_what_goes_wrong_is_a_finding():
    finding = examine(Case("accuracy", "kan", "no such formula", 0, seconds=1.0))
    assert finding.status == "failed"
    assert "InputError: formula 'no such formula'" in finding.message


def test_cells_stop_where_parameters_would_be_too_many(folder):
    asked = load(folder / "claims.toml")
    sizes = {case.arm: case.sizes for case in asked.fits() if case.piece == "scaling"}
    assert sizes == {"kan": (3, 6), "mlp": (2, 3)}  # 3 edges with 9 coefficients are 27
    assert replace(asked.scaling, most=26).cases("scaling")[0].sizes == (3,)


def test_knots_have_honest_baselines():
    largest, slope = (knots.measured(Case("knots", arm, "knots:cusp", 0)) for arm in ("largest", "slope"))
    assert 0.65 < largest.error < 0.78  # 0 is the signature of between a third and a quarter of them
    assert slope.error < 0.2
    assert slope.numbers[0][1] == pytest.approx(0.25 * 2892, abs=1)


def findings(kan, mlp, names=tuple(PUBLISHED), seeds=3):
    """Made-up lines of accuracy: ``kan`` and ``mlp`` times the paper's best error."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"piece": "accuracy", "task": name, "arm": arm, "seed": seed, "shape": "[2, 1]", "parameters": 9}
            | {"e": factor * PUBLISHED[name].kan * rng.uniform(0.9, 1.1), "deviation": 2.0, "seconds": 1.0}
            for name in names
            for arm, factor in (("kan", kan), ("mlp", mlp))
            for seed in range(seeds)
        ]
    ).assign(status="done")


def verdicts_of(lines):
    return {one.name: one for one in words.judged(lines)}


@pytest.mark.parametrize(
    ("kan", "mlp", "paper", "fair"),
    [(0.1, 1.0, "HOLDS", "HOLDS"), (3.0, 1.0, "DOES NOT HOLD", "DOES NOT HOLD"), (0.5, 0.5, "HOLDS", "UNDECIDED")],
)  # fmt: skip
def test_planted_accuracy_gets_its_verdict(kan, mlp, paper, fair):
    found = verdicts_of(findings(kan, mlp))
    assert found["the paper's accuracy on special functions"].word == paper
    assert found["the paper's accuracy on Feynman equations"].word == paper
    assert found[words.FAIR].word == fair
    assert found["better on knots"].word == "NOT MEASURED"


def test_missing_functions_leave_the_goal_undecided():
    found = verdicts_of(findings(0.1, 1.0, names=("kv", "I.6.2")))
    assert found["the paper's accuracy on special functions"].word == "UNDECIDED"
    assert "Beaten on 1 of 1" in found["the paper's accuracy on special functions"].found


def test_functions_that_only_one_has_learned_so_far_are_left_out_of_the_comparison():
    lines = findings(0.1, 1.0, names=("kv", "I.6.2", "I.9.18"))
    fair = verdicts_of(lines[(lines["task"] != "kv") | (lines["arm"] == "kan")])[words.FAIR].found
    assert "on 2 of 2 functions" in fair
    assert 8 < float(re.search(r"error is ([\d.]+) times", fair)[1]) < 12


def test_the_median_counts_and_the_deviation_is_divided_out():
    lines = findings(0.1, 1.0, names=("kv",))
    lines.loc[(lines["arm"] == "kan") & (lines["seed"] == 0), "e"] = 1e-12
    (line,) = medians(lines).to_dict("records")
    assert line["kan_best"] == 1e-12
    assert line["kan_e"] == pytest.approx(0.1 * PUBLISHED["kv"].kan, rel=0.11)
    assert (
        "(1 if our errors are divided"
        in verdicts_of(lines)["the paper's accuracy on special functions"].found
    )


def test_a_sign_test_is_the_binomials():
    assert Count(10, 10).p == pytest.approx(2 / 2**10)
    assert Count(5, 10).p == 1.0
    assert Count(0, 0).p == 1.0


def stages(power, cells=(5, 10, 20, 40), level=1.0):
    """Made-up lines of scaling: two seeds whose error falls as this power of the cells, and a little more."""
    table = lambda power: [[n, n + 3, level * n**-power, 1.0] for n in cells]  # noqa: E731
    line = {"piece": "scaling", "task": "toy-bessel", "arm": "kan", "status": "done", "deviation": 1.0}
    return pd.DataFrame(
        [line | {"seed": seed, "e": 0.1, "numbers": table(power + 0.1 * seed)} for seed in (0, 1)]
    )


@pytest.mark.parametrize(("power", "word"), [(3.95, "HOLDS"), (2.0, "DOES NOT HOLD")])
def test_a_planted_power_gets_its_verdict(power, word):
    judged = verdicts_of(stages(power))["errors fall as the fourth power"]
    assert judged.word == word
    assert f"bessel {power + 0.05:.2f} [{power:.2f}, {power + 0.1:.2f}]" in judged.found


def test_a_power_that_cannot_be_measured_says_why():
    short = verdicts_of(stages(4.0, cells=(5, 10)))["errors fall as the fourth power"]
    rounded = verdicts_of(stages(4.0, level=1e-12))["errors fall as the fourth power"]
    assert (short.word, rounded.word) == ("UNDECIDED", "UNDECIDED")
    assert "too few sizes in the time" in short.found
    assert "rounding decides" in rounded.found


@pytest.mark.parametrize(("last", "told"), [(0.5, False), (2.0, True)])
def test_a_largest_perceptron_that_is_worse_than_a_smaller_one_is_told(last, told):
    numbers = [[3, 25, 4.0, 1.0], [5, 51, 1.0, 2.0], [8, 105, last, 3.0]]
    line = {"piece": "scaling", "task": "toy-deep", "arm": "mlp", "status": "done", "numbers": numbers}
    line |= {"seconds": 9.0, "date": "2026-11-23", "version": "edgewise", "machine": "Linux", "load": 1.0}
    said = words.certainty(pd.DataFrame([line | {"seed": seed} for seed in range(3)]), 3, {})
    assert ("On 1 of 1 toy functions the largest perceptron does worse" in said) is told


def peaks(final, arm="spline", task="peaks-1d"):
    table = np.full((6, 5), 1.0)
    for k in range(5):
        table[k + 1 :, k] = 0.01
    table[-1] = final
    return {"piece": "peaks", "task": task, "arm": arm, "seed": 0, "rate": 0.1, "parameters": 9, "shape": "[1, 1]"} | {
        "status": "done", "e": final, "deviation": 0.5, "numbers": table.tolist()
    }  # fmt: skip


@pytest.mark.parametrize(("final", "word"), [(0.01, "HOLDS"), (0.4, "DOES NOT HOLD")])
def test_planted_forgetting_gets_its_verdict(final, word):
    lines = pd.DataFrame([peaks(final), peaks(3.0, "mlp")])
    assert verdicts_of(lines)["no forgetting with one input"].word == word
    table = forgetting(lines).set_index("arm")
    assert table.loc["mlp", "growth"] == pytest.approx(300)
    assert table.loc["mlp", "first"] == [1.0, 0.01, 0.01, 0.01, 0.01, 3.0]


def test_leads_are_paired_by_function_seed_and_setting():
    lines = pd.DataFrame(
        [
            {"piece": "noise", "task": task, "seed": seed, "noise": noise, "arm": arm, "e": error}
            for task in ("a", "b", "c")
            for seed in (0, 1)
            for noise in (0.0, 0.1)
            for arm, error in (("kan", 0.01), ("mlp", 0.1 if noise else 1.0))
        ]
    )
    pairs = leads(lines, "noise", "noise", "kan")
    assert len(pairs) == 12
    assert pairs.groupby("noise")["advantage"].mean().tolist() == pytest.approx([2.0, 1.0])
    assert verdicts_of(lines.assign(status="done"))["better at all levels of noise"].word == "HOLDS"


def test_capitals_are_bold_but_names_of_equations_are_not():
    page = as_html([Table(["a"], [["DOES NOT HOLD"], ["I.16.6"]], "c")])
    assert "<strong>DOES NOT HOLD</strong>" in page
    assert "<strong>I.16.6" not in page
