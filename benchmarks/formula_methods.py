"""What a method is: it loads its libraries, then fits one table and hands back a text and its verdict."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """What a method may see: rows, target, names of the columns, its time and its seed."""

    X: np.ndarray
    y: np.ndarray
    names: list[str]
    symbols: tuple[str, ...]
    seconds: float
    seed: int


@dataclass(frozen=True)
class Found:
    """A formula in the symbols of the table, and what the method says of it (None when it says nothing)."""

    text: str
    status: str | None = None


Fit = Callable[[Table], Found]


@dataclass(frozen=True)
class Method:
    """The package that a method stands for, and what loads it; loading is not timed."""

    package: str
    load: Callable[[], Fit]


def edgewise() -> Fit:
    """``FormulaRegressor``, told its time and its seed."""
    import pandas as pd

    from edgewise import FormulaRegressor

    def fit(table: Table) -> Found:
        model = FormulaRegressor(max_seconds=table.seconds, random_state=table.seed)
        model.fit(pd.DataFrame(table.X, columns=table.names), table.y)
        return Found(str(model.get_best().equation), model.report_.status)

    return fit
