r"""Van der Pol's oscillator in Lienard's coordinates, and its trajectories cut into the steps of a solver.

    x' = mu (x - x^3 / 3 - y),    y' = x / mu,      v = (x / 2, y) / 1.6

For large ``mu`` it creeps along the outer branches of ``y = x - x^3 / 3``, to which it falls at the rate
``mu (x^2 - 1)``, for a time of ``(3 - 2 log 2) mu`` a round, and jumps: the fast rate is about ``mu^2`` times the slow.
SciPy's LSODA solves it to ``1e-9``. A segment is ``JOINED`` steps of the solver, so that segments are as short as the
solution is fast; each has the four nodes of Lobatto's quadrature.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

Array = NDArray[np.float64]
HALVES = (3.2, 1.6)  # (x, y) over v
BOX = np.array([2.5, 1.0])  # of (x, y) where trajectories start
JOINED = 8
NODES = np.array([-1.0, -(0.2**0.5), 0.2**0.5, 1.0])
WEIGHTS = np.array([1.0, 5.0, 5.0, 1.0]) / 12
TIGHT: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-11}


@dataclass(frozen=True)
class Segments:
    """States ``v`` at four nodes of every segment and how long it takes."""

    nodes: Float[Array, "n four two"]
    length: Float[Array, " n"]

    @property
    def mean_speed(self) -> Float[Array, "n two"]:
        """What ``v`` gains over the time it takes."""
        return (self.nodes[:, -1] - self.nodes[:, 0]) / self.length[:, None]


def field(mu: float, v: Sequence[float]) -> tuple[float, float]:
    """``v'`` of one state."""
    x, y = v[0] * HALVES[0], v[1] * HALVES[1]
    return mu * (x - x**3 / 3 - y) / HALVES[0], x / mu / HALVES[1]


@functools.lru_cache(maxsize=16)
def period(mu: float) -> float:
    """Time of one round, between the last two rises of ``x`` through 0 in four rounds."""

    def rising(_: float, v: Array) -> float:
        return v[0]

    rising.direction = 1.0  # type: ignore[attr-defined]
    long = 4 * (7.0 + 1.7 * mu)
    found = solve_ivp(lambda _, v: field(mu, v), (0.0, long), (0.5, 0.0), "LSODA", events=rising, **TIGHT)
    times = found.t_events[0]
    return float(times[-1] - times[-2])


def starts(source: np.random.Generator, count: int) -> Float[Array, "count two"]:
    """States in the box."""
    return source.uniform(-1, 1, (count, 2)) * BOX / HALVES


def solved(mu: float, start: Float[Array, " two"], time: float) -> Any:
    """SciPy's solution, with dense output."""
    return solve_ivp(lambda _, v: field(mu, v), (0.0, time), start, "LSODA", dense_output=True, **TIGHT)


def segments(mu: float, source: np.random.Generator, count: int) -> Segments:
    """Those of ``count`` trajectories of half a period."""
    parts = [_cut(solved(mu, start, period(mu) / 2)) for start in starts(source, count)]
    nodes, length = (np.concatenate(side) for side in zip(*parts, strict=True))
    return Segments(nodes, length)


def _cut(found: Any) -> tuple[Array, Array]:
    times = np.append(found.t[:-1:JOINED], found.t[-1])
    middle, half = (times[1:] + times[:-1]) / 2, np.diff(times) / 2
    at = middle[:, None] + half[:, None] * NODES
    return found.sol(at.ravel()).T.reshape(len(at), 4, 2), 2 * half


def rounds(mu: float, source: np.random.Generator, count: int, times: int) -> tuple[Array, Array]:
    """``times`` from 0 to a period, and ``count`` trajectories ``(count, times, 2)`` there."""
    at = np.linspace(0.0, period(mu), times)
    return at, np.stack([solved(mu, start, at[-1]).sol(at).T for start in starts(source, count)])
