"""Tables in: what is refused, what is scaled, what is split."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from edgewise.data import as_matrix, as_tensors, measure, split_rows
from edgewise.errors import InputError
from edgewise.network import KAN

GOOD = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (
            [[1.0, NAN], [2.0, 3.0], [INF, 1.0]],
            "X holds NaN or infinity in 2 cells, first at row 0, column 1",
        ),
        ([[1.0], [-INF], [2.0]], "first at row 1, column 0; drop or fill those rows"),
        ([["a", "b"]] * 3, "X holds something that is not a number"),
        ([[1.0, None]] * 3, "not a number|NaN"),
        ([[1.0], [2.0, 3.0], [4.0]], "not a number"),
        ([[1j], [2j], [3j]], "not a number"),
        (np.ones((3, 1), dtype=complex), "not a number"),
        (torch.ones(3, 1, dtype=torch.complex64), "not a number"),
        ([[10**400]] * 3, "not a number"),
        ([1.0, 2.0, 3.0], r"X has shape \(3,\): expected rows and columns; try X.reshape\(-1, 1\)"),
        (5.0, r"X has shape \(\)"),
        (np.ones((3, 1, 1)), r"X has shape \(3, 1, 1\)"),
        (np.ones((0, 2)), r"X has shape \(0, 2\): nothing to learn from"),
        (np.ones((3, 0)), "nothing to learn from"),
        ([[1e300], [1.0], [2.0]], r"X reaches 1e\+300, beyond 1e\+150; use other units"),
        (GOOD[:2], "X has 2 rows and y has 3: every row needs its target"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_one_line(X, said):
    with pytest.raises(InputError, match=said) as caught:
        as_tensors(X, [1.0, 2.0, 3.0])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("y", [[1.0, NAN, 2.0], ["a", "b", "c"], [1.0, 2.0], [1e300, 0.0, 0.0], [], 3.0])
def test_targets_are_checked_too(y):
    with pytest.raises(InputError, match="y "):
        as_tensors(GOOD, y)


@pytest.mark.parametrize(
    "X",
    [
        GOOD,
        np.array(GOOD, dtype=np.float32),
        np.array(GOOD, dtype=int),
        torch.tensor(GOOD, requires_grad=True),
        torch.tensor(GOOD, dtype=torch.bfloat16),
        pd.DataFrame(GOOD, columns=["a", "b"]),
        np.array(GOOD, dtype=object),
    ],
    ids=["list", "float32", "int", "tensor", "bfloat16", "frame", "object"],
)
def test_any_kind_of_table_becomes_a_float64_matrix(X):
    inputs, targets = as_tensors(X, pd.Series([1, 2, 3]))
    assert torch.equal(inputs, torch.tensor(GOOD, dtype=torch.float64))
    assert (targets.shape, targets.dtype) == ((3, 1), torch.float64)


def test_the_callers_array_is_not_shared():
    X = np.array(GOOD)
    as_matrix(X, "X").fill_(0.0)
    assert X.tolist() == GOOD


def installed(X, y, products=0):
    """A network that speaks the units of a table."""
    net = KAN([X.shape[1], (y.shape[1] - products, products)], dtype=torch.float64)
    measure(X, y, products).install(net)
    return net


def test_inputs_fill_the_domain_but_for_a_margin(generator):
    X = torch.rand(100, 3, generator=generator).double() * torch.tensor([1e-6, 1.0, 1e6]) + 1e4
    scales = measure(X, X[:, :1])
    scaled = (X - scales.input_center) / scales.input_scale
    torch.testing.assert_close(scaled.amax(0), torch.full((3,), 1 / 1.02).double(), rtol=1e-5, atol=0)
    torch.testing.assert_close(scaled.amin(0), -scaled.amax(0), rtol=1e-5, atol=0)


def test_targets_have_mean_zero_and_deviation_one(generator):
    y = torch.randn(100, 2, generator=generator).double() * 1e-5 + 7.0
    scales = measure(y, y)
    scaled = (y - scales.output_center) / scales.output_scale
    torch.testing.assert_close(scaled.mean(0), torch.zeros(2).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.ones(2).double())


def test_targets_of_products_are_not_shifted():
    y = torch.tensor([[1.0, 3.0], [5.0, 4.0]]).double()
    scales = measure(y, y, products=1)
    assert scales.output_center.tolist() == [3.0, 0.0]
    assert scales.output_scale.tolist() == pytest.approx([2.0, 12.5**0.5])


@pytest.mark.parametrize(("value", "scale"), [(0.0, 1.0), (5.0, 5.0), (-1e-9, 1e-9), (1e100, 1e100)])
def test_a_constant_column_is_scaled_by_its_own_size(value, scale):
    X = torch.full((4, 1), value, dtype=torch.float64)
    scales = measure(X, X)
    assert (scales.input_center.item(), scales.output_center.item()) == (value, value)
    assert scales.input_scale.item() == scales.output_scale.item() == pytest.approx(scale)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6, 1e140])
def test_what_is_installed_undoes_itself(size, generator):
    X = (torch.randn(30, 2, generator=generator).double() + 3.0) * size
    net = installed(X, X)
    inside = net.trace(X).layers[0].inputs
    torch.testing.assert_close(inside * net.input_scale + net.input_center, X)
    torch.testing.assert_close(net.scaled(net.prepare(X)) * net.output_scale + net.output_center, net(X))
    assert bool((inside.abs() <= 1.0).all())


@given(st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=20))
def test_scaled_columns_are_finite_and_bounded_for_any_numbers(column):
    X = as_matrix(np.array(column)[:, None], "X")
    scales = measure(X, X)
    scaled = (X - scales.input_center) / scales.input_scale
    assert bool((scales.input_scale > 0).all())
    assert bool((scaled.abs() <= 1.0).all())
    assert bool(torch.isfinite((X - scales.output_center) / scales.output_scale).all())


@given(st.integers(1, 200), st.floats(0, 0.999))
@example(1, 0.9)
def test_a_split_deals_out_every_row_once(rows, share):
    kept, held = split_rows(rows, share, torch.Generator().manual_seed(0))
    assert sorted(kept.tolist() + held.tolist()) == list(range(rows))
    assert len(kept) >= 1
    assert abs(len(held) - rows * share) <= 1


def test_a_split_follows_its_generator():
    first, second, other = (split_rows(50, 0.3, torch.Generator().manual_seed(s))[1] for s in (0, 0, 1))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
