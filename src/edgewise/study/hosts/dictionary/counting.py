r"""How many factors a unit answers to, and how many units it takes to tell a factor.

With ``c_uj`` the correlation of a unit (a node, a latent, an edge) and a known factor over rows:

    factors per unit     mean over units of (sum_j c_uj^2)^2 / sum_j c_uj^4, weighted by sum_j c_uj^2
    units per factor     mean over factors of how many units a linear fit takes, chosen one by one, to explain 0.9 of
                         what all explain; at most 12

The first is the inverse participation ratio; both are 1 where every unit is one factor. Factors must not be correlated.
"""

import numpy as np

from edgewise.study.hosts.dictionary.recovery import correlations
from edgewise.study.tasks.task import Array

ENOUGH, MOST = 0.9, 12


def factors_per_unit(units: Array, factors: Array) -> float:
    """``(sum c^2)^2 / sum c^4`` over factors, weighted over units by ``sum c^2``."""
    shares = correlations(units, factors) ** 2
    weight = shares.sum(1)
    counts = np.divide(weight**2, (shares**2).sum(1), out=np.zeros_like(weight), where=weight > 0)
    return float((weight * counts).sum() / weight.sum()) if weight.any() else float(factors.shape[1])


def units_per_factor(units: Array, factors: Array) -> float:
    """Units that forward selection takes for 0.9 of what all of them explain of a factor; its mean over factors.

    A factor of which all units together explain less than half counts as 12.
    """
    among, with_factors = correlations(units, units), correlations(units, factors)
    return float(np.mean([_picked(among.copy(), column.copy()) for column in with_factors.T]))


def _picked(among: Array, residual: Array) -> int:
    """Chooses the unit that explains most of what is left, and takes its part out of all others, again and again."""
    full = float(residual @ np.linalg.pinv(among, hermitian=True) @ residual)
    if full < 0.5:
        return MOST
    explained = 0.0
    for count in range(1, MOST + 1):
        own = among.diagonal()
        gains = np.divide(residual**2, own, out=np.zeros_like(residual), where=own > 1e-6)
        best = int(gains.argmax())
        explained += gains[best]
        if explained >= ENOUGH * full:
            return count
        column, along = among[:, best] / own[best], residual[best]
        residual -= column * along
        among -= np.outer(column, among[best])
    return MOST
