r"""Random functions of one variable, drawn from four families so that no architecture owns the teacher.

A *rough* function ``r`` has, for ``z ~ N(0, 1)``,

    E[r] = 0,   E[r z] = 0,   E[r^2] = 1,   E[r'^2] = omega^2   (nearly; ``omega^2 >= 2``, the least of such functions),

and a *primitive* is ``h(z) = sqrt(1 - a) z + sqrt(a) r(z)`` with ``a = 0.1``, so one step multiplies squared gradients
by ``(1 - a) + a omega^2 = 1.1 + 0.2 kappa`` for ``omega^2 = 2 + 2 kappa``. Roughness ``kappa`` and the number of steps
are then separate dials: eight steps of kappa 1 raise gradients by 2.9, of kappa 4 by 13.

Families: ``fourier`` (three sines), ``rational`` (three Lorentz bumps), ``perceptron`` (four tanh units), ``spline`` (a
cubic spline through random values). ``z`` beyond 4 is taken as 4.
"""

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline

from edgewise.study.tasks.task import Array

Function = Callable[[Array], Array]
NONLINEAR = 0.1
_REACH = 4.0
_GRID = np.linspace(-_REACH, _REACH, 801)
_WEIGHT = np.exp(-(_GRID**2) / 2)
_WEIGHT /= _WEIGHT.sum()
_STRETCHES = np.geomspace(0.05, 40.0, 120)


def primitive(generator: np.random.Generator, roughness: float) -> Function:
    """``h`` of that roughness, of a random family."""
    rough_part = rough(generator, 2 + 2 * roughness)

    def h(z: Array) -> Array:
        return (1 - NONLINEAR) ** 0.5 * z + NONLINEAR**0.5 * rough_part(z)

    return h


def rough(generator: np.random.Generator, slope_energy: float, family: str | None = None) -> Function:
    """``r`` with ``E[r'^2]`` as near to ``slope_energy`` as stretching its argument brings it."""
    name = family or str(generator.choice(sorted(FAMILIES)))
    raw = FAMILIES[name](generator)
    found = [_standardised(raw, stretch) for stretch in _STRETCHES]
    energies = np.array([_slope_energy(function) for function in found])
    return found[int(np.argmin(np.abs(np.log(energies / slope_energy))))]


def _standardised(raw: Function, stretch: float) -> Function:
    """``raw(stretch z)`` without mean and linear part, of variance 1."""
    values = raw(stretch * _GRID)
    mean, slope = _WEIGHT @ values, _WEIGHT @ (values * _GRID) / (_WEIGHT @ _GRID**2)
    spread = max(float(_WEIGHT @ (values - mean - slope * _GRID) ** 2) ** 0.5, 1e-9)

    def function(z: Array) -> Array:
        z = np.clip(z, -_REACH, _REACH)
        return (raw(stretch * z) - mean - slope * z) / spread

    return function


def _slope_energy(function: Function) -> float:
    return float(_WEIGHT @ np.gradient(function(_GRID), _GRID) ** 2)


def _fourier(generator: np.random.Generator) -> Function:
    frequency, phase = generator.uniform(0.5, 1.0, 3), generator.uniform(0, 2 * np.pi, 3)
    weight = generator.normal(size=3)
    return lambda z: np.sin(z[..., None] * frequency + phase) @ weight


def _rational(generator: np.random.Generator) -> Function:
    centre, weight = generator.uniform(-2, 2, 3), generator.normal(size=3)
    return lambda z: (1 / (1 + (z[..., None] - centre) ** 2)) @ weight


def _perceptron(generator: np.random.Generator) -> Function:
    centre, weight = generator.uniform(-2, 2, 4), generator.normal(size=4)
    return lambda z: np.tanh(z[..., None] - centre) @ weight


def _spline(generator: np.random.Generator) -> Function:
    period = 32  # knots, one apart; stretched arguments go round
    curve = CubicSpline(
        np.arange(period + 1), np.resize(generator.normal(size=period), period + 1), bc_type="periodic"
    )
    return lambda z: curve(np.mod(z, period))


FAMILIES: dict[str, Callable[[np.random.Generator], Function]] = {
    "fourier": _fourier,
    "perceptron": _perceptron,
    "rational": _rational,
    "spline": _spline,
}
