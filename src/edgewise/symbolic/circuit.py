r"""A formula as a network whose every edge is fixed: the way back from ``template``.

====================  ==================================================================
in the formula        in the network
====================  ==================================================================
``c f(a x + b) + d``  an edge, ``f`` an entry of the catalogue
``t1 + ... + tn``     a sum, its terms edges from the level below
``u v``               a product node of two factors; of more, a tree of such nodes
``u / v``             the product of ``u`` and ``1/v``
``u**v``              ``exp(v log u)``, unless one of the two is a number
====================  ==================================================================

What is needed further up is carried there by straight edges. Between two nodes there is one edge, so of ``x + sin(x)``
one term goes by a node of its own. Numbers stay as they are to the bit: the network has no scales.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import sympy
import torch

from edgewise.catalogue import CATALOGUE, Function, page
from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.symbolic.parser import Expression, parse

LINEAR, EXPONENTIAL = CATALOGUE["linear"], CATALOGUE["exponential"]
MOST_NODES = 200
_INNER = sympy.Symbol("u", real=True)
_POWERS = {
    2.0: "square",
    3.0: "cube",
    4.0: "fourth",
    5.0: "fifth",
    -1.0: "reciprocal",
    -2.0: "inverse square",
    -3.0: "inverse cube",
    0.5: "square root",
    -0.5: "inverse root",
    1.5: "three halves",
}


@dataclass(frozen=True, eq=False)
class _Node:
    """A node of a level: an input without parts, a sum with one part, a product of its two parts."""

    level: int
    parts: "tuple[_Form, ...]" = ()


@dataclass(frozen=True)
class _Term:
    """``c f(a x + b; p)`` with ``x`` the value of a node."""

    node: _Node
    c: float = 1.0
    law: Function = LINEAR
    b: float = 0.0
    a: float = 1.0
    p: float = 1.0


@dataclass(frozen=True)
class _Form:
    """``sum of terms + constant``."""

    terms: tuple[_Term, ...] = ()
    constant: float = 0.0

    def scaled(self, factor: float, shift: float = 0.0) -> "_Form":
        terms = tuple(replace(term, c=factor * term.c) for term in self.terms)
        return _Form(terms, factor * self.constant + shift)


def circuit(expression: Expression, features: Sequence[str], degree: int = 3) -> KAN:
    """The float64 network ``(n, len(features)) -> (n, 1)`` that computes an expression in the named columns.

    ``degree`` is that of the splines its layers would have. Raises ``InputError`` for what no edge can be fixed to,
    such as a function of two variables, and for formulas of more than ``MOST_NODES`` nodes.

    Example:
        >>> net = circuit(parse("3*x*sin(2*y) + 1", ["x", "y"]), ("x", "y"))
        >>> net.widths, net(torch.tensor([[2.0, 0.0]], dtype=torch.float64)).item()
        (((2, 0), (0, 1), (1, 0)), 1.0)
    """
    builder = _Builder(features)
    top = builder.sum_node(builder.form(sympy.sympify(expression)))
    return _assembled(builder.levels(top), degree)


class _Builder:
    """Walks an expression and makes the nodes it needs, each once."""

    def __init__(self, features: Sequence[str]) -> None:
        self.inputs = {sympy.Symbol(name, real=True): _Node(0) for name in features}
        self.count = 0
        self.forms: dict[Expression, _Form] = {}
        self.carriers: dict[tuple[_Node, int], _Node] = {}

    def form(self, expression: Expression) -> _Form:
        if expression not in self.forms:
            self.forms[expression] = self._form(expression)
        return self.forms[expression]

    def _form(self, expression: Expression) -> _Form:
        if expression.is_number:
            return _Form(constant=_number(expression))
        if expression in self.inputs:
            return _Form((_Term(self.inputs[expression]),))
        if expression.is_Add:
            return _added([self.form(part) for part in expression.args])
        if expression.is_Mul:
            return self._product(expression)
        if expression.is_Pow:
            return self._power(*expression.args)
        if isinstance(expression, sympy.exp):
            return self._applied(EXPONENTIAL, expression.args[0])
        return self._function(expression)

    def _product(self, expression: Expression) -> _Form:
        numbers = [part for part in expression.args if part.is_number]
        waiting = [self.form(part) for part in expression.args if not part.is_number]
        while len(waiting) > 1:
            waiting.sort(key=_level)
            node = self._node(waiting[:2])
            waiting = [_Form((_Term(node),)), *waiting[2:]]
        return waiting[0].scaled(math.prod(map(_number, numbers)))

    def _power(self, base: Expression, exponent: Expression) -> _Form:
        if exponent.is_number:
            value = _number(exponent)
            return self._applied(CATALOGUE[_POWERS.get(value, "power")], base, value)
        return self._applied(EXPONENTIAL, exponent * sympy.log(base))

    def _function(self, expression: Expression) -> _Form:
        if isinstance(expression, sympy.cos):
            return self._applied(CATALOGUE["sine"], expression.args[0], shift=math.pi / 2)
        if isinstance(expression, sympy.acos):
            return self._applied(CATALOGUE["arcsine"], expression.args[0]).scaled(-1.0, math.pi / 2)
        varying = [part for part in expression.args if not part.is_number]
        key = expression.func(*[_INNER if part in varying else part for part in expression.args])
        if len(varying) != 1 or key not in _entries():
            raise InputError(
                f"no edge can be fixed to {expression.func}: expected functions of the catalogue"
            )
        return self._applied(_entries()[key], varying[0])

    def _applied(self, law: Function, inner: Expression, p: float = 1.0, shift: float = 0.0) -> _Form:
        """``law(inner + shift)``, on the node itself where ``inner`` is a straight line of one."""
        form = self.form(inner)
        first = form.terms[0] if form.terms else None
        if len(form.terms) == 1 and first is not None and first.law is LINEAR:
            return _Form((_Term(first.node, 1.0, law, form.constant + shift, first.c, p),))
        node = self._node([replace(form, constant=0.0)])
        return _Form((_Term(node, 1.0, law, form.constant + shift, 1.0, p),))

    def sum_node(self, form: _Form) -> _Node:
        """The output: a sum, of a vanishing edge where the formula is a constant."""
        if not form.terms:
            form = replace(form, terms=(_Term(next(iter(self.inputs.values())), 0.0),))
        return self._node([form])

    def _node(self, parts: list[_Form]) -> _Node:
        """A node one level above the highest that its parts need, the others carried up."""
        self.count += 1
        if self.count > MOST_NODES:
            raise InputError(f"the formula needs more than {MOST_NODES} nodes; simplify it")
        parts = [self._without_twins(part) for part in parts]
        level = 1 + max(_level(part) for part in parts)
        return _Node(level, tuple(self._lifted(part, level - 1) for part in parts))

    def _without_twins(self, form: _Form) -> _Form:
        """At most one term from each node: further ones get nodes of their own."""
        seen: set[_Node] = set()
        terms = []
        for term in form.terms:
            own = term.node in seen
            terms.append(_Term(self._node([_Form((term,))])) if own else term)
            seen.add(term.node)
        return replace(form, terms=tuple(terms))

    def _lifted(self, form: _Form, level: int) -> _Form:
        return replace(
            form, terms=tuple(replace(term, node=self._carried(term.node, level)) for term in form.terms)
        )

    def _carried(self, node: _Node, level: int) -> _Node:
        if node.level == level:
            return node
        if (node, level) not in self.carriers:
            below = self._carried(node, level - 1)
            self.carriers[node, level] = _Node(level, (_Form((_Term(below),)),))
        return self.carriers[node, level]

    def levels(self, top: _Node) -> list[list[_Node]]:
        """All nodes that the top one needs, level by level, sums before products; every input."""
        found: list[list[_Node]] = [[top]]
        for _ in range(top.level - 1):
            below = dict.fromkeys(
                term.node for node in found[0] for part in node.parts for term in part.terms
            )
            found.insert(0, sorted(below, key=lambda node: len(node.parts)))
        return [list(self.inputs.values()), *found]


def _added(forms: list[_Form]) -> _Form:
    return _Form(tuple(term for form in forms for term in form.terms), sum(form.constant for form in forms))


def _level(form: _Form) -> int:
    return max(term.node.level for term in form.terms)


def _number(expression: Expression) -> float:
    try:
        value = float(expression)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"the formula holds {expression}: expected real, finite numbers")
    return value


@lru_cache(maxsize=1)
def _entries() -> dict[Expression, Function]:
    """The entries of the catalogue that sympy knows as one function, by what they look like in ``u``."""
    laws = (*page("default"), *page("special"))
    written = [(parse(law.text, ["u", "p"]), law) for law in laws if "p" not in law.free]
    return {form: law for form, law in written if isinstance(form, sympy.Function)}


def _assembled(levels: list[list[_Node]], degree: int) -> KAN:
    kinds = [[len(node.parts) for node in nodes] for nodes in levels]
    widths = [len(levels[0]), *((kind.count(1), kind.count(2)) for kind in kinds[1:])]
    network = KAN(
        widths, intervals=1, degree=degree, base=None, dtype=torch.float64, generator=torch.Generator()
    )
    for below, nodes, layer in zip(levels, levels[1:], network.kan_layers, strict=False):
        places = {node: number for number, node in enumerate(below)}
        for source in range(layer.in_features):
            for target in range(layer.out_features):
                layer.remove_edge(source, target)
        for target, form in enumerate(part for node in nodes for part in node.parts):
            for term, shift in _with_shifts(form):
                constants = torch.tensor([term.a, term.b, term.c, shift, term.p], dtype=torch.float64)
                layer.fix_edge(places[term.node], target, term.law, constants)
    return network


def _with_shifts(form: _Form) -> Iterator[tuple[_Term, float]]:
    """Terms with what is added to each: the constant goes with the first."""
    for number, term in enumerate(form.terms):
        yield term, 0.0 if number else form.constant
