"""Adam on minibatches, by torch, with a one-cycle learning rate: for tables too large for whole-batch methods."""

import copy
import math

import torch

from edgewise.network import KAN
from edgewise.train.clock import Clock
from edgewise.train.config import Step, TrainConfig
from edgewise.train.objective import Objective, copy_into
from edgewise.train.problem import Rows


class Minibatch:
    """One run of Adam; an epoch is a pass over all rows, ``best`` the best network on the held-out ones (or
    on the objective without any)."""

    def __init__(self, network: KAN, rows: Rows, config: TrainConfig, clock: Clock) -> None:
        self.rows, self.config, self.clock = rows, config, clock
        self.network, self.objective = network, Objective(network, config)
        self.history: list[Step] = []
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
                if self.clock.expired:
                    return "time limit"
                loss, gradient = self.objective.value_and_gradient(self.rows.X[batch], self.rows.y[batch])
                if not math.isfinite(loss):
                    return "rolled back"
                self.objective.pull_along(gradient)
                optimiser.step()
                schedule.step()
                total += loss * len(batch) / self.rows.X.shape[0]
            self._record(total)
        return "step limit"

    def _record(self, loss: float) -> None:
        judged = self._judge() if self.rows.held_X.shape[0] else loss
        self.history.append(Step(self.clock.seconds, self.network.intervals, loss, judged))
        self.clock.tick(loss=f"{loss:.2e}", validation=f"{judged:.2e}")
        if judged < self.best_loss:
            self.best_loss, self._best = judged, self.objective.vector()

    def _judge(self) -> float:
        if self.rows.held_X.shape[0]:
            return self.objective.loss(self.rows.held_X, self.rows.held_y)
        return self.objective.value(self.rows.X, self.rows.y)
