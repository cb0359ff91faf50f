"""Pruning: what may go, what must stay, and the list of it."""

import copy

import pytest
import torch

from edgewise.errors import InputError
from edgewise.network import KAN, Removed
from edgewise.prune import edge_importance, prune

SQUARE = torch.tensor([1.0, 0.5, 1.0, 0.0, 1.0], dtype=torch.float64)


def new_network(widths, seed=0, dtype=torch.float64):
    return KAN(widths, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def silence(net, level, source, target, value=0.0):
    """Makes an edge a constant."""
    spline = net.kan_layers[level].spline
    with torch.no_grad():
        spline.weight[source, :, target] = 0.0
        spline.coef[source, :, target] = value


@pytest.fixture
def X(generator):
    return torch.rand(100, 3, generator=generator, dtype=torch.float64) * 2 - 1


def edges(net):
    """All edges that are there, as ``(level, source, target)``."""
    return {
        (level, i, o)
        for level, layer in enumerate(net.kan_layers)
        for i in range(layer.in_features)
        for o in range(layer.out_features)
        if layer.edge(i, o) is not None
    }


def test_a_constant_edge_goes_and_its_value_stays(X):
    net = new_network([3, 1])
    silence(net, 0, 1, 0, value=5.0)
    smaller = prune(net, X)
    assert smaller.removed == (Removed("edge", 0, 1, 0),)
    torch.testing.assert_close(smaller(X), net(X), rtol=0, atol=1e-12)


def test_a_network_that_needs_all_keeps_all(X):
    net = new_network([3, 2, 1])
    same = prune(net, X, tolerance=0.0)
    assert same.removed == ()
    assert torch.equal(same(X), net(X))


def test_a_node_nothing_needs_goes_with_its_edges(X):
    net = new_network([3, 2, 1])
    silence(net, 1, 0, 0)
    smaller = prune(net, X, tolerance=1e-6)
    assert smaller.widths == ((3, 0), (1, 0), (1, 0))
    gone = {("edge", 0, i, 0) for i in range(3)} | {("edge", 1, 0, 0), ("node", 1, 0, None)}
    assert set(smaller.removed) == gone
    torch.testing.assert_close(smaller(X), net(X), rtol=0, atol=1e-10)


def test_nodes_go_all_the_way_down(X):
    net = new_network([3, 2, 2, 1])
    silence(net, 2, 1, 0)
    for source in range(2):
        silence(net, 1, source, 0) if source == 1 else None
    smaller = prune(net, X, tolerance=1e-6)
    assert smaller.widths == ((3, 0), (1, 0), (1, 0), (1, 0))
    torch.testing.assert_close(smaller(X), net(X), rtol=0, atol=1e-10)


def test_the_list_holds_each_thing_once_and_the_rest_is_there(X):
    net = new_network([3, 3, 2])
    smaller = prune(net, X, tolerance=0.5)
    assert len(set(smaller.removed)) == len(smaller.removed) > 0
    gone = {thing[1:] for thing in smaller.removed if thing.kind == "edge"}
    assert gone <= edges(net)
    assert len(edges(smaller)) == len(edges(net)) - len(gone)


@pytest.mark.parametrize("widths", [[3, 1], [3, 4, 2], [3, (2, 2), (1, 1)], [3, 3, 3, 1]], ids=str)
def test_no_output_is_ever_cut_off(widths, X):
    smaller = prune(new_network(widths), X, tolerance=1e6)
    assert smaller.out_features == sum(smaller.widths[-1])
    for layer in smaller.kan_layers:
        fed = {
            o for o in range(layer.out_features) if any(layer.edge(i, o) for i in range(layer.in_features))
        }
        assert fed == set(range(layer.out_features))
    assert smaller.widths[0] == (3, 0)
    assert bool(torch.isfinite(smaller(X)).all())


@pytest.mark.parametrize("tolerance", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("widths", [[3, 3, 1], [3, 2, 2]], ids=str)
def test_without_targets_outputs_move_at_most_by_the_tolerance(widths, tolerance, X):
    net = new_network(widths)
    smaller = prune(net, X, tolerance=tolerance)
    change = (smaller(X) - net(X)).square().mean(0)
    assert bool((change <= tolerance**2 * net(X).var(0, correction=0) * (1 + 1e-9)).all())


@pytest.mark.parametrize("tolerance", [0.01, 0.5])
def test_with_targets_the_loss_grows_at_most_by_the_tolerance(tolerance, X, generator):
    net = new_network([3, 3, 1])
    y = net(X).detach() + 0.2 * torch.randn(100, 1, generator=generator, dtype=torch.float64)
    smaller = prune(net, X, y, tolerance=tolerance)
    before, after = ((model(X) - y).square().mean() for model in (net, smaller))
    assert after <= (1 + tolerance) * before * (1 + 1e-9)
    assert tolerance < 0.1 or smaller.removed


def test_targets_decide_what_is_noise(X):
    net = new_network([3, 1])
    y = net.kan_layers[0].curves(X)[:, [0, 2]].sum(1).detach()
    assert Removed("edge", 0, 1, 0) in prune(net, X, y).removed
    assert prune(net, X, tolerance=1e-3).removed == ()


def test_more_tolerance_takes_more_away(X):
    net = new_network([3, 3, 1])
    taken = [len(prune(net, X, tolerance=t).removed) for t in (0.0, 0.1, 1.0, 1e3)]
    assert taken == sorted(taken)
    assert taken[0] < taken[-1]


def test_the_given_network_is_left_alone(X):
    net = new_network([3, 3, 1])
    before = copy.deepcopy(net.state_dict())
    prune(net, X, tolerance=1.0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert (net.removed, net.widths) == ((), ((3, 0), (3, 0), (1, 0)))


def test_a_factor_of_a_product_stays_even_when_constant(X):
    net = new_network([3, (0, 2), 1])
    for source in range(3):
        silence(net, 0, source, 1, value=0.5)
    smaller = prune(net, X, tolerance=1e-6)
    torch.testing.assert_close(smaller(X), net(X), rtol=0, atol=1e-9)
    assert any(smaller.kan_layers[0].edge(i, 1) for i in range(3))


def test_a_product_goes_with_both_factors(X):
    net = new_network([3, (1, 2), 1])
    silence(net, 1, 1, 0)
    smaller = prune(net, X, tolerance=1e-6)
    assert smaller.widths == ((3, 0), (1, 1), (1, 0))
    gone = {thing[1:] for thing in smaller.removed if thing.kind == "edge"}
    assert gone == {(1, 1, 0)} | {(0, i, o) for i in range(3) for o in (1, 2)}
    assert Removed("node", 1, 1, None) in smaller.removed
    torch.testing.assert_close(smaller(X), net(X), rtol=0, atol=1e-10)


def test_fixed_edges_stay_with_their_constants(X):
    net = new_network([3, 2, 1])
    net.kan_layers[0].fix_edge(2, 1, "square", SQUARE)
    silence(net, 1, 0, 0)
    smaller = prune(net, X, tolerance=1e-6)
    assert smaller.kan_layers[0].edge(2, 0).name == "square"
    torch.testing.assert_close(smaller(X), net(X), rtol=0, atol=1e-10)


def test_a_fixed_edge_inherits_a_mean_too(X):
    net = new_network([3, 1])
    silence(net, 0, 0, 0, value=2.0)
    silence(net, 0, 1, 0, value=-7.0)
    net.kan_layers[0].fix_edge(2, 0, "square", SQUARE)
    smaller = prune(net, X)
    assert edges(smaller) == {(0, 2, 0)}
    torch.testing.assert_close(smaller(X), net(X), rtol=0, atol=1e-12)


def test_units_come_along(X):
    net = new_network([3, 2, 1])
    with torch.no_grad():
        net.input_scale.fill_(10.0)
        net.output_center.fill_(-4.0)
        net.output_scale.fill_(1e6)
    silence(net, 1, 0, 0)
    torch.testing.assert_close(prune(net, 10 * X, tolerance=1e-6)(10 * X), net(10 * X))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_type_stays(dtype, X):
    net = new_network([3, 2, 1], dtype=dtype)
    silence(net, 1, 0, 0)
    smaller = prune(net, X.numpy(), tolerance=1e-3)
    assert {tensor.dtype for tensor in smaller.state_dict().values()} == {dtype}
    assert smaller.widths[1] == (1, 0)


def test_importance_is_handed_down_from_the_outputs(X):
    net = new_network([3, 2, 2])
    scores = edge_importance(net, net.trace(X))
    assert [score.shape for score in scores] == [(3, 2), (2, 2)]
    torch.testing.assert_close(scores[1].sum(0), torch.ones(2).double())
    torch.testing.assert_close(scores[0].sum(0), scores[1].sum(1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tolerance": -0.1}, "tolerance=-0.1: expected a share of at least 0"),
        ({"tolerance": float("nan")}, "tolerance=nan"),
        ({"X": torch.ones(5, 2)}, "a network of 3 inputs got shape"),
        ({"X": torch.full((5, 3), float("nan"))}, "X holds NaN"),
        ({"y": torch.ones(3)}, "X has 100 rows and y has 3"),
        ({"y": torch.ones(100, 2)}, "a network of 1 outputs got y with 2 columns"),
    ],
)
def test_what_cannot_be_judged_is_refused(change, said, X):
    with pytest.raises(InputError, match=said):
        prune(**({"network": new_network([3, 1]), "X": X} | change))
