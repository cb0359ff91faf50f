r"""The recursive core that ``recursion`` and ``hierarchy`` share, and the plain stack that is their control.

With ``x`` the embedded puzzle, ``y`` the answer and ``z`` the latent state, all ``(puzzles, cells, width)``:

    cycle    z <- fast(z + y + x)   n times, then   y <- slow(y + z)
    step     T cycles, then   digits = y W,   halt = mean over cells of y, times v, plus b;   the gradient reaches back
             through the last call of each net ("call", the one-step gradient), the last "cycle", or the whole "step"
    stack    digits = f_K( ... f_1(x)) W, nothing carried

A net is two blocks with post-norm, ``rms`` the root mean square norm over the width without weights:

    h <- rms(h + mix(h)),      h <- rms(h + slot(h)),
    mix(h)_c = sum over k of (mean of h over the unit k of c) W_k,      k its row, its column, its box

Cells hear of each other only through ``mix``, which is linear and knows which cells share a row, a column and a box,
as in the recurrent relational networks of Palm et al., arXiv 1711.08028. All that is not linear is in the slots.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from edgewise.study.hosts.attention import normed
from edgewise.study.hosts.slot import drawn, slot
from edgewise.study.hosts.sudoku import CELLS, SIDE, units

REACHES = ("call", "cycle", "step")
KINDS = 3  # of units: rows, columns, boxes
SHARE = (
    0.25  # of a cell's own energy that it hears from others at the start: at 1, recursion long learns nothing
)
UNSURE = -5.0  # the halting head's first answer: go on


@dataclass(frozen=True)
class Shape:
    """Sizes of a net; ``nodes`` of a KAN in the slot, see ``edgewise.study.hosts.slot``."""

    width: int = 32
    nodes: int = 12
    blocks: int = 2


@dataclass(frozen=True)
class Recursion:
    """``cycles`` of ``inner`` calls of the fast net and one of the slow; ``gradient`` as in the module's page."""

    inner: int
    cycles: int
    gradient: str = "cycle"

    @property
    def calls(self) -> int:
        """Of nets in one step."""
        return self.cycles * (self.inner + 1)


class State(NamedTuple):
    """What is carried from step to step."""

    y: Tensor
    z: Tensor


class Said(NamedTuple):
    """``digits (puzzles, cells, 6)`` and ``halt (puzzles)``, both logits."""

    digits: Tensor
    halt: Tensor


class Net(nn.Module):
    """Blocks of a mixer over cells and a slot over the width; ``depth`` is the slots', see there."""

    def __init__(
        self, arm: str, shape: Shape, depth: int, of_mixers: torch.Generator, of_slots: torch.Generator
    ) -> None:
        super().__init__()
        width, blocks = shape.width, range(shape.blocks)
        self.mixers = nn.ModuleList(Mixer(width, of_mixers) for _ in blocks)
        self.slots = nn.ModuleList(slot(arm, width, shape.nodes, of_slots, depth=depth) for _ in blocks)

    def forward(self, h: Float[Tensor, "n cells width"]) -> Float[Tensor, "n cells width"]:
        for mix, change in zip(self.mixers, self.slots, strict=True):
            h = normed(h + mix(h))
            h = normed(h + change(h))
        return h


class Mixer(nn.Module):
    """``mix`` of the module's page: means over the cells of each unit, mapped by the unit's kind, back to its cells."""

    units: Tensor

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        # the mean of six independent cells has a sixth of their variance, and three of them come together
        variance = SHARE * SIDE / KINDS / width
        self.weight = nn.Parameter(torch.randn(KINDS, width, width, generator=generator) * variance**0.5)
        self.register_buffer("units", torch.from_numpy(units()), persistent=False)

    def forward(self, h: Float[Tensor, "n cells width"]) -> Float[Tensor, "n cells width"]:
        means = (self.units @ h / SIDE).unflatten(1, (KINDS, SIDE))
        return self.units.T @ (means @ self.weight).flatten(1, 2)


class Reader(nn.Module):
    """Puzzles in, digits and the wish to halt out: what recursive and stacked models have in common."""

    start_y: Tensor
    start_z: Tensor

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(SIDE + 1, width, generator=generator))
        self.digits = drawn(width, SIDE, generator)
        self.halt = nn.Parameter(torch.zeros(width))
        self.unsure = nn.Parameter(torch.tensor(UNSURE))
        self.register_buffer("start_y", torch.randn(width, generator=generator))
        self.register_buffer("start_z", torch.randn(width, generator=generator))

    def begun(self, count: int) -> State:
        """The state of puzzles not yet looked at."""
        start = (self.start_y, self.start_z)
        return State(*(part.expand(count, CELLS, -1) for part in start))

    def said(self, y: Float[Tensor, "n cells width"]) -> Said:
        """What an answer says."""
        return Said(y @ self.digits, y.mean(1) @ self.halt + self.unsure)


class Recursive(nn.Module):
    """One step of recursion on ``(state, given)``; ``fast`` and ``slow`` may be one net."""

    def __init__(self, reader: Reader, fast: Net, slow: Net, recursion: Recursion) -> None:
        super().__init__()
        self.reader, self.fast, self.slow, self.recursion = reader, fast, slow, recursion

    def forward(self, state: State, given: Int[Tensor, "n cells"]) -> tuple[State, Said]:
        x, plan = self.reader.embedding[given], self.recursion
        reach = REACHES.index(plan.gradient)
        with nullcontext() if reach >= REACHES.index("step") else torch.no_grad():
            for _ in range(plan.cycles - 1):
                state = self._cycle(state, x, plan.inner)
        with nullcontext() if reach >= REACHES.index("cycle") else torch.no_grad():
            state = self._thought(state, x, plan.inner - 1)
        y, z = self._cycle(state, x, 1)
        return State(y.detach(), z.detach()), self.reader.said(y)

    def _cycle(self, state: State, x: Tensor, inner: int) -> State:
        y, z = self._thought(state, x, inner)
        return State(self.slow(y + z), z)

    def _thought(self, state: State, x: Tensor, times: int) -> State:
        y, z = state
        for _ in range(times):
            z = self.fast(z + y + x)
        return State(y, z)


class Stack(nn.Module):
    """Nets one after the other, each with weights of its own; hands the state on untouched."""

    def __init__(self, reader: Reader, nets: list[Net]) -> None:
        super().__init__()
        self.reader, self.nets = reader, nn.ModuleList(nets)

    def forward(self, state: State, given: Int[Tensor, "n cells"]) -> tuple[State, Said]:
        h = self.reader.embedding[given]
        for net in self.nets:
            h = net(h)
        return state, self.reader.said(h)


Model = Recursive | Stack
