r"""Laws: a few terms, an output transform and a view, put together as a formula with open constants.

    y = m(x) T^-1( c_0 + sum_k c_k f_k(x) ),      or     y = m(x) (c_0 + sum_k c_k f_k) / (1 - sum_k d_k g_k)

where the second form comes from terms ``f g`` that hold the target itself. Coefficients start at the weighted
linear fit in ``T(y)`` and are then moved to the least squares of ``y`` by Gauss-Newton.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy

from edgewise.symbolic.outputs import Target
from edgewise.symbolic.parser import Expression, parse
from edgewise.symbolic.template import Template
from edgewise.symbolic.views import View

Array = np.ndarray
_T = sympy.Symbol("t", real=True)
_STEPS = 12
_HALVINGS = 4


@dataclass(frozen=True)
class Term:
    """One term: its text and values ``(n,)``; ``implicit`` says that it multiplies the target."""

    text: str
    values: Array = field(repr=False, compare=False)
    implicit: bool = False


@dataclass(frozen=True)
class Law:
    """Terms for one target; ``merit`` in nats on the rows they were found on, less is better."""

    merit: float
    target: Target
    terms: tuple[Term, ...]
    cost: int

    @property
    def key(self) -> tuple[str, tuple[Term, ...]]:
        """What makes it this law and no other."""
        return self.target.output.name, self.terms


@dataclass(frozen=True)
class FittedLaw:
    """A law with its constants, the mean square it leaves and the one to expect on rows left out (PRESS)."""

    law: Law
    constants: Array
    square: float
    expected: float


def fit_law(law: Law, view: View) -> FittedLaw | None:
    """The law at the least squares of ``y``; None where it is not defined."""
    target, y = law.target, view.y
    model = _Model(law, view)
    columns = np.concatenate([model.top, model.bottom * target.t], axis=0) * target.w
    size = np.sqrt((columns**2).sum(1))
    if not np.isfinite(size).all() or not (size > 0).all():
        return None
    constants = np.linalg.lstsq((columns / size[:, None]).T, target.t * target.w, rcond=1e-14)[0] / size
    values, slopes = model(constants)
    square = float(np.mean((values - y) ** 2))
    if not square < np.inf:
        return None
    for _ in range(_STEPS):
        step = _solved(slopes, y - values)
        for shrink in range(_HALVINGS):
            trial = constants + step / 4**shrink
            new_values, new_slopes = model(trial)
            new = float(np.mean((new_values - y) ** 2))
            if new < square:
                break
        else:
            break
        before, (constants, values, slopes, square) = square, (trial, new_values, new_slopes, new)
        if new > before * (1 - 1e-6):
            break
    return FittedLaw(law, constants, square, _press(slopes, y - values))


def predicted(fitted: FittedLaw, view: View) -> Array:
    """The law's values ``(n,)`` on the rows of its view."""
    return _Model(fitted.law, view)(fitted.constants)[0]


class _Model:
    """``y`` and its derivatives as functions of the constants."""

    def __init__(self, law: Law, view: View) -> None:
        rows = len(view.y)
        self.output, self.sign, self.m = law.target.output, law.target.sign, view.m
        plain = [np.ones(rows), *(term.values for term in law.terms if not term.implicit)]
        self.top = np.array(plain)
        self.bottom = np.array([t.values for t in law.terms if t.implicit]).reshape(-1, rows)

    def __call__(self, constants: Array) -> tuple[Array, Array]:
        count = len(self.top)
        with np.errstate(all="ignore"):
            inner = constants[:count] @ self.top
            if len(self.bottom):
                below = 1 - constants[count:] @ self.bottom
                f = inner / below
                slopes = np.concatenate([self.top / below, f * self.bottom / below])
            else:
                f = self.output.inverse(inner)
                slopes = self.top / self.output.slope(f)
            return self.sign * self.m * f, (self.sign * self.m * slopes).T


def _solved(slopes: Array, residual: Array) -> Array:
    if not np.isfinite(slopes).all():
        return np.zeros(slopes.shape[1])
    size = np.sqrt((slopes**2).sum(0)) + 1e-300
    return np.linalg.lstsq(slopes / size, residual, rcond=1e-12)[0] / size


def _press(slopes: Array, residual: Array) -> float:
    if not np.isfinite(slopes).all():
        return np.inf
    q, _ = np.linalg.qr(slopes / (np.sqrt((slopes**2).sum(0)) + 1e-300))
    return float(np.mean((residual / np.maximum(1 - (q * q).sum(1), 1e-3)) ** 2))


def law_template(fitted: FittedLaw, view: View, names: Sequence[str]) -> Template:
    """The law as a formula with named constants."""
    law, target = fitted.law, fitted.law.target
    constants = [sympy.Dummy(f"k_{k}", real=True) for k in range(len(fitted.constants))]
    values = [float(value) for value in fitted.constants]
    plain = [parse(term.text, names) for term in law.terms if not term.implicit]
    implicit = [parse(term.text, names) for term in law.terms if term.implicit]
    terms = sympy.Add(*[c * term for c, term in zip(constants[1:], plain, strict=False)])
    if target.output.name == "logarithm":
        values[0] = target.sign * float(np.exp(np.clip(values[0], -300, 300)))
        body = constants[0] * sympy.exp(terms)
    else:
        body = parse(target.text, ["t"]).xreplace({_T: constants[0] + terms})
    if implicit:
        below = [d * g for d, g in zip(constants[1 + len(plain) :], implicit, strict=True)]
        body = body / (1 - sympy.Add(*below))
    symbols = tuple(sympy.Symbol(name, real=True) for name in names)
    return Template(body * _factor(view, names), symbols, tuple(constants), tuple(values))


def _factor(view: View, names: Sequence[str]) -> Expression:
    return parse(view.factor, names)
