"""The picture's numbers: what they equal, what they sum to, and what strange networks and batches give."""

import numpy as np
import pytest
import torch

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.view.picture import BINS, MOST_ROWS, POINTS, affine, picture
from edgewise.view.words import number, pretty, shortened, text_width

IDENTITY = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0])


def rough(widths, seed=0, dtype=torch.float64):
    """A network whose curves are far from flat, and uneven in size."""
    generator = torch.Generator().manual_seed(seed)
    net = KAN(widths, generator=generator, dtype=dtype)
    for layer in net.kan_layers:
        weight = layer.spline.weight
        size = torch.randn(weight.shape[0], 1, weight.shape[2], generator=generator).exp()
        with torch.no_grad():
            weight.copy_(torch.randn(weight.shape, generator=generator) * size)
    return net


def batch(rows=200, columns=2, seed=1):
    return (
        torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    )


def linear(net, layer, source, target, factor):
    """Puts ``factor * x`` on an edge."""
    net.kan_layers[layer].fix_edge(source, target, "linear", IDENTITY * torch.tensor([1.0, 0, factor, 0, 1]))


def test_curves_are_the_layers_own():
    net, X = rough([2, 3, 1]), batch()
    made, trace = picture(net, X), net.trace(X)
    for layer, edges, record in zip(net.kan_layers, made.edges, trace.layers, strict=True):
        for edge in edges:
            places = torch.zeros(POINTS, layer.in_features, dtype=torch.float64)
            places[:, edge.source] = torch.from_numpy(edge.x.copy())
            values = layer.curves(places)[:, edge.source, edge.target].detach().numpy()
            np.testing.assert_allclose(edge.y, values, rtol=1e-10, atol=1e-12)
            visited = record.inputs[:, edge.source].detach().numpy()
            assert (edge.x[0], edge.x[-1]) == (visited.min(), visited.max())


def test_level_0_speaks_the_users_units():
    net, center, scale = rough([2, 3, 1]), torch.tensor([300.0, -2.0]), torch.tensor([5.0, 0.125])
    X = batch() * scale + center
    with torch.no_grad():
        net.input_center.copy_(center)
        net.input_scale.copy_(scale)
    for edge in picture(net, X).edges[0]:
        i, column = edge.source, X[:, edge.source].numpy()
        np.testing.assert_allclose([edge.x[0], edge.x[-1]], [column.min(), column.max()], rtol=1e-12)
        scaled = torch.zeros(POINTS, 2, dtype=torch.float64)
        scaled[:, i] = (torch.from_numpy(edge.x.copy()) - center[i]) / scale[i]
        values = net.kan_layers[0].curves(scaled)[:, i, edge.target].detach().numpy()
        np.testing.assert_allclose(edge.y, values, rtol=1e-9, atol=1e-9)


def test_expression_speaks_the_users_units():
    net, X = rough([1, 1]), batch(50, 1) + 7.0
    with torch.no_grad():
        net.input_center.fill_(7.0)
        net.input_scale.fill_(0.5)
    net.kan_layers[0].fix_edge(0, 0, "sine", torch.tensor([2.0, 1.0, 3.0, -4.0, 1.0]))
    edge = picture(net, X).edges[0][0]
    assert (edge.kind, edge.label) == ("symbolic", "sin(u)")
    assert edge.expression == "3*sin(u) - 4, u = 4*x - 27"
    np.testing.assert_allclose(edge.y, 3 * np.sin(4 * edge.x - 27) - 4, atol=1e-9)


def test_shares_by_hand():
    net = KAN([2, 1], dtype=torch.float64)
    linear(net, 0, 0, 0, 3.0)
    linear(net, 0, 1, 0, 1.0)
    X = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]])
    strong, weak = picture(net, X).edges[0]
    assert (strong.share, weak.share) == pytest.approx((0.75, 0.25))
    assert (strong.importance, weak.importance) == pytest.approx((1.0, 1 / 3))


def test_product_hands_down_by_variation():
    """For p = a b with b hovering around 10 and a around 0, nearly all variation is a's."""
    net = KAN([2, (0, 1)], dtype=torch.float64)
    for source, target in ((0, 0), (1, 1)):
        linear(net, 0, source, target, 1.0)
    net.kan_layers[0].remove_edge(0, 1)
    net.kan_layers[0].remove_edge(1, 0)
    X = batch() * torch.tensor([1.0, 0.1]) + torch.tensor([0.0, 10.0])
    first, second = picture(net, X).edges[0]
    a, b = X[:, 0], X[:, 1]
    parts = torch.stack([a.std() * b.pow(2).mean().sqrt(), b.std() * a.pow(2).mean().sqrt()])
    assert [first.share, second.share] == pytest.approx((parts / parts.sum()).tolist())
    assert first.importance == 1.0 > 0.01 > second.importance > 0


@pytest.mark.parametrize("widths", [[2, 1], [3, 4, 2], [2, (3, 2), 1], [2, (0, 2), (1, 1), 3]])
def test_shares_of_a_layer_sum_to_one_and_the_largest_importance_is_one(widths):
    made = picture(rough(widths), batch(100, widths[0]))
    for edges in made.edges:
        assert sum(edge.share for edge in edges) == pytest.approx(1.0)
        assert max(edge.importance for edge in edges) == 1.0
    for level in made.nodes:
        assert sum(node.share for node in level) == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_edge_that_never_changes_has_no_importance(dtype):
    net, X = rough([2, 2, 1], dtype=dtype), batch()
    X[:, 1] = 0.3
    with torch.no_grad():
        net.kan_layers[1].spline.weight[0] = 0.0
    made = picture(net, X)
    assert all(edge.importance == 0 for edge in made.edges[0] if edge.source == 1 or edge.target == 0)
    assert all(edge.importance == 0 for edge in made.edges[1] if edge.source == 0)
    assert made.nodes[0][1].share == 0 == made.nodes[1][0].share


