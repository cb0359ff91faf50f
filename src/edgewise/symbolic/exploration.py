r"""The stages of a search, the cheapest first, until a formula meets every row, leaves only noise, or time is up.

1. The user's guesses, their numbers fitted.
2. Terms of the table as it stands: single ones, polynomials and their quotients.
3. Networks of the two simplest shapes, their edges fixed to known functions.
4. Sums of two and three terms in every transform, and quotients of such sums.
5. Fewer columns: symmetries seen in a trained network's derivatives; on each smaller table 2, 4 and networks again.
6. Longer sums, products of two-column terms, and the remaining shapes of network.

Laws are compared by their length in nats; only the few best are written out and settled.
"""

from collections.abc import Callable
from functools import cached_property, partial

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
    finding_of,
    law_finding,
    plain_finding,
)
from edgewise.symbolic.lifting import column_names, lifted
from edgewise.symbolic.opening import opened
from edgewise.symbolic.shapes import Shape, shapes
from edgewise.symbolic.stock import Stock
from edgewise.symbolic.surrogate import Surrogate
from edgewise.symbolic.symmetry import reduced
from edgewise.symbolic.terms import TermSearch
from edgewise.symbolic.views import View, whole
from edgewise.train.clock import Clock

ALWAYS = ("linear", "square", "cube", "fourth", "fifth", "reciprocal", "inverse square", "inverse cube")
ENDED = "an exact formula ended the search"
NOISE = "what is left looks like noise"
INTERRUPTED = "interrupted"
MOST_ROUGH_SHAPES = 4
MOST_ROWS = 1500
FEW_COLUMNS = 3
SCREENED_ROWS = (256, 512)
_MUCH_WORSE = 10.0
SECONDS_PER_POOL = 8e-5


class _Ended(Exception):  # noqa: N818 - an end, not an error
    """A formula is good enough; the search need not go on."""


