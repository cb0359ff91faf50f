r"""Sudoku of 6 x 6 cells with boxes of 2 x 3: grids, their symmetries, and puzzles with one solution.

A grid holds every digit once in each row, column and box. What maps grids to grids: naming the digits anew (720 ways),
swapping rows within a band of two, bands, columns within a stack of three, and stacks (48 x 72 ways). The 28,200,960
grids fall into 49 classes under these symmetries; ``sudoku_classes.csv`` has the least grid of every class and the
number of its members, found by enumeration and checked by their sum.

A random grid is a class, drawn by its number of members, and a random symmetry of its least grid. Because classes are
few, a split by *grids* would let augmentation carry test grids into training; here training, validation and test have
**classes of their own**.

A puzzle is a grid with cells made blank at random, kept only if it falls to two rules, both at once, round after round:

    naked single    a cell whose row, column and box leave it one digit
    hidden single   a digit that has one cell left in a row, column or box

A grid so forced has no second solution. The *rounds* it takes say how long the chain of conclusions is.
Cells are numbered row by row; 0 is blank, 1 to 6 are digits.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from jaxtyping import Bool, Float, Int

SIDE, CELLS = 6, 36
TEST_CLASSES, VALID_CLASSES = 12, 8
_HIGH, _WIDE = 2, 3  # of a box
_TRIES = 512


@dataclass(frozen=True)
class Puzzles:
    """``given`` and ``solution`` ``(n, 36)``, and the ``rounds (n,)`` that each takes."""

    given: Int[np.ndarray, "n cells"]
    solution: Int[np.ndarray, "n cells"]
    rounds: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.given)

    def __getitem__(self, rows: Int[np.ndarray, " m"]) -> "Puzzles":
        return Puzzles(self.given[rows], self.solution[rows], self.rounds[rows])


@dataclass(frozen=True)
class Split:
    """Puzzles of which no two parts share a class of grids."""

    train: Puzzles
    valid: Puzzles
    test: Puzzles


@lru_cache(maxsize=1)
def classes() -> tuple[Int[np.ndarray, "classes cells"], Int[np.ndarray, " classes"]]:
    """The least grid of every class and its number of members."""
    with files("edgewise.study.hosts").joinpath("sudoku_classes.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    grids = np.array([[int(digit) for digit in row["grid"]] for row in rows])
    return grids, np.array([int(row["members"]) for row in rows])


@lru_cache(maxsize=1)
def units() -> Float[np.ndarray, "units cells"]:
    """1 where a cell lies in a unit: six rows, six columns, six boxes."""
    row, column = np.divmod(np.arange(CELLS), SIDE)
    box = row // _HIGH * (SIDE // _WIDE) + column // _WIDE
    return np.concatenate([kind == np.arange(SIDE)[:, None] for kind in (row, column, box)]).astype(
        np.float32
    )


def split(train: int, valid: int, test: int, blanks: int, generator: np.random.Generator) -> Split:
    """So many puzzles each, from 29, 8 and 12 classes."""
    order = generator.permutation(len(classes()[0]))
    parts = np.split(order, [TEST_CLASSES, TEST_CLASSES + VALID_CLASSES])
    tested, validated, trained = (
        puzzles(part, count, blanks, generator)
        for part, count in zip(parts, (test, valid, train), strict=True)
    )
    return Split(trained, validated, tested)


def puzzles(
    of: Sequence[int] | np.ndarray, count: int, blanks: int, generator: np.random.Generator
) -> Puzzles:
    """``count`` puzzles with so many blank cells, from grids of the classes ``of``."""
    kept: list[Puzzles] = []
    while sum(map(len, kept)) < count:
        grids = drawn_grids(of, _TRIES, generator)
        places = generator.random((_TRIES, CELLS)).argsort(1) < blanks
        given = np.where(places, 0, grids)
        filled, rounds = forced(given)
        kept.append(Puzzles(given, grids, rounds)[np.flatnonzero(filled.all(1))])
    return Puzzles(
        np.concatenate([part.given for part in kept])[:count],
        np.concatenate([part.solution for part in kept])[:count],
        np.concatenate([part.rounds for part in kept])[:count],
    )


def drawn_grids(
    of: Sequence[int] | np.ndarray, count: int, generator: np.random.Generator
) -> Int[np.ndarray, "count cells"]:
    """Random grids of these classes, each grid as likely as any other."""
    grids, members = classes()
    weights = members[np.asarray(of)]
    chosen = generator.choice(np.asarray(of), count, p=weights / weights.sum())
    return moved(grids[chosen], *symmetries(count, generator))


def symmetries(
    count: int, generator: np.random.Generator
) -> tuple[Int[np.ndarray, "count cells"], Int[np.ndarray, "count digits"]]:
    """Random ones: the cell that comes to each place, and the new name of each digit (0 stays 0)."""
    rows = _orders(count, SIDE // _HIGH, _HIGH, generator)
    columns = _orders(count, SIDE // _WIDE, _WIDE, generator)
    names = np.zeros((count, SIDE + 1), dtype=np.int64)
    names[:, 1:] = generator.random((count, SIDE)).argsort(1) + 1
    return (rows[:, :, None] * SIDE + columns[:, None, :]).reshape(count, CELLS), names


def moved(
    grids: Int[np.ndarray, "count cells"],
    places: Int[np.ndarray, "count cells"],
    names: Int[np.ndarray, "count digits"],
) -> Int[np.ndarray, "count cells"]:
    """The symmetries applied, to puzzles as to grids."""
    return np.take_along_axis(names, np.take_along_axis(grids, places, 1), 1)


def forced(
    given: Int[np.ndarray, "n cells"],
) -> tuple[Bool[np.ndarray, "n cells"], Int[np.ndarray, " n"]]:
    """Which cells the two rules fill, and in how many rounds that is done."""
    known = (given[..., None] == np.arange(1, SIDE + 1)).astype(np.float32)
    rounds = np.zeros(len(given), dtype=np.int64)
    while True:
        new = singles(known)
        going = new.any((1, 2))
        if not going.any():
            return known.any(-1), rounds
        known += new
        rounds += going


def singles(known: Float[np.ndarray, "n cells digits"]) -> Bool[np.ndarray, "n cells digits"]:
    """The conclusions of one round from the digits that are known, one-hot."""
    inside = units()
    open_ = (inside.T @ (inside @ known) == 0) & ~known.any(-1, keepdims=True)
    naked = open_.sum(-1, keepdims=True) == 1
    alone = (inside @ open_.astype(np.float32) == 1).astype(np.float32)
    return open_ & (naked | (inside.T @ alone > 0))


def _orders(count: int, groups: int, size: int, generator: np.random.Generator) -> np.ndarray:
    """Random orders of ``groups x size`` lines that keep groups together."""
    first = generator.random((count, groups)).argsort(1)[:, :, None] * size
    return (first + generator.random((count, groups, size)).argsort(2)).reshape(count, groups * size)
