"""study.toml to cells; every mistake in it is said in one line before anything runs."""

from pathlib import Path

import pytest

from edgewise.errors import InputError
from edgewise.study.spec import load
from study_rows import TINY

ROOT = Path(__file__).resolve().parents[1]


def read(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return load(path)


def test_a_sweep_is_a_full_product(tmp_path):
    spec = read(tmp_path, TINY)
    cells = spec.sweep_cells(spec.sweeps[0], lambda arm, form, depth: 0.01 * depth)
    assert len({cell.key for cell in cells}) == len(cells) == 3 * 2
    assert {(cell.depth, cell.rate) for cell in cells} == {(1, 0.01), (2, 0.02)}
    assert {cell.steps for cell in cells} == {6}


def test_the_reference_again_is_not_tuned_by_itself(tmp_path):
    groups = read(tmp_path, TINY).groups()
    assert ("mlp", "plain") in groups
    assert "mlp-again" not in dict(groups)


@pytest.mark.parametrize("name", ["study.toml", "quick.toml"])
@pytest.mark.slow
def test_the_studies_that_come_along_can_be_read(name):
    spec = load(ROOT / "studies" / "depth" / name)
    roles = {sweep.role for sweep in spec.sweeps}
    assert {"depth", "target", "transfer", "null"} <= roles
    assert any("mlp-again" in sweep.arms for sweep in spec.sweeps)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('role = "null"', 'role = "nothing"', "has role 'nothing'; choose one of"),
        ('"kan-critical"]', '"kan-perfect"]', "arm 'kan-perfect' is not known; choose one of"),
        ('tasks = ["product:1"]\ndepths', 'tasks = ["product:x"]\ndepths', "task 'product:x' is not known"),
        ("steps = 6", 'steps = "six"', "steps = 'six'; expected a positive whole number"),
        ('reference = "mlp"', 'reference = "kan-critical"', "mlp-again repeats 'mlp'"),
        ("steps = 6", "steps = 0", "steps = 0; expected a positive whole number"),
        ("steps = 6", "stepps = 6", "has the entry 'stepps'; it may have"),
        ('reference = "mlp"\n', "", "lacks the entry 'reference'"),
        ("[tuning]", "[tunning]", "tuning is missing"),
        ("question =", "question", "is not TOML"),
        ("parameters = [200, 400]", "parameters = [20]", "20 parameters are too few"),
        ('name = "null"', 'name = "depth"', "give each a name of its own"),
        (
            'arms = ["mlp", "kan-critical", "swap-first"]',
            'arms = ["swap-first"]',
            "lacks the reference 'mlp'",
        ),
        (
            'arms = ["mlp", "mlp-again"',
            'forms = ["deep"]\narms = ["mlp", "mlp-again"',
            "form 'deep' is not known",
        ),
        (
            'role = "transfer"',
            'role = "transfer"\ndraws = [900]',
            "uses the draw 900 of the development tasks",
        ),
    ],
)
def test_mistakes_are_said_in_one_line(tmp_path, before, after, said):
    assert before in TINY
    with pytest.raises(InputError) as caught:
        read(tmp_path, TINY.replace(before, after))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_study_is_said_so(tmp_path):
    with pytest.raises(InputError, match=r"there is no .*study\.toml; name a folder"):
        load(tmp_path / "study.toml")
    with pytest.raises(InputError, match="has no sweep"):
        read(tmp_path, 'question = "what?"')
