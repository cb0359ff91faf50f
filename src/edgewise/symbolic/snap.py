r"""From fitted constants to the simplest numbers the data allow.

A constant known as ``v`` with standard error ``s`` costs about ``log(1 + |v| / s)`` nats to write down; a simple
number costs its own short code plus what the fit loses, ``n/2 log(L' / L)`` with ``L`` the mean square of ``n`` rows.
A constant is replaced exactly when that is cheaper, all others being refitted; so with noiseless data it takes a
match in some ten digits, and with noisy data only the simplest of numbers within the error, or none.

Source: Rissanen, *Modeling by shortest data description* (1978).
"""

import sys
from collections.abc import Iterator
from fractions import Fraction
from math import floor, gcd, inf, log, log10, pi

import numpy as np
import sympy

from edgewise.symbolic.parser import Expression
from edgewise.symbolic.template import Template

ROUNDING = 1e-13
LARGEST_DENOMINATOR = 12
_CAUTION = 3.0
_WITHIN = 4.0
_GAUGE = 1e-13
_TAKES_PART = 1e-6


def snapped(template: Template, X: np.ndarray, y: np.ndarray) -> Template:
    """The template with constants dropped or replaced by simple numbers wherever that shortens the description."""
    template = _without_gauge(template.fitted(X, y, range(len(template.symbols)), steps=60), X, y)
    for only_zero in (True, False):
        tried: set[str] = set()
        while True:
            step = _one_step(template, X, y, only_zero, tried)
            if step is None:
                break
            template = step
    return template


