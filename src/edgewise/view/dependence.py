r"""Partial dependence: what a model says on average when one input is moved and the others stay as they are.

``mean_i(v) = mean over rows x of f(x with x_i = v)`` (Friedman, *Annals of Statistics* 29, 2001). Each row for itself
is its individual conditional expectation (Goldstein and others, 2015); ``low`` and ``high`` are quantiles of these
curves. Where the band is equally wide, the other inputs only move the level; where its width changes, the input acts
together with others. Inputs that go together in the data are torn apart here: look at the density before you
trust an end.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import nn

from edgewise.data import as_matrix
from edgewise.errors import InputError
from edgewise.view.picture import checked_names, counts

Array = NDArray[np.float64]
Model = Callable[[Array], Array]

POINTS = 81
MOST_ROWS, MOST_CELLS = 1000, 2_000_000
BAND = (0.1, 0.9)


@dataclass(frozen=True, eq=False)
class Dependence:
    """How the outputs depend on one input.

    ``x (places,)`` are its values, in the user's units; ``mean``, ``low`` and ``high`` ``(places, outputs)`` the mean
    and two quantiles over rows. ``values`` are the input's values in the batch, sorted; ``visits`` counts them in
    equal bins.
    """

    feature: str
    outputs: tuple[str, ...]
    x: Array
    mean: Array
    low: Array
    high: Array
    values: Array
    visits: NDArray[np.int64]

    @property
    def reach(self) -> float:
        """How far the mean of the output that moves most goes from its lowest to its highest."""
        return float(np.max(np.nanmax(self.mean, axis=0) - np.nanmin(self.mean, axis=0)))


def partial_dependence(
    model: Any,
    X: Any,
    *,
    features: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    points: int = POINTS,
    band: tuple[float, float] = BAND,
) -> tuple[Dependence, ...]:
    """The partial dependence of a model's outputs on each input.

    Args:
        model: a network, or a fitted estimator with ``predict`` (or ``predict_proba``, which is taken first).
        X: the batch ``(rows, inputs)`` in the user's units, in whose range inputs are moved; of more than 1000 rows, or
            of very many columns, evenly spaced rows.
        features: column numbers; all when left out.
        feature_names: one for each input; a data frame's own columns, or ``x1, x2, ...``, when left out.
        target_names: one for each output; the classes of a classifier, else ``y``, or ``y1, y2, ...``, when left out.
        points: places along an input; one with fewer distinct values is looked at there.
        band: the two quantiles over rows.

    Example:
        >>> from edgewise.network import KAN
        >>> made = partial_dependence(KAN([2, 1]), torch.linspace(-1, 1, 50).repeat(2, 1).T)
        >>> [one.feature for one in made], made[0].mean.shape
        (['x1', 'x2'], (50, 1))
    """
    matrix = as_matrix(X, "X").numpy()
    if not 0 <= band[0] < band[1] <= 1 or points < 2:
        raise InputError(
            f"band={band!r}, points={points!r}: expected two shares from 0 to 1, the lower first, and two points"
        )
    names = feature_names if feature_names is not None else getattr(X, "columns", None)
    inputs = checked_names("feature_names", names, matrix.shape[1], "x", "inputs")
    predict, known = _reader(model, X)
    rows = _thinned(matrix, points)
    outputs = predict(rows[:1]).shape[1]
    targets = checked_names("target_names", target_names or known, outputs, "y", "outputs")
    chosen = range(matrix.shape[1]) if features is None else features
    for column in chosen:
        if not isinstance(column, (int, np.integer)) or not 0 <= column < matrix.shape[1]:
            raise InputError(
                f"features holds {column!r}: expected column numbers from 0 to {matrix.shape[1] - 1}"
            )
    return tuple(
        Dependence(
            inputs[k],
            targets,
            *_curves(predict, rows, k, _places(matrix[:, k], points), band),
            values=np.sort(matrix[:, k]),
            visits=counts(matrix[:, k]),
        )
        for k in map(int, chosen)
    )


def _reader(model: Any, X: Any) -> tuple[Model, Sequence[str] | None]:
    """A function from rows to outputs ``(n, outputs)``, and the outputs' names where the model knows them."""
    if isinstance(model, nn.Module):
        return lambda rows: _network_values(model, rows), None
    method = getattr(model, "predict_proba", None) or getattr(model, "predict", None)
    if method is None:
        raise InputError(
            f"model is a {type(model).__name__}: expected a network, or an estimator with predict"
        )
    classes = [str(label) for label in model.classes_] if hasattr(model, "predict_proba") else None

    def predict(rows: Array) -> Array:
        # A model that was fitted to named columns is asked by name.
        named = type(X)(rows, columns=X.columns) if hasattr(X, "columns") else rows
        return np.asarray(method(named), dtype=np.float64).reshape(len(rows), -1)

    return predict, classes


def _network_values(network: nn.Module, rows: Array) -> Array:
    like = next(chain(network.buffers(), network.parameters()))
    with torch.no_grad():
        return network(torch.from_numpy(rows).to(like)).double().cpu().numpy()


def _thinned(matrix: Array, points: int) -> Array:
    """Evenly spaced rows, at most ``MOST_ROWS`` and so few that one input's questions fit in memory."""
    most = min(MOST_ROWS, max(50, 10 * MOST_CELLS // (points * matrix.shape[1])))
    kept = np.linspace(0, len(matrix) - 1, min(len(matrix), most)).round().astype(np.intp)
    return matrix[kept]


def _places(column: Array, points: int) -> Array:
    distinct = np.unique(column)
    return distinct if len(distinct) < points else np.linspace(column.min(), column.max(), points)


def _curves(
    predict: Model, rows: Float[Array, "rows inputs"], column: int, places: Array, band: tuple[float, float]
) -> tuple[Array, Array, Array, Array]:
    """The places, and there the mean and the two quantiles over rows."""
    at_once = max(1, MOST_CELLS // rows.size)
    told = []
    for start in range(0, len(places), at_once):
        part = places[start : start + at_once]
        asked = np.repeat(rows[None], len(part), axis=0)
        asked[:, :, column] = part[:, None]
        values = predict(asked.reshape(-1, rows.shape[1]))
        told.append(values.reshape(len(part), len(rows), -1))
    curves = np.concatenate(told)
    curves[~np.isfinite(curves)] = np.nan
    with warnings.catch_warnings():
        # Where a formula has no value for any row there is a gap, and that is all.
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanquantile(curves, band, axis=1)
        return places, np.nanmean(curves, axis=1), low, high
