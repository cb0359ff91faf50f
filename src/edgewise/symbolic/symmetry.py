r"""Fewer columns: what the derivatives of a trained network say of a law's structure.

====================  ====================================  =====================================
structure             law                                   test on derivatives
====================  ====================================  =====================================
unused column         f does not depend on u_i              f_i = 0
power factor          f = u_i^b g(the others)               u_i f_i = b f
two columns as one    f = g(h(u_i, u_j), the others)        f_i h_j = f_j h_i
scaling               f = u_j^b g(u_i/u_j, the others)      u_i f_i + u_j f_j = b f
scaling               f = u_j^b g(u_i u_j, the others)      u_j f_j - u_i f_i = b f
====================  ====================================  =====================================

with ``f_i = df/du_i`` and ``h`` a sum, difference, product, quotient or sum of squares. A test is a mismatch between
0 and 1 over all rows. The most likely structure is taken, the smaller table learned anew, and kept when the new
network predicts held-out rows as well as the old one did; then the next. Source: Udrescu and Tegmark, *AI Feynman*
(2020), for symmetry and separability as reductions.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, permutations

import numpy as np

from edgewise.symbolic.surrogate import Surrogate, surrogate
from edgewise.symbolic.views import View
from edgewise.train.clock import Clock

Array = np.ndarray
LIKELY = 0.4
CERTAIN = 0.05
PAIRS_LATER = 1.5
SCALINGS_LATER = 3.0
UNUSED = 0.05
_AS_WELL = 1.15
_SURE = 2.5
_FAINT_ERROR = 2e-3
_LARGEST_POWER = 4.0
_MOST_TRIALS = 12


@dataclass(frozen=True)
class Pairing:
    """``h(x, y)`` with its partial derivatives."""

    text: str
    value: Callable[[Array, Array], Array] = field(repr=False)
    by_first: Callable[[Array, Array], Array] = field(repr=False)
    by_second: Callable[[Array, Array], Array] = field(repr=False)
    cost: int


PRODUCT = Pairing("({0}*{1})", lambda x, y: x * y, lambda x, y: y, lambda x, y: x, 1)
QUOTIENT = Pairing("({0}/{1})", lambda x, y: x / y, lambda x, y: 1 / y, lambda x, y: -x / y**2, 1)
PAIRINGS = (
    Pairing("({0} - {1})", lambda x, y: x - y, lambda x, y: 1 + 0 * x, lambda x, y: -1 + 0 * y, 1),
    Pairing("({0} + {1})", lambda x, y: x + y, lambda x, y: 1 + 0 * x, lambda x, y: 1 + 0 * y, 1),
    PRODUCT,
    QUOTIENT,
    Pairing("({0}**2 + {1}**2)", lambda x, y: x * x + y * y, lambda x, y: x, lambda x, y: y, 5),
    Pairing("({0}**2 - {1}**2)", lambda x, y: x * x - y * y, lambda x, y: x, lambda x, y: -y, 5),
    Pairing("({0}*{1}**2)", lambda x, y: x * y * y, lambda x, y: y, lambda x, y: 2 * x, 3),
    Pairing("({0}**2*{1})", lambda x, y: x * x * y, lambda x, y: 2 * y, lambda x, y: x, 3),
    Pairing("({0}/{1}**2)", lambda x, y: x / y**2, lambda x, y: y, lambda x, y: -2 * x, 3),
    Pairing("({0}**2/{1})", lambda x, y: x * x / y, lambda x, y: 2 * y, lambda x, y: -x, 3),
)


@dataclass(order=True, frozen=True)
class Step:
    """A structure, how much the derivatives speak against it (from 0 to 1), and the smaller view it leads to.

    ``apply`` takes a view and the numbers its ``columns`` have there.
    """

    mismatch: float
    name: str
    columns: tuple[int, ...]
    apply: Callable[[View, Sequence[int]], View] = field(compare=False, repr=False)


def reduced(view: View, seed: int, clock: Clock) -> Iterator[tuple[View, Surrogate]]:
    """Views with fewer and fewer columns, each as well predicted as the one before; the first is the view given."""
    known = surrogate(view, seed, clock)
    if known is None:
        return
    yield view, known
    refused: set[str] = set()
    while view.u.shape[1] > 1 and not clock.expired:
        likely = [step for step in steps(view, known) if step.name not in refused]
        for step in [*_together(view, likely), *likely[:_MOST_TRIALS]]:
            if clock.expired:
                return
            smaller = step.apply(view, step.columns)
            trial = surrogate(smaller, seed, clock)
            if trial is not None and _error(smaller, trial) <= _tolerated(step, _error(view, known), view):
                view, known = smaller, trial
                yield view, known
                break
            refused.add(step.name)
        else:
            return


def _tolerated(step: Step, error: float, view: View) -> float:
    """The error a smaller view may have: little more than before, somewhat more where the derivatives are sure."""
    sure = step.mismatch < CERTAIN
    least = _FAINT_ERROR * float(np.std(view.y)) if sure else 0.0
    return max((_SURE if sure else _AS_WELL) * error, least)


def _together(view: View, likely: Sequence[Step]) -> list[Step]:
    """All steps that are near certain and concern different columns, as one."""
    taken: set[int] = set()
    chosen = []
    for step in likely:
        if step.mismatch < CERTAIN and not taken & set(step.columns) and len(taken) < len(view.texts) - 1:
            taken |= set(step.columns)
            chosen.append(step)
    if len(chosen) < 2:
        return []
    joint = view
    for step in chosen:
        joint = step.apply(joint, [joint.texts.index(view.texts[i]) for i in step.columns])
    return [Step(chosen[-1].mismatch, " and ".join(step.name for step in chosen), (), lambda view, _: joint)]


def _error(view: View, known: Surrogate) -> float:
    """Root mean square, in the user's units, on the rows not learned from: as relative as ``y`` is to itself."""
    return known.error * float(np.std(view.target)) * float(np.sqrt(np.mean(view.weight() ** 2)))


