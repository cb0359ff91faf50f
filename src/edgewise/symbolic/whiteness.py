r"""Is what a formula leaves noise, or a law not yet found?

If residuals ``r`` still hold a smooth function of the inputs, neighbours in input space have like residuals. With
``j(i)`` the nearest neighbour of row ``i``,

    z = sqrt(n) corr(r_i, r_j(i))

is about standard normal for noise and large where structure is left. Source: von Neumann, *Distribution of the ratio
of the mean square successive difference to the variance* (1941), for one input.
"""

import numpy as np
from scipy.spatial import cKDTree

Array = np.ndarray
WHITE = 2.6
_MOST_ROWS = 3000


def neighbour_score(X: Array, residual: Array) -> float:
    """``z`` for inputs ``X (n, k)`` and residuals ``(n,)``; 0 where there is nothing to compare."""
    X, residual = X[:_MOST_ROWS], residual[:_MOST_ROWS]
    spread = X.std(0)
    X = X[:, spread > 0] / spread[spread > 0]
    if len(X) < 3 or X.shape[1] == 0:
        return 0.0
    _, nearest = cKDTree(X).query(X, k=2)
    r = residual - residual.mean()
    scale = float(r @ r)
    return float(np.sqrt(len(r)) * (r @ r[nearest[:, 1]]) / scale) if scale > 0 else 0.0
