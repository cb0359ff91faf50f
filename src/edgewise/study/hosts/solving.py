r"""One trial of learning to solve Sudoku: data, training under deep supervision, and what came of it.

    error = ( wrong + 1/2 ) / ( right + 1/2 )      over the blank cells of all test puzzles, after the last step

Arms are compared by cells: a net called once gets most cells right and next to no grid, so that odds of grids would
tell such arms apart by a handful of puzzles; guessing a digit gives odds of 5. What the papers publish is the share of
*grids* solved, and by that number headlines are judged: recursion solves most puzzles whole and fails at the rest with
many cells, while a deep stack errs here and there in many, so that by cells the two can be even. Validation chooses by
cells too.

``size`` multiplies the numbers of puzzles and the widths. The split depends on the seed alone, the batches on the seed
and on how long a puzzle stays, so that arms see the same, and conditions that are built alike too.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from edgewise.study.hosts.loop import Trained, fit
from edgewise.study.hosts.recursive import Model, Net, Reader, Recursive, Shape
from edgewise.study.hosts.shares import spline_figures
from edgewise.study.hosts.sudoku import SIDE, Puzzles, Split, singles, split
from edgewise.study.hosts.supervision import Answers, Averaged, Supervision, answers
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.tasks import seeded

BLANKS, BATCH = 24, 32
SUPERVISED = 4  # steps of supervision that a puzzle stays for, where a state is carried
TRAIN, VALID, TEST = 1000, 128, 512
NUMBERS = {
    "cells": "share of blank cells that are right",
    "grids": "share of puzzles with all cells right",
    "late": "share of right cells among those no rule gives in the first round",
    "first": "share of blank cells that are right after the first step of supervision",
    "longer": "share of blank cells that are right after twice the steps of supervision trained with",
    "halting": "share of puzzles where the halting head knows whether all cells are right",
}

Build = Callable[["Weights", Shape], Model]


class Weights:
    """Draws initial weights: arms differ in their slots, so what is not a slot has generators of its own."""

    def __init__(self, seed: int) -> None:
        parts = ("reader", "mixers", "slots")
        self._reader, self._mixers, self._slots = (_generator(seed, part) for part in parts)

    def reader(self, shape: Shape) -> Reader:
        """Embedding, heads and first states."""
        return Reader(shape.width, self._reader)

    def net(self, arm: str, shape: Shape, calls: int) -> Net:
        """One net of those of which ``calls`` are made in a step of supervision."""
        return Net(arm, shape, 2 * shape.blocks * calls, self._mixers, self._slots)


def solve(trial: Trial, build: Build) -> Outcome:
    """Trains the model that ``build`` makes and judges it on test puzzles."""
    data = _data(trial.seed, trial.size)
    model = Averaged(build(Weights(trial.seed), shape_of(trial.size)))
    supervised = SUPERVISED if isinstance(model.live, Recursive) else 1
    batches = seeded("sudoku", trial.seed, "batches", supervised)
    supervision = Supervision(model.live, data.train, BATCH, supervised, batches)
    trained = fit(
        model,
        trial,
        supervision.loss,
        lambda: odds(answers(model.mean, data.valid, supervised).right[-1], data.valid),
        after_step=model.update,
    )
    return _outcome(model.mean, data.test, supervised, trained)


def shape_of(size: float) -> Shape:
    """32 wide, with slots of 12 KAN nodes, at size 1."""
    return Shape(width=8 * max(1, round(4 * size)), nodes=4 * max(1, round(3 * size)))


def odds(right: np.ndarray, puzzles: Puzzles) -> float:
    """Of wrong blank cells; given ones are counted by ``right`` as right."""
    wrong, blank = int((~right).sum()), int((puzzles.given == 0).sum())
    return (wrong + 0.5) / (blank - wrong + 0.5)


def chance(puzzles: Puzzles) -> float:
    """The odds of guessing digits."""
    blank = int((puzzles.given == 0).sum())
    return ((SIDE - 1) / SIDE * blank + 0.5) / (blank / SIDE + 0.5)


@lru_cache(maxsize=4)
def _data(seed: int, size: float) -> Split:
    train, valid, test = (max(8, round(count * size)) for count in (TRAIN, VALID, TEST))
    return split(train, valid, test, BLANKS, seeded("sudoku", seed, "puzzles"))


def _outcome(model: Model, test: Puzzles, supervised: int, trained: Trained) -> Outcome:
    known: dict[str, Any] = {
        "chance": chance(test),
        "parameters": sum(p.numel() for p in model.parameters()),
        "in_slots": in_slots(model),
        "seconds": trained.seconds,
    }
    if not trained.finite:
        return Outcome("diverged", "loss or gradient not finite", error=known["chance"], **known)
    found = answers(model, test, 2 * supervised)
    error = odds(found.right[supervised - 1], test)
    return Outcome(
        "done",
        error=error,
        valid=trained.valid,
        numbers=_numbers(found, test, supervised),
        **spline_figures(
            model,
            lambda: answers(model, test, supervised),
            lambda net: odds(answers(net, test, supervised).right[-1], test),
        ),
        **known,
    )


def _numbers(found: Answers, test: Puzzles, supervised: int) -> dict[str, float]:
    last = found.right[supervised - 1]
    blank, late, whole = test.given == 0, later(test), last.all(1)
    return {
        "cells": float(last[blank].mean()),
        "grids": float(whole.mean()),
        "late": float(last[late].mean()),
        "first": float(found.right[0][blank].mean()),
        "longer": float(found.right[-1][blank].mean()),
        "halting": float(((found.halt[supervised - 1] > 0) == whole).mean()),
    }


def later(puzzles: Puzzles) -> np.ndarray:
    """Blank cells that the first round leaves open, ``(n, cells)``."""
    known = (puzzles.given[..., None] == np.arange(1, SIDE + 1)).astype(np.float32)
    return (puzzles.given == 0) & ~singles(known).any(-1)


def in_slots(model: Model) -> int:
    """Parameters of all slots."""
    nets = (part for part in model.modules() if isinstance(part, Net))
    return sum(p.numel() for net in nets for p in net.slots.parameters())


def _generator(seed: int, part: str) -> torch.Generator:
    return torch.Generator().manual_seed(int(seeded("sudoku", seed, part).integers(2**62)))