def test_removed_edges_are_absent_and_unused_nodes_say_so():
    net = rough([3, 2, 1])
    for target in range(2):
        net.kan_layers[0].remove_edge(2, target)
    made = picture(net, batch(50, 3))
    assert [(edge.source, edge.target) for edge in made.edges[0]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [node.used for node in made.nodes[0]] == [True, True, False]


def test_a_network_without_edges():
    net = rough([2, 1])
    for source in range(2):
        net.kan_layers[0].remove_edge(source, 0)
    made = picture(net, batch())
    assert made.edges == ((),)
    assert not made.nodes[1][0].used


def test_nodes_and_products():
    made = picture(rough([2, (3, 2), 1]), batch())
    middle = made.nodes[1]
    assert [node.kind for node in middle] == ["sum"] * 3 + ["product"] * 2
    assert [node.subnodes for node in middle] == [(0,), (1,), (2,), (3, 4), (5, 6)]
    assert {edge.target: edge.node for edge in made.edges[0]} == {0: 0, 1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 6: 4}
    assert [level[0].y for level in made.nodes] == [0.0, 0.5, 1.0]
    assert [node.label for node in middle] == ["1.1", "1.2", "1.3", "1.4", "1.5"]


def test_one_row_and_constant_columns():
    made = picture(rough([2, 2, 1]), batch(1))
    assert all(edge.importance == 0 and np.ptp(edge.x) == 0 for layer in made.edges for edge in layer)
    assert made.edges[0][0].visits.sum() == 1 == made.rows


def test_visits_count_rows():
    X = torch.tensor([[0.0], [0.0], [0.0], [1.0]])
    visits = picture(rough([1, 1]), X).edges[0][0].visits
    assert visits.tolist() == [3] + [0] * (BINS - 2) + [1]


def test_a_pole_between_rows_is_left_out_of_the_window():
    net = KAN([1, 1], dtype=torch.float64)
    net.kan_layers[0].fix_edge(0, 0, "reciprocal", torch.tensor([1.0, -0.001, 1.0, 0.0, 1.0]))
    X = torch.tensor([[-1.0], [-0.5], [0.5], [1.0]])
    edge = picture(net, X).edges[0][0]
    assert np.abs(edge.y).max() > 100
    assert edge.window == pytest.approx((-2.0, 2.0), abs=0.01)


def test_undefined_values_do_not_spread():
    net = rough([2, 2, 1])
    net.kan_layers[0].fix_edge(0, 0, "logarithm", IDENTITY)
    made = picture(net, batch())
    for edge in (edge for layer in made.edges for edge in layer):
        assert np.isfinite([*edge.window, edge.share, edge.importance, edge.x[0], edge.x[-1]]).all()


def test_large_batches_keep_their_extremes():
    X = batch(3 * MOST_ROWS, 2)
    X[17, 0], X[4711, 1] = 9.0, -9.0
    made = picture(rough([2, 1]), X)
    assert made.rows == 3 * MOST_ROWS
    assert made.edges[0][0].visits.sum() <= MOST_ROWS + 4
    assert made.edges[0][0].x[-1] == 9.0
    assert made.edges[0][1].x[0] == -9.0


def test_names():
    net, X = rough([2, 1]), batch()

    class Frame(np.ndarray):
        columns = ("mass", "length")

    assert [node.label for node in picture(net, X).nodes[0]] == ["x1", "x2"]
    assert picture(net, X).nodes[1][0].label == "y"
    assert [node.label for node in picture(rough([1, 2]), batch(9, 1)).nodes[1]] == ["y1", "y2"]
    assert [node.label for node in picture(net, X.numpy().view(Frame)).nodes[0]] == ["mass", "length"]
    made = picture(net, X, ["a\x00b\n c", "$<_%"], ["out"])
    assert [node.label for node in made.nodes[0]] == ["a b c", "$<_%"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"feature_names": ["a"]}, "feature_names has 1 names and the network 2 inputs; give one for each"),
        ({"feature_names": "ab"}, r"feature_names='ab': expected a list of 2 names"),
        (
            {"target_names": ["a", "b"]},
            "target_names has 2 names and the network 1 outputs; give one for each",
        ),
    ],
)
def test_wrong_names_are_one_line(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        picture(rough([2, 1]), batch(), **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "X", [batch(5, 3), torch.zeros(0, 2), torch.full((3, 2), float("nan")), [["a", "b"]]]
)
def test_wrong_batches(X):
    with pytest.raises(InputError):
        picture(rough([2, 1]), X)


def test_nothing_is_changed_or_shared():
    net, X = rough([2, 2, 1]), batch()
    before, kept = {name: value.clone() for name, value in net.state_dict().items()}, X.clone()
    made = picture(net, X)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(X, kept)
    with pytest.raises(ValueError, match="read-only"):
        made.edges[0][0].y[0] = 1.0


def test_affine():
    assert affine("x", 1.0, 0.0) == "x"
    assert affine("log(1 + exp(u))", -2.5, 1.0) == "-2.5*log(1 + exp(u)) + 1"
    assert affine("u**2", 2.0, -1e-3) == "2*u**2 - 0.001"
    assert affine("1/u", 2.0, 0.0) == "2*(1/u)"


def test_words():
    assert pretty("u**2*v**25 + u**-3") == "u²·v^25 + u⁻³"
    assert pretty("x**2.5") == "x^2.5"
    assert (number(float("nan")), number(-0.5), number(12345.678)) == ("nan", "−0.5", "1.235e4")
    assert len(shortened("a" * 99, 20)) == 20
    assert text_width("温", 72) == 1.0 > text_width("i", 72)
