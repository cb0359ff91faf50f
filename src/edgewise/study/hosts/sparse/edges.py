r"""What an edge is in each arm, how large it is, and the rule by which a model stays sparse while it learns.

An *edge* joins two numbers of the model: an entry of a matrix (attention, embeddings, the matrices of a slot), or an
edge of a Kolmogorov-Arnold layer with all ``G + 4`` numbers of its curve, whose size is their Euclidean norm. Learned
functions of nodes are no edges: they go with the node. After every step of the optimiser

    each matrix keeps its  ceil(density count)  largest edges, the others become 0,
    density(k) = 1 - (1 - target) min(1, 2 (k + 1) / steps)

so that the model is dense at first and as sparse as asked from half of the training on (Gao et al., arXiv 2511.13653).
An edge that is 0 keeps its gradient and may come back.
"""

from math import ceil

import torch
from torch import Tensor, nn

NODES = ".nodes."


class Thinning:
    """Called after each step; ``done`` once the target density is reached."""

    def __init__(self, module: nn.Module, steps: int, target: float) -> None:
        self.module, self.steps, self.target = module, steps, target
        self.done = target >= 1

    def __call__(self, step: int) -> None:
        share = density(step, self.steps, self.target)
        if share < 1:
            for parameter in edges(self.module).values():
                thin(parameter, share)
        self.done = share <= self.target


def density(step: int, steps: int, target: float) -> float:
    """The share of edges left after a step, counted from 0.

    Example:
        >>> [density(step, 8, 0.2) for step in (0, 3, 7)]
        [0.8, 0.2, 0.2]
    """
    done = min(1.0, 2 * (step + 1) / steps)
    return target if done == 1 else 1 - (1 - target) * done


def edges(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters made of edges: matrices, and splines ``(in, numbers, out)``."""
    return {
        name: parameter
        for name, parameter in module.named_parameters()
        if parameter.dim() >= 2 and parameter.numel() and NODES not in name
    }


def sizes(parameter: Tensor) -> Tensor:
    """The size of every edge, shaped so that it can be multiplied with the parameter."""
    return parameter.abs() if parameter.dim() == 2 else parameter.norm(dim=1, keepdim=True)


def thin(parameter: nn.Parameter, share: float) -> None:
    """Keeps the largest edges of a parameter, in place."""
    with torch.no_grad():
        size = sizes(parameter)
        kept = size.flatten().topk(ceil(share * size.numel() - 1e-9)).indices
        mask = torch.zeros(size.numel(), dtype=parameter.dtype)
        mask[kept] = 1
        parameter.mul_(mask.view_as(size))
