"""A module, its loss and its optimiser: one step on one batch, shared by all processes."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from edgewise.engines import Engine
from edgewise.errors import CheckpointError, InputError
from edgewise.large.config import LargeConfig
from edgewise.large.schedules import rate
from edgewise.large.state import State, misfit
from edgewise.network import KAN
from edgewise.train.objective import data_loss

Loss = str | Callable[[Tensor, Tensor], Tensor]
Rows = tuple[Tensor, Tensor]


class Learner:
    """Trains ``module`` in place; ``loss`` is a mean over the rows it is given."""

    def __init__(
        self, module: nn.Module, loss: Loss, config: LargeConfig, steps: int, engine: Engine
    ) -> None:
        self.module, self.loss, self.config, self.engine = module, _as_function(loss), config, engine
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.optimiser = _optimiser(self.parameters, config, steps)
        self.average = _averaged(module, config.ema)
        whole = len(self.parameters) == len(list(module.parameters())) and config.precision != "bfloat16"
        fused = loss == "squared" and whole and not config.compile
        self._network = module if fused and isinstance(module, KAN) else None
        self._called = torch.compile(module) if config.compile else module
        self.steps = steps

    def step(
        self, rows: Rows, weight: float, number: int, wishes: tuple[bool, ...] = ()
    ) -> tuple[float, list[float]]:
        """One step on this process's share of a batch, which is the share ``weight`` of it.

        Returns the loss of the whole batch, and of every wish how many processes have it. Parameters are left alone
        where the loss or the gradient is not finite; the loss is NaN then.
        """
        for parameter in self.parameters:
            parameter.grad = None
        mine = sum(self._pull(part, weight * len(part[0]) / len(rows[0])) for part in self._pieces(rows))
        loss, wished = self._shared(mine, wishes)
        norm = clip_grad_norm_(self.parameters, self.config.clip or float("inf"))
        if not (loss == loss and abs(loss) != float("inf") and bool(norm.isfinite())):
            return float("nan"), wished
        self._set_rate(number)
        self.optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.module)
        return loss, wished

    @contextmanager
    def shown(self) -> Iterator[nn.Module]:
        """The module as it would be handed out now: averaged where the configuration says so.

        Training goes on afterwards from the very same bits, however often one looks.
        """
        if self.average is not None:
            yield self.average.module
        elif self.config.optimiser == "schedule-free":
            with self._averaged_by_optimiser():
                yield self.module
        else:
            yield self.module

    def judge(self, batches: Iterator[Rows]) -> float:
        """Mean loss over validation batches, of which each process has its own."""
        total, count = 0.0, 0
        with self.shown() as module, torch.no_grad(), self._precision():
            training = module.training
            module.eval()
            for X, y in batches:
                total, count = total + float(self.loss(module(X), y)) * len(X), count + len(X)
            module.train(training)
        return self.engine.mean(total / max(count, 1), float(count))

    def state(self) -> State:
        """All tensors and numbers that the next step depends on."""
        tensors = {f"module.{name}": t for name, t in self.module.state_dict().items()}
        if self.average is not None:
            tensors |= {f"ema.{name}": t for name, t in self.average.state_dict().items()}
        packed = self.optimiser.state_dict()
        for place, values in packed["state"].items():
            tensors |= {f"optimiser.{place}.{name}": t for name, t in values.items()}
        groups = [{k: v for k, v in group.items() if k != "params"} for group in packed["param_groups"]]
        return State({name: t.detach().clone() for name, t in tensors.items()}, {"optimiser": groups})

    def load(self, state: State) -> None:
        """Goes back to a state; raises ``CheckpointError`` where it is that of another module."""
        parts = {
            kind: {
                name.removeprefix(f"{kind}."): t
                for name, t in state.tensors.items()
                if name.startswith(f"{kind}.")
            }
            for kind in ("module", "ema", "optimiser")
        }
        self._check(parts)
        self.module.load_state_dict(parts["module"])
        if self.average is not None:
            self.average.load_state_dict(parts["ema"])
        values: dict[int, dict[str, Tensor]] = {}
        for name, tensor in parts["optimiser"].items():
            place, key = name.split(".")
            values.setdefault(int(place), {})[key] = tensor.clone()
        groups = self.optimiser.state_dict()["param_groups"]
        merged = [group | saved for group, saved in zip(groups, state.numbers["optimiser"], strict=True)]
        self.optimiser.load_state_dict({"state": values, "param_groups": merged})

    def _check(self, parts: dict[str, dict[str, Tensor]]) -> None:
        average = {} if self.average is None else self.average.state_dict()
        trouble = misfit(parts["module"], self.module.state_dict()) or misfit(parts["ema"], average)
        for name, tensor in parts["optimiser"].items():
            place = int(name.split(".")[0])
            if place >= len(self.parameters) or tensor.shape not in ((), self.parameters[place].shape):
                trouble = trouble or f"optimiser state {name} has shape {tuple(tensor.shape)}"
        if trouble:
            raise CheckpointError(
                f"the saved run is of another module: {trouble}; build the module it was started with, or train in "
                "another folder"
            )

    def _pieces(self, rows: Rows) -> list[Rows]:
        count = min(self.config.accumulate, len(rows[0]))
        return list(zip(*(part.tensor_split(count) for part in rows), strict=True))

    def _pull(self, rows: Rows, weight: float) -> float:
        """Adds a piece's share of the gradient; returns its share of the loss."""
        if self._network is not None:
            loss, gradients = self._network.loss_and_gradients(*rows)
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                added = gradient * weight
                parameter.grad = added if parameter.grad is None else parameter.grad.add_(added)
            return loss * weight
        with self._precision():
            value = self.loss(self._called(rows[0]), rows[1])
        (value * weight).backward()
        return value.item() * weight

    def _shared(self, loss: float, wishes: tuple[bool, ...]) -> tuple[float, list[float]]:
        """Sums loss, gradients and wishes over the processes."""
        if self.engine.world > 1:
            for parameter in self.parameters:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
        said = torch.tensor([loss, *wishes], dtype=torch.float64, device=self.engine.device)
        self.engine.add_up([said])
        self.engine.add_up([p.grad for p in self.parameters if p.grad is not None])
        loss, *wished = said.tolist()
        return loss, wished

    def _set_rate(self, number: int) -> None:
        config = self.config
        if config.optimiser == "adamw":
            factor = rate(config.curve, number, self.steps, config.warmup)
            for group in self.optimiser.param_groups:
                group["lr"] = config.learning_rate * factor

    @contextmanager
    def _averaged_by_optimiser(self) -> Iterator[None]:
        """The parameters for use in place of those for training; put back as copies, as the way back would round."""
        kept = [parameter.detach().clone() for parameter in self.parameters]
        optimiser: Any = self.optimiser
        optimiser.eval()
        try:
            yield
        finally:
            optimiser.train()
            with torch.no_grad():
                for parameter, value in zip(self.parameters, kept, strict=True):
                    parameter.copy_(value)

    def _precision(self) -> AbstractContextManager[Any]:
        if self.config.precision != "bfloat16":
            return nullcontext()
        return torch.autocast(self.engine.device.type, torch.bfloat16)


def _as_function(loss: Loss) -> Callable[[Tensor, Tensor], Tensor]:
    if not isinstance(loss, str):
        return loss
    return lambda output, target: data_loss(output, target, loss)


def _optimiser(parameters: list[nn.Parameter], config: LargeConfig, steps: int) -> torch.optim.Optimizer:
    fastest, decay = config.learning_rate, config.weight_decay
    if config.optimiser == "adamw":
        return torch.optim.AdamW(parameters, lr=fastest, weight_decay=decay)
    try:
        from schedulefree import AdamWScheduleFree
    except ImportError:
        raise InputError("optimiser='schedule-free' needs a package: pip install schedulefree") from None
    made = AdamWScheduleFree(
        parameters, lr=fastest, weight_decay=decay, warmup_steps=round(config.warmup * steps)
    )
    made.train()
    return made


def _averaged(module: nn.Module, decay: float | None) -> AveragedModel | None:
    return None if decay is None else AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(decay))
