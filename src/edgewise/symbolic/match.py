r"""One edge at a time: which catalogue functions, bent affinely, follow a curve?

For samples ``(x, y)`` and a function ``f`` it minimises over ``a, b, c, d`` (and an exponent ``p``)

    sum_n ( c f(a x_n + b; p) + d - y_n )^2.

``c`` and ``d`` are linear: for fixed inner constants they are solved, not searched (variable projection). So a wide
table of inner constants is scored in one sweep, and the best few of every function are polished by Levenberg-Marquardt,
all functions side by side, in rounds: after each, those that have settled or fallen far behind leave the race.
The sweep sees ``x`` mapped to [-1, 1] and sends its ends to pairs of landmarks of ``f``, so no scale of the data is
too small or too large for it, and a sine may turn some twenty times within the data.

A function stretched until it mimics a simpler one (a sine bent to a parabola, ``x**p`` with ``p`` near 0 to a
logarithm) does so by near-cancellation of large numbers, ``c f`` against ``d``; such twins are left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.catalogue import CATALOGUE, Function, function
from edgewise.symbolic.race import Race, projected, valued
from edgewise.symbolic.sweep import starts

MOST_SAMPLES = 300
_MIDDLING, _FEW = 120, 60
_CANCELLING = 1e3


@dataclass(frozen=True)
class Match:
    """A function with its constants ``a, b, c, d, p`` and the share of the curve's deviation it leaves, ``error``."""

    function: Function
    constants: Float[Tensor, "5"]
    error: float


@torch.no_grad()
def match_edge(
    x: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    functions: Iterable[Function | str] | None = None,
    *,
    coarse: bool = False,
) -> list[Match]:
    """Every function that can be bent to the curve, the smallest error first.

    ``functions`` are entries of the catalogue or their names; without them, those of the default page. What lies a
    hundred times behind the best is not polished to the end. Where none is left, ``coarse`` takes the entries of the
    table, in which nothing is stretched that far.

    Example:
        >>> x = torch.linspace(-1, 1, 200, dtype=torch.float64)
        >>> match_edge(x, 3 * torch.sin(20 * x) + 1)[0].function.name
        'sine'
    """
    order = x.argsort()
    x, y = x[order].double(), y[order].double()
    keep = _spread_out(len(x), MOST_SAMPLES)
    x, y = x[keep], y[keep]
    center, half = (x[0] + x[-1]) / 2, (x[-1] - x[0]) / 2
    spread = (y - y.mean()).square().mean().sqrt()
    if not half > 0 or not spread > 1e-14 * y.abs().max():
        flat = torch.tensor([1.0, 0.0, 0.0, float(y.mean()), 1.0], dtype=torch.float64)
        return [Match(CATALOGUE["linear"], flat, 0.0)]
    z, target = (x - center) / half, (y - y.mean()) / spread
    laws = [function(law) if isinstance(law, str) else law for law in functions or CATALOGUE.values()]
    table = Race.of({law: begun for law in laws if len(begun := _begun(law, z, target))})
    few = _spread_out(len(z), _MIDDLING)
    race = table.run(z[few], target[few], z, target)
    found = _bent(race, x, y, float(center), float(half), spread)
    if coarse and not found:
        found = _bent(table, x, y, float(center), float(half), spread)
    return sorted(found, key=lambda match: match.error)


def _spread_out(count: int, most: int) -> Tensor:
    """Indices of at most ``most`` of ``count`` samples, evenly spread, ends included."""
    return torch.linspace(0, count - 1, min(count, most)).round().long().unique()


def _begun(law: Function, z: Tensor, y: Tensor) -> Tensor:
    few = _spread_out(len(z), _MIDDLING if law.name == "sine" else _FEW)
    return starts(law, z[few], y[few] - y[few].mean())


def _bent(race: Race, x: Tensor, y: Tensor, center: float, half: float, spread: Tensor) -> list[Match]:
    """The rows of a race as matches."""
    laws = [law for law, count in zip(race.laws, race.counts, strict=True) for _ in range(count)]
    constants = [
        _in_users_units(law, inner, center, half)
        for law, inner in zip(laws, race.inner.tolist(), strict=True)
    ]
    return _finished(laws, torch.tensor(constants, dtype=torch.float64), x, y, spread)


def _in_users_units(law: Function, inner: Sequence[float], center: float, half: float) -> list[float]:
    """Inner constants of ``x`` from those of ``z``; where ``a`` is not free it is kept at -1 or 1 by rescaling."""
    a, b, p = inner
    if "a" in law.free:
        return [a / half, b - a * center / half, p]
    sign = 1.0 if a > 0 else -1.0
    return [sign, b * half / abs(a) - sign * center if "b" in law.free else 0.0, p]


def _finished(laws: Sequence[Function], inner: Tensor, x: Tensor, y: Tensor, spread: Tensor) -> list[Match]:
    """Matches in the user's units, without those that are far off or live by cancellation."""
    if not laws:
        return []
    f = valued(laws, [1] * len(laws), inner, x)
    mean, level = f.mean(1), y.mean()
    _, c, _, left = projected(f, y - level)
    errors = (left.sqrt() / spread).tolist()
    sizes = (c[:, None] * f).abs().amax(1).tolist()
    largest = _CANCELLING * float((y - level).abs().max())
    rows = torch.stack([inner[:, 0], inner[:, 1], c, level - c * mean, inner[:, 2]], dim=1)
    return [
        Match(law, row.clone(), error)
        for law, row, error, size in zip(laws, rows, errors, sizes, strict=True)
        if error < 10 and size <= largest
    ]
