"""Networks as scikit-learn estimators: ``KANRegressor`` and ``KANClassifier``."""

import operator
import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from edgewise.errors import FitWarning, InputError
from edgewise.estimators.choice import select
from edgewise.estimators.display import Shown
from edgewise.network import KAN, Width
from edgewise.train import FitResult, TrainConfig, train

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ROWS_AT_ONCE = 8192
HIDDEN, INTERVALS, DEGREE = (5,), 5, 3
EDGES = ("auto", "splines", "known")
_STEPS_TO_THE_MIDDLE = 32


class _KANEstimator(Shown, BaseEstimator):
    """What the two networks share: settings, and a network fitted to scaled rows."""

    def __init__(
        self,
        hidden: str | Sequence[int | tuple[int, int]] = "auto",
        *,
        intervals: int | tuple[int, ...] | None = None,
        degree: int | None = None,
        base: str | None = "silu",
        edges: str = "auto",
        method: str = "auto",
        sparsity: float = 0.0,
        entropy: float = 0.0,
        smoothness: float = 0.0,
        max_seconds: float | None = None,
        progress: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.intervals = intervals
        self.degree = degree
        self.base = base
        self.edges = edges
        self.method = method
        self.sparsity = sparsity
        self.entropy = entropy
        self.smoothness = smoothness
        self.max_seconds = max_seconds
        self.progress = progress
        self.random_state = random_state

    def _fit_network(self, X: "NDArray", y: "NDArray", outputs: int, loss: str) -> None:
        seed = fresh_seed(self.random_state)
        intervals = INTERVALS if self.intervals is None else self.intervals
        stages = None if isinstance(intervals, Integral) else _stages(intervals)
        degree = None if self.degree is None else _whole("degree", self.degree)
        config = TrainConfig(
            method=self.method,
            loss=loss,
            intervals=stages,
            sparsity=self.sparsity,
            entropy=self.entropy,
            smoothness=self.smoothness,
            max_seconds=self.max_seconds,
            progress=self.progress,
            seed=seed,
        )
        if self.edges not in EDGES:
            raise InputError(f"edges={self.edges!r}: expected one of {', '.join(map(repr, EDGES))}")
        self._middle = X.mean(0)
        if self._chooses(config):
            known = self.edges == "known" or (self.edges == "auto" and self.max_seconds is not None)
            result = select(X, y, config, degree, with_laws=known)
        else:
            network = KAN(
                [X.shape[1], *_widths(HIDDEN if is_auto(self.hidden) else self.hidden), outputs],
                intervals=_whole("intervals", stages[0] if stages else intervals),
                degree=DEGREE if degree is None else degree,
                base=self.base,
                generator=torch.Generator().manual_seed(seed),
                dtype=torch.float64,
            )
            result = train(network, X, y, config)
        self.fit_result_: FitResult = result
        self.network_: KAN = result.network
        if result.status == "rolled back":
            warnings.warn(result.message, FitWarning, stacklevel=3)

    def _chooses(self, config: TrainConfig) -> bool:
        """Whether ``hidden="auto"`` looks for a network: by least squares, on cells of its own choice."""
        plain = config.loss == "squared" and not (config.sparsity or config.entropy)
        by_squares = plain and config.method in ("auto", "least-squares")
        return is_auto(self.hidden) and by_squares and self.intervals is None

    def _outputs(self, X: Any) -> "NDArray[np.float64]":
        """The network's values; where fixed edges have none, those at the next point towards the middle of the data."""
        check_is_fitted(self)
        rows = checked_rows(self, X)
        values = network_values(self.network_, rows)
        for share in np.linspace(1, 0, _STEPS_TO_THE_MIDDLE + 1)[1:]:
            lost = ~np.isfinite(values).all(1)
            if not lost.any():
                break
            nearer = self._middle + share * (rows[lost] - self._middle)
            values[lost] = network_values(self.network_, nearer)
        return values


class KANRegressor(RegressorMixin, _KANEstimator):
    """``y = net(x)`` by least squares; ``y`` is ``(n,)`` or ``(n, outputs)``.

    Args:
        hidden: ``"auto"`` tries networks of up to four layers, sums and products, with and without an exponential
            on top, and takes the one that held-out rows ask for; for 1000 rows in a minute or two. Widths
            between inputs and outputs otherwise: ``()`` sums one function per input, ``(s, p)`` as an entry means ``s``
            sums and ``p`` products.
        intervals: cells of every spline to start with, doubled while held-out rows gain from it; a tuple such
            as ``(3, 6, 12)`` gives the stages instead. ``None`` leaves them to the choice, or starts with 5.
        degree: of the splines; ``None`` leaves it to the choice among 3 and 5, or is 3.
        base: of given widths, see ``KANLayer``; networks that were chosen have none.
        edges: ``"known"`` lets networks with known functions on their edges take part in the choice: the laws that the
            search of ``FormulaRegressor`` finds in a third of the time, at most 20 s, and chosen networks whose edges
            are fixed one after the other, for one target, 50 rows or more and 5 s or more. ``"splines"`` does without.
            ``"auto"`` is the first with a time limit and the second without, where the seed alone decides everything.
        method: ``"auto"``, ``"least-squares"``, ``"lbfgs"`` or ``"adam"``.
        sparsity, entropy, smoothness: weights of the penalties.
        max_seconds: time limit of ``fit``; the best so far is kept.
        progress: whether ``fit`` shows its progress on standard error.
        random_state: of the initial weights and of the rows held out.

    The choice is by least squares: with another ``method``, with ``sparsity`` or ``entropy`` and with given
    ``intervals``, ``"auto"`` means ``(5,)``.

    Attributes:
        network_: the fitted ``KAN``, in the units of ``X`` and ``y``.
        fit_result_: status, message, history and seconds of the fit.

    Example:
        >>> X = np.linspace(-1, 1, 60)[:, None]
        >>> model = KANRegressor(hidden=(), max_seconds=5, random_state=0).fit(X, np.sin(3 * X[:, 0]))
        >>> bool(model.score(X, np.sin(3 * X[:, 0])) > 0.999)
        True
    """

    def fit(self, X: "ArrayLike", y: "ArrayLike") -> Self:
        """Fits to ``X (n, features)`` and ``y (n,)`` or ``(n, outputs)``, ``n`` at least 2."""
        X, y = checked_pair(self, X, y, multi_output=True, y_numeric=True)
        y = y.astype(np.float64)
        self._one_target = y.ndim == 1
        self._fit_network(X, y, 1 if y.ndim == 1 else y.shape[1], "squared")
        return self

    def predict(self, X: "ArrayLike") -> "NDArray[np.float64]":
        """``(n,)``, or ``(n, outputs)`` when the targets had columns."""
        values = self._outputs(X)
        return values[:, 0] if self._one_target else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KANClassifier(ClassifierMixin, _KANEstimator):
    """``p(class k | x) = softmax(net(x))_k`` by cross-entropy, for two classes or more.

    Args:
        hidden, intervals, degree, base, edges, method, sparsity, entropy, smoothness, max_seconds, progress,
        random_state: as in ``KANRegressor``, but that nothing is chosen: ``"auto"`` means ``(5,)``.

    Attributes:
        classes_: the labels, sorted.
        network_, fit_result_: as in ``KANRegressor``; the network's outputs are log-odds.

    Example:
        >>> X = np.linspace(-1, 1, 60)[:, None]
        >>> model = KANClassifier(hidden=(), max_seconds=5, random_state=0).fit(X, np.abs(X[:, 0]) > 0.5)
        >>> bool(model.score(X, np.abs(X[:, 0]) > 0.5) > 0.95)
        True
    """

    def fit(self, X: "ArrayLike", y: "ArrayLike") -> Self:
        """Fits to ``X (n, features)`` and labels ``y (n,)`` of at least two classes."""
        X, y = checked_pair(self, X, y)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"y holds one class, {self.classes_[0]!r}: expected at least two classes; add rows"
            )
        self._fit_network(X, numbers.reshape(-1), len(self.classes_), "cross-entropy")
        return self

    def predict_proba(self, X: "ArrayLike") -> "NDArray[np.float64]":
        """Probabilities ``(n, classes)`` in the order of ``classes_``."""
        outputs = self._outputs(X)
        odds = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X: "ArrayLike") -> "NDArray":
        """The likeliest class of each row."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]


def is_auto(hidden: Any) -> bool:
    """Whether the widths are left to the choice."""
    return isinstance(hidden, str) and hidden == "auto"


def network_values(network: KAN, X: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Values ``(n, outputs)`` of a network at rows ``X (n, features)``, a few thousand rows at a time."""
    rows = torch.from_numpy(np.array(X)).to(network.input_center)
    with torch.no_grad():
        return torch.cat([network(part) for part in rows.split(ROWS_AT_ONCE)]).double().numpy()


