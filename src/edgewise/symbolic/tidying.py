r"""Formulas written more simply: ``c sqrt(a^2 + b^2)`` for ``sqrt(a^2 c^2 + b^2 c^2)`` where every ``c`` is positive.

A column that is never negative in the table is taken to be positive, which lets roots, logarithms and absolute values
open; then a few of sympy's rewritings are tried, and the one with the fewest nodes that has the same values is kept.
"""

from collections.abc import Callable, Iterator

import numpy as np
import sympy

from edgewise.symbolic.findings import Finding, Table, law_finding
from edgewise.symbolic.formula import compiled, complexity
from edgewise.symbolic.opening import opened
from edgewise.symbolic.parser import Expression

MOST_NODES = 60
_SAME = 1e-9
_DIGITS = 11
_NO_WORSE = 1 + 1e-6


def tidied(finding: Finding, table: Table) -> Finding:
    """The finding with its formula as simply written as can be; itself where nothing is simpler."""
    expression = finding.formula.sympy()
    if finding.formula.complexity > MOST_NODES or not expression.free_symbols:
        return finding
    X = table.X.numpy()
    simplest = simplified(expression, finding.formula.features, X)
    if complexity(simplest) >= finding.formula.complexity:
        return finding
    text = sympy.sstr(simplest, full_prec=False)
    settled = law_finding(opened(text, finding.formula.features, decimals_only=True), table)
    good = settled.expected <= max(finding.expected * _NO_WORSE, _SAME)
    simpler = settled.formula.complexity < finding.formula.complexity
    return Finding(**{**vars(settled), "network": finding.network}) if good and simpler else finding


def simplified(expression: Expression, names: tuple[str, ...], X: np.ndarray) -> Expression:
    """The rewriting with the fewest nodes that has the same values on the rows ``X (n, features)``."""
    symbols = [sympy.Symbol(name, real=True) for name in names]
    known = {s: sympy.Dummy(s.name, positive=True) for s, x in zip(symbols, X.T, strict=True) if x.min() >= 0}
    numbers = _numbers(expression)
    named = expression.xreplace(numbers).xreplace(known)
    back = {v: k for k, v in known.items()} | {v: k for k, v in numbers.items() if k > 0}
    back |= {-v: -k for k, v in numbers.items() if k < 0}
    values = _values(symbols, expression, X)
    best = expression
    for candidate in _rewritten(named):
        plain = sympy.sympify(candidate.xreplace(back))
        plain = plain.xreplace({n: sympy.Float(float(n)) for n in _decimal_parts(plain)})
        if complexity(plain) < complexity(best) and _agrees(values, _values(symbols, plain, X)):
            best = plain
    return best


def _numbers(expression: Expression) -> dict[Expression, Expression]:
    """A positive symbol for each decimal, the same for decimals that agree but for sign."""
    found: dict[Expression, Expression] = {}
    known: dict[str, Expression] = {}
    for number in sorted(expression.atoms(sympy.Float), key=abs):
        key = f"{abs(float(number)):.{_DIGITS}g}"
        symbol = known.setdefault(key, sympy.Dummy(f"n{len(known)}", positive=True))
        found[number] = symbol if number > 0 else -symbol
    return found


def _decimal_parts(expression: Expression) -> set[Expression]:
    """Sub-expressions without symbols that hold a decimal, as in ``sqrt(0.25)``."""
    return {
        part
        for part in sympy.preorder_traversal(expression)
        if part.args and part.is_number and part.has(sympy.Float)
    }


def _rewritten(expression: Expression) -> Iterator[Expression]:
    rewritings: tuple[Callable[[Expression], Expression], ...] = (
        lambda e: e,
        _with_powers,
        lambda e: _with_powers(_factored_roots(e)),
        sympy.factor_terms,
        lambda e: sympy.powsimp(_with_powers(e)),
        lambda e: sympy.factor(_with_powers(e)),
        lambda e: sympy.together(_with_powers(e)),
        lambda e: sympy.cancel(sympy.together(e)),
        lambda e: sympy.expand(sympy.expand_log(e)),
    )
    for rewrite in rewritings:
        try:
            yield rewrite(expression)
        except (sympy.PolynomialError, NotImplementedError, ValueError, RecursionError):
            continue


def _with_powers(expression: Expression) -> Expression:
    """``exp(a log b)`` as ``b^a``."""
    return expression.replace(
        lambda e: (
            isinstance(e, sympy.exp)
            and e.exp.is_Mul
            and sum(isinstance(p, sympy.log) for p in e.exp.args) == 1
        ),
        lambda e: _as_power(e.exp.args),
    )


def _as_power(factors: tuple[Expression, ...]) -> Expression:
    (logarithm,) = (part for part in factors if isinstance(part, sympy.log))
    return logarithm.args[0] ** sympy.Mul(*(part for part in factors if part is not logarithm))


def _factored_roots(expression: Expression) -> Expression:
    return expression.replace(
        lambda e: e.is_Pow and e.exp.is_Rational and not e.exp.is_Integer and e.base.is_Add,
        lambda e: sympy.powdenest(sympy.factor(e.base) ** e.exp, force=False),
    )


def _values(symbols: list[sympy.Symbol], expression: Expression, X: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        found = np.asarray(compiled(symbols, expression)(*X.T))
    return np.broadcast_to(found if np.isrealobj(found) else np.nan, X.shape[:1])


def _agrees(values: np.ndarray, found: np.ndarray) -> bool:
    return bool(np.abs(values - found).max() <= _SAME * np.abs(values).max())
