"""Who fits a table: each loads its libraries, then fits and hands back a function of rows."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import formula_peers
import numpy as np
from formula_data import function_of
from formula_methods import Table

from edgewise.symbolic.parser import parse

Predict = Callable[[np.ndarray], np.ndarray]
Fit = Callable[[Table], Predict]
BOOSTINGS = tuple((rate, leaves) for leaves in (8, 16, 31, 64) for rate in (0.1, 0.05, 0.2))


@dataclass(frozen=True)
class Method:
    """The package that a method stands for, and what loads it; loading is not timed."""

    package: str
    load: Callable[[], Fit]


def edgewise() -> Fit:
    """``KANRegressor``, told its time and its seed."""
    from edgewise import KANRegressor

    def fit(table: Table) -> Predict:
        return KANRegressor(max_seconds=table.seconds, random_state=table.seed).fit(table.X, table.y).predict

    return fit


def perceptron() -> Fit:
    """Tanh layers and edgewise's Levenberg-Marquardt, size and decay chosen on held-out rows."""
    from edgewise.study.claims.perceptron import fit_perceptron

    return lambda table: fit_perceptron(table.X, table.y, table.seconds, table.seed)


def boosting() -> Fit:
    """Histogram gradient boosting: leaves and rate chosen on held-out rows while time lasts, then fitted to all."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.model_selection import train_test_split

    def fit(table: Table) -> Predict:
        start = time.perf_counter()
        X, held_X, y, held_y = train_test_split(table.X, table.y, test_size=0.2, random_state=table.seed)
        scores = []
        for rate, leaves in BOOSTINGS:
            if scores and time.perf_counter() - start > table.seconds / 2:
                break
            settings = {"learning_rate": rate, "max_leaf_nodes": leaves, "max_iter": 1000}
            model = HistGradientBoostingRegressor(
                early_stopping=True,
                n_iter_no_change=30,
                min_samples_leaf=5,
                random_state=table.seed,
                **settings,
            )
            model.fit(X, y, X_val=held_X, y_val=held_y)
            error = float(np.mean((model.predict(held_X) - held_y) ** 2))
            scores.append((error, settings | {"max_iter": model.n_iter_}))
        best = min(scores, key=lambda pair: pair[0])[1]
        model = HistGradientBoostingRegressor(
            early_stopping=False, min_samples_leaf=5, random_state=table.seed, **best
        )
        return model.fit(table.X, table.y).predict

    return fit


def gaussian_process() -> Fit:
    """Squared exponential kernel with a length for every input, and white noise; started again while time lasts."""
    import scipy.optimize
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    def fit(table: Table) -> Predict:
        deadline = time.perf_counter() + 0.85 * table.seconds
        center, spread = table.X.mean(0), table.X.std(0)

        def stop(_: np.ndarray) -> None:
            if time.perf_counter() > deadline:
                raise StopIteration

        def optimizer(objective, start, bounds):
            generator, best = np.random.default_rng(table.seed), (start, np.inf)
            while time.perf_counter() < deadline:
                found = scipy.optimize.minimize(
                    objective, start, method="L-BFGS-B", jac=True, bounds=bounds, callback=stop
                )
                best = min(best, (found.x, found.fun), key=lambda pair: pair[1])
                start = best[0] + generator.normal(0, 1, len(start))
                start = np.clip(start, *np.transpose(bounds))
            return best

        lengths = RBF(np.ones(table.X.shape[1]), (1e-2, 1e3))
        kernel = ConstantKernel(1.0, (1e-3, 1e8)) * lengths + WhiteKernel(1e-6, (1e-13, 1.0))
        model = GaussianProcessRegressor(kernel, alpha=1e-13, optimizer=optimizer, normalize_y=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit((table.X - center) / spread, table.y)
        return lambda X: model.predict((X - center) / spread)

    return fit


def pyoperon() -> Fit:
    """The formula that the search for formulas would report."""
    search = formula_peers.pyoperon()

    def fit(table: Table) -> Predict:
        return function_of(parse(search(table).text, table.symbols), table.symbols)

    return fit


METHODS = {
    "edgewise": Method("edgewise", edgewise),
    "perceptron": Method("edgewise", perceptron),
    "boosting": Method("scikit-learn", boosting),
    "gp": Method("scikit-learn", gaussian_process),
    "pyoperon": Method("pyoperon", pyoperon),
}
