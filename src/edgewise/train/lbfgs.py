"""L-BFGS on the whole batch, by SciPy, in float64."""

import copy

import numpy as np
import torch
from scipy.optimize import OptimizeResult, minimize
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from edgewise import penalties
from edgewise.network import KAN
from edgewise.train.clock import Clock
from edgewise.train.config import Step, TrainConfig
from edgewise.train.problem import Rows

_PATIENCE = 30


def objective(network: KAN, X: Tensor, y: Tensor, config: TrainConfig) -> Tensor:
    """Loss plus weighted penalties of one batch."""
    if not (config.sparsity or config.entropy):
        loss = data_loss(network(X), y, config.loss)
    else:
        trace = network.trace(X)
        loss = data_loss(trace.y, y, config.loss)
        loss = loss + config.sparsity * penalties.sparsity(trace) + config.entropy * penalties.entropy(trace)
    return loss + config.smoothness * penalties.smoothness(network.kan_layers) if config.smoothness else loss


def data_loss(output: Tensor, y: Tensor, loss: str) -> Tensor:
    """Mean square, or mean cross-entropy with class numbers in ``y``'s only column."""
    if loss == "cross-entropy":
        return torch.nn.functional.cross_entropy(output, y[:, 0].long())
    return (output - y).square().mean()


class FullBatch:
    """One run of L-BFGS; ``best`` is the best network on the held-out rows (or on the objective without any)."""

    def __init__(self, network: KAN, rows: Rows, config: TrainConfig, clock: Clock) -> None:
        self.rows, self.config, self.clock = rows, config, clock
        self.network, self.best = network, copy.deepcopy(network)
        self.history: list[Step] = []
        self.best_loss = self._judge(network)

    def climb(self) -> str:
        """Iterates until converged, out of patience, steps or time; returns the status."""
        self._status, self._stale = "converged", 0
        start = parameters_to_vector(self.network.parameters()).detach().numpy()
        found = minimize(
            self._value_and_gradient,
            start,
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
        parameters = list(self.network.parameters())
        vector_to_parameters(torch.from_numpy(vector.copy()), parameters)
        loss = objective(self.network, self.rows.X, self.rows.y, self.config)
        gradient = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        return loss.item(), torch.cat([g.flatten() for g in gradient]).numpy()

    def _after_iteration(self, intermediate_result: OptimizeResult) -> None:
        loss = float(intermediate_result.fun)
        vector_to_parameters(torch.from_numpy(intermediate_result.x.copy()), self.network.parameters())
        self._stale = 0 if self._record(loss) else self._stale + 1
        if self.clock.expired:
            self._status = "time limit"
        elif self._stale < _PATIENCE:
            return
        raise StopIteration

    def _record(self, loss: float) -> bool:
        judged = self._judge(self.network)
        self.history.append(Step(self.clock.seconds, self.network.intervals, loss, judged))
        self.clock.tick(loss=f"{loss:.2e}", validation=f"{judged:.2e}")
        better = judged < self.best_loss
        if better:
            self.best_loss, self.best = judged, copy.deepcopy(self.network)
        return better

    def _judge(self, network: KAN) -> float:
        with torch.no_grad():
            if self.rows.held_X.shape[0]:
                loss = float(data_loss(network(self.rows.held_X), self.rows.held_y, self.config.loss))
            else:
                loss = float(objective(network, self.rows.X, self.rows.y, self.config))
        return loss if loss == loss else float("inf")
