r"""Public formulas: the toy functions, the special functions and the Feynman equations of the KAN paper.

Source of the list: Liu et al., *KAN*, arXiv 2404.19756, sections 3.1 to 3.3. The paper does not say over which ranges
it drew inputs; those here are ours, chosen so that every formula is defined and finite, and each is in the table below.
The paper's forms are the dimensionless ones of AI Feynman (Udrescu & Tegmark, 2020).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from edgewise.errors import InputError
from edgewise.study.tasks.task import Array, Rows, Task

PI = np.pi


class Formula(NamedTuple):
    """``function`` of as many columns as there are ``ranges``."""

    function: Callable[..., Array]
    ranges: Sequence[tuple[float, float]]


def formula(name: str) -> Task:
    """The formula of that name as a task, inputs uniform in their ranges."""
    if name not in FORMULAS:
        raise InputError(f"formula {name!r} is not known; choose one of: {', '.join(FORMULAS)}")
    function, ranges = FORMULAS[name]
    low, high = np.array(ranges).T

    def rows(count: int, part: str, generator: np.random.Generator) -> Rows:
        X = generator.uniform(low, high, (count, len(ranges)))
        return X, function(*X.T)[:, None]

    return Task(len(ranges), 1, rows)


def _elliptic_sine(u: Array, m: Array) -> Array:
    return special.ellipj(u, m)[0]


def _legendre(order: int) -> Callable[[Array, Array], Array]:
    return lambda degree, x: special.lpmv(order, degree, x)


def _harmonic(order: int, degree: int) -> Callable[[Array, Array], Array]:
    """Real part of the spherical harmonic ``Y_degree^order``, of polar and azimuthal angle."""
    return lambda polar, azimuth: special.sph_harm_y(degree, order, polar, azimuth).real


UNIT, SYMMETRIC, TURN = (0.0, 1.0), (-1.0, 1.0), (0.0, 2 * PI)
ANGLES = [(0.0, PI), TURN]

FORMULAS: dict[str, Formula] = {
    "toy-bessel": Formula(lambda x: special.j0(20 * x), [SYMMETRIC]),
    "toy-exp-sin": Formula(lambda x, y: np.exp(np.sin(PI * x) + y**2), [SYMMETRIC] * 2),
    "toy-product": Formula(lambda x, y: x * y, [SYMMETRIC] * 2),
    "toy-100": Formula(
        lambda *x: np.exp(np.mean(np.sin(PI * np.array(x) / 2) ** 2, axis=0)), [SYMMETRIC] * 100
    ),
    "toy-deep": Formula(
        lambda a, b, c, d: np.exp((np.sin(PI * (a**2 + b**2)) + np.sin(PI * (c**2 + d**2))) / 2),
        [SYMMETRIC] * 4,
    ),
    "ellipj": Formula(_elliptic_sine, [(-4.0, 4.0), UNIT]),
    "ellipkinc": Formula(special.ellipkinc, [(-1.0, 1.0), (0.0, 0.95)]),
    "ellipeinc": Formula(special.ellipeinc, [(-1.0, 1.0), (0.0, 0.95)]),
    "jv": Formula(special.jv, [(0.0, 2.0), (0.5, 10.0)]),
    "yv": Formula(special.yv, [(0.0, 2.0), (1.0, 10.0)]),
    "kv": Formula(special.kv, [UNIT, (0.5, 3.0)]),
    "iv": Formula(special.iv, [UNIT, (0.1, 3.0)]),
    "lpmv0": Formula(_legendre(0), [(0.0, 3.0), (-0.9, 0.9)]),
    "lpmv1": Formula(_legendre(1), [(0.0, 3.0), (-0.9, 0.9)]),
    "lpmv2": Formula(_legendre(2), [(0.0, 3.0), (-0.9, 0.9)]),
    "sph_harm01": Formula(_harmonic(0, 1), ANGLES),
    "sph_harm11": Formula(_harmonic(1, 1), ANGLES),
    "sph_harm02": Formula(_harmonic(0, 2), ANGLES),
    "sph_harm12": Formula(_harmonic(1, 2), ANGLES),
    "sph_harm22": Formula(_harmonic(2, 2), ANGLES),
    "I.6.2": Formula(
        lambda theta, s: np.exp(-(theta**2) / (2 * s**2)) / np.sqrt(2 * PI * s**2), [SYMMETRIC, (0.5, 2.0)]
    ),
    "I.6.2b": Formula(
        lambda theta, t, s: np.exp(-((theta - t) ** 2) / (2 * s**2)) / np.sqrt(2 * PI * s**2),
        [(-1.5, 1.5), (-1.5, 1.5), (0.5, 2.0)],
    ),
    "I.9.18": Formula(
        lambda a, b, c, d, e, f: a / ((b - 1) ** 2 + (c - d) ** 2 + (e - f) ** 2),
        [UNIT, (2.0, 3.0), UNIT, (2.0, 3.0), UNIT, (2.0, 3.0)],
    ),
    "I.12.11": Formula(lambda a, theta: 1 + a * np.sin(theta), [SYMMETRIC, TURN]),
    "I.13.12": Formula(lambda a, b: a * (1 / b - 1), [UNIT, (0.5, 2.0)]),
    "I.15.3x": Formula(lambda a, b: (1 - a) / np.sqrt(1 - b**2), [UNIT, (0.0, 0.8)]),
    "I.16.6": Formula(lambda a, b: (a + b) / (1 + a * b), [(-0.8, 0.8)] * 2),
    "I.18.4": Formula(lambda a, b: (1 + a * b) / (1 + a), [(0.5, 2.0), SYMMETRIC]),
    "I.26.2": Formula(lambda n, theta: np.arcsin(n * np.sin(theta)), [(0.0, 0.99), TURN]),
    "I.27.6": Formula(lambda a, b: 1 / (1 + a * b), [(0.5, 2.0)] * 2),
    "I.29.16": Formula(lambda a, s, t: np.sqrt(1 + a**2 - 2 * a * np.cos(s - t)), [(0.0, 0.9), TURN, TURN]),
    "I.30.3": Formula(
        lambda n, theta: np.sin(n * theta / 2) ** 2 / np.sin(theta / 2) ** 2,
        [(0.0, 4.0), (0.4 * PI, 1.6 * PI)],
    ),
    "I.30.5": Formula(lambda a, n: np.arcsin(a / n), [(-0.95, 0.95), (1.0, 2.0)]),
    "I.37.4": Formula(lambda a, delta: 1 + a + 2 * np.sqrt(a) * np.cos(delta), [(0.1, 1.0), TURN]),
    "I.40.1": Formula(lambda n, a: n * np.exp(-a), [UNIT, SYMMETRIC]),
    "I.44.4": Formula(lambda n, a: n * np.log(a), [UNIT, (0.5, 2.0)]),
    "I.50.26": Formula(lambda a, alpha: np.cos(a) + alpha * np.cos(a) ** 2, [TURN, UNIT]),
    "II.2.42": Formula(lambda a, b: (a - 1) * b, [UNIT, UNIT]),
    "II.6.15a": Formula(lambda a, b, c: c * np.sqrt(a**2 + b**2) / (4 * PI), [(0.1, 1.0), (0.1, 1.0), UNIT]),
    "II.11.7": Formula(lambda n, a, theta: n * (1 + a * np.cos(theta)), [UNIT, SYMMETRIC, TURN]),
    "II.11.27": Formula(lambda n, alpha: n * alpha / (1 - n * alpha / 3), [UNIT, (0.0, 2.0)]),
    "II.35.18": Formula(lambda n, a: n / (np.exp(a) + np.exp(-a)), [UNIT, SYMMETRIC]),
    "II.36.38": Formula(lambda a, alpha, b: a + alpha * b, [UNIT] * 3),
    "II.38.3": Formula(lambda a, b: a / b, [UNIT, (0.5, 2.0)]),
    "III.9.52": Formula(
        lambda a, b, c: a * np.sin((b - c) / 2) ** 2 / ((b - c) / 2) ** 2, [UNIT, (2.0, 4.0), (-1.0, 1.0)]
    ),
    "III.10.19": Formula(lambda a, b: np.sqrt(1 + a**2 + b**2), [SYMMETRIC] * 2),
    "III.17.37": Formula(lambda beta, alpha, theta: beta * (1 + alpha * np.cos(theta)), [UNIT, UNIT, TURN]),
}
