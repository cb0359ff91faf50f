r"""Formulas among the networks to choose from: those that the formula search finds, as networks of fixed edges.

Where the law behind a table can be written with the functions of the catalogue, its network has a handful of free
numbers where splines have a hundred: without noise it is exact, and noise is averaged away in it. It is judged on the
same held-out rows as every other network.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.symbolic import SearchConfig
from edgewise.symbolic.candidates import choose, front
from edgewise.symbolic.circuit import circuit
from edgewise.symbolic.exploration import INTERRUPTED, Exploration
from edgewise.symbolic.findings import Finding, Table
from edgewise.symbolic.template import Template
from edgewise.train.clock import Clock
from edgewise.train.config import Step

MOST_LAWS = 3
_BETWEEN = 2000


@dataclass
class Law:
    """A formula with the constants that follow the rows best; its ``best`` network is in the user's units."""

    written: Template
    text: str
    exact: bool
    degree: int
    X: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    history: list[Step] = field(default_factory=list, repr=False)

    @property
    def best(self) -> KAN:
        """The formula as a network; ``InputError`` where no network computes it."""
        return circuit(self.written.filled, [symbol.name for symbol in self.written.features], self.degree)

    @property
    def size(self) -> int:
        """Free numbers."""
        return len(self.written.symbols)

    @property
    def square(self) -> float:
        """Mean square error on all rows."""
        return float(np.mean((self.written.predict(self.X) - self.y) ** 2))

    def __str__(self) -> str:
        return f"the formula {self.text}"

    def on_all_rows(self) -> None:
        """The constants fitted to all rows."""
        self.fit(self.X, self.y)

    def fit(self, X: np.ndarray, y: np.ndarray) -> None:
        """The constants fitted to rows ``X (n, inputs)`` and ``y (n,)``; they stay where that leads nowhere."""
        fitted = self.written.fitted(X, y, range(self.size))
        if np.isfinite(fitted.predict(self.X)).all():
            self.written = fitted


def searched(table: Table, clock: Clock) -> tuple[list[Finding], bool]:
    """What the formula search finds in a table; whether Ctrl-C ended it."""
    exploration = Exploration(table, SearchConfig(max_seconds=clock.left(), seed=table.seed), clock)
    ended = exploration.run()
    return exploration.stock.findings, ended == INTERRUPTED


def laws(findings: Sequence[Finding], X: Tensor, y: Tensor, seed: int, degree: int) -> list[Law]:
    """The formula that describes ``X (n, inputs)`` and ``y (n, 1)`` shortest, and the next ones that are closer."""
    best = front([finding for finding in findings if finding.expected < np.inf])
    if not best:
        return []
    found = [law_of(finding, X, y, degree) for finding in best[choose(best, len(X)) :][:MOST_LAWS]]
    points = between(X.numpy(), seed)
    return [
        law for law in found if _is_network(law) and is_tame(law.written.predict(points), law.y, law.exact)
    ]


def law_of(finding: Finding, X: Tensor, y: Tensor, degree: int) -> Law:
    """A finding of the search, to be fitted to all rows ``X (n, inputs)`` and ``y (n, 1)`` in the end."""
    return Law(finding.written, finding.formula.text, finding.exact, degree, X.numpy(), y[:, 0].numpy())


def _is_network(law: Law) -> bool:
    try:
        return law.best is not None
    except InputError:
        return False


def between(X: np.ndarray, seed: int) -> np.ndarray:
    """The rows ``X (n, inputs)``, their middle, and points half way between rows, where a pole may hide."""
    pairs = np.random.default_rng(seed).integers(len(X), size=(2, _BETWEEN))
    return np.concatenate([X, X.mean(0)[None], X[pairs].mean(0)])


def is_tame(values: np.ndarray, y: np.ndarray, is_exact: bool = False) -> bool:
    """Whether values between the rows are finite and, unless they are those of an exact law, like the targets ``y``."""
    reach = np.inf if is_exact else np.ptp(y) + np.abs(y - y.mean()).max()
    return bool(np.isfinite(values).all() and (np.abs(values - y.mean()) <= reach).all())