class Exploration:
    """One search: its ``stock`` of formulas and laws, and the networks trained on the way."""

    def __init__(
        self,
        table: Table,
        config: SearchConfig,
        clock: Clock,
        tell: Callable[[list[Finding]], None] | None = None,
    ) -> None:
        self.table, self.config, self.clock = table, config, clock
        self.stock = Stock(table, config, clock, tell)
        rows = np.random.default_rng(config.seed).permutation(len(table.X))[:MOST_ROWS]
        self.view = whole(table.X.numpy()[rows], table.y[rows, 0].numpy(), table.names)
        self.smaller: list[View] = []
        self.surrogate: Surrogate | None = None
        self.trained: list[Trained] = []
        self.waiting: list[tuple[View, Table, Trained]] = []
        self.workers = Parallel(n_jobs=config.n_jobs)
        self.width = effective_n_jobs(config.n_jobs) if config.n_jobs else 1
        allowed = config.functions
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
            self.stock.write()
            return INTERRUPTED
        finally:
            line.close()
        return "time was up" if self._late() else "all shapes were tried"

    def _stages(self) -> list[Callable[[], None]]:
        """The more columns, the sooner it pays to look for ways to have fewer."""
        columns = self.view.u.shape[1]
        middle = [self._quick, self._networks, self._sums]
        if columns > 1:
            middle.insert({2: 3, 3: 1}.get(columns, 0), self._smaller)
        return [self._baselines, self._simplest, *middle, self._rest, self._rough]

    def _baselines(self) -> None:
        for network in (constant_network, linear_network):
            self.stock.add(finding_of(network(self.table), self.table))
        if not float(self.table.y.max() - self.table.y.min()) > 0:
            raise _Ended(ENDED)
        if self.config.required:
            plane = " + ".join(["0.5", *(f"0.5*{name}" for name in self.config.required)])
            self.stock.add(plain_finding(opened(plane, self.table.names), self.table))
        for guess in self.config.guesses:
            self.stock.add(law_finding(opened(guess, self.table.names), self.table))
        self._stop_if_done(sure=False)

    @cached_property
    def search(self) -> TermSearch:
        """The terms of the table as it stands."""
        return self._terms(self.view)

    def _simplest(self) -> None:
        self._simple_terms(self.search)

    def _quick(self) -> None:
        self._more_terms(self.search)

    def _networks(self) -> None:
        if self.view.u.shape[1] <= FEW_COLUMNS:
            self._shapes(self.view, self.table, list(shapes(self.view.u.shape[1]))[:2], 0.2)

    def _sums(self) -> None:
        self._quotients(self.search)
        few = self.view.u.shape[1] <= FEW_COLUMNS
        if few:
            self._sums_of_terms(self.search, 0.2)
        self._stop_if_done(sure=few)

    def _smaller(self) -> None:
        found = []
        for view, surrogate in reduced(self.view, self.config.seed, self._share(0.3)):
            found.append(view)
            self.surrogate = self.surrogate or surrogate
        self.smaller = found[1:]
        for view in reversed(self.smaller):
            search = self._terms(view)
            self._simple_terms(search)
            self._more_terms(search)
            self._quotients(search)
            self._sums_of_terms(search, 0.1)
            self._stop_if_done(sure=True)
            self._shapes(view, self._seen(view), list(shapes(len(view.texts)))[:4], 0.2)

    def _simple_terms(self, search: TermSearch) -> None:
        self.stock.judge(search.simplest(self._share(0.1)), search.view)
        self.stock.judge(search.polynomials(self._share(0.1)), search.view)
        self.stock.judge(search.fractions(), search.view, every=True)
        self._stop_if_done(sure=False)

    def _more_terms(self, search: TermSearch) -> None:
        if not self._affords(search.view):
            raise self._out_of_time()
        self.stock.judge(search.singles(self._share(0.1)), search.view)
        self._stop_if_done(sure=False)

    def _quotients(self, search: TermSearch) -> None:
        self.stock.judge(search.straight(self._share(0.1), 5), search.view)
        self.stock.judge(search.rational(self._share(0.1), 2), search.view)
        self._stop_if_done(sure=False)

    def _sums_of_terms(self, search: TermSearch, share: float) -> None:
        self.stock.judge(search.sums(self._share(share), 3), search.view)
        left = self.stock.residuals(search.view)
        self.stock.judge(search.around(left, self._share(0.1), 3), search.view)

    def _affords(self, view: View) -> bool:
        """Whether there is time to build the larger pools of a view."""
        rows, columns = view.u.shape
        return SECONDS_PER_POOL * columns**2 * rows < self.clock.left() - self._reserved

    def _rest(self) -> None:
        self.stock.loosen()
        self._stop_if_done(sure=True)
        self.stock.judge(self.search.more_singles(self._share(0.1)), self.view)
        self._stop_if_done(sure=True)
        self.stock.judge(self.search.sums(self._share(0.2), 3), self.view)
        self._stop_if_done(sure=True)
        columns = self.view.u.shape[1]
        self._shapes(self.view, self.table, list(shapes(columns))[2 if columns <= FEW_COLUMNS else 0 :], 0.4)
        for view in [*reversed(self.smaller), self.view]:
            search = self.search if view is self.view else self._terms(view)
            self.stock.judge(search.sums(self._share(0.2), 5), view)
            self._stop_if_done(sure=True)

    def _rough(self) -> None:
        waiting = sorted(self.waiting, key=lambda one: one[2].loss)
        good = [one for one in waiting if one[2].loss <= _MUCH_WORSE * waiting[0][2].loss][:MOST_ROUGH_SHAPES]
        for number, (view, table, trained) in enumerate(good):
            if self._late():
                break
            self._formulas(view, table, [trained], 1 / (len(good) - number))
        self.stock.write()

    def _terms(self, view: View) -> TermSearch:
        rows = np.random.default_rng(self.config.seed).permutation(len(view.y))
        return TermSearch(view, np.sort(rows[: SCREENED_ROWS[self._noisy()]]), self._allowed)

    def _noisy(self) -> bool:
        return self.surrogate is not None and self.surrogate.error > 0.01

    def _allowed(self, name: str) -> bool:
        return self.config.functions is None or name in self.config.functions

    def _stop_if_done(self, sure: bool) -> None:
        """Ends the search at an exact formula or, once ``sure`` that the simple ones were seen, at bare noise."""
        if self.stock.has_exact():
            raise _Ended(ENDED)
        if sure and self.stock.leaves_noise(self.surrogate.error if self.surrogate else None):
            raise _Ended(NOISE)
        if self._late():
            raise self._out_of_time()

    def _out_of_time(self) -> _Ended:
        self.stock.write()
        return _Ended("time was up")

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
                self.stock.add(finding)

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

    @property
    def _reserved(self) -> float:
        """Seconds kept for writing the result down."""
        return min(0.05 * self.config.max_seconds + 1.0, 0.25 * self.config.max_seconds)

    def _late(self) -> bool:
        return self.clock.left() <= self._reserved
