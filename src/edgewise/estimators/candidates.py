r"""Networks to choose from for a table, the simplest first.

=====================  ===============================================================
widths                 function
=====================  ===============================================================
``[n, 1]``             f1(x1) + ... + fn(xn)
``[n, 1, 1]``          g(f1(x1) + ... + fn(xn))
``[n, (0, 1), 1]``     g(F G),  F and G sums of functions of all inputs, as h below
``[n, (1, 1), 1]``     g1(h) + g2(F G)
``[n, m, 1]``          g1(h1) + ... + gm(hm),  m = 2, 5 and 2 n + 1
``[n, 2, 1, 1]``       r(g1(h1) + g2(h2)),  and wider and deeper ones of the kind
=====================  ===============================================================

Each may be of the target or of its logarithm: then an exponential is the last edge, which stays one.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgewise import splines
from edgewise.data import Scales
from edgewise.edges import SplineEdges
from edgewise.network import KAN, Width

COARSEST, HIGHEST = 2, 5
_SHARE_OF_ROWS = 0.6
_MOST_PARAMETERS = 800
_SAMPLES = 12


@dataclass(frozen=True)
class Candidate:
    """Widths, degree of the splines, and whether the network is fitted to ``log |y|``."""

    widths: tuple[Width, ...]
    degree: int
    logarithm: bool = False

    def build(self, seed: int) -> KAN:
        """A fresh float64 network on the coarsest cells."""
        return KAN(
            self.widths,
            intervals=COARSEST,
            degree=self.degree,
            base=None,
            generator=torch.Generator().manual_seed(seed),
            dtype=torch.float64,
        )

    def opened(self) -> "Candidate":
        """The same with its exponential inside, fitted to ``y`` itself."""
        return Candidate((*self.widths, 1), self.degree)


def candidates(inputs: int, outputs: int, rows: int, degree: int, one_signed: bool) -> list[Candidate]:
    """What so many rows can decide between; never empty."""
    plain = [Candidate(widths, degree) for widths in _widths(inputs, outputs)]
    most = min(_SHARE_OF_ROWS * rows, _MOST_PARAMETERS)
    fitting = [one for one in plain if one.build(0).free().numel() <= most] or plain[:1]
    return [*fitting, *(replace(one, logarithm=True) for one in fitting if one_signed)]


def _widths(inputs: int, outputs: int) -> Iterator[tuple[Width, ...]]:
    yield (inputs, outputs)
    yield (inputs, 2, outputs)
    if inputs > 1:
        yield from ((inputs, *hidden, outputs) for hidden in _HIDDEN)
        if inputs > 2:
            yield (inputs, 2 * inputs + 1, outputs)


_HIDDEN: tuple[tuple[Width, ...], ...] = (
    (1,),
    ((0, 1),),
    ((1, 1),),
    (2, 1),
    (3, 2),
    ((2, 2),),
    ((2, 2), 1),
    (5,),
    (4, 2),
    (4, (2, 2)),
)


def elevated(network: KAN, degree: int) -> KAN:
    """Nearly the same function on splines of a higher degree with the same cells, as a new network."""
    network = copy.deepcopy(network)
    for layer in network.kan_layers:
        old = layer.spline
        ends = splines.breakpoints(old.knots, old.degree)
        share = torch.linspace(0, 1, _SAMPLES, dtype=ends.dtype)
        points = (ends[:, :-1, None] + ends.diff(dim=1)[:, :, None] * share).flatten(1).T
        knots = splines.knots_from_breakpoints(ends, degree)
        values = splines.evaluate(points, old.coef.detach(), old.knots, old.degree)
        coef = splines.fit_coefficients(points, values, knots, degree)
        weight = torch.cat([coef, old.weight.detach()[:, old.coef.shape[1] :]], dim=1)
        layer.spline = SplineEdges(weight, knots, degree, old.base)
        layer.spline.mask.copy_(old.mask)
    return network


def crowned(network: KAN, logarithmic: Scales, scales: Scales, y: Tensor) -> KAN:
    """A network for the scaled ``log |y|`` with an exponential as its last edge, so that it gives the scaled ``y``."""
    network = copy.deepcopy(network)
    widths = [*network.widths, 1]
    whole = KAN(
        widths,
        intervals=network.intervals,
        degree=network.kan_layers[0].spline.degree,
        base=None,
        dtype=y.dtype,
    )
    for level, layer in enumerate(network.layers):
        whole.layers[level] = layer
    factor = torch.sign(y[:1, 0]) / scales.output_scale
    shift = -scales.output_center / scales.output_scale
    constants = [logarithmic.output_scale, logarithmic.output_center, factor, shift, torch.ones_like(shift)]
    whole.kan_layers[-1].fix_edge(0, 0, "exponential", torch.cat(constants))
    return whole
