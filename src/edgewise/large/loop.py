"""Training from a table larger than memory: ``fit(module, source, config, loss=...) -> LargeResult``.

The order of rows and everything random inside the module follow from ``seed`` and the number of the step, so a
run can be left and taken up at any step. With a folder, ``fit`` goes on from the newest state there; the same call
starts a run and continues it.
"""

import copy
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgewise import engines
from edgewise.engines import Engine
from edgewise.errors import InputError, ProcessError
from edgewise.large.config import LargeConfig, LargeResult
from edgewise.large.keeper import Keeper
from edgewise.large.learner import Learner, Loss, Rows
from edgewise.large.ledger import Ledger
from edgewise.large.progress import Line
from edgewise.large.signals import Stop
from edgewise.large.sources import Source
from edgewise.large.state import State, packed, parsed
from edgewise.large.stream import batch_rows, batches, batches_per_epoch, in_order
from edgewise.large.units import Units, measured
from edgewise.network import KAN
from edgewise.train.config import LOSSES

_KINDS = {"float32": torch.float32, "bfloat16": torch.float32, "float64": torch.float64}
_SAID = {
    "step limit": "all {steps} steps done",
    "time limit": "stopped at the time limit after {step} of {steps} steps",
    "interrupted": "interrupted after {step} of {steps} steps, best so far kept",
    "rolled back": "the loss exploded or stopped being a number after {step} steps and the last good state before was "
    "kept; lower learning_rate, or check the data",
}


def fit(
    module: nn.Module,
    source: Source,
    config: LargeConfig | None = None,
    *,
    loss: Loss = "squared",
    run: str | Path | None = None,
    validation: Source | None = None,
    engine: Engine | None = None,
) -> LargeResult:
    """Minimises ``mean loss(module(X), y)`` over the rows of a table.

    Works for any module and any ``loss(output, target)`` that is a mean over rows; ``"squared"`` and
    ``"cross-entropy"`` can be named. A KAN gets its scales from one pass over the table and comes back in its units.
    With ``run``, a folder, the state is kept there and a run that is there already goes on. Under ``torchrun`` every
    process calls this with the same arguments and gets the same module.

    Raises ``InputError`` for what does not fit together, ``CheckpointError`` for a folder that cannot be used or
    holds another run, and ``ProcessError`` when another process has ended.

    Example:
        >>> from edgewise.large import ArraySource
        >>> X = np.linspace(-1, 1, 512)[:, None]
        >>> settings = LargeConfig(batch_size=64, steps=200, learning_rate=0.05)
        >>> network = KAN([1, 1], generator=torch.Generator().manual_seed(0))
        >>> result = fit(network, ArraySource(X, X**2), settings)
        >>> result.status, result.history[-1].loss < 0.05
        ('step limit', True)
    """
    config, engine = config or LargeConfig(), engine or engines.engine()
    _check(module, source, validation, config, loss, engine)
    keeper = Keeper(None if run is None else Path(run), source, validation, config, engine)
    saved, kind = keeper.saved(), _KINDS[config.precision]
    working = copy.deepcopy(module).to(engine.device, kind)
    units = Units(measured(working, source, loss, engine, saved and saved.tensors), kind, engine.device)
    units.enter(working)
    steps = config.steps or config.epochs * batches_per_epoch(source, config.batch_size)
    learner = Learner(working, loss, config, steps, engine)
    job = _Run(learner, units, source, validation, keeper, Ledger(validation is not None))
    try:
        job.take_up(saved)
        status = job.go()
    except ProcessError as error:
        raise ProcessError(f"{error}; {keeper.safe()}") from None
    return LargeResult(
        status,
        job.message(status),
        tuple(job.ledger.history),
        job.ledger.seconds,
        job.handed_out(module, status),
    )


