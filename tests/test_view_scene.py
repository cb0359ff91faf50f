"""The scene: plain JSON that says what the picture says, in bounded size."""

import json
from base64 import b64decode

import numpy as np
import pytest
import torch

from edgewise.catalogue.tree import tree
from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.view import picture
from edgewise.view.evaluable import MOST_BYTES
from edgewise.view.mathml import math_tree
from edgewise.view.scene import scene, strongest
from test_view_page import batch, full_report, rough


def numbers(packed):
    return np.frombuffer(b64decode(packed), dtype="<f8")


def test_a_scene_is_json_and_says_what_the_picture_says():
    net, X = rough([2, (1, 1), 1]), batch(2)
    made, drawn = scene(net, X, report=full_report()), picture(net, X)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    for layer, edges in zip(made["network"]["layers"], drawn.edges, strict=True):
        assert [(e["source"], e["target"]) for e in layer["edges"]] == [(e.source, e.target) for e in edges]
        assert [e["share"] for e in layer["edges"]] == pytest.approx([e.share for e in edges], rel=1e-3)
    for level, nodes in zip(made["levels"], drawn.nodes, strict=True):
        assert [(n["label"], n["kind"], n["used"]) for n in level] == [
            (n.label, n.kind, n.used) for n in nodes
        ]
    low, high = X.min(0).values.tolist(), X.max(0).values.tolist()
    assert [node["low"] for node in made["levels"][0]] == low
    assert [node["high"] for node in made["levels"][0]] == high
    assert all(sum(node["visits"]) == len(X) for level in made["levels"] for node in level)


def test_weights_travel_to_the_last_bit_and_without_dead_edges():
    net = rough([2, 3, 1])
    net.kan_layers[0].remove_edge(1, 1)
    layer = scene(net, batch(2))["network"]["layers"][0]
    rows = numbers(layer["weights"]).reshape(len(layer["edges"]), -1)
    assert len(layer["edges"]) == 5
    for edge, row in zip(layer["edges"], rows, strict=True):
        weight = net.kan_layers[0].spline.weight[edge["source"], :, edge["target"]]
        np.testing.assert_array_equal(row, weight.detach().numpy())
    np.testing.assert_array_equal(numbers(layer["knots"]), net.kan_layers[0].spline.knots.numpy().ravel())


def test_a_network_too_large_sends_its_strongest_edges_and_says_so():
    net = KAN([120, 120, 3], dtype=torch.float64)
    made = scene(net, batch(120, 30))
    kept = sum(len(layer["edges"]) for layer in made["network"]["layers"])
    assert kept + made["hidden"] == 120 * 120 + 120 * 3
    assert made["hidden"] > 0
    assert not made["network"]["complete"]
    assert len(json.dumps(made)) < 1.2 * MOST_BYTES
    assert scene(rough([2, 1]), batch(2))["network"]["complete"]


@pytest.mark.parametrize("widths", [[2, 3], [3, (0, 2), 2], [40, 3, 1]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [1, 30])
def test_networks_of_all_kinds(widths, dtype, rows):
    net = rough(widths, dtype=dtype)
    for target in range(net.kan_layers[0].out_features):
        net.kan_layers[0].remove_edge(0, target)
    X = batch(widths[0], rows)
    X[:, -1] = 5.0
    made = scene(net, X)
    assert not made["levels"][0][0]["used"]
    json.dumps(made, allow_nan=False)


def test_what_is_undefined_is_null_and_lost_networks_have_no_edges():
    net = rough([2, 1])
    net.kan_layers[0].fix_edge(0, 0, "logarithm", torch.tensor([1.0, 0, 1, 0, 1]))
    json.dumps(scene(net, batch(2)), allow_nan=False)
    for source in range(2):
        net.kan_layers[0].remove_edge(source, 0)
    made = scene(net, batch(2))
    assert made["network"]["layers"][0]["edges"] == []
    assert made["network"]["complete"]


def test_formulas_and_rows_of_a_report():
    report = full_report() | {"inputs": batch(2, 20), "held": [k < 5 for k in range(20)]}
    net = rough([2, 1])
    made = scene(net, batch(2), report=report)
    assert [formula["uses"] for formula in made["formulas"]] == [["x1"], ["x1"]]
    assert made["formulas"][1]["tree"] == ["**", "x1", 2.0]
    assert made["formulas"][0]["values"] is None
    assert made["formulas"][1]["values"] == pytest.approx((report["observed"] + 0.1)[:, 0])
    with torch.no_grad():
        assert np.array(made["rows"]["network"]) == pytest.approx(net(report["inputs"]).numpy(), rel=1e-6)
    assert sum(made["rows"]["held"]) == 5
    assert ["rows", "1234"] in made["facts"]
    assert ["held-out RMSE", "0.1"] in made["facts"]


def test_a_formula_that_comes_as_text_is_written_in_every_form():
    made = scene(rough([2, 1]), batch(2), report=full_report())["formulas"][1]
    assert made["latex"] == "x_{1}^{2}"
    assert made["math"][0] == "math"
    assert made["python"].endswith("return x1**2\n")
    assert "double formula(double x1, double x2)" in made["c"]
    unread = scene(rough([2, 1]), batch(2), report={"formulas": [{"equation": "y = f(z)"}]})["formulas"][0]
    assert unread["tree"] is unread["math"] is None
    assert unread["python"] == ""


def test_a_page_of_many_columns_and_rows_stays_small():
    net, X = KAN([400, 20, 1], dtype=torch.float64), batch(400, 1000)
    report = {"inputs": X, "observed": X[:, 0], "predicted": X[:, 0]}
    made = scene(net, X, report=report)
    assert len(json.dumps(made, separators=(",", ":"))) < 1_300_000
    assert len(made["rows"]["inputs"]) == len(made["rows"]["observed"]) == 49


def test_the_strongest_splines_come_first():
    net, X = rough([3, 2, 1]), batch(3)
    net.kan_layers[0].fix_edge(0, 0, "sine", torch.tensor([1.0, 0, 50, 0, 1]))
    made = picture(net, X)
    found = strongest(made, 4)
    assert len(found) == 4
    assert (0, 0, 0) not in found
    importance = {(e.layer, e.source, e.target): e.importance for layer in made.edges for e in layer}
    assert [importance[place] for place in found] == sorted(
        (importance[place] for place in found), reverse=True
    )


@pytest.mark.parametrize(
    ("text", "branches"),
    [
        ("-u", ["-", 0.0, "u"]),
        ("u**-2", ["**", "u", ["-", 0.0, 2.0]]),
        ("besselj(0, u)", ["besselj", 0.0, "u"]),
        ("2*pi", ["*", 2.0, 3.141592653589793]),
    ],
)
def test_trees_of_texts(text, branches):
    assert tree(text, ["u"]) == branches


@pytest.mark.parametrize(
    "text", ["u.real", "v", "f(u=1)", "u if u else 1", "'u'", "True", "u[0]", "f()", "(", "1" * 30_000]
)
def test_what_is_no_arithmetic_has_no_tree(text):
    with pytest.raises(InputError, match="is no formula in u"):
        tree(text, ["u"])


def test_only_mathematics_becomes_a_tree():
    assert math_tree("<math><msup onclick='x'><mi>a</mi><mn>2</mn></msup></math>") == [
        "math",
        ["msup", ["mi", "a"], ["mn", "2"]],
    ]
    for text in ("<math><script>x</script></math>", "<svg/>", "<math>", "", "<!DOCTYPE x><math/>"):
        assert math_tree(text) is None
