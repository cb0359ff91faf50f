"""Shapes and published figures: what the paper's tables say, and that nothing larger is tried."""

from itertools import pairwise

import pytest

from edgewise.study.claims.published import FEYNMAN, PUBLISHED, SPECIAL, TOYS
from edgewise.study.claims.shapes import edges, hidden, no_larger, tried
from edgewise.study.tasks.formulas import FORMULAS


def test_every_row_of_the_paper_is_a_formula_and_its_shapes_fit():
    assert (len(SPECIAL), len(FEYNMAN), len(TOYS)) == (15, 27, 5)
    assert set(PUBLISHED) | set(TOYS) == set(FORMULAS)
    for name, row in PUBLISHED.items():
        inputs = len(FORMULAS[name].ranges)
        assert {shape[0] for shape in (row.shape, *row.others)} == {inputs}
        assert {shape[-1] for shape in (row.shape, *row.others)} == {1}


@pytest.mark.parametrize(
    ("name", "kan", "mlp"),
    [("ellipj", 1.33e-4, 6.48e-4), ("I.9.18", 1.48e-3, 1.59e-3), ("II.11.27", 1.43e-5, 7.18e-5)],
)
def test_figures_are_the_lowest_of_their_rows_in_the_paper(name, kan, mlp):
    # I.9.18: by hand 1.48e-3, pruned 8.62e-3, unpruned 6.56e-3; II.11.27: 2.67e-5, 4.40e-5, 1.43e-5
    assert (PUBLISHED[name].kan, PUBLISHED[name].mlp) == (kan, mlp)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_nothing_larger_than_the_paper_is_tried(name):
    paper = PUBLISHED[name].shape
    shapes = tried(name, paper[0])
    assert shapes[0] == paper
    assert 1 <= len(shapes) <= 6
    assert len(set(shapes)) == len(shapes)
    for shape in shapes:
        assert len(shape) <= len(paper)
        assert sum(a * b for a, b in pairwise(shape)) <= sum(a * b for a, b in pairwise(paper))
        assert sum(shape[1:-1]) <= sum(paper[1:-1])


def test_counts_of_a_shape():
    assert (edges((2, 3, 2, 1)), hidden((2, 3, 2, 1))) == (14, 5)
    assert not no_larger((2, 1, 1, 1), (2, 5, 1))  # a layer more
    assert not no_larger((2, 6, 1), (2, 5, 1))
    assert tried("ellipj", 2)[-1] == (2, 1, 1)
    assert all(shape[0] == 3 for shape in tried("knots:cusp", 3))