def steps(view: View, known: Surrogate) -> list[Step]:
    """Structures the derivatives speak for, the most likely first."""
    found = [*_unused(view, known), *_powers(view, known), *_pairs(view, known), *_scalings(view, known)]
    return sorted(step for step in found if step.mismatch < LIKELY)


def _unused(view: View, known: Surrogate) -> Iterator[Step]:
    energy = (
        np.sqrt(np.mean(known.slopes**2, axis=0)) * view.u.std(0) / max(float(np.std(view.target)), 1e-300)
    )
    for i, text in enumerate(view.texts):
        if energy[i] < UNUSED:
            yield Step(float(energy[i]) * CERTAIN / UNUSED, f"without {text}", (i,), _without)


def _powers(view: View, known: Surrogate) -> Iterator[Step]:
    weight = view.weight()
    whole = known.values * weight
    for i, text in enumerate(view.texts):
        u = view.u[:, i]
        if not _one_sign(u):
            continue
        slope = u * known.slopes[:, i] * weight
        power = _half(slope, whole)
        if power == 0 or abs(power) > _LARGEST_POWER or (u.max() < 0 and power.denominator > 1):
            continue
        mismatch = float(np.linalg.norm(slope - float(power) * whole) / np.linalg.norm(float(power) * whole))
        yield Step(mismatch, f"{text}**({power})", (i,), _divided(power))


def _pairs(view: View, known: Surrogate) -> Iterator[Step]:
    weight = view.weight()
    for i, j in combinations(range(view.u.shape[1]), 2):
        x, y = view.u[:, i], view.u[:, j]
        by_x, by_y = known.slopes[:, i] * weight, known.slopes[:, j] * weight
        for pairing in PAIRINGS:
            with np.errstate(all="ignore"):
                left, right = by_x * pairing.by_second(x, y), by_y * pairing.by_first(x, y)
                value, size = pairing.value(x, y), np.sqrt(left @ left + right @ right)
            if not np.isfinite(size) or not size > 0 or not np.isfinite(value).all():
                continue
            mismatch = PAIRS_LATER * float(np.linalg.norm(left - right) / size)
            yield Step(mismatch, pairing.text.format(view.texts[i], view.texts[j]), (i, j), _joined(pairing))


def _scalings(view: View, known: Surrogate) -> Iterator[Step]:
    weight = view.weight()
    whole = known.values * weight
    for i, j in permutations(range(view.u.shape[1]), 2):
        if not _one_sign(view.u[:, j]):
            continue
        by_i = view.u[:, i] * known.slopes[:, i] * weight
        by_j = view.u[:, j] * known.slopes[:, j] * weight
        for pairing, sign in ((QUOTIENT, 1), (PRODUCT, -1)):
            power = _half(by_j + sign * by_i, whole)
            if (
                power == 0
                or abs(power) > _LARGEST_POWER
                or (view.u[:, j].max() < 0 and power.denominator > 1)
            ):
                continue
            miss = np.linalg.norm(by_j + sign * by_i - float(power) * whole)
            mismatch = SCALINGS_LATER * float(miss / np.sqrt(by_i @ by_i + by_j @ by_j))
            name = f"{view.texts[j]}**({power}) and {pairing.text.format(view.texts[i], view.texts[j])}"
            yield Step(mismatch, name, (i, j), _scaled(pairing, power))


def _one_sign(u: Array) -> bool:
    return bool(u.min() > 0 or u.max() < 0)


def _half(slope: Array, whole: Array) -> Fraction:
    """The power ``b`` of ``slope = b whole``, rounded to halves."""
    return Fraction(round(2 * float(slope @ whole / (whole @ whole))), 2)


def _scaled(pairing: Pairing, power: Fraction) -> Callable[[View, Sequence[int]], View]:
    def apply(view: View, columns: Sequence[int]) -> View:
        i, j = columns
        smaller = _divided(power)(view, (j,))
        joined = _joined(pairing)(view, (i, j))
        return View(joined.texts, joined.costs, joined.u, view.y, view.X, smaller.factor, smaller.m)

    return apply


def _without(view: View, columns: Sequence[int]) -> View:
    keep = [k for k in range(len(view.texts)) if k not in columns]
    texts, costs = tuple(view.texts[k] for k in keep), tuple(view.costs[k] for k in keep)
    return View(texts, costs, view.u[:, keep], view.y, view.X, view.factor, view.m)


def _divided(power: Fraction) -> Callable[[View, Sequence[int]], View]:
    def apply(view: View, columns: Sequence[int]) -> View:
        (i,) = columns
        factor = view.texts[i] if power == 1 else f"{view.texts[i]}**({power})"
        m = view.m * view.u[:, i] ** float(power)
        rest = _without(view, columns)
        return View(
            rest.texts,
            rest.costs,
            rest.u,
            view.y,
            view.X,
            factor if view.factor == "1" else f"{view.factor}*{factor}",
            m,
        )

    return apply


def _joined(pairing: Pairing) -> Callable[[View, Sequence[int]], View]:
    def apply(view: View, columns: Sequence[int]) -> View:
        i, j = columns
        rest = _without(view, columns)
        text = pairing.text.format(view.texts[i], view.texts[j])
        cost = view.costs[i] + view.costs[j] + pairing.cost
        value = pairing.value(view.u[:, i], view.u[:, j])
        u = np.column_stack([value, rest.u])
        return View((text, *rest.texts), (cost, *rest.costs), u, view.y, view.X, view.factor, view.m)

    return apply
