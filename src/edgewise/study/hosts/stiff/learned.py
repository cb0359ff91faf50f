r"""A learned right-hand side ``v' = s N(Q v)``: how it is trained on segments, and how it is judged.

``s (2)`` are the root mean square speeds of the two components in training, ``Q`` a turn of the state by an angle that
the seed draws (none in ``straight``), which also brings the training states into the unit circle. With
``D = v(1) - v(0) - h sum_j w_j s N(Q v_j)`` what a segment of length ``h`` misses of the integral,

    matched    mean | D / (h s) |^2
    solved     mean | (1 - h J / 2)^-1 D / (h s) |^2,      J = s dN/dv at the segment's end, held constant

The second is the error at the end of one step of the implicit trapezoid that starts at the data, to first order in
``D``: what training through an implicit solver sees. Where ``h J`` is large it hardly sees the fast direction.
"""

import copy
import warnings

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.integrate import LSODA
from scipy.optimize import root_scalar
from torch import Tensor, nn

from edgewise.study.hosts.stiff.oscillator import HALVES, WEIGHTS, Segments
from edgewise.study.hosts.stiff.schemes import SCHEMES, decay

Array = NDArray[np.float64]
CALLS = 5000  # of a right-hand side in one trajectory, before it counts as lost
LOST = 2.0  # states are kept within
STIFFNESS = np.geomspace(100.0, 10_000.0, 5)
OFFSET = 0.05


class Learned(nn.Module):
    """``(..., 2)`` states to ``(..., 2)`` speeds in units of ``scale``."""

    scale: Tensor
    turn: Tensor

    def __init__(self, net: nn.Module, train: Segments, angle: float) -> None:
        super().__init__()
        self.net = net
        reach = float(np.linalg.norm(train.nodes, axis=-1).max())
        cos, sin = np.cos(angle) / reach, np.sin(angle) / reach
        self.register_buffer("scale", _real(np.square(train.mean_speed).mean(0) ** 0.5))
        self.register_buffer("turn", torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float32))

    def forward(self, v: Float[Tensor, "*batch two"]) -> Float[Tensor, "*batch two"]:
        return self.net(v @ self.turn)


class Batches:
    """The segments as tensors, with what they miss under a learned right-hand side."""

    def __init__(self, segments: Segments) -> None:
        self.nodes, self.length = _real(segments.nodes), _real(segments.length)
        self.gain = _real(segments.mean_speed)
        self._weights = _real(WEIGHTS)

    def __len__(self) -> int:
        return len(self.length)

    def missed(self, module: Learned, rows: Tensor | slice) -> Float[Tensor, "rows two"]:
        """``D / (h s)``."""
        mean = (module(self.nodes[rows]) * self._weights[:, None]).sum(1)
        return self.gain[rows] / module.scale - mean

    def solved(self, module: Learned, rows: Tensor | slice) -> Float[Tensor, "rows two"]:
        """``(1 - h J / 2)^-1 D / (h s)``."""
        half = self.length[rows, None, None] / 2
        slopes = jacobians(module, self.nodes[rows, -1]) * module.scale[:, None]
        missed = module.scale * self.missed(module, rows)
        ends = torch.linalg.solve(torch.eye(2) - half * slopes, missed[..., None])
        return ends[..., 0] / module.scale


def jacobians(module: nn.Module, v: Float[Tensor, "n two"]) -> Float[Tensor, "n two two"]:
    """``dN / dv`` by state, as constants."""
    v = v.detach().requires_grad_(True)
    with torch.enable_grad():
        made = module(v)
        rows = [torch.autograd.grad(made[:, k].sum(), v, retain_graph=k == 0)[0] for k in (0, 1)]
    return torch.stack(rows, dim=1)


def driven(module: Learned, start: Float[Array, " two"], times: Float[Array, " times"]) -> Array:
    """The learned trajectory ``(times, 2)``, kept within ``LOST``; the origin from where it cannot be followed."""
    scale = module.scale.numpy()

    def speed(_: float, v: Array) -> Array:
        with torch.no_grad():
            return scale * module(torch.from_numpy(np.clip(v, -LOST, LOST))[None])[0].numpy()

    found, solver = np.zeros((len(times), 2)), LSODA(speed, 0.0, start, times[-1], rtol=1e-6, atol=1e-8)
    found[0] = start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # LSODA gives up: what is lost is at the origin
        while solver.status == "running" and solver.nfev < CALLS:
            before = solver.t
            solver.step()
            inside = (times > before) & (times <= solver.t)
            if inside.any():
                found[inside] = solver.dense_output()(times[inside]).T
    return np.clip(np.nan_to_num(found), -LOST, LOST)


def trajectory_error(module: Learned, times: Array, truth: Float[Array, "count times two"]) -> float:
    """Root of the mean square difference over the mean square, over all trajectories and times."""
    exact = copy.deepcopy(module).double()
    made = np.stack([driven(exact, one[0], times) for one in truth])
    return float(np.square(made - truth).sum() / np.square(truth).sum()) ** 0.5


def fast_decay(module: Learned) -> dict[str, float]:
    """By scheme, how the derivative with respect to the fast rate falls in a learned right-hand side.

    The slow component is held at 0, where the fast one rests at ``x = sqrt(3)``; see ``schemes.decay``.
    """
    exact = copy.deepcopy(module).double()

    def fast(first: float) -> float:
        with torch.no_grad():
            return float(exact(torch.tensor([[first, 0.0]], dtype=torch.float64))[0, 0])

    near = 3**0.5 / HALVES[0]
    low, high = 0.7 * near, 1.3 * near
    if not fast(low) > 0 > fast(high):
        return {}
    rest = root_scalar(fast, bracket=(low, high), method="brentq", xtol=1e-12).root
    return {scheme: decay(scheme, fast, rest + OFFSET, rest, STIFFNESS) for scheme in SCHEMES}


def _real(values: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
