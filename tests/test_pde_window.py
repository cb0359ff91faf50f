"""Products of a window: nothing before it, standing still after it."""

import pytest
import torch

from edgewise import splines
from edgewise.pde.creases import creased
from edgewise.pde.window import Window, windows

DEGREE = 3
CELLS = creased(torch.linspace(0, 1, 13, dtype=torch.float64), 4, DEGREE, 20)
KNOTS = splines.knots_from_breakpoints(CELLS[None], DEGREE)
ENDS = CELLS.unique_consecutive()[::4]


def values(window, t):
    return splines.basis(t[:, None], KNOTS, DEGREE)[:, 0] @ window.basis(KNOTS[0], DEGREE)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_zero_before_and_constant_after(k):
    window = windows(1, ENDS)[k]
    low, high = ENDS[k], ENDS[k + 1]
    if k > 0:
        before = values(window, torch.linspace(0, float(low), 30, dtype=torch.float64))
        assert float(before.abs().max()) < 1e-14
    if k < 2:
        after = values(window, torch.linspace(float(high), 1, 30, dtype=torch.float64))
        torch.testing.assert_close(after, after[:1].expand_as(after), rtol=0, atol=1e-14)
        assert float(after.abs().max()) > 0.1


def test_all_that_is_free_in_a_window_counts():
    """A spline of 4 cells and degree 3 has 7 numbers; a window's start takes one, but for the first's."""
    sizes = [window.basis(KNOTS[0], DEGREE).shape[1] for window in windows(1, ENDS)]
    assert sizes == [7, 6, 6]
    for window, size, low, high in zip(windows(1, ENDS), sizes, ENDS[:-1], ENDS[1:], strict=True):
        inside = values(window, torch.linspace(float(low), float(high), 40, dtype=torch.float64))
        assert int(torch.linalg.matrix_rank(inside)) == size


def test_a_basis_is_orthonormal():
    basis = Window(1, float(ENDS[1]), float(ENDS[2])).basis(KNOTS[0], DEGREE)
    torch.testing.assert_close(basis.T @ basis, torch.eye(basis.shape[1]).double())
