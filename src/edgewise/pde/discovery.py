r"""From a solution to its formula: the field goes through the search for formulas, the equation settles its numbers.

1. Values at some hundred points of the domain are searched for a formula, one unknown after the other.
2. All formulas are put into the equations and conditions. What is left, over what each term adds up, is made as small
   as the constants allow: a solver's 1e-7 is left behind, for no value of it is used here.
3. A constant that is a simple number to ten digits is written as that.

``"exact"`` means that every term vanishes at fresh points to ``EXACT`` of its size: a check in floating point at
points, not a proof.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor

from edgewise.errors import InputError
from edgewise.pde.collocation import edge_axes, held_out, inside
from edgewise.pde.conditions import Condition, Integral, Law, Periodic
from edgewise.pde.fields import Field, leaf_field
from edgewise.pde.problem import Problem
from edgewise.pde.solution import Solution
from edgewise.pde.taylor import Index
from edgewise.symbolic import Formula, SearchConfig, SearchResult, search, symbol_names
from edgewise.symbolic.certificate import Certificate, certify
from edgewise.symbolic.settling import OpenFormula
from edgewise.train.clock import Clock

EXACT = 1e-9
ROWS, CHECKS, EDGES = 600, 400, 24
LEAST = 2.0
Values = Sequence[np.ndarray]


@dataclass(frozen=True)
class FieldFormulas:
    """Formulas of all unknowns with their certificates, and what they leave of each equation and condition.

    ``residuals`` are root mean squares over the size of what a term adds up. ``status`` is ``"exact"`` where all of
    them are rounding, ``"approximate"`` where the formulas fit the solution only, ``"none"`` where one does not.
    """

    formulas: dict[str, Formula]
    certificates: dict[str, Certificate]
    residuals: dict[str, float]
    status: str
    message: str
    seconds: float

    def to_text(self) -> str:
        """Formulas, what they leave, and the certificates."""
        lines = [f"{name} = {formula.text}" for name, formula in self.formulas.items()]
        lines += ["", f"{self.status}: {self.message}"]
        lines += [f"  {name:20} {left:.1e} of its size" for name, left in self.residuals.items()]
        if self.status == "exact":
            lines += ["", "beside the solution, whose own error is all that these certificates find:"]
        for certificate in self.certificates.values():
            lines += ["", certificate.to_text()]
        return "\n".join(lines)


def field_formulas(solution: Solution, *, max_seconds: float = 120.0, seed: int = 0) -> FieldFormulas:
    """See ``Solution.to_formula``."""
    if not 0 < max_seconds < inf:
        raise InputError(
            f"max_seconds={max_seconds!r} for the formula: expected a positive number, such as 120"
        )
    clock, problem = Clock(max_seconds), solution.problem
    points = held_out(problem.domain, solution.breakpoints, ROWS, seed + 7).numpy()
    found = solution(points)
    values = found if isinstance(found, dict) else {problem.unknowns[0]: found}
    table = _Table(points, values, symbol_names(problem.domain.coordinates), seed)
    results = {}
    for k, name in enumerate(problem.unknowns):
        results[name] = table.searched(name, 0.8 * clock.left() / (len(problem.unknowns) - k), rounded=True)
    formulas = {name: one.candidates[one.chosen].formula for name, one in results.items()}
    residuals: dict[str, float] = {}
    if problem.laws():
        terms = _Terms(solution, seed)
        formulas = terms.settled(formulas)
        residuals = terms.left(formulas)
        for name in sorted(formulas, key=lambda name: -formulas[name].complexity):
            if max(residuals.values()) <= EXACT or clock.left() < LEAST:
                break
            again = table.searched(name, clock.left(), rounded=False)
            better = terms.settled({**formulas, name: again.candidates[again.chosen].formula})
            left = terms.left(better)
            if max(left.values()) < max(residuals.values()):
                formulas, residuals, results[name] = better, left, again
    certificates = {name: table.certified(name, formulas[name], one) for name, one in results.items()}
    energies = [name for name, law in problem.equations.items() if law.is_energy] if problem.laws() else []
    status, message = _verdict(residuals, certificates, energies)
    return FieldFormulas(formulas, certificates, residuals, status, message, clock.seconds)


@dataclass(frozen=True)
class _Table:
    """Values of every unknown at rows ``points``."""

    points: np.ndarray
    values: Mapping[str, np.ndarray]
    symbols: Sequence[str]
    seed: int

    def searched(self, name: str, seconds: float, rounded: bool) -> SearchResult:
        """A search in values ``rounded`` to single precision, which ends it at the digits that most solutions have."""
        y = self.values[name]
        y = y.astype(np.float32).astype(np.float64) if rounded else y
        config = SearchConfig(max_seconds=max(seconds, LEAST), seed=self.seed)
        return search(self.points, y, self.symbols, config)

    def certified(self, name: str, formula: Formula, found: SearchResult) -> Certificate:
        """Of the formula as it was settled, beside its rivals of the search."""
        others = [one.formula for k, one in enumerate(found.candidates) if k != found.chosen]
        return certify(formula, self.points, self.values[name], found.held_out, rivals=others)


def _verdict(
    residuals: Mapping[str, float], certificates: Mapping[str, Certificate], energies: Sequence[str]
) -> tuple[str, str]:
    if any(one.status == "none" for one in certificates.values()):
        worst = next(name for name, one in certificates.items() if one.status == "none")
        return "none", f"no formula found explains half of the variance of {worst!r}"
    if not residuals:
        return "approximate", "the solution holds no equation to put the formula into"
    name, left = max(residuals.items(), key=lambda pair: pair[1])
    if energies:
        return (
            "approximate",
            f"fits the solution; {energies[0]!r} is an energy, which no point can put to the test",
        )
    if left <= EXACT:
        return "exact", "put into every equation and condition, nothing is left but rounding"
    return "approximate", f"fits the solution; put into {name!r}, it leaves {left:.1e} of its size"


@dataclass(frozen=True)
class _Term:
    """An equation or condition at points; with ``volumes`` its integral, less ``value``."""

    name: str
    law: Law
    points: Tensor
    normals: Tensor | None = None
    volumes: Tensor | None = None
    value: float = 0.0

    def left(self, problem: Problem, fields: Mapping[str, Any]) -> np.ndarray:
        """What fields leave of it, point by point or as one number."""
        found = problem.evaluate(self.law, self.points, fields, self.normals).numpy()
        return found if self.volumes is None else np.array([self.volumes.numpy() @ found - self.value])


class _Terms:
    """Equations and conditions of a problem as functions of formulas with open constants."""

    def __init__(self, solution: Solution, seed: int) -> None:
        self.problem, self.parameters = solution.problem, solution.parameters
        self.points = held_out(self.problem.domain, solution.breakpoints, CHECKS, seed + 11)
        laws = {name: law for name, law in self.problem.equations.items() if not law.is_energy}
        equations = [_Term(name, law, self.points) for name, law in laws.items()]
        self.terms = [*equations, *self._conditions(solution.breakpoints)]
        self.sizes = self._sizes(solution)

    def settled(self, formulas: Mapping[str, Formula]) -> dict[str, Formula]:
        """The constants moved to where the terms vanish best, and written as simple numbers where they are."""
        opened = {name: OpenFormula(formula) for name, formula in formulas.items()}
        cuts = np.cumsum([len(one.values) for one in opened.values()])[:-1]
        start = np.array([value for one in opened.values() for value in one.values])

        def residual(flat: np.ndarray) -> np.ndarray:
            parts = [left / len(left) ** 0.5 for left in self._left(opened, np.split(flat, cuts)).values()]
            return np.nan_to_num(np.concatenate(parts), nan=1e3, posinf=1e3, neginf=-1e3)

        if len(start):
            scale: Any = np.abs(start) + 1e-6
            found = least_squares(
                residual, start, jac="3-point", x_scale=scale, xtol=1e-15, ftol=1e-15, gtol=1e-15
            )
            start = found.x if found.cost < np.sum(residual(start) ** 2) / 2 else start
        values = np.split(start, cuts)
        return {name: one.settled(own) for (name, one), own in zip(opened.items(), values, strict=True)}

    def left(self, formulas: Mapping[str, Formula]) -> dict[str, float]:
        """What formulas leave of every term, and of periodic axes, over its size."""
        opened = {name: OpenFormula(formula) for name, formula in formulas.items()}
        found = self._left(opened, [np.array(one.values) for one in opened.values()])
        shares = {name: float(np.sqrt(np.mean(left**2))) for name, left in found.items()}
        return {name: left if left == left else inf for name, left in shares.items()} | self._around(opened)

    def _conditions(self, knots: Tensor) -> list[_Term]:
        domain, found = self.problem.domain, []
        coarse = torch.stack(
            [torch.linspace(*ends, EDGES + 1, dtype=torch.float64) for ends in domain.bounds]
        )
        for name, one in self.problem.conditions.items():
            if isinstance(one, Condition):
                parts = [piece.sample(edge_axes(coarse, 1)) for piece in domain.on(one.on)]
                rows, normals = (torch.cat(part) for part in zip(*parts, strict=True))
                found.append(_Term(name, one.law, rows, normals))
            elif isinstance(one, Integral):
                gauss = inside(domain, knots, 5)
                found.append(_Term(name, one.law, gauss.rows, None, gauss.volumes, one.value))
        return found

    def _left(self, opened: Mapping[str, OpenFormula], values: Values) -> dict[str, np.ndarray]:
        names, found = self.problem.domain.coordinates, {}
        for term in self.terms:
            rows = term.points.numpy()
            fields = {
                own: Field(own, names, partial(_fetched, one, rows, constants))
                for (own, one), constants in zip(opened.items(), values, strict=True)
            }
            found[term.name] = term.left(self.problem, self._known(fields)) / self.sizes[term.name]
        return found

    def _known(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """With the parameters that were found."""
        numbers = {name: torch.tensor(value, dtype=torch.float64) for name, value in self.parameters.items()}
        return {**fields, **numbers}

    def _around(self, opened: Mapping[str, OpenFormula]) -> dict[str, float]:
        """How far values and slopes differ between the ends of periodic axes, over the largest."""
        found, domain = {}, self.problem.domain
        periodic = {name: one for name, one in self.problem.conditions.items() if isinstance(one, Periodic)}
        for name, condition in periodic.items():
            axis = domain.coordinates.index(condition.axis)
            ends = [self.points.numpy().copy() for _ in range(2)]
            for end, rows in zip(domain.bounds[axis], ends, strict=True):
                rows[:, axis] = end
            found[name] = max(_gap(one, axis, order, *ends) for one in opened.values() for order in (0, 1))
        return found

    def _sizes(self, solution: Solution) -> dict[str, float]:
        """``(R^2 + sum_a (dR / du_a)^2 |u_a|^2)^(1/2)`` of every term, ``|u_a|`` over the whole domain."""
        orders = self.problem.orders
        wide = {
            name: torch.stack([one.derivative(self.points, index) for index in orders[name].indices])
            for name, one in solution.unknowns.items()
        }
        means = {name: leaf.square().mean(1) for name, leaf in wide.items()}
        return {term.name: self._size(term, solution, means) for term in self.terms}

    def _size(self, term: _Term, solution: Solution, means: Mapping[str, Tensor]) -> float:
        names, orders, leaves = self.problem.domain.coordinates, self.problem.orders, {}
        for unknown in (name for name in self.problem.unknowns if name in term.law.names):
            one = solution.unknowns[unknown]
            rows = [one.derivative(term.points, index) for index in orders[unknown].indices]
            leaves[unknown] = torch.stack(rows).detach().requires_grad_()
        fields = {name: leaf_field(name, names, leaf, orders[name].place) for name, leaf in leaves.items()}
        with torch.enable_grad():
            left = self.problem.evaluate(term.law, term.points, self._known(fields), term.normals)
            slopes = torch.autograd.grad(
                left.sum(), list(leaves.values()), allow_unused=True, materialize_grads=True
            )
        square = left.detach().square().mean()
        for name, slope in zip(leaves, slopes, strict=True):
            square = square + (slope.square().mean(1) * means[name]).sum()
        volume = 1.0 if term.volumes is None else float(term.volumes.sum())
        return max(volume * float(square.sqrt()), 1e-300)


def _fetched(one: OpenFormula, rows: np.ndarray, values: np.ndarray, index: Index) -> Tensor:
    return torch.from_numpy(one.derivative(index, rows, values))


def _gap(one: OpenFormula, axis: int, order: int, low: np.ndarray, high: np.ndarray) -> float:
    index = [order * (k == axis) for k in range(low.shape[1])]
    start, end = (one.derivative(index, rows, one.values) for rows in (low, high))
    gap, size = np.linalg.norm(end - start), np.linalg.norm(start) + np.linalg.norm(end)
    return float(gap / size) if size > 0 else 0.0
