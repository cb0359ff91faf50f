r"""A trained network in place of the unknown function, asked for its values and derivatives.

Small networks of several widths are trained by least squares on the same rows; those that predict held-out rows
nearly as well as the best are averaged, which leaves less of the noise in the derivatives than any one of them has.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from edgewise.data import split_rows
from edgewise.network import KAN
from edgewise.symbolic.views import View
from edgewise.train import TrainConfig, train
from edgewise.train.clock import Clock

Array = np.ndarray
SIZES = ((2, (3,)), (4, (3,)))
FINE = (6, (3, 6))
VALIDATION = 0.2
_NEARLY = 1.5
_CLOSE = 0.03
_FAINT = 0.2


@dataclass(frozen=True)
class Surrogate:
    """Values ``f (n,)`` and derivatives ``df/du (n, k)`` on the rows of a view.

    ``error`` is the root mean square on held-out rows over the deviation of the target.
    """

    values: Array = field(repr=False)
    slopes: Array = field(repr=False)
    error: float
    network: KAN = field(repr=False)


def surrogate(view: View, seed: int, clock: Clock) -> Surrogate | None:
    """The average of the best small networks for ``f``, or for its logarithm where that is learned better."""
    f, weight = view.target, view.weight()
    strong = weight >= _FAINT * np.median(weight)
    signs = [False, True] if f.min() > 0 or f.max() < 0 else [False]
    learned = [_learned(view, strong, logarithm, seed, clock) for logarithm in signs]
    best = min(learned, key=lambda networks: networks[0].error)
    if not best[0].error < np.inf:
        return None
    finer = [] if best[0].error > _CLOSE else [_one(view, strong, best[0].logarithm, FINE, seed, clock)]
    networks = sorted([*best, *finer], key=lambda one: one.error)
    near = [one for one in networks if one.error <= _NEARLY * networks[0].error]
    parts = [_differentiated(one, view) for one in near]
    values, slopes = (np.mean(part, axis=0) for part in zip(*parts, strict=True))
    return Surrogate(values, slopes, networks[0].error, networks[0].network)


@dataclass(frozen=True)
class _Learned:
    """A network for ``f`` or for ``log |f|`` and its root mean square on held-out rows in deviations of ``f``."""

    network: KAN
    logarithm: bool
    error: float


def _learned(view: View, strong: Array, logarithm: bool, seed: int, clock: Clock) -> list[_Learned]:
    """Networks of several widths, the best first; fewer when time is short."""
    found = []
    for size in SIZES:
        if found and clock.expired:
            break
        found.append(_one(view, strong, logarithm, size, seed, clock))
    return sorted(found, key=lambda one: one.error)


def _one(
    view: View, strong: Array, logarithm: bool, size: tuple[int, tuple[int, ...]], seed: int, clock: Clock
) -> _Learned:
    f = view.target
    target = np.log(np.abs(f)) if logarithm else f
    u = torch.from_numpy(np.ascontiguousarray(view.u[strong]))
    kept, held = split_rows(len(u), VALIDATION, torch.Generator().manual_seed(seed))
    held = held if len(held) else kept
    network = _trained(u[kept], torch.from_numpy(target[strong])[kept], size, seed, clock)
    with torch.no_grad():
        found = network(u[held])[:, 0].numpy()
    truth = f[strong][held.numpy()]
    with np.errstate(over="ignore"):
        found = np.sign(f[0]) * np.exp(found) if logarithm else found
        error = float(np.sqrt(np.mean((found - truth) ** 2)) / max(np.std(f[strong]), 1e-300))
    return _Learned(network, logarithm, error if error == error else np.inf)


def _trained(
    u: torch.Tensor, f: torch.Tensor, size: tuple[int, tuple[int, ...]], seed: int, clock: Clock
) -> KAN:
    width, stages = size
    generator = torch.Generator().manual_seed(seed)
    network = KAN(
        [u.shape[1], width, 1], intervals=stages[0], base=None, generator=generator, dtype=torch.float64
    )
    config = TrainConfig(
        method="least-squares",
        validation=VALIDATION,
        seed=seed,
        intervals=stages,
        max_seconds=max(clock.left(), 1e-3),
    )
    result = train(network, u, f, config)
    if result.status == "interrupted":
        raise KeyboardInterrupt
    return result.network


def _differentiated(one: _Learned, view: View) -> tuple[Array, Array]:
    points = torch.from_numpy(np.ascontiguousarray(view.u)).requires_grad_(True)
    values = one.network(points)
    (slopes,) = torch.autograd.grad(values.sum(), points)
    found, turned = values.detach().numpy()[:, 0], slopes.numpy()
    if one.logarithm:
        found = np.sign(view.target[0]) * np.exp(found)
        turned = found[:, None] * turned
    return found, turned
