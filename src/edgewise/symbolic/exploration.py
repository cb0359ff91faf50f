r"""The stages of a search, the cheapest first, until a formula meets every row, leaves only noise, or time is up.

1. The user's guesses, their numbers fitted.
2. Terms of the table as it stands: single ones, polynomials and their quotients.
3. Networks of the two simplest shapes, their edges fixed to known functions.
4. Sums of two and three terms in every transform, and quotients of such sums.
5. Fewer columns: symmetries seen in a trained network's derivatives; on each smaller table 2, 4 and networks again.
6. Longer sums, products of two-column terms, and the remaining shapes of network.

Laws are compared by their length in nats; only the few best are written out and settled.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from tqdm.auto import tqdm

from edgewise.catalogue import function
from edgewise.network import KAN
from edgewise.symbolic.baseline import constant_network, linear_network
from edgewise.symbolic.config import SearchConfig
from edgewise.symbolic.explore import CLOSE, Trained, formulas_of, train_shape
from edgewise.symbolic.findings import (
    ROWS_PER_CONSTANT,
    Finding,
    Table,
    exactness,
    finding_of,
    law_finding,
    plain_finding,
)
from edgewise.symbolic.laws import FittedLaw, Law, law_template, predicted
from edgewise.symbolic.lifting import column_names, lifted
from edgewise.symbolic.opening import opened
from edgewise.symbolic.refine import length, promising
from edgewise.symbolic.residuals import structure
from edgewise.symbolic.shapes import Shape, shapes
from edgewise.symbolic.surrogate import Surrogate
from edgewise.symbolic.symmetry import reduced
from edgewise.symbolic.terms import TermSearch
from edgewise.symbolic.views import View, whole
from edgewise.train.clock import Clock

ALWAYS = ("linear", "square", "cube", "fourth", "fifth", "reciprocal", "inverse square", "inverse cube")
ENDED = "an exact formula ended the search"
NOISE = "what is left looks like noise"
MOST_ROUGH_SHAPES = 4
MOST_SETTLED = 4
MOST_LAWS = 200
MOST_ROWS = 1500
FEW_COLUMNS = 3
SCREENED_ROWS = (256, 512)
_MUCH_WORSE = 10.0
_AS_WELL = 1.05
SURPRISING = 0.01


class _Ended(Exception):  # noqa: N818 - an end, not an error
    """A formula is good enough; the search need not go on."""


@dataclass
class Exploration:
    """The state of one search: findings, laws waiting to be written out, networks trained."""

    table: Table
    config: SearchConfig
    clock: Clock
    findings: list[Finding] = field(default_factory=list)
    trained: list[Trained] = field(default_factory=list)
    tell: Callable[[list[Finding]], None] | None = None
    surrogate: Surrogate | None = None
    ended: str = "all shapes were tried"

    def __post_init__(self) -> None:
        self.views: list[View] = []
        names, seed = self.table.names, self.config.seed
        rows = np.random.default_rng(seed).permutation(len(self.table.X))[:MOST_ROWS]
        self.view = whole(self.table.X.numpy()[rows], self.table.y[rows, 0].numpy(), names)
        self.laws: list[tuple[float, int, View, FittedLaw]] = []
        self.written: set[int] = set()
        self.looked_at: dict[bytes, bool] = {}
        self.waiting: list[tuple[View, Table, Trained]] = []
        self.workers = Parallel(n_jobs=self.config.n_jobs)
        self.width = effective_n_jobs(self.config.n_jobs) if self.config.n_jobs else 1
        allowed = self.config.functions
        self.functions = None if allowed is None else [function(name) for name in (*ALWAYS, *allowed)]

    def run(self) -> str:
        """Goes through the stages; returns why the search ended, as a phrase."""
        stages = self._stages()
        line = tqdm(total=len(stages), desc="search", leave=False, disable=not self.config.progress)
        try:
            for stage in stages:
                line.set_postfix_str(stage.__name__.strip("_"))
                stage()
                line.update()
        except _Ended as end:
            return str(end)
        except KeyboardInterrupt:
            return "interrupted"
        finally:
            line.close()
        return "time was up" if self._late() else self.ended

    def _stages(self) -> list[Callable[[], None]]:
        """The more columns, the sooner it pays to look for ways to have fewer."""
        columns = self.view.u.shape[1]
        last = [self._rest, self._rough]
        if columns == 1:
            return [self._baselines, self._simplest, self._quick, self._networks, self._sums, *last]
        if columns == 2:
            return [
                self._baselines,
                self._simplest,
                self._quick,
                self._networks,
                self._sums,
                self._smaller,
                *last,
            ]
        if columns == 3:
            return [
                self._baselines,
                self._simplest,
                self._quick,
                self._smaller,
                self._networks,
                self._sums,
                *last,
            ]
        return [
            self._baselines,
            self._simplest,
            self._smaller,
            self._quick,
            self._networks,
            self._sums,
            *last,
        ]

    def _baselines(self) -> None:
        for network in (constant_network, linear_network):
            self._add(finding_of(network(self.table), self.table))
        if not float(self.table.y.max() - self.table.y.min()) > 0:
            raise _Ended(ENDED)
        if self.config.required:
            plane = " + ".join(["0.5", *(f"0.5*{name}" for name in self.config.required)])
            self._add(plain_finding(opened(plane, self.table.names), self.table))
        for guess in self.config.guesses:
            self._add(law_finding(opened(guess, self.table.names), self.table))
        self._stop_if_done(sure=True)

    def _simplest(self) -> None:
        self.search = self._terms(self.view)
        self._judge(self.search.simplest(self._share(0.1)), self.view)
        self._judge(self.search.polynomials(self._share(0.1)), self.view)
        self._stop_if_done(sure=False)

    def _quick(self) -> None:
        self._judge(self.search.singles(self._share(0.1)), self.view)
        self._stop_if_done(sure=False)

    def _networks(self) -> None:
        if self.view.u.shape[1] <= FEW_COLUMNS:
            self._shapes(self.view, self.table, list(shapes(self.view.u.shape[1]))[:2], 0.2)

    def _sums(self) -> None:
        few = self.view.u.shape[1] <= FEW_COLUMNS
        self._judge(self.search.rational(self._share(0.1), 3), self.view)
        self._stop_if_done(sure=False)
        if few:
            self._judge(self.search.sums(self._share(0.2), 3), self.view)
        self._stop_if_done(sure=few)

    def _smaller(self) -> None:
        found = []
        for view, surrogate in reduced(self.view, self.config.seed, self._share(0.3)):
            found.append(view)
            self.surrogate = self.surrogate or surrogate
        self.views = found[1:]
        for view in reversed(self.views):
            search = self._terms(view)
            self._judge(search.simplest(self._share(0.1)), view)
            self._judge(search.polynomials(self._share(0.1)), view)
            self._stop_if_done(sure=False)
            self._judge(search.singles(self._share(0.1)), view)
            self._stop_if_done(sure=False)
            self._judge(search.rational(self._share(0.1), 3), view)
            self._judge(search.sums(self._share(0.1), 3), view)
            self._stop_if_done(sure=True)
            inner = self._seen(view)
            self._shapes(view, inner, list(shapes(len(view.texts)))[:4], 0.2)

    def _rest(self) -> None:
        self._judge(self.search.more_singles(self._share(0.1)), self.view)
        self._stop_if_done(sure=True)
        self._judge(self.search.sums(self._share(0.2), 3), self.view)
        self._stop_if_done(sure=True)
        columns = self.view.u.shape[1]
        self._shapes(self.view, self.table, list(shapes(columns))[2 if columns <= FEW_COLUMNS else 0 :], 0.4)
        for view in [*reversed(self.views), self.view]:
            search = self.search if view is self.view else self._terms(view)
            self._judge(search.sums(self._share(0.2), 5), view)
            self._judge(search.rational(self._share(0.1), 5), view)
            self._stop_if_done(sure=True)

    def _rough(self) -> None:
        waiting = sorted(self.waiting, key=lambda one: one[2].loss)
        good = [one for one in waiting if one[2].loss <= _MUCH_WORSE * waiting[0][2].loss][:MOST_ROUGH_SHAPES]
        while good and not self._late():
            batch, good = good[: self.width], good[self.width :]
            for view, table, trained in batch:
                self._formulas(view, table, [trained], 1 / (1 + len(good)))
        self._settle(MOST_SETTLED)

    def _terms(self, view: View) -> TermSearch:
        rows = np.random.default_rng(self.config.seed).permutation(len(view.y))
        return TermSearch(view, np.sort(rows[: SCREENED_ROWS[self._noisy()]]), self._allowed)

    def _noisy(self) -> bool:
        return self.surrogate is not None and self.surrogate.error > 0.01

    def _allowed(self, name: str) -> bool:
        return self.config.functions is None or name in self.config.functions

    def _judge(self, laws: Iterable[Law], view: View) -> None:
        """Adds the laws that may be best to those waiting."""
        wanted = [law for law in laws if self._holds_required(law, view)]
        for fitted in promising(wanted, view, self.clock):
            self.laws.append((length(fitted, view), len(self.laws), view, fitted))
        self.laws = sorted(self.laws, key=lambda one: one[0])[:MOST_LAWS]

    def _holds_required(self, law: Law, view: View) -> bool:
        text = " ".join([view.factor, *(term.text for term in law.terms)])
        return all(re.search(rf"\b{re.escape(name)}\b", text) for name in self.config.required)

    def _stop_if_done(self, sure: bool) -> None:
        """Ends the search at an exact formula or, once ``sure`` that the simple ones were seen, at bare noise."""
        if self.laws:
            best = self.laws[0]
            spread = float(np.std(best[2].y))
            if best[3].square <= (exactness(self.table) * spread) ** 2 or (
                sure and self._is_noise(self.view.u, best[2].y - predicted(best[3], best[2]))
            ):
                self._settle(MOST_SETTLED)
        if any(finding.exact for finding in self.findings):
            raise _Ended(ENDED)
        if sure and self._reached_noise():
            raise _Ended(NOISE)
        if self._late():
            self._settle(MOST_SETTLED)
            raise _Ended("time was up")

    def _reached_noise(self) -> bool:
        best = min(self.findings, key=lambda finding: finding.expected, default=None)
        if best is None or (self.surrogate is not None and best.expected > _AS_WELL * self.surrogate.error):
            return False
        y = self.table.y[:, 0].numpy()
        return self._is_noise(self.table.X.numpy(), y - best.formula(self.table.X.numpy()))

    def _is_noise(self, X: np.ndarray, residual: np.ndarray) -> bool:
        """Whether nothing of the inputs is to be seen in residuals; the last answer is remembered."""
        mark = residual.tobytes()
        if mark not in self.looked_at:
            generator = np.random.default_rng(self.config.seed)
            chances = structure(X, residual, self.table.names, generator)
            self.looked_at[mark] = min(chances.values(), default=0.0) > SURPRISING
        return self.looked_at[mark]

    def _settle(self, most: int) -> None:
        """Writes out the best laws not yet written."""
        count = tried = 0
        for _, _, view, fitted in self.laws:
            if count == most or (self.clock.expired and (count or tried == most)):
                break
            if id(fitted) not in self.written:
                self.written.add(id(fitted))
                tried += 1
                count += self._add(law_finding(law_template(fitted, view, self.table.names), self.table))

    def _add(self, finding: Finding) -> bool:
        """Whether the finding was kept: one the user's conditions rule out is not."""
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

    def _seen(self, view: View) -> Table:
        """A view as a table of its own."""
        weight = view.weight()
        strong = weight >= 0.2 * np.median(weight)
        u, f = torch.from_numpy(view.u[strong]), torch.from_numpy(view.target[strong])[:, None]
        return Table(u, f, u, column_names(view), self.table.seed)

    def _shapes(self, view: View, table: Table, todo: list[Shape], share: float) -> None:
        """Trains shapes in turn; those that fit closely become formulas at once, the others wait."""
        end = self._share(share)
        todo = [shape for shape in todo if ROWS_PER_CONSTANT * (shape.edges + 1) <= len(table.X)]
        while todo and not end.expired:
            batch, todo = todo[: self.width], todo[self.width :]
            seconds = 0.5 / (1 + len(todo)) * end.left()
            trained = self._map(train_shape, batch, table, seconds)
            if view is self.view:
                self.trained += trained
            self.waiting += [(view, table, one) for one in trained if one.loss >= CLOSE]
            self._formulas(view, table, [one for one in trained if one.loss < CLOSE], 0.7)
            self._stop_if_done(sure=False)

    def _formulas(self, view: View, table: Table, trained: list[Trained], share: float) -> None:
        work = partial(formulas_of, functions=self.functions)
        for findings in self._map(work, trained, table, share * self.clock.left()):
            for finding in findings:
                if view is not self.view:
                    finding = law_finding(lifted(finding.written, view, self.table.names), self.table)
                self._add(finding)

    def _map(self, work: Callable, items: list, table: Table, seconds: float) -> list:
        """``work(item, table, seconds)`` for each item."""
        if self.width == 1 or len(items) < 2:
            return [work(item, table, seconds) for item in items]
        return list(self.workers(delayed(work)(item, table, seconds) for item in items) or [])

    def network(self) -> KAN | None:
        """The best network that was trained on the table's own columns."""
        best = min(self.trained, key=lambda one: one.loss, default=None)
        return best.network if best is not None else None

    def _share(self, share: float) -> Clock:
        return Clock(max(min(share * self.config.max_seconds, self.clock.left()), 1e-3))

    def _late(self) -> bool:
        return self.clock.left() <= 0.02 * self.config.max_seconds
