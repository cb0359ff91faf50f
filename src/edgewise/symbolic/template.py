r"""A formula with open constants: ``T(x; k)``, fitted as a whole.

A network whose every edge is fixed is such a formula, but with more constants than the data can tell apart: the
scale of a node against the edge above it, a shift inside an exponential against a factor outside. ``template``
writes the composed expression with each of them merged, so what is left is what the data determine:

- sums of constants on a node are one constant, and a straight edge passes its terms through;
- ``exp(u + k) = e^k exp(u)``, ``log(k u) = log k + log u``, ``(k u)^q = k^q u^q``;
- each factor of a product has a leading coefficient of 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise.catalogue import Function
from edgewise.network import KAN
from edgewise.symbolic.formula import compiled
from edgewise.symbolic.parser import Expression, parse
from edgewise.train.levenberg import Solver

HOMOGENEOUS = {
    "square": 2,
    "cube": 3,
    "fourth": 4,
    "fifth": 5,
    "reciprocal": -1,
    "inverse square": -2,
    "inverse cube": -3,
    "square root": 0.5,
    "inverse root": -0.5,
    "three halves": 1.5,
    "absolute value": 1,
}
_EVEN = {"square", "fourth", "inverse square", "absolute value"}
_ODD = {"cube", "fifth", "reciprocal", "inverse cube"}


@dataclass(frozen=True)
class Template:
    """``expression`` in the feature symbols and the constants ``symbols``, with their present ``values``."""

    expression: Expression
    features: tuple[sympy.Symbol, ...]
    symbols: tuple[sympy.Symbol, ...]
    values: tuple[float, ...]

    @property
    def _arguments(self) -> tuple[sympy.Symbol, ...]:
        return (*self.features, *self.symbols)

    def predict(self, X: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """Values at rows ``X (n, features)``; NaN where undefined."""
        with np.errstate(all="ignore"):
            found = _value(self.expression, (*self.features, *self.symbols))(
                *X.T, *np.asarray(self.values if values is None else values, dtype=np.float64)
            )
        return np.broadcast_to(np.asarray(found, dtype=np.float64), X.shape[:1])

    def fitted(self, X: np.ndarray, y: np.ndarray, free: Sequence[int], steps: int = 25) -> "Template":
        """The same template with the constants numbered ``free`` moved to the least-squares fit of ``y (n,)``."""
        if not free:
            return self
        kept = np.array(self.values)
        spread = max(float(np.std(y)), 1e-300) * len(y) ** 0.5

        def full(parameters: Tensor) -> np.ndarray:
            values = kept.copy()
            values[list(free)] = parameters.numpy()
            return values

        def residual(parameters: Tensor) -> Tensor:
            return torch.from_numpy((self.predict(X, full(parameters)) - y) / spread)

        def linearise(parameters: Tensor) -> tuple[Tensor, Tensor]:
            return residual(parameters), torch.from_numpy(
                self.jacobian(X, full(parameters))[:, list(free)] / spread
            )

        solver = Solver(residual, linearise, torch.from_numpy(kept[list(free)].copy()), damping=1e-3)
        if not solver.loss < float("inf"):
            return self
        for _ in range(steps):
            before = solver.loss
            if not solver.advance() or solver.loss > before * (1 - 1e-6):
                break
        return replace(self, values=tuple(full(solver.parameters).tolist()))

    def jacobian(self, X: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """``dT/dk (n, constants)``."""
        with np.errstate(all="ignore"):
            derivatives = _slopes(self.expression, self._arguments, self.symbols)
            slopes = derivatives(
                *X.T, *np.asarray(self.values if values is None else values, dtype=np.float64)
            )
        columns = [np.broadcast_to(np.asarray(s, dtype=np.float64), X.shape[:1]) for s in slopes]
        return np.nan_to_num(np.stack(columns, axis=1), posinf=0.0, neginf=0.0)

    def held(self, index: int, value: float) -> "Template":
        """The template with one constant at another value, to be kept out of the next fit."""
        return replace(self, values=(*self.values[:index], value, *self.values[index + 1 :]))

    def pinned(self, index: int, value: Expression) -> "Template":
        """The template with one constant replaced by an exact number."""
        expression = self.expression.subs(self.symbols[index], value)
        rest = [
            k for k in range(len(self.symbols)) if k != index and self.symbols[k] in expression.free_symbols
        ]
        return Template(
            expression,
            self.features,
            tuple(self.symbols[k] for k in rest),
            tuple(self.values[k] for k in rest),
        )

    @property
    def filled(self) -> Expression:
        """The expression with the present values in it, to the last bit."""
        return self.expression.xreplace(
            {symbol: sympy.Float(value) for symbol, value in zip(self.symbols, self.values, strict=True)}
        )

    def text(self, digits: Sequence[int]) -> str:
        """The formula with each constant written to so many significant digits."""
        numbers = {
            symbol: sympy.Float(float(f"{value:.{max(1, d)}g}"))
            for symbol, value, d in zip(self.symbols, self.values, digits, strict=True)
        }
        written = self.expression.subs(numbers)
        most = max(digits, default=15)
        merged = {
            number: sympy.Float(float(f"{float(number):.{most}g}")) for number in written.atoms(sympy.Float)
        }
        return sympy.sstr(written.xreplace(merged), full_prec=False)


@lru_cache(maxsize=256)
def _value(expression: Expression, arguments: tuple[sympy.Symbol, ...]) -> Callable[..., np.ndarray]:
    """The expression as a function; templates that differ in values alone share it."""
    return compiled(arguments, expression)


@lru_cache(maxsize=256)
def _slopes(
    expression: Expression, arguments: tuple[sympy.Symbol, ...], symbols: tuple[sympy.Symbol, ...]
) -> Callable[..., tuple[np.ndarray, ...]]:
    """Its derivatives with respect to ``symbols``, likewise."""
    return compiled(arguments, sympy.Tuple(*[sympy.diff(expression, symbol) for symbol in symbols]))


@dataclass
class _Sum:
    """``sum coef term + constant``: the value of a node, with numbers still plain floats."""

    terms: list[tuple[float, Expression]] = field(default_factory=list)
    constant: float = 0.0

    def scaled(self, factor: float, shift: float = 0.0) -> "_Sum":
        return _Sum([(c * factor, t) for c, t in self.terms], self.constant * factor + shift)

    def over(self, lead: float) -> "_Sum":
        """Divided by plus or minus its first coefficient, which becomes exactly 1 or -1."""
        return _Sum([(c / lead, t) for c, t in self.terms], self.constant / lead)

    def largest_first(self) -> "_Sum":
        """With the largest coefficient in front, safe to divide by."""
        return _Sum(sorted(self.terms, key=lambda term: -abs(term[0])), self.constant)


class _Composer:
    """Walks a fully symbolic network upwards and names the constants it needs."""

    def __init__(self, network: KAN, features: Sequence[str]) -> None:
        self.network = network
        self.features = tuple(sympy.Symbol(name, real=True) for name in features)
        self.symbols: list[sympy.Symbol] = []
        self.values: list[float] = []

    def compose(self, output: int) -> Template:
        network = self.network
        center, scale = network.input_center.tolist(), network.input_scale.tolist()
        nodes = [_Sum([(1 / s, x)], -c / s) for x, c, s in zip(self.features, center, scale, strict=True)]
        for level, layer in enumerate(network.kan_layers, start=1):
            subnodes = [_Sum() for _ in range(layer.out_features)]
            constants = layer.symbolic.constants.tolist()
            for (source, target, law), row in zip(layer.symbolic.fixed, constants, strict=True):
                edge = self._edge(law, row, nodes[source])
                subnodes[target].terms += edge.terms
                subnodes[target].constant += edge.constant
            nodes = self._combined(subnodes, network.widths[level])
        scale, center = float(network.output_scale[output]), float(network.output_center[output])
        expression = self._written(nodes[output].scaled(scale, center), always_constant=True)
        return Template(expression, self.features, tuple(self.symbols), tuple(self.values))

    def _edge(self, law: Function, row: list[float], node: _Sum) -> _Sum:
        a, b, c, d, p = row
        if not node.terms:
            value = law.value(*torch.tensor([a * node.constant + b, p], dtype=torch.float64))
            return _Sum([], c * float(value) + d)
        if law.name == "linear":
            return node.scaled(a * c, b * c + d)
        inner = node.scaled(a, b).largest_first()
        if law.name == "exponential":
            c, inner.constant = c * float(np.exp(inner.constant)), 0.0
        exponent = HOMOGENEOUS.get(law.name, p if law.name == "power" else None)
        lead = abs(inner.terms[0][0])
        if exponent is not None:
            if law.name in _EVEN | _ODD and inner.terms[0][0] < 0:
                inner, c = inner.scaled(-1.0), -c if law.name in _ODD else c
            inner, c = inner.over(lead), c * lead**exponent
        elif law.name == "logarithm":
            inner, d = inner.over(lead), d + c * float(np.log(lead))
        elif law.name == "sine":
            inner.constant = (inner.constant + np.pi) % (2 * np.pi) - np.pi
        u = self._written(inner, always_constant=law.name != "exponential")
        names = {"p": self._named(p)} if law.name == "power" else {}
        parts = {sympy.Symbol(name, real=True): part for name, part in {"u": u, **names}.items()}
        return _Sum([(c, parse(law.text, ["u", "p"]).xreplace(parts))], d)

    def _combined(self, subnodes: list[_Sum], width: tuple[int, int]) -> list[_Sum]:
        sums, products = width
        nodes = subnodes[:sums]
        for k in range(products):
            first, second = subnodes[sums + 2 * k], subnodes[sums + 2 * k + 1]
            if not first.terms or not second.terms:
                constant, rest = (first, second) if not first.terms else (second, first)
                nodes.append(rest.scaled(constant.constant))
                continue
            lead, body = 1.0, sympy.Integer(1)
            for factor in (first.largest_first(), second.largest_first()):
                lead = lead * factor.terms[0][0]
                body = body * self._written(factor.over(factor.terms[0][0]), always_constant=True)
            nodes.append(_Sum([(lead, body)]))
        return nodes

    def _written(self, node: _Sum, always_constant: bool) -> Expression:
        """The sum as an expression; coefficients that are exactly 1 or -1 stay, others become constants."""
        expression = self._named(node.constant) if always_constant else sympy.Integer(0)
        for coefficient, term in node.terms:
            exact = abs(coefficient) == 1.0
            expression += (sympy.Integer(int(coefficient)) if exact else self._named(coefficient)) * term
        return expression

    def _named(self, value: float) -> sympy.Symbol:
        symbol = sympy.Dummy(f"k_{len(self.symbols)}", real=True)  # a column may be called k_0 too
        self.symbols.append(symbol)
        self.values.append(float(value))
        return symbol


def template(network: KAN, features: Sequence[str], output: int = 0) -> Template:
    """The template of a network whose every living edge is fixed to a catalogue function."""
    return _Composer(network, features).compose(output)
