r"""Deep supervision: a batch of puzzles that stay for several steps, their state carried without its gradient.

    loss = mean over blank cells of CE(digits, solution)  +  1/2 mean over puzzles of BCE(halt, all of them right)

Each of the batch's places keeps its puzzle for ``supervised`` steps of training, then takes the next; places take
turns, so that every batch holds puzzles at all stages. A new puzzle is a random one of the training set, moved by a
random symmetry. What comes next does not depend on the model, so all arms see the same batches. Given cells are not
asked for: they stand in the puzzle.
"""

import copy
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn import functional

from edgewise.study.hosts.recursive import Model, Said, State
from edgewise.study.hosts.sudoku import Puzzles, moved, symmetries

HALTING = 0.5
MEMORY = 0.99
_AT_ONCE = 128


class Supervision:
    """The batch; ``loss(step)`` is that of one step of training."""

    def __init__(
        self, model: Model, puzzles: Puzzles, batch: int, supervised: int, generator: np.random.Generator
    ) -> None:
        self.model, self.puzzles, self.supervised, self._generator = model, puzzles, supervised, generator
        self._turn = torch.arange(batch) % supervised
        self.given, self.solution = self._next(batch)
        self.state = model.reader.begun(batch)

    def loss(self, step: int) -> Tensor:
        """Of the step, counted from 0; changes puzzles and state."""
        if step > 0:
            self._replace(self._turn == step % self.supervised)
        self.state, said = self.model(self.state, self.given)
        return loss(said, self.given, self.solution)

    def _replace(self, places: Bool[Tensor, " batch"]) -> None:
        given, solution = self._next(int(places.sum()))
        self.given, self.solution = self.given.clone(), self.solution.clone()
        self.given[places], self.solution[places] = given, solution
        start = self.model.reader.begun(len(places))
        chosen = places[:, None, None]
        self.state = State(
            *(torch.where(chosen, new, old) for new, old in zip(start, self.state, strict=True))
        )

    def _next(self, count: int) -> tuple[Tensor, Tensor]:
        rows = self._generator.integers(len(self.puzzles), size=count)
        places, names = symmetries(count, self._generator)
        pair = self.puzzles.given[rows], self.puzzles.solution[rows]
        given, solution = (torch.from_numpy(moved(grids, places, names)) for grids in pair)
        return given, solution


def loss(said: Said, given: Tensor, solution: Tensor) -> Tensor:
    """See the module's page."""
    blank = given == 0
    of_cells = functional.cross_entropy(said.digits[blank], solution[blank] - 1)
    right = ((said.digits.argmax(-1) + 1 == solution) | ~blank).all(1)
    return of_cells + HALTING * functional.binary_cross_entropy_with_logits(said.halt, right.to(said.halt))


class Averaged(nn.Module):
    r"""A model and the running mean of its weights, which is what is judged.

    mean <- m mean + (1 - m) live,   m = min(0.99, (1 + t) / (10 + t)) after step t
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.live = model
        self.mean = copy.deepcopy(model).requires_grad_(False)

    def update(self, step: int) -> None:
        """After a step of training, counted from 0."""
        share = 1 - min(MEMORY, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, live in zip(self.mean.parameters(), self.live.parameters(), strict=True):
                mean.lerp_(live, share)


class Answers(NamedTuple):
    """After every step of supervision: ``right (steps, puzzles, cells)`` and ``halt (steps, puzzles)``, logits."""

    right: np.ndarray
    halt: np.ndarray


def answers(model: Model, puzzles: Puzzles, steps: int) -> Answers:
    """What the model makes of puzzles in so many steps of supervision."""
    given, solution = torch.from_numpy(puzzles.given), torch.from_numpy(puzzles.solution)
    parts = [
        _answered(model, given[start : start + _AT_ONCE], solution[start : start + _AT_ONCE], steps)
        for start in range(0, len(given), _AT_ONCE)
    ]
    right, halt = (torch.cat(part, dim=1).numpy() for part in zip(*parts, strict=True))
    return Answers(right, halt)


@torch.no_grad()
def _answered(model: Model, given: Tensor, solution: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    state, right, halt = model.reader.begun(len(given)), [], []
    for _ in range(steps):
        state, said = model(state, given)
        right.append((said.digits.argmax(-1) + 1 == solution) | (given > 0))
        halt.append(said.halt)
    return torch.stack(right), torch.stack(halt)