def fresh_seed(random_state: int | np.random.RandomState | None) -> int:
    """A seed for torch; without a ``random_state`` one from the machine, leaving NumPy's global state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def checked_pair(
    estimator: BaseEstimator, X: Any, y: Any, **checks: bool
) -> "tuple[NDArray[np.float64], NDArray]":
    """Rows and targets as scikit-learn checks them, at least two; remembers the names of the columns."""
    pair = validate_data(estimator, X, y, dtype=np.float64, ensure_min_samples=2, **checks)
    return cast("tuple[NDArray[np.float64], NDArray]", pair)


def checked_rows(estimator: BaseEstimator, X: Any) -> "NDArray[np.float64]":
    """Rows for a prediction, with the columns of the fit."""
    return cast("NDArray[np.float64]", validate_data(estimator, X, reset=False, dtype=np.float64))


def _widths(hidden: Any) -> list[Width]:
    """The widths between inputs and outputs as plain integers, whatever a grid made of them."""
    if isinstance(hidden, Integral):
        hidden = (hidden,)
    if isinstance(hidden, str) or not isinstance(hidden, Sequence | np.ndarray):
        raise InputError(f"hidden={hidden!r}: expected 'auto', widths such as (5,), or () for none")
    return [_width(entry) for entry in hidden]


def _width(entry: Any) -> Width:
    if isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) == 2:
        return _whole("hidden", entry[0]), _whole("hidden", entry[1])
    return _whole("hidden", entry)


def _stages(intervals: Any) -> tuple[int, ...]:
    if isinstance(intervals, str) or not isinstance(intervals, Sequence | np.ndarray) or len(intervals) == 0:
        raise InputError(f"intervals={intervals!r}: expected a whole number, or stages such as (3, 6, 12)")
    return tuple(_whole("intervals", n) for n in intervals)


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise InputError(f"{name} has {value!r}: expected a whole number") from None
