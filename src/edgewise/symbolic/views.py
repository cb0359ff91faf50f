r"""A table seen through what is known of its law: ``y = m(x) f(u_1(x), ..., u_k(x))`` with ``f`` still to be found.

Columns are written in the user's symbols, so that a formula found for ``f`` is a formula of the table as it stands.
"""

from dataclasses import dataclass, field

import numpy as np

from edgewise.symbolic.features import Pool, columns

Array = np.ndarray


@dataclass(frozen=True)
class View:
    """Columns ``u`` (text and values), the known factor ``m``, the table's own ``X`` and its targets ``y``."""

    texts: tuple[str, ...]
    costs: tuple[int, ...]
    u: Array = field(repr=False)
    y: Array = field(repr=False)
    X: Array = field(repr=False)
    factor: str = "1"
    m: Array = field(default_factory=lambda: np.ones(1), repr=False)

    @property
    def target(self) -> Array:
        """``f = y / m (n,)``."""
        return self.y / self.m

    def weight(self) -> Array:
        """``dy/df (n,)`` in size: what an error of ``f`` is worth in ``y``."""
        return np.broadcast_to(np.abs(self.m), self.y.shape)

    def columns(self) -> Pool:
        """The columns as features."""
        pool = columns(self.u, self.texts)
        return Pool(pool.texts, np.array(self.costs, dtype=int), pool.values)


def whole(X: Array, y: Array, names: tuple[str, ...]) -> View:
    """The table itself."""
    return View(names, (1,) * len(names), X, y, X)
