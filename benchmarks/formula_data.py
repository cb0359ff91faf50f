"""Laws to find and the tables drawn from them: the public set, random smooth functions, noise and decoys."""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special
import sympy

from edgewise.symbolic import symbol_names

ROWS = 1000
TEST_ROWS = 10_000
ENLARGED = 1.2
SMOOTH = 50
FEATURES = 200
PUBLIC = Path(__file__).with_name("formulas.json")
SETS = ("public", "special", "smooth")
SPECIAL_FUNCTIONS = {
    "elliptic_f": scipy.special.ellipkinc,
    "elliptic_e": lambda first, *rest: (
        scipy.special.ellipeinc(first, *rest) if rest else scipy.special.ellipe(first)
    ),
    "elliptic_k": scipy.special.ellipk,
    "lowergamma": lambda s, x: scipy.special.gammainc(s, x) * scipy.special.gamma(s),
    "airyai": lambda x: scipy.special.airy(x)[0],
    "fresnels": lambda x: scipy.special.fresnel(x)[0],
    "fresnelc": lambda x: scipy.special.fresnel(x)[1],
}


@dataclass(frozen=True)
class Task:
    """A function of named variables on a box; ``expr`` is None when it has no closed form."""

    id: str
    klass: str
    variables: tuple[tuple[str, float, float], ...]
    expr: str | None = None
    nodes: int | None = None

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.variables]

    @property
    def symbols(self) -> tuple[str, ...]:
        """What a formula calls the variables."""
        return symbol_names(self.names)

    @cached_property
    def expression(self) -> Any:
        """The truth as sympy; the text comes from our own file and is trusted."""
        assert self.expr is not None
        known = {n: sympy.Symbol(s, real=True) for n, s in zip(self.names, self.symbols, strict=True)}
        return sympy.sympify(self.expr, locals=known)

    @cached_property
    def _values(self) -> Callable[[np.ndarray], np.ndarray]:
        if self.expr is None:
            return random_smooth(stream(self.id, 0, 0), len(self.variables))
        return function_of(self.expression, self.symbols)

    def values(self, X: np.ndarray) -> np.ndarray:
        """The truth ``(n,)`` at rows ``X (n, variables)``; NaN where it has no finite value."""
        return self._values(X)

    def draw(self, rows: int, generator: np.random.Generator, scale: float = 1.0) -> np.ndarray:
        """Uniform rows of the box, which ``scale`` widens about its middle."""
        low, high = (np.array([v[k] for v in self.variables]) for k in (1, 2))
        middle, half = (low + high) / 2, scale * (high - low) / 2
        return generator.uniform(middle - half, middle + half, (rows, len(low)))

    def table(self, noise: float, seed: int, decoys: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Rows to learn from, noise on the target alone; the rows of a seed are the same at every noise level."""
        X = self.draw(ROWS, stream(self.id, seed, 1))
        y = self.values(X)
        level = noise * np.sqrt(np.mean(y**2))
        y = y + stream(self.id, seed, 2).normal(0, 1, ROWS) * level
        others = stream(self.id, seed, 3).uniform(-1, 1, (ROWS, decoys))
        return np.hstack([X, others]), y, [*self.names, *(f"decoy{k}" for k in range(decoys))]


def stream(name: str, seed: int, use: int) -> np.random.Generator:
    """Random numbers of their own for every law, seed and use."""
    return np.random.default_rng([zlib.crc32(name.encode()), seed, use])


def function_of(expression: Any, symbols: tuple[str, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """A sympy expression as a function of rows, NaN where its value is not finite or not real."""
    arguments = [sympy.Symbol(name, real=True) for name in symbols]
    compiled = sympy.lambdify(arguments, expression, [SPECIAL_FUNCTIONS, "scipy", "numpy"], cse=True)

    def values(X: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = np.asarray(compiled(*X[:, : len(symbols)].T), dtype=complex)
        found = np.broadcast_to(found, len(X))
        return np.where(np.isfinite(found) & (found.imag == 0), found.real, np.nan)

    return values


def random_smooth(generator: np.random.Generator, inputs: int) -> Callable[[np.ndarray], np.ndarray]:
    """A draw from a Gaussian process with a squared exponential kernel, by random Fourier features."""
    lengths = np.exp(generator.uniform(np.log(0.4), np.log(1.5), inputs))
    frequencies = generator.normal(0, 1, (FEATURES, inputs)) / lengths
    phases = generator.uniform(0, 2 * np.pi, FEATURES)
    weights = generator.normal(0, np.sqrt(2 / FEATURES), FEATURES)
    return lambda X: np.cos(X[:, :inputs] @ frequencies.T + phases) @ weights


def tasks(name: str) -> list[Task]:
    """The laws of a set of ``SETS``, or those of a file in the form of ``formulas.json``."""
    if name == "smooth":
        return [_smooth(k) for k in range(SMOOTH)]
    file = PUBLIC if name in SETS else Path(name)
    rows = json.loads(file.read_text(encoding="utf-8"))
    return [_task(row) for row in rows if row["symbolic"] == (name != "special")]


def _smooth(number: int) -> Task:
    inputs = 1 + number % 4
    variables = tuple((f"x{k}", -1.0, 1.0) for k in range(inputs))
    return Task(f"smooth-{number:02d}", f"smooth, {inputs} inputs", variables)


def _task(row: dict[str, Any]) -> Task:
    variables = tuple((v["name"], v["low"], v["high"]) for v in row["variables"])
    return Task(row["id"], row["klass"], variables, row["expr"], row["nodes"])