def standard_errors(template: Template, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Standard error of each constant from the linearised fit.

    Infinite for one the data leave open, alone or together with others, as both parts of ``a / (b + c x)`` are.
    """
    if not template.symbols:
        return np.zeros(0)
    jacobian = template.jacobian(X)
    size = np.abs(jacobian).max(0)
    unit = jacobian / np.where(size > 0, size, 1.0)
    _, s, v = np.linalg.svd(unit, full_matrices=False)
    inverse = np.where(s > 1e-9 * max(s[0], 1e-300), 1 / np.maximum(s, 1e-300), 1e9)
    variance = loss(template, X, y) * len(y) / max(1, len(y) - len(template.symbols))
    error = np.sqrt((v.T**2 * inverse**2).sum(1) * variance)
    open_together = (np.abs(v[s <= _GAUGE * s[0]]) > _TAKES_PART).any(0)
    with np.errstate(over="ignore"):
        return np.where((size > 0) & ~open_together, error / np.where(size > 0, size, 1.0), inf)


def foresight(template: Template, X: np.ndarray, y: np.ndarray) -> float:
    """Mean square error to expect on a row left out: the leave-one-out error of the linearised fit (PRESS).

    ``mean (r_i / (1 - h_i))^2`` with ``h`` the diagonal of the hat matrix; infinite when the rows are too few.
    Source: Allen, *The relationship between variable selection and data augmentation* (1974).
    """
    if not template.symbols:
        return loss(template, X, y)
    residual = template.predict(X) - y
    if len(template.symbols) >= len(y):
        return inf
    jacobian = template.jacobian(X)
    size = np.abs(jacobian).max(0)
    u, s, _ = np.linalg.svd(jacobian / np.where(size > 0, size, 1.0), full_matrices=False)
    leverage = (u[:, s > 1e-9 * max(s[0], 1e-300)] ** 2).sum(1)
    with np.errstate(over="ignore"):
        square = float(np.mean((residual / np.maximum(1 - leverage, 1e-3)) ** 2))
    return square if square == square else inf


def loss(template: Template, X: np.ndarray, y: np.ndarray) -> float:
    """Mean square, infinite where undefined, and never below what rounding of ``y`` leaves."""
    with np.errstate(over="ignore", invalid="ignore"):
        square = float(np.mean((template.predict(X) - y) ** 2))
    floor = max(ROUNDING**2 * float(np.mean(y**2)), sys.float_info.min)
    return max(square, floor) if square == square else inf


def significant_digits(template: Template, X: np.ndarray, y: np.ndarray) -> list[int]:
    """Digits for each constant so that writing it down changes it by less than a tenth of its standard error.

    All fifteen for one that only others fix: rounding it alone would spoil the fit.
    """
    digits = []
    for value, error in zip(template.values, standard_errors(template, X, y), strict=True):
        relative = error / abs(value) if value else 1.0
        relative = 0.0 if relative == inf else relative
        digits.append(int(np.clip(np.ceil(-np.log10(max(relative, 1e-17))) + 2, 4, 15)))
    return digits


def _without_gauge(template: Template, X: np.ndarray, y: np.ndarray) -> Template:
    """One constant of each set that the data fix only together made 1: the one that leaves the others simplest."""
    while (open_ones := np.flatnonzero(np.isinf(standard_errors(template, X, y)))).size > 1:
        before = loss(template, X, y)
        trials = []
        for index in open_ones:
            one = sympy.Integer(1 if template.values[index] > 0 else -1)
            rest = [k for k in range(len(template.symbols)) if k != index]
            trial = template.held(int(index), float(one)).fitted(X, y, rest)
            if len(y) / 2 * log(loss(trial, X, y) / before) < _CAUTION:
                pinned = trial.pinned(int(index), one)
                trials.append((_code_length(pinned, X, y), int(index), pinned))
        if not trials:
            break
        template = min(trials, key=lambda trial: trial[:2])[2]
    return template


def _code_length(template: Template, X: np.ndarray, y: np.ndarray) -> float:
    """Nats to write the constants down, each as a simple number where one is near."""
    total = 0.0
    for value, error in zip(template.values, standard_errors(template, X, y), strict=True):
        simple = [code for code, _ in _candidates(value, float(error), only_zero=False)]
        total += min([*simple, log(1 + abs(value) / max(error, 1e-300))])
    return total


def _one_step(
    template: Template, X: np.ndarray, y: np.ndarray, only_zero: bool, tried: set[str]
) -> Template | None:
    """The first constant that can be replaced; constants tried in vain are remembered in ``tried``."""
    errors = standard_errors(template, X, y)
    before = loss(template, X, y)
    if not before < inf:
        return None
    for index in np.argsort(_urgency(template, errors)):
        symbol, value = template.symbols[index], template.values[index]
        if symbol.name in tried:
            continue
        tried.add(symbol.name)
        cost = log(1 + abs(value) / max(errors[index], 1e-300)) if errors[index] < inf else 40.0
        for code, number in _candidates(value, float(errors[index]), only_zero):
            rest = [k for k in range(len(template.symbols)) if k != index]
            trial = template.held(int(index), float(number)).fitted(X, y, rest)
            after = loss(trial, X, y)
            penalty = len(y) / 2 * log(after / before) if after < inf else inf
            if code + penalty + (0.0 if only_zero else _CAUTION) <= max(
                cost, _bic(len(y)) if only_zero else 0.0
            ):
                return trial.pinned(int(index), number)
    return None


def _bic(rows: int) -> float:
    return log(rows) / 2


def _urgency(template: Template, errors: np.ndarray) -> np.ndarray:
    """Constants that look most like zero, or like nothing the data know, come first."""
    return np.abs(template.values) / np.maximum(errors, 1e-300)


def _candidates(value: float, error: float, only_zero: bool) -> list[tuple[float, Expression]]:
    """Simple numbers near ``value`` with their code lengths in nats, the shortest first."""
    if only_zero:
        return [(0.0, sympy.Integer(0))]
    reach = max(_WITHIN * error, 1e-11 * abs(value)) if error < inf else inf
    if reach == inf:
        return [(1.0, sympy.Integer(1 if value > 0 else -1))]
    found = {}
    for code, number in simple_numbers(value, reach):
        if abs(float(number) - value) <= reach and number not in found:
            found[number] = code
    return sorted(((code, number) for number, code in found.items()), key=lambda pair: pair[0])[:3]


def simple_numbers(value: float, reach: float) -> Iterator[tuple[float, Expression]]:
    """Numbers near ``value``, give or take ``reach``, with their code lengths in nats."""
    sign = -1 if value < 0 else 1
    size = abs(value)
    for code, number in _fractions(size, reach):
        yield code, sign * number
    yield from ((code, sign * number) for code, number in _decimals(size, reach))
    for extra, factor, exact in (
        (1.5, pi, sympy.pi),
        (2.5, 1 / pi, 1 / sympy.pi),
        (3.5, pi**2, sympy.pi**2),
        (3.5, pi**-2, sympy.pi**-2),
    ):
        for code, number in _fractions(size / factor, reach / factor):
            yield code + extra, sign * number * exact
    for extra, factor, exact in (
        (2.0, 1.0, sympy.Integer(1)),
        (3.5, pi, sympy.pi),
        (3.5, 1 / pi, 1 / sympy.pi),
    ):
        for code, number in _fractions(size**2 / factor, 2 * size * reach / factor):
            yield code + extra, sign * sympy.sqrt(number * exact)


def _fractions(size: float, reach: float) -> Iterator[tuple[float, Expression]]:
    """The simplest fraction of each denominator within reach of a positive number."""
    if size > 1e6 or size <= 0:
        return
    for denominator in range(1, LARGEST_DENOMINATOR + 1):
        numerator = round(size * denominator)
        if numerator < 1 or gcd(numerator, denominator) > 1:
            continue
        if abs(numerator / denominator - size) <= reach:
            yield 0.5 + 1.2 * log(numerator * denominator), sympy.Rational(Fraction(numerator, denominator))


def _decimals(size: float, reach: float) -> Iterator[tuple[float, Expression]]:
    """A number of at most three digits times a power of ten, for sizes that no simple fraction reaches."""
    if not size > 0:
        return
    power = floor(log10(size))
    for places in range(3):
        scale = 10.0 ** (power - places)
        lead = round(size / scale)
        if abs(lead * scale - size) <= reach:
            yield (
                2.0 + 1.2 * log(lead) + 1.2 * log(1 + abs(power)),
                sympy.Float(float(f"{lead}e{power - places}")),
            )
            return
