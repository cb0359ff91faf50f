"""Edges fixed, cut and set free by hand: the functions against NumPy and SciPy, all else as it was, to the bit."""

import copy

import numpy as np
import pytest
import torch
from scipy.optimize import curve_fit

from edgewise import splines
from edgewise.catalogue import Function, function
from edgewise.editing import candidates, fixed
from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.symbolic.match import Match


def new_network(widths, dtype=torch.float64, **options):
    return KAN(widths, generator=torch.Generator().manual_seed(3), dtype=dtype, **options)


def teach(net, edge, law, cells=40):
    """Makes an edge the spline through ``law`` on its domain."""
    level, source, target = edge
    if net.kan_layers[level].spline.intervals < cells:
        net = net.refine(cells)
    spline = net.kan_layers[level].spline
    x = torch.linspace(-1, 1, 500, dtype=torch.float64)
    y = torch.from_numpy(law(x.numpy()))
    knots = spline.knots[source : source + 1].double()
    with torch.no_grad():
        spline.weight[source, :, target] = 0.0
        spline.coef[source, :, target] = splines.fit_coefficients(
            x[:, None], y[:, None, None], knots, spline.degree
        )[0, :, 0].to(spline.coef)
    return net


def bits(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def same_bits(net, before):
    found = net.state_dict()
    return found.keys() == before.keys() and all(torch.equal(found[name], before[name]) for name in before)


def curve(net, edge, X):
    level, source, target = edge
    with torch.no_grad():
        layer = net.trace(X).layers[level]
    return layer.inputs[:, source].numpy(), layer.curves[:, source, target].numpy()


def others(net, edge, X):
    """Values of all edges of a layer but one."""
    level, source, target = edge
    with torch.no_grad():
        curves = net.trace(X).layers[level].curves.clone()
    curves[:, source, target] = 0.0
    return curves


def without(before, edge):
    """The same bits but for one edge's spline, which is gone."""
    level, source, target = edge
    weight, mask = (before[f"layers.{level}.spline.{name}"].clone() for name in ("weight", "mask"))
    weight[source, :, target], mask[source, target] = 0.0, 0.0
    return before | {f"layers.{level}.spline.weight": weight, f"layers.{level}.spline.mask": mask}


@pytest.fixture
def X(generator):
    return torch.rand(150, 2, generator=generator, dtype=torch.float64) * 1.9 - 0.95


@pytest.mark.parametrize(
    ("written", "law", "start"),
    [
        ("sin", lambda x, a, b, c, d: c * np.sin(a * x + b) + d, (2.4, 0.0, 1.0, 0.0)),
        ("tanh", lambda x, a, b, c, d: c * np.tanh(a * x + b) + d, (1.8, 0.2, 1.0, 0.0)),
        ("gaussian", lambda x, a, b, c, d: c * np.exp(-((a * x + b) ** 2)) + d, (1.0, -0.8, 2.0, -1.0)),
    ],
)
def test_the_function_is_the_least_squares_fit_that_scipy_finds(X, written, law, start):
    net = teach(new_network([2, 1]), (0, 1, 0), lambda x: np.sin(2.5 * x + 0.3) + 0.2 * x)
    x, y = curve(net, (0, 1, 0), X)
    best, _ = curve_fit(law, x, y, p0=start, maxfev=20000)
    made = net.fix((0, 1, 0), written, X)
    _, found = curve(made, (0, 1, 0), X)
    assert np.square(found - y).sum() <= np.square(law(x, *best) - y).sum() * (1 + 2e-3)


def test_a_function_that_would_mimic_the_curve_by_cancellation_still_follows_it(X):
    net = teach(new_network([2, 1]), (0, 0, 0), lambda x: x**2)
    made = net.fix((0, 0, 0), "sin", X)
    assert made.kan_layers[0].symbolic.constants[0].abs().max() < 1e3
    np.testing.assert_allclose(curve(made, (0, 0, 0), X)[1], X[:, 0].numpy() ** 2, atol=0.01)


def test_the_edge_computes_its_function_with_its_constants(X):
    made = new_network([2, (1, 1), 1]).fix((0, 0, 2), "sin", X)
    layer = made.kan_layers[0]
    a, b, c, d, _ = layer.symbolic.constants[0].tolist()
    x, y = curve(made, (0, 0, 2), X)
    np.testing.assert_allclose(y, c * np.sin(a * x + b) + d, rtol=0, atol=1e-12)
    assert layer.edge(0, 2) is function("sine")


@pytest.mark.parametrize("edge", [(0, 1, 1), (1, 0, 2), (2, 1, 0)])
def test_the_given_network_and_all_other_edges_keep_their_bits(X, edge):
    net = new_network([2, 2, (1, 1), 1])
    before = bits(net)
    made = net.fix(edge, "sin", X)
    assert same_bits(net, before)
    constants = f"layers.{edge[0]}.symbolic.constants"
    assert same_bits(made, without(before, edge) | {constants: made.state_dict()[constants]})
    torch.testing.assert_close(others(made, edge, X), others(net, edge, X), rtol=0, atol=1e-14)
    assert not torch.equal(made(X), net(X))
    assert net.kan_layers[edge[0]].edge(*edge[1:]) == "spline"


def test_a_fixed_edge_can_be_fixed_to_another_function(X):
    net = new_network([2, 1]).fix((0, 0, 0), "sin", X).fix((0, 0, 0), "cube", X)
    assert [law.name for _, _, law in net.kan_layers[0].symbolic.fixed] == ["cube"]


def test_float32_stays_float32(X):
    net = teach(new_network([2, 1], torch.float32), (0, 0, 0), lambda x: np.exp(1.5 * x))
    made = net.fix((0, 0, 0), "exp", X).set_free((0, 0, 0))
    assert {value.dtype for value in made.state_dict().values()} == {torch.float32}
    x, y = curve(made, (0, 0, 0), X.float())
    np.testing.assert_allclose(y, np.exp(1.5 * x), atol=5e-3)


def test_candidates_are_ranked_and_say_how_close(X):
    net = teach(new_network([2, 1]), (0, 0, 0), lambda x: np.tanh(2 * x))
    found = candidates(net, (0, 0, 0), X, ["square", "tanh", "sin"])
    assert [match.function.name for match in found] == ["hyperbolic tangent", "sine", "square"]
    _, y = curve(net, (0, 0, 0), X)
    _, made = curve(net.fix((0, 0, 0), "sin", X), (0, 0, 0), X)
    assert found[1].error ** 2 == pytest.approx(
        np.square(made - y).sum() / np.square(y - y.mean()).sum(), rel=1e-6
    )


@pytest.mark.parametrize("edge", [(0, 1, 1), (1, 0, 1), (2, 0, 0)])
def test_a_cut_edge_is_gone_and_nothing_else(X, edge):
    net = new_network([2, 2, (0, 1), 1])
    before = bits(net)
    made = net.cut(edge)
    assert same_bits(net, before)
    level, source, target = edge
    assert made.kan_layers[level].edge(source, target) is None
    assert same_bits(made, without(before, edge))
    torch.testing.assert_close(others(made, edge, X), others(net, edge, X), rtol=0, atol=1e-14)
    assert not curve(made, edge, X)[1].any()


def test_cutting_a_fixed_edge_leaves_the_other_fixed_ones(X):
    net = new_network([2, 1]).fix((0, 0, 0), "sin", X).fix((0, 1, 0), "exp", X)
    made = net.cut((0, 0, 0))
    assert [(i, law.name) for i, _, law in made.kan_layers[0].symbolic.fixed] == [(1, "exponential")]
    torch.testing.assert_close(made.trace(X).layers[0].curves, others(net, (0, 0, 0), X), rtol=0, atol=1e-14)


@pytest.mark.parametrize("heir", ["spline", "fixed"])
def test_with_rows_only_the_variation_of_a_cut_edge_is_lost(X, heir):
    net = teach(new_network([2, 1]), (0, 0, 0), lambda x: 5 + np.sin(x))
    net = net.fix((0, 1, 0), "sin", X) if heir == "fixed" else net
    _, y = curve(net, (0, 0, 0), X)
    lost = (net(X) - net.cut((0, 0, 0), X)(X)).detach().numpy()[:, 0]
    np.testing.assert_allclose(lost, y - y.mean(), rtol=0, atol=1e-12)


def test_the_last_edge_may_be_cut_and_leaves_zero(X):
    made = new_network([2, 1]).cut((0, 0, 0), X).cut((0, 1, 0), X)
    assert made(X).abs().max() == 0


@pytest.mark.parametrize(
    ("written", "law"),
    [
        ("sin", lambda u: np.sin(u)),
        ("exp", lambda u: np.exp(u)),
        ("tanh", lambda u: np.tanh(u)),
    ],
)
def test_an_edge_set_free_follows_its_function_on_the_whole_domain(X, written, law):
    net = teach(new_network([2, 1]), (0, 0, 0), lambda x: law(3 * x)).refine(5).fix((0, 0, 0), written, X)
    a, b, c, d, _ = net.kan_layers[0].symbolic.constants[0].tolist()
    made = net.set_free((0, 0, 0), tolerance=1e-4)
    x = torch.linspace(-1, 1, 999, dtype=torch.float64)
    wanted = c * law(a * x.numpy() + b) + d
    _, found = curve(made, (0, 0, 0), torch.stack([x, x], dim=1))
    assert np.abs(found - wanted).max() <= 1.01e-4 * np.ptp(wanted)
    assert made.kan_layers[0].edge(0, 0) == "spline"
    assert made.kan_layers[0].spline.weight[0, :, 0].abs().max() > 0


def test_finer_cells_change_the_neighbours_by_rounding_only(X):
    net = new_network([2, 1]).fix((0, 0, 0), "sin", X)
    with torch.no_grad():
        net.kan_layers[0].symbolic.constants[0, 0] = 12.0
    made = net.set_free((0, 0, 0))
    assert made.kan_layers[0].spline.intervals > net.kan_layers[0].spline.intervals
    torch.testing.assert_close(others(made, (0, 0, 0), X), others(net, (0, 0, 0), X), rtol=0, atol=1e-11)


def test_a_free_edge_can_be_trained(X):
    net = new_network([2, 1]).fix((0, 0, 0), "sin", X)
    free = net.set_free((0, 0, 0), X)
    free(X).sum().backward()
    assert free.kan_layers[0].spline.weight.grad[0, :, 0].abs().max() > 0
    assert free.free().numel() > net.free().numel()


def test_a_cut_edge_set_free_is_a_trainable_zero(X):
    net = new_network([2, 1]).cut((0, 0, 0))
    made = net.set_free((0, 0, 0))
    assert torch.equal(made(X), net(X))
    assert made.kan_layers[0].edge(0, 0) == "spline"


def test_a_pole_inside_the_domain_needs_rows_away_from_it():
    net = new_network([1, 1])
    net.kan_layers[0].fix_edge(0, 0, "reciprocal", torch.tensor([1.0, 0.5, 1.0, 0.0, 1.0]))
    with pytest.raises(InputError, match=r"cells misses .* expected 0\.001; raise tolerance, or give rows X"):
        net.set_free((0, 0, 0))
    X = torch.linspace(0, 0.9, 50, dtype=torch.float64)[:, None]
    torch.testing.assert_close(net.set_free((0, 0, 0), X)(X), net(X), rtol=0, atol=2e-3)


def test_a_function_that_no_shift_brings_to_the_data_is_refused(X):
    bare = Function("bare logarithm", "log(u)", lambda u, p: u.log(), lambda u, p: 1 / u, free="", low=0.0)
    net = new_network([2, 1])
    with pytest.raises(InputError, match=r"no constants bend log\(u\) to the curve of edge \(0, 0, 0\)"):
        net.fix((0, 0, 0), bare, X)


def test_constants_that_leave_the_domain_are_refused(X):
    from edgewise.editing import with_match

    match = Match(function("logarithm"), torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0]), 0.0)
    with pytest.raises(InputError, match=r"log\(u\) is not finite on the inputs of edge .* reach from -0\.9"):
        with_match(new_network([2, 1]), (0, 0, 0), match, X)


