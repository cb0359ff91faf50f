r"""Memory at test time: a network whose weights are what is remembered, and the rule by which it is written.

    S_t = eta S_{t-1} - theta grad l(M_{t-1}; k_t, v_t)                    surprise, with momentum
    M_t = (1 - alpha) M_{t-1} + S_t                                        decay
    l(M; k, v) = mean over a chunk of |M(k) - v|^2

``S_0 = 0`` and ``M_0`` is the network as it was initialised. Many copies of a network are written side by side, each
with weights, a stream and a rule of its own: every weight has a leading axis for the copies, and one gradient of the
sum of all losses holds the gradient of each.
"""

from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise import kernels
from edgewise.joins import rms_normed
from edgewise.layer import KANLayer
from edgewise.splines import uniform_knots
from edgewise.study.arms import Stack
from edgewise.study.hosts.memory.streams import Pairs
from edgewise.study.layers import DEGREE, REACH, Dense, LearnedNodes

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Rule:
    """Step, momentum and decay of every copy."""

    theta: Float[Tensor, " copies"]
    eta: Float[Tensor, " copies"]
    alpha: Float[Tensor, " copies"]

    @classmethod
    def grid(cls, thetas: tuple[float, ...], etas: tuple[float, ...], alphas: tuple[float, ...]) -> "Rule":
        """Every combination."""
        theta, eta, alpha = torch.tensor(list(product(thetas, etas, alphas))).T
        return cls(theta, eta, alpha)

    def each(self, times: int) -> "Rule":
        """Every copy's rule, ``times`` in a row."""
        return Rule(*(part.repeat_interleave(times) for part in (self.theta, self.eta, self.alpha)))

    def one(self, number: int) -> "Rule":
        """That of a single copy."""
        return Rule(*(part[number : number + 1] for part in (self.theta, self.eta, self.alpha)))


def fresh(network: Stack, count: int) -> Weights:
    """``M_0`` of so many copies."""
    return {
        name: weight.detach().expand(count, *weight.shape).clone()
        for name, weight in network.named_parameters()
        if weight.numel()
    }


def written(network: Stack, pairs: Pairs, rule: Rule) -> Weights:
    """``M`` of every copy after its stream, one step a chunk."""
    weights = fresh(network, len(pairs.keys))
    surprise = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for keys, values in zip(pairs.keys.unbind(1), pairs.values.unbind(1), strict=True):
        slopes = _gradient(network, weights, keys, values)
        for name, slope in slopes.items():
            theta, eta, alpha = (_beside(part, slope) for part in (rule.theta, rule.eta, rule.alpha))
            surprise[name] = eta * surprise[name] - theta * slope
            weights[name] = (1 - alpha) * weights[name] + surprise[name]
    return weights


def _gradient(network: Stack, weights: Weights, keys: Tensor, values: Tensor) -> Weights:
    watched = {name: weight.requires_grad_() for name, weight in weights.items()}
    loss = (read(network, watched, keys) - values).square().sum(-1).mean(-1).sum()
    slopes = torch.autograd.grad(loss, list(watched.values()))
    for weight in watched.values():
        weight.requires_grad_(False)
    return dict(zip(watched, slopes, strict=True))


def _beside(part: Float[Tensor, " copies"], weight: Tensor) -> Tensor:
    """Shaped to be multiplied with a weight of all copies."""
    return part.view(-1, *[1] * (weight.dim() - 1))


def read(
    network: Stack, weights: Weights, keys: Float[Tensor, "copies n key"]
) -> Float[Tensor, "copies n value"]:
    """``M(k)`` of every copy: ``network`` in its form ``"normed"``, with each copy's weights."""
    x = keys
    for level, (layer, scale) in enumerate(zip(network.layers, network.scales, strict=True)):
        prefix = f"layers.{level}."
        own = {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
        x = _layer(layer, own, rms_normed(x, 0.0, scale) if level > 0 else x)
    return x


def _layer(layer: nn.Module, own: Weights, x: Tensor) -> Tensor:
    if isinstance(layer, KANLayer):
        spline = layer.spline
        features = kernels.spline_features(x, spline.knots, spline.degree, spline.base, 0)[0]
        weight = own["spline.weight"] * spline.mask[:, None, :]
        return features.flatten(-2) @ weight.flatten(1, 2)
    assert isinstance(layer, Dense)
    weight = own["weight"] if layer.mask is None else own["weight"] * layer.mask
    return _bent(layer.nodes, own, x) @ weight + own["bias"][:, None]


def _bent(nodes: nn.Module, own: Weights, x: Tensor) -> Tensor:
    if not isinstance(nodes, LearnedNodes):
        return nodes(x)
    ends = torch.full((x.shape[-1],), REACH, dtype=x.dtype)
    features = kernels.spline_features(
        x, uniform_knots(-ends, ends, nodes.intervals, DEGREE), DEGREE, "silu", 0
    )[0]
    coefficients = torch.cat([own["nodes.coef"], own["nodes.base"][..., None]], dim=-1)
    return (features * coefficients[:, None]).sum(-1)


def module_of(network: Stack, weights: Weights, copy: int) -> Stack:
    """``network`` itself, with the weights of one copy put into it."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.numel():
                parameter.copy_(weights[name][copy])
    return network
