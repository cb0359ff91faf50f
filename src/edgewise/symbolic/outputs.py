r"""Output transforms: a law may be a plain sum in ``T(y)`` only, as ``1/y = 1 + a b`` is.

Each row's residual in ``T(y)`` is divided by ``|T'(y)|``, which turns it, to first order, into a residual in ``y``:
so fits in different transforms are compared by what they leave of ``y`` itself, and a transform that blows noise up
gains nothing by it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray
NEARLY_ALL = 0.93


@dataclass(frozen=True)
class Output:
    """``t = T(y)`` with ``slope = dT/dy``; ``inverse``, written ``text``, gives ``y`` back at ``cost`` nodes."""

    name: str
    text: str
    forward: Callable[[Array], Array] = field(repr=False)
    slope: Callable[[Array], Array] = field(repr=False)
    inverse: Callable[[Array], Array] = field(repr=False)
    defined: Callable[[Array], Array] = field(repr=False)
    cost: int = 1
    needs: str | None = None


def _positive(y: Array) -> Array:
    return y > 0


def _not_zero(y: Array) -> Array:
    return y != 0


def _within(low: float, high: float) -> Callable[[Array], Array]:
    return lambda y: (y > low) & (y < high)


OUTPUTS = (
    Output("plain", "t", lambda y: y, np.ones_like, lambda t: t, lambda y: y == y, 0),
    Output("reciprocal", "1/t", lambda y: 1 / y, lambda y: -(y**-2.0), lambda t: 1 / t, _not_zero),
    Output("square", "sqrt(t)", lambda y: y * y, lambda y: 2 * y, np.sqrt, _positive, needs="square root"),
    Output("logarithm", "exp(t)", np.log, lambda y: 1 / y, np.exp, _positive, needs="exponential"),
    Output("root", "t**2", np.sqrt, lambda y: 0.5 * y**-0.5, np.square, _positive),
    Output("exponential", "log(t)", np.exp, np.exp, np.log, _within(-30, 30), needs="logarithm"),
    Output(
        "inverse square",
        "1/sqrt(t)",
        lambda y: y**-2.0,
        lambda y: -2 * y**-3.0,
        lambda t: t**-0.5,
        _positive,
        2,
        "square root",
    ),
    Output("sine", "asin(t)", np.sin, np.cos, np.arcsin, _within(-np.pi / 2, np.pi / 2), needs="arcsine"),
    Output("cosine", "acos(t)", np.cos, lambda y: -np.sin(y), np.arccos, _within(0, np.pi), needs="arcsine"),
    Output(
        "tangent",
        "atan(t)",
        np.tan,
        lambda y: np.cos(y) ** -2.0,
        np.arctan,
        _within(-np.pi / 2, np.pi / 2),
        needs="arctangent",
    ),
    Output(
        "arcsine", "sin(t)", np.arcsin, lambda y: (1 - y * y) ** -0.5, np.sin, _within(-1, 1), needs="sine"
    ),
    Output(
        "artanh",
        "tanh(t)",
        np.arctanh,
        lambda y: 1 / (1 - y * y),
        np.tanh,
        _within(-1, 1),
        needs="hyperbolic tangent",
    ),
    Output("cube root", "t**3", np.cbrt, lambda y: np.cbrt(y) ** -2.0 / 3, lambda t: t**3, _not_zero, 2),
)


@dataclass(frozen=True)
class Target:
    """A column to regress on: ``t`` with roots of weights ``w``; ``sign`` is that of a ``y`` of one sign."""

    output: Output
    sign: float
    t: Array = field(repr=False)
    w: Array = field(repr=False)

    def rows(self, index: Array) -> "Target":
        """The same column on some rows."""
        return Target(self.output, self.sign, self.t[index], self.w[index])

    @property
    def text(self) -> str:
        """``y`` written in ``t``."""
        return self.output.text if self.sign > 0 else f"-({self.output.text})"


def targets(y: Array, weight: Array, allowed: Callable[[str], bool]) -> Iterator[Target]:
    """``y (n,)`` in every transform that nearly all of it allows; ``weight`` is what an error of it is worth.

    Noise may push a few rows out of a transform's reach: they get no weight.
    """
    sign = -1.0 if np.mean(y < 0) >= NEARLY_ALL else 1.0
    for output in OUTPUTS:
        good = output.defined(sign * y)
        if np.mean(good) < NEARLY_ALL or not (output.needs is None or allowed(output.needs)):
            continue
        inside = np.where(good, sign * y, sign * y[np.argmax(good)])
        with np.errstate(all="ignore"):
            t, slope = output.forward(inside), output.slope(inside)
            w = np.where(good, weight / np.abs(slope), 0.0)
        if np.isfinite(t).all() and np.isfinite(w).all() and float(np.ptp(t)) > 0 and float(w.max()) > 0:
            yield Target(output, sign, t, w)
