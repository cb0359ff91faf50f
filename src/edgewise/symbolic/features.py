r"""Features: the candidate terms of a law, enumerated from the simplest upwards.

Three pools are built from the columns of a table:

- ``first``: functions of one column (powers, roots, exp, log, sin, cos ... of simple multiples);
- ``second``: the same functions of simple two-column arguments and of one-column compositions
  (``x y``, ``x/y``, ``x - y``, ``x^2 + y^2``, ``1 + x^2`` ...);
- products of members of these pools, which are formed in blocks and never stored.

A feature is text, a row of values and the number of nodes of its text. Features that are multiples of an earlier one,
or undefined on any row, are left out. Source: Ouyang et al., *SISSO* (2018), for the idea of screening such spaces.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, combinations_with_replacement, product
from math import comb

import numpy as np

Array = np.ndarray
_SMALLEST_SPREAD = 1e-7
_DIGITS = 7
MOST_MONOMIALS = 130
DEGREES = {1: 12, 2: 6}


@dataclass(frozen=True)
class Operation:
    """A function of one argument: text in ``u``, its values, nodes and the catalogue name that allows it."""

    text: str
    value: Callable[[Array], Array] = field(repr=False)
    cost: int = 1
    needs: str | None = None


def _scaled(
    name: str, f: Callable[[Array], Array], factors: Sequence[tuple[str, float]], needs: str
) -> list[Operation]:
    return [
        Operation(
            f"{name}({text}*u)" if text else f"{name}(u)", lambda u, k=k: f(k * u), 3 if text else 1, needs
        )
        for text, k in factors
    ]


_TURNS = (("", 1.0), ("2", 2.0), ("pi", np.pi), ("1/2", 0.5), ("2*pi", 2 * np.pi), ("3", 3.0))
POWERS = (
    Operation("u", lambda u: u, 0),
    Operation("u**2", lambda u: u * u, 2),
    Operation("1/u", lambda u: 1 / u, 2),
    Operation("u**3", lambda u: u**3, 2),
    Operation("sqrt(u)", np.sqrt, 1, "square root"),
    Operation("u**-2", lambda u: u**-2.0, 2),
    Operation("u**4", lambda u: u**4, 2),
    Operation("1/sqrt(u)", lambda u: u**-0.5, 3, "square root"),
    Operation("u**-3", lambda u: u**-3.0, 2),
    Operation("u**(3/2)", lambda u: u**1.5, 3, "square root"),
)
CURVES = (
    *_scaled(
        "exp",
        np.exp,
        (("", 1.0), ("-1", -1.0), ("2", 2.0), ("-2", -2.0), ("1/2", 0.5), ("-1/2", -0.5)),
        "exponential",
    ),
    Operation("log(u)", np.log, 1, "logarithm"),
    *_scaled("sin", np.sin, _TURNS, "sine"),
    *_scaled("cos", np.cos, _TURNS, "sine"),
    Operation("sin(u)**2", lambda u: np.sin(u) ** 2, 3, "sine"),
    Operation("sin(1/2*u)**2", lambda u: np.sin(u / 2) ** 2, 5, "sine"),
    Operation("1/sin(u)", lambda u: 1 / np.sin(u), 3, "sine"),
    Operation("1/cos(u)", lambda u: 1 / np.cos(u), 3, "sine"),
    Operation("sin(1/2*u)**-2", lambda u: np.sin(u / 2) ** -2.0, 5, "sine"),
    Operation("tanh(u)", np.tanh, 1, "hyperbolic tangent"),
    Operation("tan(u)", np.tan, 1, "tangent"),
    Operation("atan(u)", np.arctan, 1, "arctangent"),
    Operation("asin(u)", np.arcsin, 1, "arcsine"),
    Operation("cosh(u)", np.cosh, 1, "hyperbolic cosine"),
    Operation("sinh(u)", np.sinh, 1, "hyperbolic sine"),
    Operation("exp(-u**2)", lambda u: np.exp(-u * u), 4, "gaussian"),
    Operation("1/(exp(u) - 1)", lambda u: 1 / np.expm1(u), 5, "planck"),
    Operation("1/cosh(u)", lambda u: 1 / np.cosh(u), 3, "hyperbolic cosine"),
)
OUTER = (
    Operation("1/(u)", lambda u: 1 / u, 2),
    Operation("sqrt(u)", np.sqrt, 1, "square root"),
    Operation("1/sqrt(u)", lambda u: u**-0.5, 3, "square root"),
    Operation("(u)**-2", lambda u: u**-2.0, 2),
    Operation("(u)**2", lambda u: u * u, 2),
    Operation("(u)**(3/2)", lambda u: u**1.5, 3, "square root"),
    Operation("(u)**(-3/2)", lambda u: u**-1.5, 3, "square root"),
)


@dataclass
class Pool:
    """Features as three parallel lists; ``values`` rows are features."""

    texts: list[str]
    costs: Array
    values: Array

    def __len__(self) -> int:
        return len(self.texts)

    def some(self, index: Array) -> "Pool":
        """The features numbered ``index``."""
        return Pool([self.texts[i] for i in index], self.costs[index], self.values[index])

    def joined(self, other: "Pool") -> "Pool":
        """Both, repeated features dropped."""
        return distinct(chained([self, other]))


def chained(pools: Sequence[Pool]) -> Pool:
    """One pool after the other."""
    return Pool(
        [text for pool in pools for text in pool.texts],
        np.concatenate([pool.costs for pool in pools]),
        np.concatenate([pool.values for pool in pools]),
    )


def distinct(pool: Pool) -> Pool:
    """Without features that are undefined, flat, or a multiple of a simpler one; the simplest first."""
    with np.errstate(all="ignore"):
        size = np.sqrt(np.mean(pool.values**2, axis=1))
        spread = pool.values.std(axis=1)
        good = np.isfinite(size) & (size > 1e-100) & (size < 1e100) & (spread > _SMALLEST_SPREAD * size)
    order = np.flatnonzero(good)
    order = order[np.argsort(pool.costs[order], kind="stable")]
    unit = pool.values[order] / size[order, None]
    probe = np.random.default_rng(0).normal(size=(unit.shape[1], 2))
    marks = unit @ probe
    marks = np.round(marks * np.where(marks[:, :1] < 0, -1, 1), _DIGITS)
    _, first = np.unique(marks, axis=0, return_index=True)
    return pool.some(order[np.sort(first)])


def applied(operations: Iterable[Operation], arguments: Pool, allowed: Callable[[str], bool]) -> Pool:
    """Every operation on every argument."""
    texts: list[str] = []
    costs, values = [], []
    with np.errstate(all="ignore"):
        for operation in operations:
            if operation.needs is not None and not allowed(operation.needs):
                continue
            texts += [
                operation.text.replace("u", f"({text})", 1) if operation.text != "u" else text
                for text in arguments.texts
            ]
            costs.append(arguments.costs + operation.cost)
            values.append(operation.value(arguments.values))
    if not texts:
        return arguments.some(np.arange(0))
    return Pool(texts, np.concatenate(costs), np.concatenate(values))


def columns(X: Array, names: Sequence[str]) -> Pool:
    """The columns of ``X (n, inputs)`` themselves."""
    return Pool([*names], np.ones(len(names), dtype=int), np.ascontiguousarray(X.T, dtype=np.float64))


def first(plain: Pool, allowed: Callable[[str], bool]) -> Pool:
    """Functions of one column."""
    return distinct(applied((*POWERS, *CURVES), plain, allowed))


def second(plain: Pool, allowed: Callable[[str], bool]) -> Pool:
    """Functions of simple arguments of one, two or three columns."""
    roots = allowed("square root")
    ways = [way for way in _PRODUCTS if roots or not way[0].startswith("sqrt")]
    products = distinct(_pairs(plain, ways, symmetric=False))
    sums = distinct(_pairs(plain, _SUMS, symmetric=True))
    bent = distinct(applied(_BENT, plain, allowed))
    shifted = distinct(_shifted(products.joined(bent)).joined(_shifted(plain)))
    threes = distinct(_triples(plain))
    found = [products, sums, shifted, bent, threes]
    found.append(applied((*POWERS[1:], *CURVES), products.joined(sums), allowed))
    found.append(applied(CURVES, bent.joined(threes), allowed))
    found.append(applied(OUTER, sums.joined(shifted), allowed))
    found.append(applied(_LOGARITHM, shifted, allowed))
    return distinct(chained(found))


def monomials(plain: Pool, degree: int | None = None) -> Pool:
    """Products of powers of the columns up to a degree: 12 for one column, 6 for two, 5 and fewer for more."""
    count = len(plain)
    degree = degree or max(
        d for d in range(1, DEGREES.get(count, 5) + 1) if d == 1 or comb(count + d, d) <= MOST_MONOMIALS
    )
    found = []
    for total in range(1, degree + 1):
        for some in combinations_with_replacement(range(count), total):
            found.append([some.count(i) for i in range(count)])
    return _powers(plain, found)


def quotients(plain: Pool) -> Pool:
    """Products of powers -2 to 3 of the columns, the simplest first."""
    exponents = (
        [list(some) for some in product(range(-2, 4), repeat=len(plain)) if any(some)]
        if len(plain) < 5
        else []
    )
    exponents.sort(key=lambda some: (sum(abs(k) for k in some), sum(k < 0 for k in some)))
    return _powers(plain, exponents[:MOST_MONOMIALS])


def _powers(plain: Pool, exponents: Sequence[Sequence[int]]) -> Pool:
    """The products ``prod_i u_i^k_i`` for each list of exponents."""
    texts, costs, values = [], [], []
    for some in exponents:
        held = [(i, k) for i, k in enumerate(some) if k]
        texts.append("*".join(plain.texts[i] if k == 1 else f"{plain.texts[i]}**{k}" for i, k in held))
        costs.append(sum(int(plain.costs[i]) + (2 if k != 1 else 0) for i, k in held) + len(held) - 1)
        with np.errstate(all="ignore"):
            values.append(np.prod([plain.values[i] ** float(k) for i, k in held], axis=0))
    return distinct(Pool(texts, np.array(costs, dtype=int), _matrix(values, plain)))


_LOGARITHM = tuple(operation for operation in CURVES if operation.text == "log(u)")
_BENT = (
    *(
        Operation(text, value, cost, needs)
        for text, value, cost, needs in (
            ("u**2", lambda u: u * u, 2, None),
            ("u**3", lambda u: u**3, 2, None),
            ("1/u", lambda u: 1 / u, 2, None),
            ("u**-2", lambda u: u**-2.0, 2, None),
            ("sqrt(u)", np.sqrt, 1, "square root"),
            ("log(u)", np.log, 1, "logarithm"),
        )
    ),
)
Combination = tuple[str, Callable[[Array, Array], Array], int]
_PRODUCTS: tuple[Combination, ...] = (
    ("{0}*{1}", lambda x, y: x * y, 1),
    ("{0}/{1}", lambda x, y: x / y, 1),
    ("{0}**2*{1}", lambda x, y: x * x * y, 3),
    ("{0}**2/{1}", lambda x, y: x * x / y, 3),
    ("{0}/{1}**2", lambda x, y: x / y**2, 3),
    ("{0}**2/{1}**2", lambda x, y: (x / y) ** 2, 5),
    ("{0}**2*{1}**2", lambda x, y: (x * y) ** 2, 5),
    ("sqrt({0}*{1})", lambda x, y: np.sqrt(x * y), 2),
    ("sqrt({0}/{1})", lambda x, y: np.sqrt(x / y), 2),
)
_SUMS: tuple[Combination, ...] = (
    ("({0} + {1})", lambda x, y: x + y, 1),
    ("({0} - {1})", lambda x, y: x - y, 1),
    ("({0}**2 + {1}**2)", lambda x, y: x * x + y * y, 5),
    ("({0}**2 - {1}**2)", lambda x, y: x * x - y * y, 5),
    ("({0} + {1}**2)", lambda x, y: x + y * y, 3),
    ("({0}**2 + {1})", lambda x, y: x * x + y, 3),
    ("({0} - {1}**2)", lambda x, y: x - y * y, 3),
    ("({0}**2 - {1})", lambda x, y: x * x - y, 3),
)
MOST_COLUMNS_FOR_TRIPLES = 6


def _pairs(plain: Pool, combinations_: Sequence[Combination], symmetric: bool) -> Pool:
    """Two columns combined in every way; a column with itself too where that is not a plain power."""
    count = len(plain)
    ways = [(i, j) for i in range(count) for j in range(count) if i != j and (i < j or not symmetric)]
    ways += [(i, i) for i in range(count)] if symmetric else []
    texts, costs, values = [], [], []
    with np.errstate(all="ignore"):
        for i, j in ways:
            for text, combine, cost in combinations_:
                texts.append(text.format(plain.texts[i], plain.texts[j]))
                costs.append(plain.costs[i] + plain.costs[j] + cost)
                values.append(combine(plain.values[i], plain.values[j]))
    return Pool(texts, np.array(costs, dtype=int), _matrix(values, plain))


def _shifted(plain: Pool) -> Pool:
    """``1 + u`` and ``1 - u``."""
    texts = [f"(1 + {text})" for text in plain.texts] + [f"(1 - {text})" for text in plain.texts]
    return Pool(texts, np.r_[plain.costs, plain.costs] + 2, np.r_[1 + plain.values, 1 - plain.values])


def _triples(plain: Pool) -> Pool:
    """``x y + z``, ``x y - z``, ``x y z``, ``x y / z`` and ``x / (y z)``, for few columns."""
    texts, costs, values = [], [], []
    if 3 <= len(plain) <= MOST_COLUMNS_FOR_TRIPLES:
        for some in combinations(range(len(plain)), 3):
            for k in range(3):
                z, x, y = some[k], *(i for i in some if i != some[k])
                a, b, c = (plain.values[i] for i in (x, y, z))
                left, right, last = (plain.texts[i] for i in (x, y, z))
                with np.errstate(all="ignore"):
                    values += [a * b + c, a * b - c, a * b / c, c / (a * b)]
                texts += [f"({left}*{right} + {last})", f"({left}*{right} - {last})"]
                texts += [f"({left}*{right}/{last})", f"({last}/({left}*{right}))"]
                costs += [5, 5, 5, 5]
    return Pool(texts, np.array(costs, dtype=int), _matrix(values, plain))


def _matrix(values: list[Array], plain: Pool) -> Array:
    return np.array(values) if values else np.zeros((0, plain.values.shape[1]))
