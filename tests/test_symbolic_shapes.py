from itertools import groupby

import pytest
import torch

from edgewise.symbolic.shapes import shapes

EVERY = [(inputs, shape) for inputs in (1, 2, 3, 4, 6) for shape in shapes(inputs)]
PRODUCTS = [(inputs, shape) for inputs, shape in EVERY if "product" in shape.name]


def each(cases):
    names = [f"{inputs}-{shape.name}-{k}" for k, (inputs, shape) in enumerate(cases)]
    return pytest.mark.parametrize(("inputs", "shape"), cases, ids=names)


def factors(shape, inputs):
    """The inputs that feed each of the two factors of a product."""
    net = shape.build(torch.Generator().manual_seed(0))
    first = net.widths[1][0]
    return [{i for i in range(inputs) if net.kan_layers[0].edge(i, first + k)} for k in range(2)]


@each(EVERY)
def test_every_shape_builds_a_double_precision_network_of_its_widths(inputs, shape, generator):
    net = shape.build(generator, intervals=4)
    assert (net.in_features, net.out_features, net.intervals) == (inputs, 1, 4)
    y = net(torch.rand(5, inputs, dtype=torch.float64))
    assert y.dtype == torch.float64
    assert torch.isfinite(y).all()


@each(EVERY)
def test_absent_edges_are_absent_and_all_others_there(inputs, shape, generator):
    net = shape.build(generator)
    gone = {
        (level, i, o)
        for level, layer in enumerate(net.kan_layers)
        for i in range(layer.in_features)
        for o in range(layer.out_features)
        if layer.edge(i, o) is None
    }
    assert gone == set(shape.absent)


@each(EVERY)
def test_straight_tops_add_the_nodes_up(inputs, shape, generator):
    net = shape.build(generator)
    x = torch.rand(20, inputs, dtype=torch.float64)
    top = net.trace(x).layers[-1]
    is_sum = torch.allclose(net(x), top.inputs.sum(1, keepdim=True))
    assert is_sum == (shape.straight_top and len(net.kan_layers) > 1)


@pytest.mark.parametrize("inputs", [1, 2, 3, 4, 5, 8])
def test_no_shape_comes_twice(inputs):
    found = list(shapes(inputs))
    assert len({(shape.widths, frozenset(shape.absent), shape.straight_top) for shape in found}) == len(found)


@pytest.mark.parametrize("inputs", [2, 3, 4, 6])
def test_shapes_come_the_simplest_first(inputs):
    names = [name for name, _ in groupby(shapes(inputs), key=lambda shape: shape.name)]
    assert names == ["sum", "outer", "product", "sum and product", "outer product", "two terms"]


def test_one_input_has_no_products():
    assert [shape.name for shape in shapes(1)] == ["sum", "outer", "two terms"]


@each(PRODUCTS)
def test_each_input_feeds_one_factor_and_no_factor_is_empty(inputs, shape):
    first, second = factors(shape, inputs)
    assert first
    assert second
    assert first.isdisjoint(second)
    assert first | second == set(range(inputs))


@pytest.mark.parametrize(("inputs", "splits"), [(2, 1), (3, 3), (4, 7), (5, 5), (8, 8)])
def test_up_to_four_inputs_every_split_is_tried_then_each_input_alone(inputs, splits):
    found = [factors(shape, inputs) for shape in shapes(inputs) if shape.name == "product"]
    assert len({frozenset(map(frozenset, pair)) for pair in found}) == len(found) == splits
    if inputs > 4:
        assert all(min(map(len, pair)) == 1 for pair in found)


def test_the_generator_alone_decides_the_first_weights():
    first, second, other = (
        next(iter(shapes(2))).build(torch.Generator().manual_seed(seed)).free() for seed in (3, 3, 4)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
