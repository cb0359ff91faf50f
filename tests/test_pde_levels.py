"""Which network comes next, and how large one is."""

import pytest
import torch

from edgewise.pde.levels import MOST_ROWS, Size, following
from edgewise.pde.problems import CASES, case
from edgewise.pde.state import even, start


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_that_a_network_has(name):
    """Pinned sides, periods, mirrors, creases and parameters of the problem all counted."""
    problem = case(name).build(0)
    cells = 12 + 4 * max(map(len, problem.creases.values()), default=0)
    with torch.no_grad():
        state = start(problem, 3, even(problem, cells, 5), 5, 0)
    assert Size(3, cells).weights(problem, 5) == state.count


def test_what_pays_grows_on_and_what_does_not_gives_way():
    assert following(Size(2, 10), "cells", 5.0, 2) == (Size(2, 14), "cells")
    assert following(Size(2, 10), "cells", 2.0, 2) == (Size(3, 10), "rank")
    assert following(Size(5, 10), "rank", 5.0, 2) == (Size(8, 10), "rank")
    assert following(Size(5, 10), "rank", 2.0, 2) == (Size(5, 14), "cells")


def test_both_at_once_and_what_follows_them():
    assert following(Size(2, 10), "rank", 1.0, 2, both=True) == (Size(3, 14), "both")
    assert following(Size(3, 14), "both", 9.0, 2) == (Size(5, 14), "rank")
    assert following(Size(3, 14), "both", 2.0, 2) == (Size(3, 20), "cells")


def test_cells_stop_where_points_would_be_too_many():
    cells = int(MOST_ROWS**0.5 / 2)
    assert following(Size(2, cells), "cells", 9.0, 2) == (Size(3, cells), "rank")
    assert following(Size(2, cells), "cells", 1.0, 2, both=True) == (Size(3, cells), "both")
    assert following(Size(1, cells), "cells", 1.0, 1, both=True) == (Size(1, round(1.4 * cells)), "cells")
