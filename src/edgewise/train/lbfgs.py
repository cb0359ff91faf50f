"""L-BFGS on the whole batch, by SciPy, in float64.

Several processes each run the same search on the loss and gradient of all rows, which the objective averages inside
every evaluation; SciPy is deterministic, so all take the same steps.
"""

import copy

import numpy as np
import torch
from scipy.optimize import OptimizeResult, minimize

from edgewise.engines import Engine, Local, agreed
from edgewise.network import KAN
from edgewise.train.clock import Clock
from edgewise.train.config import Step, TrainConfig, Watch
from edgewise.train.objective import Objective, copy_into
from edgewise.train.problem import Rows

_PATIENCE = 30


class FullBatch:
    """One run of L-BFGS; ``best`` is the best network on the held-out rows (or on the objective without any)."""

    def __init__(
        self, network: KAN, rows: Rows, config: TrainConfig, clock: Clock, engine: Engine | None = None
    ) -> None:
        self.config, self.clock, self.engine = config, clock, engine or Local()
        self.rows, self.holds = rows.share(self.engine.rank, self.engine.world), len(rows.held_X) > 0
        self.network, self.objective = network, Objective(network, config, engine)
        self.history: list[Step] = []
        self.watch: Watch | None = None
        self._best = self.objective.vector()
        self.best_loss = self._judge()

    @property
    def best(self) -> KAN:
        """A network of its own with the best parameters so far."""
        found = copy.deepcopy(self.network)
        copy_into(found, self._best)
        return found

    def climb(self) -> str:
        """Iterates until converged, out of patience, steps or time; returns the status."""
        self._status, self._stale = "converged", 0
        found = minimize(
            self._value_and_gradient,
            self.objective.vector().numpy(),
            jac=True,
            method="L-BFGS-B",
            callback=self._after_iteration,
            options={"maxiter": 5 * self.config.max_steps, "maxcor": 20, "ftol": 1e-14, "gtol": 1e-10},
        )
        if not np.isfinite(found.fun):
            return "rolled back"
        limit_reached = self._status == "converged" and found.status == 1
        return "step limit" if limit_reached else self._status

    def _value_and_gradient(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        self.objective.assign(torch.from_numpy(vector))
        loss, gradient = self.objective.value_and_gradient(self.rows.X, self.rows.y)
        return loss, gradient.numpy()

    def _after_iteration(self, intermediate_result: OptimizeResult) -> None:
        self.objective.assign(torch.from_numpy(intermediate_result.x))
        self._stale = 0 if self._record(float(intermediate_result.fun)) else self._stale + 1
        if agreed(self.engine, self.clock.expired):
            self._status = "time limit"
        elif self._stale < _PATIENCE:
            return
        raise StopIteration

    def _record(self, loss: float) -> bool:
        judged = self._judge()
        self.history.append(Step(self.clock.seconds, self.network.intervals, loss, judged))
        self.clock.tick(loss=f"{loss:.2e}", validation=f"{judged:.2e}")
        if self.watch:
            self.watch(self.history[-1], copy.deepcopy(self.network))
        better = judged < self.best_loss
        if better:
            self.best_loss, self._best = judged, self.objective.vector()
        return better

    def _judge(self) -> float:
        if self.holds:
            return self.objective.loss(self.rows.held_X, self.rows.held_y)
        return self.objective.value(self.rows.X, self.rows.y)
