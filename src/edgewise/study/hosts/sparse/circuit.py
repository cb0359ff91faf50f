r"""The circuit of a task: the fewest edges with which a trained model still does it, the weights left as they are.

Every living edge ``e`` has a ``tau_e`` in [-1, 1], 1 at the start, and a mask ``m_e = 1`` where ``tau_e > 0``, else 0.
Adam lowers

    loss of the task  +  price sum_e m_e,       price = CHEAPEST (DEAREST / CHEAPEST)^(step / STEPS)  nats an edge,

the gradient of ``m_e`` being given to ``tau_e`` as it is, so that an edge that went may come back. While edges become
dearer, ever fewer are worth their price; the circuit is the smallest mask on this path whose loss on validation
prompts is at most ``TARGET``. Who asks for its test loss uses other prompts.

As in Gao et al. masks are learned through a step that hides no gradient, with a price for what is kept, up to a loss of
0.15; unlike there the unit is the edge and not the node, what is masked becomes 0 and not its mean, and the price
rises along one search instead of being tuned over many.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from edgewise.study.hosts.sparse.edges import NODES, edges, sizes
from edgewise.study.hosts.sparse.language import Prompts

TARGET = 0.15  # nats
STEPS, LOOK, BATCH = 300, 10, 64
CHEAPEST, DEAREST = 3e-5, 1e-2  # nats
RATE = 0.05
Masks = dict[str, Tensor]


@dataclass(frozen=True)
class Search:
    """The circuit's masks, None where no mask reached the target, and the ``lowest`` validation loss of any mask."""

    circuit: Masks | None
    lowest: float


def search(module: nn.Module, learn: Prompts, choose: Prompts, generator: np.random.Generator) -> Search:
    """The smallest circuit found that reaches the target."""
    circuit, fewest, lowest = None, inf, inf
    for masks in _path(module, learn, generator):
        loss, count = masked_loss(module, masks, choose), edge_count(masks)
        lowest = min(lowest, loss)
        if loss <= TARGET and count < fewest:
            circuit, fewest = masks, count
    return Search(circuit, lowest)


def masked_loss(module: nn.Module, masks: Masks, prompts: Prompts) -> float:
    """The task's loss with some edges alone."""
    with torch.no_grad():
        return float(_loss(module, masks, prompts))


def edge_count(masks: Masks) -> int:
    """How many edges are kept."""
    return sum(int(mask.sum()) for mask in masks.values())


def number_count(module: nn.Module, masks: Masks) -> int:
    """How many numbers a circuit is made of: its edges, each with all its numbers, and functions of living nodes."""
    parameters = dict(module.named_parameters())
    counted = sum(int((mask.expand_as(parameters[name])).sum()) for name, mask in masks.items())
    for name, parameter in parameters.items():
        if NODES in name:
            counted += int(_living(name, masks).sum()) * parameter[0].numel()
    return counted


def _living(name: str, masks: Masks) -> Tensor:
    """Nodes of a slot that something leads to and that lead to something."""
    slot = name.split(NODES)[0]
    return (masks[f"{slot}.up"].sum(0) > 0) & (masks[f"{slot}.down"].sum(1) > 0)


def _path(module: nn.Module, learn: Prompts, generator: np.random.Generator) -> Iterator[Masks]:
    """The masks at the start and after every ``LOOK`` steps."""
    living = {name: (sizes(parameter.detach()) > 0).float() for name, parameter in edges(module).items()}
    tau = {name: alive.clone() for name, alive in living.items()}
    optimiser = torch.optim.Adam(tau.values(), lr=RATE, betas=(0.9, 0.95))
    yield living
    for step in range(STEPS):
        price = CHEAPEST * (DEAREST / CHEAPEST) ** (step / STEPS)
        chosen = torch.from_numpy(generator.integers(0, len(learn.place), BATCH))
        worth = _slopes(module, _open(tau, living), learn.some(chosen))
        for name, threshold in tau.items():
            threshold.grad = worth[name] + price
        optimiser.step()
        for threshold in tau.values():
            threshold.clamp_(-1, 1)
        if (step + 1) % LOOK == 0:
            yield _open(tau, living)


def _open(tau: Masks, living: Masks) -> Masks:
    return {name: alive * (tau[name] > 0) for name, alive in living.items()}


def _slopes(module: nn.Module, masks: Masks, prompts: Prompts) -> Masks:
    """``dL / dm`` of every edge."""
    leaves = {name: mask.clone().requires_grad_() for name, mask in masks.items()}
    gradients = torch.autograd.grad(_loss(module, leaves, prompts), list(leaves.values()))
    return dict(zip(leaves, gradients, strict=True))


def _loss(module: nn.Module, masks: Masks, prompts: Prompts) -> Tensor:
    parameters = dict(module.named_parameters())
    masked = {name: parameters[name].detach() * mask for name, mask in masks.items()}
    return prompts.loss(functional_call(module, masked, (prompts.texts,)))
