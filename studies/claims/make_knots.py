"""Writes ``knots.csv``: signature and cusp geometry of hyperbolic knots, computed by SnapPy from diagrams.

    python make_knots.py             needs: pip install snappy==3.3.2 snappy_manifolds==1.4 numpy

Every prime knot of at most 12 crossings in the Hoste-Thistlethwaite census, as SnapPy names and draws it (one of the
two mirror images), and 2,000 of 13 crossings drawn at random. Torus knots and whatever SnapPy finds no positively
oriented geometric solution for are left out and counted.

    signature    positive less negative eigenvalues of V + V^T, V a Seifert matrix of the diagram
    lambda       length of the longitude on the boundary of the maximal cusp, made real:   |shape| |mu|
    mu           the meridian there, complex:   |mu|^2 = 2 (cusp volume) / Im shape,   mu = lambda shape / |shape|^2

SnapPy and its censuses are free software (GPL); this script uses them and is no part of the library. What it writes are
facts. The file belongs beside ``edgewise/study/tasks/knots.py``.
"""

import csv
import random
import sys
import time
from pathlib import Path

import numpy as np
import snappy

COLUMNS = "name crossings signature lambda mu_re mu_im volume cusp_volume chern_simons symmetries"
GEOMETRIC = "all tetrahedra positively oriented"
TRIES, EXTRA, ROUNDING = 20, 2000, 1e-12


def main() -> None:
    """All knots, a line each."""
    started, left_out = time.monotonic(), 0
    with Path("knots.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS.split())
        for crossings, knot in census():
            row = described(knot.link())
            if row is None:
                left_out += 1
                continue
            writer.writerow([knot.name(), crossings, *row])
    print(f"{left_out} left out; {time.monotonic() - started:.0f} s", file=sys.stderr)


def census():
    """Crossings and manifold of every knot wanted, in the order of the census."""
    for crossings in range(3, 13):
        for knot in snappy.HTLinkExteriors(knots_vs_links="knots", crossings=crossings):
            yield crossings, knot
    larger = list(snappy.HTLinkExteriors(knots_vs_links="knots", crossings=13))
    for place in sorted(random.Random(0).sample(range(len(larger)), EXTRA)):
        yield 13, larger[place]


def described(link: snappy.Link) -> list[str] | None:
    """The columns after the crossings; None where there is no geometric solution."""
    manifold = link.exterior()
    for _ in range(TRIES):
        if manifold.solution_type() == GEOMETRIC:
            break
        manifold.randomize()
    else:
        return None
    shape = complex(manifold.cusp_info("shape")[0])
    cusp = manifold.cusp_neighborhood()
    cusp.set_displacement(cusp.stopping_displacement())
    size = (2 * float(cusp.volume()) / shape.imag) ** 0.5
    length = abs(shape) * size
    meridian = length * shape / abs(shape) ** 2
    numbers = [length, meridian.real, meridian.imag, float(manifold.volume()), float(cusp.volume())]
    numbers = [
        0.0 if abs(number) < ROUNDING else number for number in [*numbers, float(manifold.chern_simons())]
    ]
    symmetries = manifold.symmetry_group().order()
    return [str(signature(link)), *(f"{number:.7g}" for number in numbers), str(symmetries)]


def signature(link: snappy.Link) -> int:
    """Of the form ``V + V^T``."""
    seifert = np.array(link.seifert_matrix())
    return int(np.sign(np.linalg.eigvalsh(seifert + seifert.T)).sum())


if __name__ == "__main__":
    main()
