"""Invariants of hyperbolic knots from KnotInfo, as the package database-knotinfo ships them.

    pip install database-knotinfo

A knot has algebraic invariants, such as the signature, and geometric ones, from the only complete metric of constant
curvature -1 on what is left of space without the knot. Davies and others (*Nature* 600, 2021) found with the help of a
network that the signature follows the shape of the cusp: the geometry of the torus around the knot.

The tables of the package do not agree on which of two mirror images a name means, so the sign of the signature and that
of the real part of the meridian are independent of each other there. Absolute values are compared here.
"""

import numpy as np
import pandas as pd

INPUTS = {
    "longitude": "longitude_translation",
    "meridian_real": "meridian_translation",
    "meridian_imaginary": "meridian_translation",
    "volume": "volume",
    "chern_simons": "chern_simons_invariant",
    "crossings": "crossing_number",
}


def knots() -> pd.DataFrame:
    """A row for each hyperbolic knot of up to 12 crossings whose cusp is known: the inputs, and ``signature``."""
    from database_knotinfo import link_list

    _, *entries = link_list()
    rows = [_row(entry) for entry in entries if entry["geometric_type"] == "hyperbolic" and _known(entry)]
    return pd.DataFrame(rows, columns=[*INPUTS, "signature"])


def natural_slope(table: pd.DataFrame) -> np.ndarray:
    """``Re(longitude / meridian)``, of which Davies and others found the signature to be about half."""
    meridian = table["meridian_real"] + 1j * table["meridian_imaginary"]
    return (table["longitude"] / meridian).to_numpy().real


def even(values: np.ndarray) -> np.ndarray:
    """The nearest even numbers, which signatures of knots are."""
    return 2 * np.round(values / 2)


def _known(entry: dict[str, str]) -> bool:
    return all(entry[name] for name in {*INPUTS.values(), "signature"})


def _row(entry: dict[str, str]) -> list[float]:
    longitude, _ = _pair(entry["longitude_translation"])
    real, imaginary = _pair(entry["meridian_translation"])
    plain = (float(entry[name]) for name in ("volume", "chern_simons_invariant", "crossing_number"))
    volume, chern_simons, crossings = plain
    return [
        longitude,
        abs(real),
        imaginary,
        volume,
        abs(chern_simons),
        crossings,
        abs(float(entry["signature"])),
    ]


def _pair(text: str) -> tuple[float, float]:
    """A complex number from ``"(0.25, 1.5)"``."""
    real, imaginary = text.strip("()").split(",")
    return float(real), float(imaginary)
