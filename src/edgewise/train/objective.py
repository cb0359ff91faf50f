"""What descent methods minimise: a loss of the outputs plus weighted penalties."""

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import penalties
from edgewise.engines import Engine, Local
from edgewise.network import KAN
from edgewise.train.config import TrainConfig


def objective(
    network: KAN, X: Tensor, y: Tensor, config: TrainConfig, average: penalties.Average | None = None
) -> Tensor:
    """Loss plus weighted penalties of one batch."""
    if not (config.sparsity or config.entropy):
        loss = data_loss(network(X), y, config.loss)
    else:
        trace = network.trace(X)
        loss = data_loss(trace.y, y, config.loss)
        loss = loss + config.sparsity * penalties.sparsity(trace, average)
        loss = loss + config.entropy * penalties.entropy(trace, average)
    return loss + config.smoothness * penalties.smoothness(network.kan_layers) if config.smoothness else loss


def data_loss(output: Tensor, y: Tensor, loss: str) -> Tensor:
    """Mean square, or mean cross-entropy with class numbers in ``y``'s only column."""
    if loss == "cross-entropy":
        return torch.nn.functional.cross_entropy(output, y[:, 0].long())
    return (output - y).square().mean()


class Objective:
    """The objective of one network at its present parameters, in one compiled call where that can be.

    Penalties on what edges carry need a trace, so with them autograd does the work. Given an engine of several
    processes, each brings its own rows and all get the value and the gradient of all rows.
    """

    def __init__(self, network: KAN, config: TrainConfig, engine: Engine | None = None) -> None:
        self.network, self.config, self.engine = network, config, engine or Local()
        self.parameters = list(network.parameters())
        traced = config.sparsity or config.entropy
        self.fused = None if traced else network.fused("weights", units=True)

    def vector(self) -> Float[Tensor, " parameters"]:
        """A copy of all parameters, one after the other."""
        return torch.cat([p.detach().flatten() for p in self.parameters])

    def assign(self, vector: Float[Tensor, " parameters"]) -> None:
        """Sets all parameters, in place."""
        copy_into(self.network, vector)

    def value_and_gradient(
        self, X: Float[Tensor, "n inputs"], y: Float[Tensor, "n targets"]
    ) -> tuple[float, Float[Tensor, " parameters"]]:
        """The objective and its gradient, laid out like ``vector()``."""
        loss, gradient = self._own_value_and_gradient(X, y)
        if self.engine.world == 1:
            return loss, gradient
        both = self.engine.mean(torch.cat([gradient, gradient.new_tensor([loss])]), len(X))
        return both[-1].item(), both[:-1]

    def _own_value_and_gradient(self, X: Tensor, y: Tensor) -> tuple[float, Tensor]:
        if self.fused is None:
            return self._pulled(self._objective(X, y))
        weights = self.vector()
        if self.config.loss == "squared":
            loss, gradient = self.fused.value_and_gradient(weights, X, y)
        else:
            output = self.fused.outputs(weights, X).requires_grad_()
            value = data_loss(output, y, self.config.loss)
            (upstream,) = torch.autograd.grad(value, output)
            loss, gradient = value.item(), self.fused.pull(weights, X, upstream)
        if not self.config.smoothness:
            return loss, gradient
        rough, push = self._pulled(self.config.smoothness * penalties.smoothness(self.network.kan_layers))
        return loss + rough, gradient + push

    def pull_along(self, gradient: Float[Tensor, " parameters"]) -> None:
        """Leaves a gradient with the parameters, where torch's optimisers look for it."""
        parts = gradient.split([p.numel() for p in self.parameters])
        for parameter, part in zip(self.parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def loss(self, X: Float[Tensor, "n inputs"], y: Float[Tensor, "n targets"]) -> float:
        """The data's part alone; infinite instead of NaN."""
        with torch.no_grad():
            output = self.network(X) if self.fused is None else self.fused.outputs(self.vector(), X)
            return _comparable(self.engine.mean(data_loss(output, y, self.config.loss).item(), len(X)))

    def value(self, X: Float[Tensor, "n inputs"], y: Float[Tensor, "n targets"]) -> float:
        """The objective; infinite instead of NaN."""
        with torch.no_grad():
            return _comparable(self.engine.mean(self._objective(X, y).item(), len(X)))

    def _objective(self, X: Tensor, y: Tensor) -> Tensor:
        return objective(self.network, X, y, self.config, self._over_all(len(X)))

    def _over_all(self, rows: int) -> penalties.Average | None:
        """Mean squares of all rows in value, of this process's rows in slope, so that gradients can be averaged."""
        if self.engine.world == 1:
            return None
        return lambda squares: squares + (self.engine.mean(squares.detach(), rows) - squares.detach())

    def _pulled(self, loss: Tensor) -> tuple[float, Tensor]:
        gradient = torch.autograd.grad(loss, self.parameters, allow_unused=True, materialize_grads=True)
        return loss.item(), torch.cat([g.flatten() for g in gradient])


def copy_into(network: KAN, vector: Tensor) -> None:
    """Sets all parameters of a network, in place, from one vector."""
    parameters = list(network.parameters())
    with torch.no_grad():
        for parameter, part in zip(parameters, vector.split([p.numel() for p in parameters]), strict=True):
            parameter.copy_(part.view_as(parameter))


def _comparable(loss: float) -> float:
    return loss if loss == loss else float("inf")
