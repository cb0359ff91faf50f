"""Both families of edges keep the contract; what is special to each follows."""

import pytest
import torch

from contracts.edges import EdgesContract
from edgewise import splines
from edgewise.catalogue import function
from edgewise.edges import SplineEdges, SymbolicEdges, base_function
from edgewise.errors import InputError


def spline_edges(base, degree=3, dtype=torch.float64, masked=False):
    """Splines of 4 cells on [-1, 1] with random weights; ``masked`` takes two of the six edges away."""
    ends = torch.ones(3, dtype=torch.float64)
    knots = splines.uniform_knots(-ends, ends, 4, degree)
    draw = torch.Generator().manual_seed(1)
    weight = torch.randn(3, 4 + degree + (base is not None), 2, generator=draw, dtype=torch.float64)
    bundle = SplineEdges(weight.to(dtype), knots.to(dtype), degree, base)
    if masked:
        bundle.mask[0, 0] = bundle.mask[2, 1] = 0.0
    return bundle


class TestSplines(EdgesContract):
    def make(self, dtype=torch.float64):
        return spline_edges("silu", dtype=dtype)


class TestBareSplines(EdgesContract):
    def make(self, dtype=torch.float64):
        return spline_edges(None, degree=2, dtype=dtype)


class TestSplinesWithHoles(EdgesContract):
    def make(self, dtype=torch.float64):
        return spline_edges("identity", dtype=dtype, masked=True)


class TestSymbolic(EdgesContract):
    FIXED = ((0, 0, "sine"), (1, 0, "linear"), (1, 1, "arctangent"), (2, 1, "softplus"), (0, 1, "square"))

    def make(self, dtype=torch.float64):
        draw = torch.Generator().manual_seed(2)
        constants = torch.rand(5, 5, generator=draw, dtype=torch.float64) + 0.3
        return SymbolicEdges(3, 2, self.FIXED, constants.to(dtype))


class TestPowers(EdgesContract):
    """Power laws, whose exponent is free; their argument stays positive wherever the contract looks but far out."""

    def make(self, dtype=torch.float64):
        constants = torch.tensor([[1.0, 2.5, 0.7, 0.1, 1.7], [1.0, 2.1, -0.4, 0.0, -0.6]], dtype=dtype)
        return SymbolicEdges(3, 2, ((0, 0, "power"), (1, 1, "power")), constants)

    def test_far_outside_all_is_finite(self):
        assert bool(torch.isfinite(self.make()(torch.full((1, 3), 1e4).double())).all())


def fixed(*rows):
    """One symbolic edge from 1 input to 1 output for each ``(name, a, b, c, d, p)``."""
    constants = torch.tensor([row[1:] for row in rows], dtype=torch.float64)
    return SymbolicEdges(1, 1, tuple((0, 0, row[0]) for row in rows), constants)


@pytest.mark.parametrize("base", [None, "identity"])
def test_splines_leave_their_domain_along_a_line(base):
    bundle = spline_edges(base)
    outside = torch.tensor([[1.0], [2.0], [3.0], [11.0]]).double().expand(4, 3)
    y = bundle(outside)
    torch.testing.assert_close(y[3] - y[0], 10 * (y[1] - y[0]), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(y[2] - y[1], y[1] - y[0], rtol=1e-9, atol=1e-9)


def test_a_missing_edge_says_nothing_and_is_not_free():
    bundle, full = spline_edges("silu", masked=True), spline_edges("silu")
    x = torch.linspace(-2, 2, 9).double()[:, None].expand(9, 3)
    for source, target in ((0, 0), (2, 1)):
        assert bool((bundle.curves(x)[:, source, target] == 0).all())
    assert torch.equal(bundle.curves(x)[:, 1], full.curves(x)[:, 1])
    assert (bundle.free().numel(), full.free().numel()) == (4 * 8, 6 * 8)


def test_free_parameters_run_edge_by_edge():
    bundle = spline_edges("silu", masked=True)
    assert torch.equal(bundle.free()[:8], bundle.weight[0, :, 1])
    assert torch.equal(bundle.free()[-8:], bundle.weight[2, :, 0])


def test_coefficients_are_the_spline_part_of_the_weights():
    bundle, x = spline_edges("silu"), torch.tensor([[0.1, -0.4, 0.7]]).double()
    curve = splines.evaluate(x, bundle.coef, bundle.knots, 3)
    silu = torch.nn.functional.silu(x)[..., None] * bundle.weight[:, -1]
    torch.testing.assert_close(bundle.curves(x), curve + silu)
    assert bundle.intervals == 4


def test_a_fixed_edge_computes_its_formula():
    bundle, x = fixed(("sine", 2.0, 0.5, 3.0, -1.0, 1.0)), torch.tensor([[0.3], [4.0]]).double()
    torch.testing.assert_close(bundle(x), 3 * torch.sin(2 * x + 0.5) - 1)


def test_constants_the_data_cannot_tell_stay_put():
    bundle = fixed(("logarithm", -1.0, 2.0, 3.0, 4.0, 5.0))
    assert bundle.free().tolist() == [2.0, 3.0, 4.0]
    bundle.assign(torch.tensor([7.0, 8.0, 9.0], dtype=torch.float64))
    assert bundle.constants.tolist() == [[-1.0, 7.0, 8.0, 9.0, 5.0]]


def test_a_function_may_be_given_by_name_or_itself():
    assert fixed(("sine", 1.0, 0.0, 1.0, 0.0, 1.0)).fixed == ((0, 0, function("sine")),)
    with pytest.raises(InputError, match="no function is called 'wave'"):
        fixed(("wave", 1.0, 0.0, 1.0, 0.0, 1.0))


def test_no_fixed_edge_means_zero():
    bundle = SymbolicEdges(2, 3, (), torch.zeros(0, 5))
    assert torch.equal(bundle(torch.ones(4, 2)), torch.zeros(4, 3))
    assert bundle.free().shape == (0,)
    assert bundle.columns(bundle.prepare(torch.ones(4, 2)), torch.ones(4, 3)).shape == (4, 0)


def test_base_functions_have_names():
    assert base_function(None) is None
    assert base_function("identity")(torch.tensor(3.0)) == 3.0
    with pytest.raises(InputError, match=r"base='relu' is not known; choose one of: silu, identity, or None"):
        base_function("relu")
