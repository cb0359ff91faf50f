"""Engines: what one process does, and that two under torchrun do what one does."""

import builtins
import json
from types import SimpleNamespace

import pytest
import torch

from edgewise.engines import Accelerated, Local, agreed, engine
from edgewise.errors import InputError
from together.agreement import FITTED, TRAINED, some_rows
from together.launch import launch


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What one process wrote, and what each of two did."""
    folder = tmp_path_factory.mktemp("agreement")
    for processes in (1, 2):
        ended = launch("agreement.py", folder, processes=processes)
        assert ended.returncode == 0, ended.stderr[-3000:]
    read = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("1-0", "2-0", "2-1")}
    return SimpleNamespace(one=read["1-0"], main=read["2-0"], other=read["2-1"])


def test_one_process_keeps_what_it_has():
    local = Local()
    rows, total = torch.ones(3, 2), torch.ones(2)
    local.add_up([total])
    assert (local.rank, local.world, local.is_main) == (0, 1, True)
    assert local.mean(3.5, 2.0) == 3.5
    assert local.gathered(rows) is rows
    assert torch.equal(total, torch.ones(2))
    assert local.from_main(lambda: b"x") == b"x"
    assert agreed(local, True)
    assert not agreed(local, False)
    local.barrier()


def test_the_environment_decides(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert isinstance(engine(), Local)
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(InputError, match="WORLD_SIZE='two': expected a positive number"):
        engine()


def test_a_missing_package_is_named_with_the_line_to_type(monkeypatch):
    ordinary = builtins.__import__

    def without(name, *rest):
        if name == "accelerate":
            raise ImportError(name)
        return ordinary(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="pip install accelerate"):
        Accelerated()


@pytest.mark.slow
def test_two_processes_talk(found):
    assert found.main["talk"]["is_main"]
    assert not found.other["talk"]["is_main"]
    for got in (found.main["talk"], found.other["talk"]):
        assert got["sums"] == [[3.0] * 4, [1.0]]
        assert got["mean"] == pytest.approx(2 / 3)
        assert got["mean_tensor"] == pytest.approx([2 / 3, 4 / 3])
        assert got["mean_without_one"] == 7.0
        assert got["gathered"] == [0.0, 10.0, 11.0]
        assert got["nothing_gathered"] == 0
        assert (got["bytes"], got["no_bytes"]) == ("from 0", 0)
        assert got["agreed"] == [True, False]
    assert found.main["talk"]["failure"] == "made to fail"
    assert "its own message says why" in found.other["talk"]["failure"]


@pytest.mark.slow
def test_pruned_structure_and_knots_are_those_of_all(found):
    assert found.main["structure"] == found.other["structure"]
    assert found.main["structure"]["weights"] == found.one["structure"]["weights"]
    lost = sum(mask.count(0.0) for layer in found.main["structure"]["masks"] for mask in layer)
    assert lost > 0 or found.main["structure"]["widths"] != [[3, 0], [4, 0], [1, 0]]
    rows = torch.cat([some_rows(0), some_rows(1)])
    breaks = found.main["structure"]["knots"][3:-3]
    assert breaks == pytest.approx(torch.quantile(rows, torch.linspace(0, 1, 6)).tolist())


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TRAINED, *FITTED])
def test_two_processes_end_where_one_does(found, name):
    one, main, other = (getattr(found, who)[name] for who in ("one", "main", "other"))
    assert main == other, "the processes have grown apart"
    assert len(main["losses"]) == len(one["losses"]) > 1
    assert main["losses"] == pytest.approx(one["losses"], rel=0, abs=1e-6)
    assert main["losses"][-1] < main["losses"][0]


@pytest.mark.slow
def test_least_squares_says_that_it_works_alone(found):
    assert "works in one process, not in 2; type method='lbfgs'" in found.main["refused"]
