r"""What a search has in stock: formulas written out, and laws that wait to be.

Laws are cheap, a few least-squares coefficients each, and are compared by their length in nats; only the best few are
written out as formulas with their numbers settled. The stock also says when it is enough: at a formula that meets
every row, or at one that leaves nothing but noise.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from edgewise.symbolic.config import SearchConfig
from edgewise.symbolic.findings import (
    ROWS_PER_CONSTANT,
    Finding,
    Table,
    exactness,
    law_finding,
    plain_finding,
)
from edgewise.symbolic.laws import FittedLaw, Law, law_template, predicted
from edgewise.symbolic.loosening import loosened
from edgewise.symbolic.refine import all_fitted, length, promising
from edgewise.symbolic.residuals import structure
from edgewise.symbolic.snap import loss
from edgewise.symbolic.views import View
from edgewise.train.clock import Clock

MOST_WAITING = 60
SIZES = (1, 2, 3)
MOST_WRITTEN = 4
MOST_REFUSED = 30
MOST_LOOSENED = 3
SHORT = 14
LOOSE_STEPS = 40
MUCH_BETTER = 0.7
SURPRISING = 0.01
_AS_WELL = 1.05


@dataclass(order=True)
class Waiting:
    """A fitted law, its view and its length; ``done`` once it was written out."""

    length: float
    number: int
    view: View = field(compare=False)
    fitted: FittedLaw = field(compare=False)
    done: bool = field(default=False, compare=False)
    loosened: bool = field(default=False, compare=False)

    @property
    def size(self) -> int:
        """Number of terms, 3 for more."""
        return min(len(self.fitted.law.terms), SIZES[-1])


@dataclass
class Stock:
    """The findings and waiting laws of one search; ``tell`` hears of every finding that is added."""

    table: Table
    config: SearchConfig
    clock: Clock
    tell: Callable[[list[Finding]], None] | None = None
    findings: list[Finding] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    judged: int = 0
    _noise: dict[bytes, bool] = field(default_factory=dict)

    def judge(self, laws: Iterable[Law], view: View, every: bool = False) -> None:
        """Adds the laws that may be best, or ``every`` one, to those waiting."""
        wanted = [law for law in laws if self._holds_required(law, view)]
        for fitted in (all_fitted if every else promising)(wanted, view, self.clock):
            self.judged += 1
            self.waiting.append(Waiting(length(fitted, view), self.judged, view, fitted))
        order = sorted(self.waiting)
        self.waiting = sorted(
            one for size in SIZES for one in [w for w in order if w.size == size][:MOST_WAITING]
        )

    def add(self, finding: Finding) -> bool:
        """Whether the finding was kept: one that the user's conditions rule out is not."""
        formula = finding.formula.sympy()
        symbols = {symbol.name for symbol in formula.free_symbols}
        if not finding.error < np.inf or not symbols >= set(self.config.required):
            return False
        if self.config.accept is not None and not self.config.accept(formula):
            return False
        self.findings.append(finding)
        if self.tell is not None:
            self.tell(self.findings)
        return True

    def write(self) -> None:
        """Writes out the best of the waiting laws: one at least, and as many more as there is time for."""
        written = refused = 0
        longest = 0.0
        for one in (one for one in self.waiting if not one.done):
            begun = self.clock.left()
            late = begun < longest and (written or refused >= MOST_WRITTEN)
            if written == MOST_WRITTEN or refused == MOST_REFUSED or late:
                break
            one.done = True
            law = law_template(one.fitted, one.view, self.table.names)
            kept = self.add(law_finding(law, self.table))
            if not kept and self.config.required:
                kept = self.add(plain_finding(law, self.table))
            written, refused = written + kept, refused + (not kept)
            longest = max(longest, begun - self.clock.left())

    def loosen(self) -> None:
        """The best short laws with their inner constants set free, kept where that makes them better."""
        X, y = self.table.X.numpy(), self.table.y[:, 0].numpy()
        for one in self._shortest_and_best():
            if self.clock.expired:
                return
            one.loosened = True
            free = loosened(law_template(one.fitted, one.view, self.table.names))
            if free is None or len(y) < ROWS_PER_CONSTANT * (len(free.symbols) + 1):
                continue
            free = free.fitted(X, y, range(len(free.symbols)), steps=LOOSE_STEPS)
            if loss(free, X, y) < MUCH_BETTER * one.fitted.square:
                self.add(law_finding(free, self.table))

    def _shortest_and_best(self) -> list[Waiting]:
        """The best laws of one term, of two and of more, not loosened yet."""
        waiting = [one for one in self.waiting if not one.loosened]
        return [one for size in SIZES for one in [w for w in waiting if w.size == size][:MOST_LOOSENED]]

    def has_exact(self) -> bool:
        """Whether a formula meets every row; the best laws are written out to see, where they may."""
        if self.waiting:
            best = self.waiting[0]
            if best.fitted.square <= (exactness(self.table) * float(np.std(best.view.y))) ** 2:
                self.write()
        return any(finding.exact for finding in self.findings)

    def leaves_noise(self, network_error: float | None) -> bool:
        """Whether the best formula predicts as well as a network would and leaves nothing to be seen."""
        if self.waiting:
            best = self.waiting[0]
            residual = best.view.y - predicted(best.fitted, best.view)
            if not best.done and self._is_noise(best.view.X, residual):
                self.write()
        best = min(self.findings, key=lambda finding: finding.expected, default=None)
        if best is None or (network_error is not None and best.expected > _AS_WELL * network_error):
            return False
        X = self.table.X.numpy()
        ended = self._is_noise(X, self.table.y[:, 0].numpy() - best.formula(X))
        if ended and best.formula.complexity > SHORT:
            self.loosen()
        return ended

    def residuals(self, view: View) -> list[np.ndarray]:
        """What the best plain laws of a view with one term and with two leave, as targets of the view."""
        found: dict[int, np.ndarray] = {}
        for one in self.waiting:
            law = one.fitted.law
            plain = law.target.output.name == "plain" and not any(term.implicit for term in law.terms)
            if one.view is view and plain and len(law.terms) <= 2 and len(law.terms) not in found:
                found[len(law.terms)] = (view.y - predicted(one.fitted, view)) / view.m
        return list(found.values())

    def _holds_required(self, law: Law, view: View) -> bool:
        text = " ".join([view.factor, *(term.text for term in law.terms)])
        return all(re.search(rf"\b{re.escape(name)}\b", text) for name in self.config.required)

    def _is_noise(self, X: np.ndarray, residual: np.ndarray) -> bool:
        """Whether nothing of the inputs is to be seen in residuals; answers are remembered."""
        mark = residual.tobytes()
        if mark not in self._noise:
            generator = np.random.default_rng(self.config.seed)
            chances = structure(X, residual, self.table.names, generator)
            self._noise[mark] = min(chances.values(), default=0.0) > SURPRISING
        return self._noise[mark]
