"""What importing the public names costs: torch, and nothing heavier than torch itself brings."""

import json
import subprocess
import sys

import pytest

import edgewise

HEAVY = (
    "numpy",
    "pandas",
    "sklearn",
    "sympy",
    "matplotlib",
    "scipy",
    "typer",
    "pyarrow",
    "joblib",
    "tqdm",
    "safetensors",
)


def loaded_by(statement):
    """The top-level packages in ``sys.modules`` after a statement, in a fresh interpreter."""
    code = (
        f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{n.split('.')[0] for n in sys.modules}})))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def torch_alone():
    return loaded_by("import torch")


@pytest.mark.parametrize("name", ["KANLayer", "KAN"])
def test_a_layer_loads_torch_and_nothing_heavier(torch_alone, name):
    more = loaded_by(f"from edgewise import {name}") - torch_alone
    assert "torch" in torch_alone
    assert more & set(HEAVY) == set()


def test_the_package_alone_loads_nothing():
    assert loaded_by("import edgewise; edgewise.__version__; dir(edgewise)") & {"torch", *HEAVY} == set()


def test_help_on_the_command_line_needs_no_torch():
    run = "from edgewise.cli import app; app(['--help'], standalone_mode=False)"
    assert "torch" not in loaded_by(run)


@pytest.mark.parametrize("name", edgewise.__all__)
def test_every_public_name_is_there_and_listed(name):
    assert name in dir(edgewise)
    assert getattr(edgewise, name) is not None


def test_unknown_names_fail_like_any_module():
    with pytest.raises(AttributeError, match="no name 'Kan'"):
        edgewise.Kan  # noqa: B018
    assert not hasattr(edgewise, "nothing")


@pytest.mark.parametrize(
    "first", ["import edgewise.train, edgewise.prune", "import edgewise.estimators", "pass"]
)
def test_functions_are_not_hidden_by_the_modules_they_live_in(first):
    check = "from edgewise import train, prune; assert callable(train) and callable(prune)"
    also = "from edgewise.train import FitResult"
    assert loaded_by(f"{first}\n{check}\n{also}\n{check}")
