"""What the widget does with the browser's wishes, and what it tells it, without a browser."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.train import TrainConfig
from edgewise.view import edit
from edgewise.view.script import FOLDER, script

pytest.importorskip("anywidget")


@pytest.fixture
def table(rng):
    X = pd.DataFrame(rng.uniform(-1, 1, (80, 2)), columns=["time", "<b>force"])
    return X, np.sin(2 * X["time"]) + X["<b>force"] ** 2


@pytest.fixture
def bench(table, generator):
    X, y = table
    return edit(KAN([2, (1, 1), 1], generator=generator, dtype=torch.float64), X, y)


def wish(bench, **wanted):
    """A message as the browser sends it, and the state that comes back."""
    bench._handle_custom_msg(wanted, [])
    json.dumps(bench.get_state(["scene", "state"]), allow_nan=False)
    return bench.state


def kinds(bench):
    return {tuple(edge["place"]): edge["kind"] for edge in bench.state["edges"]}


def test_edges_are_told_by_the_names_at_their_ends(bench):
    words = {tuple(edge["place"]): edge["words"] for edge in bench.state["edges"]}
    assert words[0, 0, 0] == "time → 1.1: spline"
    assert words[0, 1, 2] == "<b>force → 1.2 (factor 2): spline"
    assert words[1, 1, 0] == "1.2 → y: spline"
    assert len(words) == 8


def test_looking_at_an_edge_ranks_functions_for_it(bench):
    assert bench.state["match"] == []
    state = wish(bench, verb="look", edge=[0, 0, 1])
    assert state["edge"] == (0, 0, 1)
    closeness = [entry["r2"] for entry in state["match"]]
    assert closeness == sorted(closeness, reverse=True)
    assert len(closeness) == 8
    offered = [entry["name"] for entry in (*state["match"], *state["functions"])]
    assert len(offered) == len(set(offered))
    assert {"sine", "bessel j0"} <= set(offered)
    assert wish(bench, verb="look", edge=None)["match"] == []


def test_fix_cut_free_undo_and_redo_change_network_scene_and_state(bench):
    start = bench.network
    state = wish(bench, verb="fix", edge=[0, 0, 1], function="sine")
    assert not state["failed"]
    assert state["message"].startswith("time → 1.2 (factor 1) fixed to sin(u), R² ")
    assert bench.network.kan_layers[0].edge(0, 1).name == "sine"
    assert [edge.get("law") for edge in bench.scene["network"]["layers"][0]["edges"]].count("sine") == 1
    wish(bench, verb="cut", edge=[0, 1, 0])
    assert kinds(bench)[0, 1, 0] == "cut"
    wish(bench, verb="free", edge=[0, 0, 1])
    assert kinds(bench)[0, 0, 1] == "spline"
    for _ in range(3):
        state = wish(bench, verb="undo")
    assert bench.network is start
    assert (state["undone"], len(state["steps"]), state["message"][:19]) == (3, 1, "back to: as it came")
    assert wish(bench, verb="redo")["message"].startswith("again: time → 1.2")
    assert kinds(bench)[0, 0, 1] == "fixed"


def test_a_refit_tells_how_far_it_is(bench):
    told = []
    bench.observe(lambda change: told.append(change["new"]["busy"]), "state")
    state = wish(bench, verb="refit", seconds=4)
    assert told[0] == {"seconds": 4, "passed": 0.0, "told": "the first steps"}
    assert told[-1] is None
    between = [busy["passed"] for busy in told[:-1]]
    assert between == sorted(between)
    assert state["message"].startswith("refitted: ")
    assert len(bench.scene["history"]["loss"]) == len(bench.editor.steps[-1].history) > 1
    assert bench.editor.steps[-1].loss < 0.5 * bench.editor.steps[0].loss


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"verb": "shout"}, "verb='shout': expected one of look, fix"),
        ({}, "verb=None"),
        ({"verb": "fix", "edge": [0, 0, 0], "function": "sinus"}, "no function is called 'sinus'"),
        ({"verb": "fix", "edge": None, "function": "sine"}, "edge=None: expected"),
        ({"verb": "fix", "function": "sine"}, "expected (layer, source, target)"),
        ({"verb": "cut", "edge": [0, 9, 0]}, "layer 0 has sources 0 to 1"),
        ({"verb": "look", "edge": "<script>"}, "three whole numbers"),
        ({"verb": "free", "edge": [0, 0, 0]}, "is a spline already"),
        ({"verb": "undo"}, "nothing to undo"),
        ({"verb": "refit", "seconds": "nan"}, "expected a number above 0"),
        ({"verb": "refit", "seconds": float("inf")}, "expected a number above 0"),
        ({"verb": "refit"}, "expected a number above 0"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(bench, wanted, said):
    before, turn = bench.network, bench.state["turn"]
    state = wish(bench, **wanted)
    assert said in state["message"]
    assert (state["failed"], state["busy"]) == (True, None)
    assert state["turn"] > turn
    assert bench.network is before


def test_a_message_that_is_no_wish_is_refused(bench):
    bench._handle_custom_msg("undo", [])
    assert bench.state["failed"]


def test_steps_taken_in_code_are_shown_when_asked_for(bench):
    bench.editor.cut((0, 0, 0))
    bench.show()
    assert kinds(bench)[0, 0, 0] == "cut"


def test_a_classifier_is_edited_without_a_plot_of_its_fit(table, generator):
    X, y = table
    net = KAN([2, 2], generator=generator, dtype=torch.float64)
    bench = edit(net, X, (y > y.mean()).astype(float), config=TrainConfig(loss="cross-entropy", max_steps=20))
    assert bench.scene["rows"]["observed"] == []
    assert not wish(bench, verb="refit", seconds=3)["failed"]


def test_where_there_are_no_widgets_a_picture_is_shown(bench):
    data, _ = bench._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "Network from time, &lt;b&gt;force to y: 8 edges, 0 fixed" in data["text/html"]
    assert data["text/plain"] == f"Workbench({bench.editor.steps[-1]})"


def test_the_module_is_the_view_and_the_tools(bench):
    assert bench._esm == script() + "\n" + (FOLDER / "editing.js").read_text(encoding="utf-8")
    assert bench._esm.count("export default") == 1


def test_names_must_fit(table):
    X, y = table
    with pytest.raises(InputError, match="feature_names has 1 names"):
        edit(KAN([2, 1]), X, y, feature_names=["a"])


def test_the_view_loads_no_widgets_and_says_what_to_install():
    code = (
        "import sys, torch, edgewise.view as view\nfrom edgewise import KAN\n"
        "assert not {'anywidget', 'ipywidgets', 'sympy'} & set(sys.modules)\n"
        "sys.modules['anywidget'] = None\n"
        "try: view.edit(KAN([1, 1]), torch.rand(5, 1))\n"
        "except ValueError as error: assert \"pip install 'edgewise[notebook]'\" in str(error), error\n"
        "else: raise SystemExit('no error')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
