r"""The figures of Liu et al., *KAN: Kolmogorov-Arnold Networks*, arXiv 2404.19756, that a study here is set beside.

Tables 1 and 2 of the paper: root mean square errors, best of three seeds and of depths 2 to 6. ``kan`` is the lowest of
the KAN figures of a row (by hand, pruned or unpruned), ``shape`` the network it belongs to; of unpruned networks, five
nodes wide, the paper gives no shape, so the smaller pruned one stands there. Toy functions have figures in plots only.
"""

from typing import NamedTuple

Shape = tuple[int, ...]


class Published(NamedTuple):
    """A row of the paper: the best KAN's error and shape, other shapes it names, and its perceptron's error."""

    kan: float
    shape: Shape
    others: tuple[Shape, ...]
    mlp: float


def _row(kan: float, mlp: float, shape: str, *others: str) -> Published:
    """Shapes are written as digits: ``"2211"`` is ``[2, 2, 1, 1]``."""
    named = [tuple(int(digit) for digit in text) for text in (shape, *others)]
    return Published(kan, named[0], tuple(named[1:]), mlp)


# one text copy of the paper has [2, 3, 2, 1, 1] for ellipj, another one layer more; the smaller stands here
SPECIAL = {
    "ellipj": _row(1.33e-4, 6.48e-4, "23211", "221"),
    "ellipkinc": _row(1.24e-4, 5.52e-4, "22111", "2211"),
    "ellipeinc": _row(8.26e-5, 3.04e-4, "2211"),
    "jv": _row(1.64e-3, 5.52e-3, "23111", "221"),
    "yv": _row(1.49e-5, 3.45e-4, "2221", "231"),
    "kv": _row(2.52e-5, 1.67e-4, "221", "211"),
    "iv": _row(9.28e-3, 1.07e-2, "243211"),
    "lpmv0": _row(5.25e-5, 1.74e-2, "221"),
    "lpmv1": _row(6.90e-4, 1.50e-3, "241"),
    "lpmv2": _row(2.26e-4, 9.43e-4, "2321", "221"),
    "sph_harm01": _row(2.21e-7, 1.25e-6, "211"),
    "sph_harm11": _row(1.22e-4, 6.70e-4, "2321", "221"),
    "sph_harm02": _row(1.95e-7, 2.85e-6, "211"),
    "sph_harm12": _row(1.50e-5, 1.84e-3, "2211", "221"),
    "sph_harm22": _row(9.45e-5, 6.21e-4, "22321", "221"),
}
FEYNMAN = {
    "I.6.2": _row(2.86e-5, 1.45e-4, "2211", "221"),
    "I.6.2b": _row(4.45e-4, 7.40e-4, "32211", "341"),
    "I.9.18": _row(1.48e-3, 1.59e-3, "64211", "6411"),
    "I.12.11": _row(9.13e-4, 6.71e-4, "221"),
    "I.13.12": _row(2.72e-3, 1.42e-3, "221"),
    "I.15.3x": _row(1.14e-3, 8.54e-4, "22111", "211"),
    "I.16.6": _row(1.06e-3, 6.20e-4, "222221", "221"),
    "I.18.4": _row(1.50e-4, 3.68e-4, "221"),
    "I.26.2": _row(7.90e-4, 1.24e-3, "22211", "221"),
    "I.27.6": _row(1.94e-4, 2.46e-4, "211"),
    "I.29.16": _row(3.20e-3, 4.64e-3, "3231", "3221"),
    "I.30.3": _row(1.03e-3, 1.50e-2, "232311", "2431"),
    "I.30.5": _row(3.49e-5, 9.45e-5, "211111", "211"),
    "I.37.4": _row(4.91e-6, 5.67e-4, "221"),
    "I.40.1": _row(3.12e-4, 3.99e-4, "2211121", "221", "211"),
    "I.44.4": _row(2.30e-5, 3.99e-4, "221"),
    "I.50.26": _row(1.52e-4, 1.53e-3, "2231", "231"),
    "II.2.42": _row(7.22e-4, 1.81e-4, "2221", "221"),
    "II.6.15a": _row(1.35e-3, 5.92e-4, "3211"),
    "II.11.7": _row(5.03e-3, 5.92e-4, "3311"),
    "II.11.27": _row(1.43e-5, 7.18e-5, "221", "211"),
    "II.35.18": _row(7.71e-5, 7.92e-5, "2111", "211"),
    "II.36.38": _row(1.15e-3, 2.15e-3, "321"),
    "II.38.3": _row(8.78e-5, 5.26e-4, "22111", "211"),
    "III.9.52": _row(3.90e-3, 9.07e-4, "332111", "3321"),
    "III.10.19": _row(8.16e-4, 1.67e-4, "2121", "211"),
    "III.17.37": _row(4.12e-4, 6.80e-4, "331"),
}
PUBLISHED = SPECIAL | FEYNMAN
TOYS: dict[str, tuple[Shape, ...]] = {
    "toy-bessel": ((1, 1),),
    "toy-exp-sin": ((2, 1, 1),),
    "toy-product": ((2, 2, 1),),
    "toy-100": ((100, 1, 1),),
    "toy-deep": ((4, 4, 2, 1), (4, 2, 1, 1)),
}
