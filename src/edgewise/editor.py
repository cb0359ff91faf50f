"""A network edited step by step: fix, cut, free, refit, and back.

Every step is a network of its own, so going back is looking at an earlier one: ``undo`` returns the very same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from edgewise.catalogue import Function, spelled
from edgewise.data import as_matrix, as_tensors
from edgewise.editing import TOLERANCE, Place, best_match, checked_edge, cut, freed, with_match
from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.symbolic.match import Match
from edgewise.train import Step as TrainStep
from edgewise.train import TrainConfig, train
from edgewise.train.config import Watch

SECONDS = 10.0


@dataclass(frozen=True)
class Step:
    """One step and the network after it.

    ``action`` is ``"start"``, ``"fix"``, ``"cut"``, ``"free"`` or ``"refit"``; ``detail`` the function fixed to, or
    how the fit ended. ``loss`` is the mean square error on the rows over the targets' variance, averaged over the
    outputs, or the share of rows put into a wrong class; ``match`` is R2 of the function against the edge's curve,
    ``history`` that of a refit.
    """

    action: str
    edge: Place | None
    detail: str
    loss: float
    network: KAN = field(repr=False)
    match: float | None = None
    history: tuple[TrainStep, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        where = "" if self.edge is None else f" {self.edge}"
        what = f" to {self.detail} (R2 {self.match:.6f})" if self.match is not None else ""
        return f"{self.action}{where}{what}: loss {self.loss:.3g}"


class Editor:
    """A network, the rows it is judged on, and a history to go back and forth in.

    Args:
        network: where to start; never changed. No step changes one that was shown, either.
        X: rows ``(n, inputs)`` the edges are looked at on.
        y: targets ``(n,)`` or ``(n, outputs)`` of a refit; the network's own outputs at the start without them.
        config: how to refit; whatever it says, a refit starts from the present network, cells and scales.

    Example:
        >>> X = torch.linspace(-1, 1, 100)[:, None]
        >>> editor = Editor(KAN([1, 1], generator=torch.Generator().manual_seed(0)), X, torch.sin(3 * X))
        >>> editor.fix((0, 0, 0), "sin").action, editor.refit().loss < 0.01, editor.undo().action
        ('fix', True, 'fix')
    """

    def __init__(self, network: KAN, X: Any, y: Any = None, *, config: TrainConfig | None = None) -> None:
        self.config = config or TrainConfig()
        self.X = as_matrix(X, "X")
        if self.X.shape[1] != network.in_features:
            raise InputError(
                f"X has {self.X.shape[1]} columns: expected {network.in_features}, one for each input"
            )
        if y is None:
            with torch.no_grad():
                y = network(self.X.to(network.input_center))
        self.y = as_tensors(X, y)[1]
        self._steps = (Step("start", None, "", self._loss(network), network),)
        self._at = 0

    @property
    def network(self) -> KAN:
        """The network after the present step."""
        return self._steps[self._at].network

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps up to the present one, the start first."""
        return self._steps[: self._at + 1]

    @property
    def undone(self) -> tuple[Step, ...]:
        """The steps that ``redo`` would take, the next one first."""
        return self._steps[self._at + 1 :]

    def fix(self, edge: Sequence[int], function: str | Function) -> Step:
        """Fixes an edge to a function; see ``edgewise.editing.fixed``."""
        law = spelled(function) if isinstance(function, str) else function
        return self.put(edge, best_match(self.network, edge, law, self.X))

    def put(self, edge: Sequence[int], match: Match) -> Step:
        """Fixes an edge to one of its ``edgewise.editing.candidates``."""
        made = with_match(self.network, edge, match, self.X)
        place = checked_edge(made, edge)
        return self._take(made, "fix", place, match.function.name, match=1 - match.error**2)

    def cut(self, edge: Sequence[int]) -> Step:
        """Takes an edge away and leaves its mean on the rows behind; see ``edgewise.editing.cut``."""
        made = cut(self.network, edge, self.X)
        return self._take(made, "cut", checked_edge(made, edge))

    def free(self, edge: Sequence[int], tolerance: float = TOLERANCE) -> Step:
        """Makes an edge a spline again; see ``edgewise.editing.freed``."""
        made = freed(self.network, edge, self.X, tolerance)
        return self._take(made, "free", checked_edge(made, edge))

    def refit(self, max_seconds: float | None = SECONDS, watch: Watch | None = None) -> Step:
        """Trains all that can move from where it is: splines, and the constants of fixed functions.

        ``watch`` is told of every step; see ``edgewise.train``.
        """
        network = self.network
        if not network.free().numel():
            raise InputError("no edge is left to fit; undo, or set an edge free")
        config = replace(
            self.config,
            starts=1,
            intervals=(network.intervals,),
            keep_scales=True,
            max_seconds=max_seconds,
        )
        result = train(network, self.X, self.y, config, watch=watch)
        return self._take(result.network, "refit", detail=result.message, history=result.history)

    def undo(self) -> Step:
        """Goes back one step and returns the step that is the present one now."""
        return self._go(self._at - 1, "undo")

    def redo(self) -> Step:
        """Goes forward again; returns the step that is the present one now."""
        return self._go(self._at + 1, "redo")

    def _go(self, at: int, word: str) -> Step:
        if not 0 <= at < len(self._steps):
            raise InputError(f"nothing to {word}: this is the {'first' if at < 0 else 'last'} step")
        self._at = at
        return self._steps[at]

    def _take(
        self, network: KAN, action: str, edge: Place | None = None, detail: str = "", **more: Any
    ) -> Step:
        """Adds a step after the present one; those undone are gone."""
        step = Step(action, edge, detail, self._loss(network), network, **more)
        self._steps, self._at = (*self.steps, step), self._at + 1
        return step

    def _loss(self, network: KAN) -> float:
        with torch.no_grad():
            made = network(self.X.to(network.input_center)).to(self.y)
        if self.config.loss == "cross-entropy":
            return float((made.argmax(1) != self.y[:, 0]).double().mean())
        spread = self.y.var(0, correction=0).clamp(min=torch.finfo(self.y.dtype).tiny)
        return float(((made - self.y).square().mean(0) / spread).mean())
