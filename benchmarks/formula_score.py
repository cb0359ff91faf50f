"""Whether a formula found is the law: values in the box and around it, size, and equivalence by algebra.

Without noise a formula is *recovered* when, on 10,000 points of the box, it is nowhere further from the law than 1e-6
of the law's root mean square; on 10,000 points of the box widened by a fifth, nowhere further than 1e-4 of it where
both are finite; and when, its constants rounded, it has at most twice the law's nodes. Or when algebra shows, as in
SRBench, that the two differ by a constant or by a constant factor. With noise, its constants are first fitted again to
values without noise. Rounding tries several numbers of digits, and a rounded formula has to have the right values too.

Nodes are those of sympy's tree, counted in the same way for the law and for what was found.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from formula_data import ENLARGED, TEST_ROWS, Task, function_of, stream
from formula_refit import refits

from edgewise.errors import InputError
from edgewise.symbolic.parser import parse

CLOSE = 1e-6
CLOSE_AROUND = 1e-4
LARGEST = 2.0
WORTH_ALGEBRA = 1e-5
DIGITS = (12, 10, 8, 7, 6, 5, 4, 3)
ALGEBRA_DIGITS = 6
DUST = 2e-6
ALGEBRA_SECONDS = 10.0
REFIT_SECONDS = 30.0
LARGEST_DENOMINATOR = 24


class Judge:
    """Scores formulas in the symbols of a task; the points are drawn once."""

    def __init__(self, task: Task, decoys: int = 0) -> None:
        self.task = task
        self.symbols = (*task.symbols, *(f"decoy{k}" for k in range(decoys)))
        self._decoys = decoys
        self.inside, self.y = self._points(TEST_ROWS, 4)
        self.around, self.y_around = self._points(TEST_ROWS, 5, ENLARGED)
        self.rms = float(np.sqrt(np.mean(self.y**2)))

    def score(self, text: str, noise: float = 0.0) -> dict[str, Any]:
        """``recovered``, ``how`` ("values", "algebra" or ""), ``nrmse``, ``worst`` and ``nodes`` of a formula.

        ``worst`` is the largest error in the box over the law's root mean square, before anything is fitted again.
        """
        row = {"recovered": False, "how": "", "nrmse": math.inf, "worst": math.inf, "nodes": None}
        try:
            found = parse(text, self.symbols)
        except InputError as error:
            return row | {"unreadable": str(error)}
        row |= {"nodes": nodes(rounded(found, 8))} | self.errors(found)
        if self.task.expr is not None:
            row["how"] = self._how(found, noise)
            row["recovered"] = bool(row["how"])
        return row

    def errors(self, found: Any) -> dict[str, float]:
        """Error in the box: root mean square over the law's deviation, and the largest over its root mean square."""
        difference = function_of(found, self.symbols)(self.inside) - self.y
        if not np.isfinite(difference).all():
            return {"nrmse": math.inf, "worst": math.inf}
        nrmse = float(np.sqrt(np.mean(difference**2)) / np.std(self.y))
        return {"nrmse": nrmse, "worst": float(np.abs(difference).max() / self.rms)}

    def _how(self, found: Any, noise: float) -> str:
        if how := self._how_as_it_is(found):
            return how
        if noise > 0:
            X, y = self._points(TEST_ROWS // 5, 6)
            with limited(REFIT_SECONDS):
                for fitted in refits(found, self.symbols, X, y):
                    if how := self._how_as_it_is(fitted):
                        return how
        return ""

    def _how_as_it_is(self, found: Any) -> str:
        if self._has_its_values(found) and any(
            self._has_its_size(form) and self._has_its_values(form) for form in roundings(found)
        ):
            return "values"
        return "algebra" if self._is_worth_algebra(found) and self._is_equivalent(found) else ""

    def _has_its_values(self, found: Any) -> bool:
        values = function_of(found, self.symbols)
        inside = np.abs(values(self.inside) - self.y)
        if not np.isfinite(inside).all() or inside.max() > CLOSE * self.rms:
            return False
        around = np.abs(values(self.around) - self.y_around)
        return not (
            around > CLOSE_AROUND * self.rms
        ).any()  # NaN, where either is not finite, compares as False

    def _has_its_size(self, found: Any) -> bool:
        return nodes(found) <= LARGEST * nodes(self.task.expression)

    def _is_worth_algebra(self, found: Any) -> bool:
        """Whether the values allow for a constant difference or factor, which spares sympy the hopeless cases."""
        values = function_of(found, self.symbols)(self.inside)
        if not np.isfinite(values).all() or not np.any(values):
            return False
        difference = self.y - values
        factor = (values @ self.y) / (values @ values)
        left = (difference - difference.mean(), self.y - factor * values)
        return min(np.abs(rest).max() for rest in left) <= WORTH_ALGEBRA * self.rms

    def _is_equivalent(self, found: Any) -> bool:
        """SRBench's rule: the difference or the ratio simplifies to a constant once constants are rounded."""
        truth, found = (rounded(e.evalf(17), ALGEBRA_DIGITS) for e in (self.task.expression, found))
        for together in ((truth - found) / self.rms, truth / found if found != 0 else truth):
            with limited(ALGEBRA_SECONDS):
                simple = without_dust(sympy.simplify(together))
                if not simple.free_symbols and simple.is_finite is not False:
                    return True
        return False

    def _points(self, rows: int, use: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        generator = stream(self.task.id, 0, use)
        X = self.task.draw(rows, generator, scale)
        y = self.task.values(X)
        return np.hstack([X, generator.uniform(-1, 1, (rows, self._decoys))]), y


def nodes(expression: Any) -> int:
    """Nodes of sympy's tree: operators, functions, symbols and numbers, each once per occurrence."""
    return sum(1 for _ in sympy.preorder_traversal(expression))


def roundings(found: Any) -> Iterator[Any]:
    """The formula as it is and with constants rounded ever more, different ones only."""
    seen = set()
    for form in (found, *(rounded(found, digits) for digits in DIGITS)):
        if form not in seen:
            seen.add(form)
            yield form


def rounded(expression: Any, digits: int) -> Any:
    """Floats to so many significant digits: whole numbers and simple fractions become such, dust becomes zero."""

    def settle(number: Any) -> Any:
        value = float(number)
        if not math.isfinite(value):
            return number
        if abs(value) < 10.0**-digits:
            return sympy.Integer(0)
        fraction = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
        if abs(value - float(fraction)) <= 10.0**-digits * abs(value):
            return sympy.Rational(fraction.numerator, fraction.denominator)
        return sympy.Float(f"{value:.{digits - 1}e}", 17)

    return replaced(expression, settle)


def without_dust(expression: Any) -> Any:
    """Zero in place of what two roundings to ``ALGEBRA_DIGITS`` leave of each other."""
    return replaced(expression, lambda number: sympy.Integer(0) if abs(number) < DUST else number)


def replaced(expression: Any, change: Callable[[Any], Any]) -> Any:
    """The expression with every Float changed."""
    if expression.is_Float:
        return change(expression)
    if not expression.args or not expression.has(sympy.Float):
        return expression
    return expression.func(*(replaced(part, change) for part in expression.args))


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Ends the block quietly when time is up or sympy fails; may be nested. Main thread of Unix, elsewhere no limit."""
    can = hasattr(signal, "SIGALRM")

    def stop(*_: object) -> None:
        raise TimeoutError

    start, left, before = time.monotonic(), 0.0, None
    if can:
        before = signal.signal(signal.SIGALRM, stop)
        left = signal.getitimer(signal.ITIMER_REAL)[0]
        signal.setitimer(signal.ITIMER_REAL, min(seconds, left or seconds))
    try:
        yield
    except (TimeoutError, RecursionError, ArithmeticError, AttributeError, TypeError, ValueError):
        pass
    finally:
        if can:
            rest = max(left - (time.monotonic() - start), 1e-3) if left else 0.0
            signal.signal(signal.SIGALRM, before)
            signal.setitimer(signal.ITIMER_REAL, rest)
