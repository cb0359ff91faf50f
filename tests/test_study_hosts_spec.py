"""Files of a study of hosts: what is read, and mistakes in one line."""

import re
from pathlib import Path

import pytest

from edgewise.errors import InputError
from edgewise.study.hosts import spec
from edgewise.study.hosts.spec import load
from edgewise.study.hosts.trial import RECIPE
from study_hosts import HOST, TOY_FILE, installed, named, plan, written

STUDIES = Path(__file__).resolve().parents[1] / "studies" / "hosts"


@pytest.fixture(autouse=True)
def toy():
    with installed():
        yield


def test_both_sizes_are_read(tmp_path):
    full, quick = load(written(tmp_path)), load(tmp_path, quick=True)
    assert full.question == "Does the toy show it?"
    assert [one.host for one in full.plans] == ["toy"]
    assert (full.plans[0].seeds, quick.plans[0].seeds) == (2, 1)
    assert (full.plans[0].widens, quick.plans[0].widens) == (True, False)
    assert full.plans[0].conditions == ("shallow", "deep", "control")
    assert full.plans[0].runs == 18


def test_a_trial_depends_on_the_versions_of_the_host_and_of_all_hosts(monkeypatch):
    one = plan().trial("kan", "deep", 3, 0.01)
    assert (one.host, one.arm, one.condition, one.seed, one.rate) == ("toy", "kan", "deep", 3, 0.01)
    assert (one.stage, one.budget, one.recipe) == ("main", "steps", RECIPE)
    with installed(toy=named("toy", recipe=2)):
        raised = plan().trial("kan", "deep", 3, 0.01)
        monkeypatch.setattr(spec, "RECIPE", RECIPE + 1)
        both = plan().trial("kan", "deep", 3, 0.01)
    assert len({one.key, raised.key, both.key}) == 3


def test_an_integer_size_makes_the_same_trials():
    assert plan(size=1).trial("mlp", "deep", 0, 0.1).key == plan(size=1.0).trial("mlp", "deep", 0, 0.1).key


def test_hosts_can_be_chosen_and_come_in_the_order_of_the_registry(tmp_path):
    with installed(second=named("second"), third=named("third")):
        written(tmp_path)
        for name in ("third", "second"):
            (tmp_path / f"{name}.toml").write_text(TOY_FILE)
        assert [one.host for one in load(tmp_path).plans] == ["toy", "second", "third"]
        assert [one.host for one in load(tmp_path, names=["third", "toy"]).plans] == ["toy", "third"]
        (tmp_path / "second.toml").unlink()
        with pytest.raises(InputError, match=r"has no second\.toml; its hosts are: third, toy"):
            load(tmp_path, names=["second"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"kan"]', '"cnn"]', "toy.toml [full]: arms has 'cnn'; choose some of: mlp, learned, kan, kan-noise"),
        ('"mlp", "learned"', '"learned"', "arms lack the reference 'mlp'; add it"),
        ('["shallow", "deep"', '["wide", "deep"', "conditions has 'wide'; choose some of: shallow, deep"),
        ('equal_time = ["deep"]', 'equal_time = ["x"]', "equal_time has 'x'; choose some of: shallow, deep"),
        ('["shallow", "deep", "control"]', "[]", "conditions are empty"),
        ('"shallow", "deep"', '"deep", "deep"', "name each once"),
        ("seeds = 2", "seeds = 0", "toy.toml [full]: seeds = 0; expected a positive whole number"),
        ("size = 1.0", "size = 0", "size = 0; expected a positive number"),
        ("rates = [0.01, 0.1]", "rates = [0.0, 0.1]", "rates = [0.0, 0.1]; expected positive numbers"),
        ("steps = 12", "stepz = 12", "toy.toml [full] has the entry 'stepz'; it may have: host, arms"),
        ("steps = 12", "", "toy.toml [full] lacks the entry 'steps'"),
        ("steps = 12", 'steps = 12\nhost = "toy"', "has the entry 'host', which is not to be chosen"),
        ("[full]", "[whole]", "toy.toml has the entry 'whole'; it may have: full, quick"),
        ("[quick]", "[full.quick]", "toy.toml [full] has the entry 'quick'"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, said):
    written(tmp_path, TOY_FILE.replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(said)):
        load(tmp_path)


def test_files_that_are_not_as_they_should_be(tmp_path):
    written(tmp_path, TOY_FILE[: TOY_FILE.index("[quick]")])
    load(tmp_path)
    with pytest.raises(InputError, match=r"toy\.toml lacks the table \[quick\]"):
        load(tmp_path, quick=True)
    (tmp_path / "brain.toml").write_text(TOY_FILE)
    with pytest.raises(InputError, match="host 'brain' is not known; choose some of: toy"):
        load(tmp_path)
    (tmp_path / "brain.toml").unlink()
    (tmp_path / "hosts.toml").write_text('question = "Why?"\nanswer = 42\n')
    with pytest.raises(InputError, match=r"hosts\.toml has the entry 'answer'; it may have: question"):
        load(tmp_path)


def test_the_toy_is_a_whole_host():
    assert {HOST.deep, HOST.shallow, *HOST.tuned_as} <= set(HOST.conditions)


class TestOfTheLibrary:
    """The study that comes with the library; hosts of the registry, not the toy."""

    @pytest.fixture(autouse=True)
    def toy(self):
        return None

    def test_its_files_can_be_read(self):
        full, quick = load(STUDIES), load(STUDIES, quick=True)
        assert [one.host for one in full.plans] == [one.host for one in quick.plans]
        for one in full.plans:
            assert one.seeds >= 3
            assert {"mlp", "learned", "kan"} <= set(one.arms)
            assert {spec.host(one.host).deep, spec.host(one.host).shallow} <= set(one.conditions)
