"""L-BFGS on the whole batch, by torch, with strong Wolfe line searches, in float64."""

import copy

import torch
from torch import Tensor

from edgewise import penalties
from edgewise.network import KAN
from edgewise.train.clock import Clock
from edgewise.train.config import Step, TrainConfig
from edgewise.train.staircase import Rows

_PATIENCE = 30


def objective(network: KAN, X: Tensor, y: Tensor, config: TrainConfig) -> Tensor:
    """Loss plus weighted penalties of one batch."""
    if not (config.sparsity or config.entropy):
        loss = data_loss(network(X), y, config.loss)
    else:
        trace = network.trace(X)
        loss = data_loss(trace.y, y, config.loss)
        loss = loss + config.sparsity * penalties.sparsity(trace) + config.entropy * penalties.entropy(trace)
    return loss + config.smoothness * penalties.smoothness(network) if config.smoothness else loss


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
        optimiser = torch.optim.LBFGS(
            self.network.parameters(),
            max_iter=1,
            history_size=20,
            line_search_fn="strong_wolfe",
            tolerance_grad=0.0,
            tolerance_change=0.0,
        )
        since_best, last = 0, float("inf")
        for _ in range(self.config.max_steps * 5):
            if self.clock.expired:
                return "time limit"
            loss = float(optimiser.step(self._closure(optimiser)))
            if not loss == loss:
                return "rolled back"
            since_best = 0 if self._record(loss) else since_best + 1
            if since_best >= _PATIENCE or abs(last - loss) <= 1e-12 * max(abs(loss), 1e-30):
                return "converged"
            last = loss
        return "step limit"

    def _closure(self, optimiser: torch.optim.Optimizer):
        def closure() -> float:
            optimiser.zero_grad()
            loss = objective(self.network, self.rows.X, self.rows.y, self.config)
            torch.autograd.backward(loss)
            return float(loss)

        return closure

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
