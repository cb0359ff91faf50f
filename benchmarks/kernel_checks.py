"""The right answer in float64, by SciPy's splines: nothing is shared with any contestant.

``y_o = sum_i ( sum_m B_m(x_i) c_imo + silu(x_i) w_io )`` with the contestant's own knots, coefficients and base
weights, its gradients in closed form, and the same for a perceptron. NumPy arrays throughout.
"""

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import BSpline


def uniform_knots(low: float, high: float, intervals: int, degree: int) -> np.ndarray:
    """``degree`` knots beyond either end, all equally far apart."""
    step = (high - low) / intervals
    return low + step * np.arange(-degree, intervals + degree + 1)


def silu(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``x sigmoid(x)`` and its derivative."""
    gate = 1 / (1 + np.exp(-x))
    return x * gate, gate * (1 + x * (1 - gate))


def spline_layer(
    x: np.ndarray,
    upstream: np.ndarray,
    knots: np.ndarray,
    coef: np.ndarray,
    base: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Output ``(n, out)`` and gradients for ``x (n, in)``, ``coef (in, functions, out)`` and ``base (in, out)``.

    All inputs share one vector of knots, which tells the degree.
    """
    x, upstream, coef = (np.asarray(array, dtype=np.float64) for array in (x, upstream, coef))
    inputs, functions, outputs = coef.shape
    degree = len(knots) - functions - 1
    basis = BSpline(np.asarray(knots, dtype=np.float64), np.eye(functions), degree)
    values, slopes = (side(x.ravel()).reshape(len(x), -1) for side in (basis, basis.derivative()))
    pulled = upstream @ coef.reshape(-1, outputs).T
    y = values @ coef.reshape(-1, outputs)
    dx = (slopes * pulled).reshape(len(x), inputs, functions).sum(-1)
    dcoef = (values.T @ upstream).reshape(coef.shape)
    if base is None:
        return y, dx, dcoef, np.zeros((inputs, 0))
    value, slope = silu(x)
    return y + value @ base, dx + slope * (upstream @ base.T), dcoef, value.T @ upstream


def perceptron(
    x: np.ndarray, upstream: np.ndarray, first: np.ndarray, second: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    """``silu(x A) B`` with its gradients for ``x``, ``A (in, hidden)`` and ``B``; without ``B`` where it is None."""
    x, upstream, first = (np.asarray(array, dtype=np.float64) for array in (x, upstream, first))
    value, slope = silu(x @ first)
    if second is None:
        inner = upstream * slope
        return value, inner @ first.T, x.T @ inner
    inner = (upstream @ second.T) * slope
    return value @ second, inner @ first.T, x.T @ inner, value.T @ upstream


def relative_errors(found: Sequence[np.ndarray], exact: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Largest error over largest value: of the output, of the input's gradient, of the worst parameter's."""
    if len(found) != len(exact):
        raise ValueError(f"{len(found)} arrays came, {len(exact)} were expected")
    errors = [_error(a, b) for a, b in zip(found, exact, strict=True)]
    return errors[0], errors[1], max(errors[2:])


def _error(found: np.ndarray, exact: np.ndarray) -> float:
    if found.shape != exact.shape:
        raise ValueError(f"shape {found.shape} came, {exact.shape} was expected")
    error = np.abs(found - exact).max() / np.abs(exact).max()
    return float(error) if np.isfinite(error) else float("inf")