def test_an_edit_below_a_logarithm_may_not_take_its_values_away(X):
    net = teach(new_network([2, 1, 1]), (0, 0, 0), lambda x: 2 + np.sin(x))
    net = teach(net, (0, 1, 0), lambda x: 0.5 * x)
    net.kan_layers[1].fix_edge(0, 0, "logarithm", torch.tensor([1.0, -1.3, 1.0, 0.0, 1.0]))
    net.kan_layers[0].fix_edge(0, 0, "linear", torch.tensor([0.0, 0.0, 1.0, 3.0, 1.0]))
    assert net(X).isfinite().all()
    with pytest.raises(InputError, match=r"takes fixed edges above it out of the range .* 150 of 150 rows"):
        net.cut((0, 1, 0), X).cut((0, 0, 0), X)


def broken(X):
    net = new_network([2, 1, 1])
    net.kan_layers[0].fix_edge(0, 0, "logarithm", torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0]))
    return net.fix((1, 0, 0), "sin", X)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda net, X: net.fix((0, 0, 0), "sinus", X), "no function is called 'sinus'"),
        (lambda net, X: net.fix((0, 2, 0), "sin", X), r"layer 0 has sources 0 to 1 and targets 0 to 2"),
        (lambda net, X: net.fix((2, 0, 0), "sin", X), r"the network has layers 0 to 1"),
        (
            lambda net, X: net.fix((0, 0), "sin", X),
            r"expected \(layer, source, target\), three whole numbers",
        ),
        (lambda net, X: net.fix((0, 0, 0.5), "sin", X), "three whole numbers"),
        (lambda net, X: net.fix((0, 0, -1), "sin", X), "targets 0 to 2"),
        (lambda net, X: net.fix((0, 0, 0), "sin", X[:, :1]), "X has 1 columns: expected 2"),
        (lambda net, X: net.cut((0, 0, 0)).fix((0, 0, 0), "sin", X), "is cut and has no curve; set it free"),
        (lambda net, X: net.cut((0, 0, 0)).cut((0, 0, 0)), "is cut already"),
        (lambda net, X: net.set_free((0, 0, 0)), "is a spline already"),
        (lambda net, X: net.cut((0, 0, 0)).set_free((0, 0, 0), tolerance=0), "expected a positive share"),
        (lambda net, X: net.fix((0, 0, 0), "sin", X * torch.nan), "X holds NaN"),
        (lambda net, X: broken(X), r"inputs of edge \(1, 0, 0\) are not finite on X"),
    ],
)
def test_what_cannot_be_done_says_so_in_one_line(X, edit, message, untyped):
    with pytest.raises(InputError, match=message) as caught:
        edit(new_network([2, (1, 1), 1]), X)
    assert "\n" not in str(caught.value)


def test_a_constant_edge_takes_a_line_and_nothing_else(X):
    net = teach(new_network([2, 1]), (0, 0, 0), lambda x: np.full_like(x, 4.0))
    with pytest.raises(InputError, match="is constant on X"):
        fixed(net, (0, 0, 0), "sin", X)
    torch.testing.assert_close(fixed(net, (0, 0, 0), "linear", X)(X), net(X), rtol=0, atol=1e-12)


def test_norms_and_residuals_do_not_stand_in_the_way(X):
    net = new_network([2, 3, 3, 1], norm="rms", residual="plain")
    made = net.fix((1, 2, 0), "sin", X).cut((1, 0, 0), X).set_free((1, 2, 0), X)
    assert made(X).isfinite().all()
    assert made.kan_layers[1].edge(0, 0) is None


def test_an_edit_is_a_network_of_its_own(X):
    net = new_network([2, 1])
    made = net.cut((0, 0, 0))
    before = copy.deepcopy(net.state_dict())
    with torch.no_grad():
        for part in made.parameters():
            part.add_(1.0)
    assert same_bits(net, before)
