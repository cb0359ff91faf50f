r"""Knots: the signature from the geometry of the complement (Davies et al., *Nature* 600, 2021; also the KAN paper).

``knots.csv`` holds the 2,970 hyperbolic knots of at most 12 crossings and 2,000 of those of 13, drawn at random. SnapPy
computed it from the diagrams of the Hoste-Thistlethwaite census; ``studies/claims/make_knots.py`` writes it anew and
says what each column is. The published table (243,000 knots, 17 columns) is another one: seven columns are here; of its
others the torsion degrees, the shortest geodesic and the injectivity radius are not.

A mirror image has the opposite signature, real part of ``mu`` and Chern-Simons invariant. Which of the two a census
draws is chance, so every knot is taken as it is or mirrored, at random by the draw. Mutants share all columns; of knots
that agree in them, to within a mirror and the seven digits of the file, the first is taken, so none is in two parts.
"""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgewise.errors import InputError
from edgewise.study.tasks.samples import SHARES
from edgewise.study.tasks.task import Array, Rows, Task

CUSP = ("lambda", "mu_re", "mu_im")
COLUMN_SETS = {"cusp": CUSP, "all": (*CUSP, "volume", "cusp_volume", "chern_simons", "symmetries")}
ODD_UNDER_MIRROR = ("signature", "mu_re", "chern_simons")
LARGEST = 12  # crossings of the knots that are learned from


class Knots(NamedTuple):
    """Columns ``X (n, columns)``, signatures ``(n,)`` and ``crossings (n,)``."""

    X: Array
    signature: Array
    crossings: NDArray[np.int64]


def knots(generator: np.random.Generator) -> Task:
    """The signature as a class, even numbers from -10 to 10, of up to 12 crossings; the draw splits and mirrors."""
    table = mirrored(generator)
    small = table.crossings <= LARGEST
    X, y = table.X[small], (table.signature[small] + 10) / 2
    order = generator.permutation(len(X))

    def rows(count: int, part: str, source: np.random.Generator) -> Rows:
        low, high = (round(share * len(order)) for share in SHARES[part])
        chosen = source.permutation(order[low:high])[:count]
        return X[chosen], y[chosen, None]

    return Task(X.shape[1], 11, rows)


def mirrored(generator: np.random.Generator, columns: str = "all") -> Knots:
    """Every distinct knot or its mirror image; ``columns`` is ``"all"`` or ``"cusp"``."""
    if columns not in COLUMN_SETS:
        raise InputError(f"columns {columns!r} are not known; choose one of: {', '.join(COLUMN_SETS)}")
    table = _distinct().copy()
    sign = generator.choice([-1.0, 1.0], len(table))
    for name in ODD_UNDER_MIRROR:
        table[name] = table[name] * sign
    return Knots(
        table[list(COLUMN_SETS[columns])].to_numpy(float),
        table["signature"].to_numpy(float),
        table["crossings"].to_numpy(int),
    )


@functools.cache
def _distinct() -> Any:
    table = whole_table()
    return table[~table[list(COLUMN_SETS["all"])].abs().duplicated()].reset_index(drop=True)


def whole_table() -> pd.DataFrame:
    """The file as it is."""
    return pd.read_csv(Path(__file__).with_name("knots.csv"))
