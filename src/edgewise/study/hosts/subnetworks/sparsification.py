r"""Continuous sparsification: a subnetwork of frozen weights, found by gradient steps.

    w' = w sigmoid(tau_t m),    tau_t = 200^(t / T),    loss = error(w') + lambda mean(sigmoid(tau_t m))

Adam on the scores ``m`` alone; the rising temperature ``tau`` turns the soft mask into a hard one, and the subnetwork
is ``m > 0``. One score for every *unit*: a weight, or an edge of a KAN with all its coefficients. Biases and
functions of nodes stay. Savarese et al., arXiv 1912.04427, with the published final temperature; the penalty
``1e-8`` a weight of Lepori et al. is 0.25 over the 25 million weights of their ResNet50, which is our ``lambda``.
"""

import functools
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

Forward = Callable[[Tensor], Tensor]
Error = Callable[[Forward, int], Tensor]
Masks = Mapping[str, Tensor]  # by the name of the weight, of a shape that broadcasts to it

HOTTEST = 200.0
START = 0.1
RATE = 0.02
PENALTY = 0.25


def units(network: nn.Module, by_edge: bool) -> dict[str, Tensor]:
    """What can be masked: for every weight, where its units live (dropped edges do not).

    A layer's weight is ``(below, above)``, or ``(below, functions, above)`` where edges carry functions; ``by_edge``
    makes one unit of an edge's functions.
    """
    dropped = dict(network.named_buffers())
    found = {}
    for name, weight in network.named_parameters():
        if name.endswith("weight"):
            ones = torch.ones(weight.shape[0], weight.shape[-1])
            live = dropped.get(name.removesuffix("weight") + "mask", ones) > 0
            found[name] = live if weight.ndim == 2 else live[:, None]
            if not by_edge:
                found[name] = found[name].expand_as(weight)
    return found


def masked(network: nn.Module, masks: Masks, X: Tensor) -> Tensor:
    """The network's output with its weights multiplied by masks."""
    weights = dict(network.named_parameters())
    return functional_call(network, {name: weights[name] * mask for name, mask in masks.items()}, (X,))


def temperature(step: int, steps: int) -> float:
    """``tau_t``, 1 at the first of ``steps`` and 200 after the last."""
    return HOTTEST ** (step / steps)


def subnetwork(network: nn.Module, live: Masks, error: Error, steps: int) -> dict[str, Tensor]:
    """The part of the network in which ``error(forward, step)`` is low; its parameters must be frozen."""
    scores = scored(network, live, error, steps)
    return {name: (score > 0) & live[name] for name, score in scores.items()}


def scored(network: nn.Module, live: Masks, error: Error, steps: int) -> dict[str, Tensor]:
    """``m`` after so many steps."""
    scores = {name: torch.full(part.shape, START, requires_grad=True) for name, part in live.items()}
    optimiser = torch.optim.Adam(scores.values(), lr=RATE)
    for step in range(steps):
        soft = {name: torch.sigmoid(temperature(step, steps) * score) for name, score in scores.items()}
        loss = error(functools.partial(masked, network, soft), step) + PENALTY * kept(soft, live)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return {name: score.detach() for name, score in scores.items()}


def kept(masks: Masks, live: Masks) -> Tensor:
    """The mean of a mask over the units that live."""
    total = torch.stack([(mask * live[name]).sum() for name, mask in masks.items()]).sum()
    return total / sum(int(part.sum()) for part in live.values())


def inverse(mask: Masks, live: Masks) -> dict[str, Tensor]:
    """The network without a subnetwork."""
    return {name: live[name] & ~part for name, part in mask.items()}


def sampled(mask: Masks, live: Masks, rng: np.random.Generator) -> dict[str, Tensor]:
    """As many random units of every layer as a subnetwork has there, none of them its own (or all others if fewer)."""
    drawn = {}
    for name, part in mask.items():
        places = np.flatnonzero((live[name] & ~part).numpy())
        chosen = rng.permutation(places)[: int(part.sum())]
        drawn[name] = torch.zeros(part.shape, dtype=torch.bool)
        drawn[name].view(-1)[torch.from_numpy(chosen)] = True
    return drawn


def overlap(one: Masks, other: Masks) -> float:
    """Intersection over union of two hard masks; 0 where both are empty."""
    both = sum(int((one[name] & other[name]).sum()) for name in one)
    either = sum(int((one[name] | other[name]).sum()) for name in one)
    return both / either if either else 0.0
