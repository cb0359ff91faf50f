"""Grids, symmetries and puzzles against their definitions and a solver that only tries."""

import itertools

import numpy as np
import pytest

from edgewise.study.hosts import sudoku

GRIDS = 28_200_960  # 6 x 6 with boxes of 2 x 3
NAMINGS, PLACINGS = 720, 48 * 72


def is_grid(grid):
    square = np.asarray(grid).reshape(6, 6)
    boxes = square.reshape(3, 2, 2, 3).swapaxes(1, 2).reshape(6, 6)
    return all(sorted(unit) == [1, 2, 3, 4, 5, 6] for part in (square, square.T, boxes) for unit in part)


def solutions(grid, most=2):
    """How many, by trying digits in the first blank cell."""
    if 0 not in grid:
        return 1
    place = list(grid).index(0)
    row, column = divmod(place, 6)
    seen = {
        grid[k]
        for k in range(36)
        if k // 6 == row or k % 6 == column or (k // 12 == place // 12 and k % 6 // 3 == column // 3)
    }
    found = 0
    for digit in set(range(1, 7)) - seen:
        found += solutions((*grid[:place], digit, *grid[place + 1 :]), most - found)
        if found >= most:
            break
    return found


def rounds_of(grid):
    """How often the two rules are applied to all cells at once, with sets."""
    units = [
        [k for k in range(36) if key(k) == unit]
        for key in (lambda k: k // 6, lambda k: k % 6, lambda k: (k // 12) * 2 + k % 6 // 3)
        for unit in range(6)
    ]
    grid, rounds = list(grid), 0
    while 0 in grid:
        may = {
            k: set(range(1, 7)) - {grid[j] for unit in units if k in unit for j in unit}
            for k in range(36)
            if grid[k] == 0
        }
        new = {k: digits for k, digits in may.items() if len(digits) == 1}
        for unit, digit in itertools.product(units, range(1, 7)):
            places = [k for k in unit if digit in may.get(k, ())]
            if len(places) == 1:
                new[places[0]] = {digit}
        for k, (digit,) in new.items():
            grid[k] = digit
        rounds += 1
    return rounds


@pytest.fixture(scope="module")
def placings():
    """All ways to move cells, (3456, 36)."""
    pairs, threes = (list(itertools.permutations(range(n))) for n in (2, 3))
    rows = [
        [2 * band + row for band, inner in zip(bands, inners, strict=True) for row in inner]
        for bands in threes
        for inners in itertools.product(pairs, repeat=3)
    ]
    columns = [
        [3 * stack + column for stack, inner in zip(stacks, inners, strict=True) for column in inner]
        for stacks in pairs
        for inners in itertools.product(threes, repeat=2)
    ]
    return np.array([[6 * r + c for r in row for c in column] for row in rows for column in columns])


def images(grid, placings):
    """The grid under every placing, its digits named anew by the first row; sorted."""
    moved = np.asarray(grid)[placings]
    names = np.zeros((len(moved), 7), dtype=int)
    np.put_along_axis(names, moved[:, :6], np.arange(1, 7)[None].repeat(len(moved), 0), 1)
    return sorted(map(tuple, np.take_along_axis(names, moved, 1).tolist()))


def test_the_classes_are_all_grids_there_are(placings):
    grids, members = sudoku.classes()
    assert len(grids) == 49
    assert members.sum() == GRIDS
    for grid, size in zip(grids.tolist(), members, strict=True):
        assert is_grid(grid)
        every = images(grid, placings)
        assert tuple(grid) == every[0]
        assert size == NAMINGS * PLACINGS // every.count(every[0])


def test_symmetries_map_grids_to_grids_of_the_class(placings, rng):
    grid = sudoku.classes()[0][20]
    moved = sudoku.moved(np.tile(grid, (50, 1)), *sudoku.symmetries(50, rng))
    assert all(map(is_grid, moved))
    assert len({tuple(image) for image in moved.tolist()}) > 40
    assert images(moved[7], placings)[0] == tuple(grid)


def test_a_symmetry_leaves_blank_cells_blank(rng):
    found = sudoku.puzzles(range(49), 30, 20, rng)
    places, names = sudoku.symmetries(30, rng)
    given, solution = (sudoku.moved(part, places, names) for part in (found.given, found.solution))
    assert ((given == 0).sum(1) == 20).all()
    assert ((given == solution) | (given == 0)).all()
    assert (given != found.given).any()


def test_puzzles_have_one_solution(rng):
    found = sudoku.puzzles(range(49), 40, 20, rng)
    assert len(found) == 40
    for given, solution in zip(found.given.tolist(), found.solution.tolist(), strict=True):
        assert given.count(0) == 20
        assert is_grid(solution)
        assert all(g in (0, s) for g, s in zip(given, solution, strict=True))
        assert solutions(tuple(given)) == 1


def test_two_solutions_are_never_forced():
    """Four cells that hold 2 and 5 crosswise can be read both ways."""
    grid = np.array([[int(d) for d in "123456456123214365365214531642642531"]])
    rows, columns = (0, 1), (1, 4)
    cross = [6 * r + c for r in rows for c in columns]
    assert {int(v) for v in grid[0, cross]} == {2, 5}
    grid[0, cross] = 0
    assert solutions(tuple(grid[0].tolist())) == 2
    filled, rounds = sudoku.forced(grid)
    assert np.flatnonzero(~filled[0]).tolist() == sorted(cross)
    assert rounds[0] == 0


def test_rounds_count_the_chain_of_conclusions(rng):
    found = sudoku.puzzles(range(49), 25, 22, rng)
    assert found.rounds.tolist() == [rounds_of(given) for given in found.given.tolist()]


def test_every_conclusion_is_right(rng):
    found = sudoku.puzzles(range(49), 60, 22, rng)
    digits = np.arange(1, 7)
    known = (found.given[..., None] == digits).astype(np.float32)
    truth = found.solution[..., None] == digits
    for _ in range(found.rounds.max()):
        new = sudoku.singles(known)
        assert not (new & ~truth).any()
        known += new
    assert (known == truth).all()
    assert found.rounds.min() >= 1
    assert found.rounds.max() > 2


def test_parts_of_a_split_share_no_class(placings, rng):
    parts = sudoku.split(25, 10, 10, 12, rng)
    kinds = [
        {images(grid, placings)[0] for grid in part.solution}
        for part in (parts.train, parts.valid, parts.test)
    ]
    assert [len(part) for part in (parts.train, parts.valid, parts.test)] == [25, 10, 10]
    for one, other in itertools.combinations(kinds, 2):
        assert not one & other


def test_grids_are_drawn_by_the_sizes_of_their_classes(placings, rng):
    grids, members = sudoku.classes()
    small, large = int(members.argmin()), int(members.argmax())
    assert members[large] > 20 * members[small]
    drawn = sudoku.drawn_grids([small, large], 30, rng)
    kinds = [images(grid, placings)[0] for grid in drawn]
    assert set(kinds) <= {tuple(grids[small]), tuple(grids[large])}
    assert kinds.count(tuple(grids[large])) > 22
