"""One answer from the rows of several studies."""

import pytest
from typer.testing import CliRunner

from edgewise.cli import app
from edgewise.errors import InputError
from edgewise.study.analysis import advantages
from edgewise.study.answer import blocks, depth_word, hosts_word, verdict
from edgewise.study.command import answer_studies, run_study
from edgewise.study.hosts.verdict import readings
from edgewise.study.page import Text
from edgewise.study.verdict import Verdict, verdicts
from study_hosts import installed, named, plan, study, table, written
from study_hosts import planted as planted_hosts
from study_rows import TINY, planted


@pytest.fixture(autouse=True)
def toy():
    with installed():
        yield


@pytest.mark.parametrize(
    ("depth", "hosts", "word"),
    [
        ("COMPOSITION", "COMPOSITION", "COMPOSITION"),
        ("FITTING", "FITTING", "FITTING"),
        ("COMPOSITION", "FITTING", "MIXED"),
        ("MIXED", "FITTING", "LEANS TO FITTING"),
        ("COMPOSITION", "UNDECIDED", "LEANS TO COMPOSITION"),
        (None, "FITTING", "LEANS TO FITTING"),
        ("MIXED", "UNDECIDED", "UNDECIDED"),
        (None, "NOT MEASURED", "UNDECIDED"),
        ("MIXED", None, "UNDECIDED"),
        (None, None, "NOT MEASURED YET"),
    ],
)
def test_the_rule(depth, hosts, word):
    assert verdict(depth, hosts) == word


def test_the_depth_study_speaks_where_its_kans_agree(monkeypatch):
    monkeypatch.setattr(Verdict, "word", property(lambda one: one.form))
    several = [Verdict(arm, form, (), 0.0) for arm, form in AGREED]
    assert depth_word(several) == "FITTING"
    assert depth_word([*several, Verdict("kan-noise", "MIXED", (), 0.0)]) == "MIXED"
    assert depth_word([Verdict("learned", "FITTING", (), 0.0)]) is None


AGREED = [("kan-critical", "FITTING"), ("kan-noise", "FITTING"), ("learned", "COMPOSITION")]


def hosts_with(deep, shallow):
    """Readings of two hosts with planted gains."""
    with installed(second=named("second")):
        rows = planted_hosts({"deep": deep, "shallow": shallow})
        rows += planted_hosts({"deep": deep + 0.01, "shallow": shallow}, host="second")
        return readings(study(plan(), plan("second")), table(*rows))


def test_both_studies_in_one_paragraph():
    depth = verdicts(advantages(planted(depth=-0.12, rough=0.12, held=-0.15), "mlp"))
    hosts = hosts_with(0.1, 0.5)
    assert hosts_word(hosts) == "FITTING"
    kans = [Verdict("kan-critical", one.form, one.contrasts, one.advantage) for one in depth]
    first, *_ = [one.text for one in blocks(kans, hosts) if isinstance(one, Text)]
    assert first.startswith("FITTING: the advantage of a KAN is one of fitting curves")
    assert "verdict is FITTING" in first
    assert "In 2 of 2 hosts" in first


def test_the_page_without_any_rows(tmp_path):
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth" / "study.toml").write_text(TINY)
    (tmp_path / "hosts").mkdir()
    written(tmp_path / "hosts")
    target = tmp_path / "answer.md"
    arguments = ["study", "answer", str(tmp_path / "depth"), str(tmp_path / "hosts")]
    printed = CliRunner().invoke(app, arguments)
    result = CliRunner().invoke(app, [*arguments, "--write", str(target)])
    assert (printed.exit_code, result.exit_code) == (0, 0)
    text = target.read_text()
    assert printed.stdout == text
    assert text.startswith(
        "# Is a KAN's advantage a matter of composition or of fitting?\n\nNOT MEASURED YET"
    )
    assert "The depth study: not measured yet." in text
    assert "| A toy | NOT MEASURED |" in text
    assert "The depth study: its first rows." in text
    assert not list(tmp_path.rglob("rows.sqlite"))


def test_the_page_with_rows_of_one_study(tmp_path):
    written(tmp_path)
    run_study(tmp_path, processes=1, progress=False)
    text = answer_studies([tmp_path])
    assert "In 1 of 1 hosts, where they compose most, the KAN has" in text
    assert f"`edgewise study answer {tmp_path}`" in text
    assert "The depth study: not measured yet." in text


def test_claims_are_no_part_of_the_answer(tmp_path):
    (tmp_path / "claims.toml").write_text('question = "?"')
    with pytest.raises(InputError, match="is a study of claims; answer takes studies of depth and of hosts"):
        answer_studies([tmp_path])
