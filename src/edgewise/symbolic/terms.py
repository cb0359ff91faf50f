r"""The search over terms: every view of a table, every output transform, one to five terms each.

Two passes. ``quick`` compares features of one and two columns and their products, alone and in pairs out of a
dictionary of the simplest and the best; ``deep`` goes on to products of two-column features, longer sums, and terms
that hold the target (rational laws).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import combinations

import numpy as np

from edgewise.symbolic.features import Pool, chained, distinct, first, monomials, quotients, second
from edgewise.symbolic.laws import Law, Term
from edgewise.symbolic.outputs import Target, targets
from edgewise.symbolic.screening import Screen, Single
from edgewise.symbolic.sparse import Dictionary
from edgewise.symbolic.views import View
from edgewise.train.clock import Clock

Array = np.ndarray
KEEP_SINGLES = 60
BEAM = 100
WIDE_BEAM = 300
SMALL_POOL = 520
CHEAPEST = 2000
LONGEST = 6
MOST_FRACTIONS = 600
MOST_IN_FRACTIONS = 12
MOST_CROSSED = 400
MOST_ALONE = 250
MOST_SECOND = 12_000
MOST_IMPLICIT = 250


class TermSearch:
    """The pools of one view, and the laws read from them; products are screened on the rows ``index`` only."""

    def __init__(self, view: View, index: Array, allowed: Callable[[str], bool]) -> None:
        self.view, self.index, self.allowed = view, index, allowed
        self.targets = list(targets(view.target, view.weight(), allowed))
        self.first = first(view.columns(), allowed)
        self.screen = Screen(self.targets, index, KEEP_SINGLES)

    @cached_property
    def second(self) -> Pool:
        """Functions of simple arguments, the simplest where there are very many."""
        pool = second(self.view.columns(), self.allowed)
        return pool.some(np.arange(min(MOST_SECOND, len(pool))))

    def simplest(self, clock: Clock) -> list[Law]:
        """One term: functions of one column and their products."""
        self.screen.pool(self.first)
        self.screen.products(self.first, self.first, clock, upper=True)
        return self._laws(self.screen.best(KEEP_SINGLES * 2))

    def singles(self, clock: Clock) -> list[Law]:
        """One term: all other features, and their products with those of one column."""
        self.screen.pool(self.second)
        self.screen.products(self.first, self.second, clock)
        return self._laws(self.screen.best(KEEP_SINGLES * 2))

    def more_singles(self, clock: Clock) -> list[Law]:
        """One term: products of two features of two columns."""
        self.screen.products(self.second, self.second, clock, upper=True)
        return self._laws(self.screen.best(KEEP_SINGLES * 2))

    def polynomials(self, clock: Clock) -> Iterator[Law]:
        """Polynomials in every transform, sums of quotients of powers, and quotients of either."""
        plain = self.view.columns()
        whole = monomials(plain)
        for target in self.targets:
            yield from self._combined(whole, np.zeros(len(whole), dtype=bool), target, clock, LONGEST)
        yield from self._quotients(whole, whole, clock, LONGEST)
        pool = quotients(plain)
        if len(pool):
            yield from self._quotients(pool, pool, clock, LONGEST)

    def fractions(self) -> Iterator[Law]:
        """Quotients of short polynomials of degree 2, the simplest first.

        Selection among terms that hold the target is misled by noise, which a denominator scales; these few are
        all fitted in full instead.
        """
        pool = monomials(self.view.columns(), degree=2)
        pool = pool.some(np.arange(min(MOST_IN_FRACTIONS, len(pool))))
        numbers = range(len(pool))
        above = [some for size in (0, 1, 2, 3) for some in combinations(numbers, size)]
        below = [some for size in (1, 2) for some in combinations(numbers, size)]
        costs = [sum(int(pool.costs[k]) + 2 for k in some) for some in (*above, *below)]
        upper, lower = np.array(costs[: len(above)]), np.array(costs[len(above) :])
        order = np.argsort((upper[:, None] + lower[None, :]).ravel(), kind="stable")[:MOST_FRACTIONS]
        for k in order:
            top, bottom = above[k // len(below)], below[k % len(below)]
            terms = [Term(pool.texts[i], pool.values[i]) for i in top]
            terms += [Term(pool.texts[i], pool.values[i], implicit=True) for i in bottom]
            yield Law(0.0, self.targets[0], tuple(terms), int(upper[k // len(below)] + lower[k % len(below)]))

    def sums(self, clock: Clock, terms: int) -> Iterator[Law]:
        """Two terms and more, for every target in turn."""
        for number, target in enumerate(self.targets):
            if clock.expired:
                return
            pool = self._dictionary(number)
            yield from self._combined(pool, np.zeros(len(pool), dtype=bool), target, clock, terms)

    def around(self, residuals: Sequence[Array], clock: Clock, terms: int) -> Iterator[Law]:
        """Sums of features that follow what simpler laws leave (sure independence screening on residuals)."""
        plain = self.targets[0]
        found = []
        for residual in residuals:
            screen = Screen([Target(plain.output, 1.0, residual, plain.w)], self.index, KEEP_SINGLES)
            screen.pool(self.second)
            screen.products(self.first, self.first, clock, upper=True)
            screen.products(self.first, self.second, clock)
            screen.products(
                self.second.some(np.arange(min(MOST_CROSSED, len(self.second)))), self.second, clock
            )
            found += screen.found[0]
        pool = distinct(chained([self._dictionary(0), _pooled(found, self.first)]))
        yield from self._combined(pool, np.zeros(len(pool), dtype=bool), plain, clock, terms)

    def straight(self, clock: Clock, terms: int) -> Iterator[Law]:
        """``A(x) + y B(x)`` for a table of two columns, ``A`` and ``B`` sums of functions of one of them."""
        if self.view.u.shape[1] != 2:
            return
        both = self.view.columns()
        for one in (0, 1):
            inner, factor = both.some(np.array([one])), both.some(np.array([1 - one]))
            alone = distinct(chained([first(inner, self.allowed), second(inner, self.allowed)]))
            alone = alone.some(np.arange(min(MOST_ALONE, len(alone))))
            texts = [f"{factor.texts[0]}*({text})" for text in alone.texts]
            scaled = Pool(texts, alone.costs + factor.costs[0] + 1, alone.values * factor.values[0])
            pool = distinct(chained([factor, alone, scaled]))
            for target in self.targets[:2]:
                yield from self._combined(pool, np.zeros(len(pool), dtype=bool), target, clock, terms)

    def rational(self, clock: Clock, terms: int) -> Iterator[Law]:
        """Two terms and more, some of which hold the target."""
        yield from self._quotients(
            self._dictionary(0, CHEAPEST // 2), self._cheapest(MOST_IMPLICIT), clock, terms
        )

    def _quotients(self, pool: Pool, few: Pool, clock: Clock, terms: int) -> Iterator[Law]:
        both = chained([pool, Pool(few.texts, few.costs + 1, few.values)])
        implicit = np.arange(len(both)) >= len(pool)
        yield from self._combined(both, implicit, self.targets[0], clock, terms)

    def _combined(
        self, pool: Pool, implicit: Array, target: Target, clock: Clock, terms: int
    ) -> Iterator[Law]:
        values = pool.values[:, self.index]
        values[implicit] *= self.view.target[self.index]
        some = Pool(pool.texts, pool.costs, values)
        dictionary = Dictionary(some, target.rows(self.index), self.screen.least)
        beam = BEAM if len(pool) > SMALL_POOL else WIDE_BEAM
        found = dictionary.pairs(beam, clock)
        for size in range(2, terms + 1):
            for one in found:
                numbers = dictionary.numbers[list(one.terms)]
                chosen = tuple(Term(pool.texts[k], pool.values[k], bool(implicit[k])) for k in numbers)
                yield Law(one.merit, target, chosen, int(pool.costs[numbers].sum()))
            if size < terms:
                found = dictionary.extended(found, beam, clock)

    def _dictionary(self, number: int, most: int = CHEAPEST) -> Pool:
        """The simplest features of all and the best single ones of this target."""
        return distinct(chained([self._cheapest(most), _pooled(self.screen.found[number], self.first)]))

    def _cheapest(self, most: int) -> Pool:
        i, j = np.triu_indices(len(self.first))
        costs = self.first.costs[i] + self.first.costs[j] + 1
        few = np.argsort(costs, kind="stable")[:most]
        i, j = i[few], j[few]
        texts = [f"({self.first.texts[a]})*({self.first.texts[b]})" for a, b in zip(i, j, strict=True)]
        products = Pool(texts, costs[few], self.first.values[i] * self.first.values[j])
        pool = distinct(chained([self.first, self.second, products]))
        return pool.some(np.arange(min(most, len(pool))))

    def _laws(self, singles: Sequence[Single]) -> list[Law]:
        return [Law(s.merit, self.targets[s.target], (Term(s.text, s.values),), s.cost) for s in singles]


def _pooled(singles: Sequence[Single], like: Pool) -> Pool:
    values = np.array([single.values for single in singles]) if singles else like.values[:0]
    return Pool([single.text for single in singles], np.array([s.cost for s in singles], dtype=int), values)
