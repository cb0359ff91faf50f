"""Adam on minibatches, by torch, with a one-cycle learning rate: for tables too large for whole-batch methods.

Several processes draw the same batches and work on their shares of each; the objective averages the gradients.
"""

import copy
import math

import torch

from edgewise.engines import Engine, Local, agreed
from edgewise.network import KAN
from edgewise.train.clock import Clock
from edgewise.train.config import Step, TrainConfig, Watch
from edgewise.train.objective import Objective, copy_into
from edgewise.train.problem import Rows


class Minibatch:
    """One run of Adam; an epoch is a pass over all rows, ``best`` the best network on the held-out ones (or
    on the objective without any)."""

    def __init__(
        self, network: KAN, rows: Rows, config: TrainConfig, clock: Clock, engine: Engine | None = None
    ) -> None:
        self.rows, self.config, self.clock, self.engine = rows, config, clock, engine or Local()
        self.mine, self.holds = rows.share(self.engine.rank, self.engine.world), len(rows.held_X) > 0
        self.network, self.objective = network, Objective(network, config, engine)
        self.history: list[Step] = []
        self.watch: Watch | None = None
        self._best = self.objective.vector()
        self.best_loss = self._judge()
        self.generator = torch.Generator().manual_seed(config.seed)

    @property
    def best(self) -> KAN:
        """A network of its own with the best parameters so far."""
        found = copy.deepcopy(self.network)
        copy_into(found, self._best)
        return found

    def climb(self) -> str:
        """Runs all epochs; returns the status."""
        count = -(-self.rows.X.shape[0] // self.config.batch_size)
        optimiser = torch.optim.Adam(self.network.parameters(), lr=self.config.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.config.learning_rate, total_steps=count * self.config.max_steps + 1
        )
        for _ in range(self.config.max_steps):
            total = 0.0
            for batch in torch.randperm(self.rows.X.shape[0], generator=self.generator).chunk(count):
                if agreed(self.engine, self.clock.expired):
                    return "time limit"
                mine = batch[self.engine.rank :: self.engine.world]
                loss, gradient = self.objective.value_and_gradient(self.rows.X[mine], self.rows.y[mine])
                if not math.isfinite(loss):
                    return "rolled back"
                self.objective.pull_along(gradient)
                optimiser.step()
                schedule.step()
                total += loss * len(batch) / self.rows.X.shape[0]
            self._record(total)
        return "step limit"

    def _record(self, loss: float) -> None:
        judged = self._judge() if self.holds else loss
        self.history.append(Step(self.clock.seconds, self.network.intervals, loss, judged))
        self.clock.tick(loss=f"{loss:.2e}", validation=f"{judged:.2e}")
        if self.watch:
            self.watch(self.history[-1], copy.deepcopy(self.network))
        if judged < self.best_loss:
            self.best_loss, self._best = judged, self.objective.vector()

    def _judge(self) -> float:
        if self.holds:
            return self.objective.loss(self.mine.held_X, self.mine.held_y)
        return self.objective.value(self.mine.X, self.mine.y)