class _Run:
    """The steps from one state to the end."""

    def __init__(
        self,
        learner: Learner,
        units: Units,
        source: Source,
        validation: Source | None,
        keeper: Keeper,
        ledger: Ledger,
    ) -> None:
        self.learner, self.units, self.source, self.validation = learner, units, source, validation
        self.keeper, self.ledger, self.config, self.engine = keeper, ledger, learner.config, learner.engine
        self.size = batch_rows(source, self.config.batch_size)
        self.step = 0

    def take_up(self, saved: State | None) -> None:
        """Goes to a saved state, or makes the main process's module everybody's."""
        if saved is None and self.engine.world > 1:
            self.learner.load(parsed(self.engine.from_main(lambda: packed(self.learner.state()))))
        if saved is not None:
            self.step = saved.numbers["step"]
            self.learner.load(saved)
            best = {k.removeprefix("best."): t for k, t in saved.tensors.items() if k.startswith("best.")}
            self.ledger.load(saved.numbers, best)
        if not self.ledger.best:
            self._keep_shown()
        self.keeper.begin(self.step, self.state)

    def state(self) -> State:
        """All that the rest of the run depends on."""
        tensors, numbers = self.learner.state()
        tensors |= self.units.tensors()
        if self.ledger.validated:
            tensors |= {f"best.{name}": tensor for name, tensor in self.ledger.best.items()}
        return State(tensors, numbers | self.ledger.numbers())

    def go(self) -> str:
        """Takes the steps that are left; returns the status."""
        line = Line(self.config.progress and self.engine.is_main, self.learner.steps, self.step)
        devices = [self.engine.device] if self.engine.device.type == "cuda" else []
        try:
            with torch.random.fork_rng(devices), Stop() as stop:
                status = self._steps(stop, line)
        finally:
            line.close()
        if status != "rolled back":
            self.keeper.write(self.step, self.state)
            self._record_rest()
        return status

    def message(self, status: str) -> str:
        """The status in a sentence, and what became of the last checkpoint."""
        said = _SAID[status].format(step=self.step, steps=self.learner.steps)
        last = self.ledger.history[-1] if self.ledger.history else None
        said += "" if last is None else f"; loss {last.loss:.3g}"
        said += f"; best validation loss {self.ledger.best_loss:.3g}" if self.ledger.validated else ""
        return said + (f"; {self.keeper.trouble}" if self.keeper.trouble else "")

    def handed_out(self, given: nn.Module, status: str) -> nn.Module:
        """The result as a module like the given one, in its number type and place."""
        if status != "rolled back" and not self.ledger.validated:
            self._keep_shown()
        working = copy.deepcopy(self.learner.module)
        working.load_state_dict(self.ledger.best)
        self.units.leave(working)
        found = copy.deepcopy(given)
        found.load_state_dict(working.state_dict())
        return found

    def _steps(self, stop: Stop, line: Line) -> str:
        while self.step < self.learner.steps:
            with closing(self._batches()) as epoch:
                status = self._epoch(epoch, stop, line)
            if status is not None:
                return status
        return "step limit"

    def _epoch(self, epoch: Iterator[Rows], stop: Stop, line: Line) -> str | None:
        """Steps until the epoch or the run is over; a status ends the run."""
        asked = time.perf_counter()
        for rows in epoch:
            waited = time.perf_counter() - asked
            self._sow()
            wishes = (stop.asked, self._late())
            loss, (asked_to, late) = self.learner.step(rows, len(rows[0]) / self.size, self.step, wishes)
            if self.ledger.exploded(loss):
                return "rolled back"
            self.step += 1
            self.ledger.add(loss, waited)
            line.tick(loss, self.ledger.waiting)
            if self.step % self.config.record_every == 0 or self.step == self.learner.steps:
                self._record()
            if self.keeper.due(self.step):
                self.keeper.write(self.step, self.state)
            if asked_to or late:
                return "interrupted" if asked_to else "time limit"
            if self.step == self.learner.steps:
                return None
            asked = time.perf_counter()
        return None

    def _batches(self) -> Generator[Rows]:
        epoch, start = divmod(self.step, batches_per_epoch(self.source, self.config.batch_size))
        share = {"rank": self.engine.rank, "world": self.engine.world}
        found = batches(
            self.source, self.config.batch_size, seed=self.config.seed, epoch=epoch, start=start, **share
        )
        with closing(found):
            for rows in found:
                yield self.units.batch(rows)

    def _record(self) -> None:
        judged = None
        if self.validation is not None:
            chunks = in_order(self.validation, self.size, rank=self.engine.rank, world=self.engine.world)
            judged = self.learner.judge(self.units.batch(rows) for rows in chunks)
        with self.learner.shown() as module:
            self.ledger.enter(self.step, self.step * self.size, judged, module)

    def _record_rest(self) -> None:
        """A last look at a run that ended between two entries; the state was written before, so it is not in it."""
        if not self.ledger.history or self.ledger.history[-1].step != self.step:
            self._record()

    def _keep_shown(self) -> None:
        with self.learner.shown() as module:
            self.ledger.keep(module)

    def _sow(self) -> None:
        """Other random numbers inside the module at every step and on every process.

        Not by ``torch.manual_seed``, which on a machine without a GPU keeps every seed in a list for later.
        """
        mixed = np.random.SeedSequence([self.config.seed, self.step, self.engine.rank])
        seed = int(mixed.generate_state(1, np.uint64)[0] >> 1)
        torch.default_generator.manual_seed(seed)
        if self.engine.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def _late(self) -> bool:
        return self.config.max_seconds is not None and self.ledger.session >= self.config.max_seconds


def _check(
    module: nn.Module,
    source: Source,
    validation: Source | None,
    config: LargeConfig,
    loss: Loss,
    engine: Engine,
) -> None:
    if isinstance(loss, str) and loss not in LOSSES:
        raise InputError(
            f"loss={loss!r} is not known; choose one of: {', '.join(LOSSES)}, or pass a function"
        )
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise InputError(f"{type(module).__name__} has no parameters to train")
    if batch_rows(source, config.batch_size) < engine.world:
        raise InputError(
            f"batches of {config.batch_size} rows for {engine.world} processes; raise batch_size"
        )
    if validation is not None and (validation.features, validation.targets) != (
        source.features,
        source.targets,
    ):
        raise InputError(
            f"validation has {validation.features} features and {validation.targets} targets, the table "
            f"{source.features} and {source.targets}: expected the same columns"
        )
    if isinstance(module, KAN):
        outputs = 1 if loss == "cross-entropy" else module.out_features
        if source.features != module.in_features or (isinstance(loss, str) and source.targets != outputs):
            raise InputError(
                f"a network of widths {list(module.widths)} got a table of {source.features} features and "
                f"{source.targets} targets; make it KAN([{source.features}, ..., {source.targets}])"
            )
