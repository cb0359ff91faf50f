"""Formulas side by side: the front of complexity against error, the choice on it, and the table a user sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log

import numpy as np

from edgewise.symbolic.findings import Finding
from edgewise.symbolic.formula import Formula

_FLOOR = 1e-12
_NATS_PER_NODE = 2.0


@dataclass(frozen=True)
class Candidate:
    """A formula as reported: ``loss`` is the mean square recomputed from its text on the reporting rows.

    ``score`` is minus the change of ``log loss`` per unit of complexity since the candidate before.
    """

    formula: Formula
    complexity: int
    loss: float
    score: float


def front(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of which none is both simpler and expected to be better, the simplest first."""
    order = sorted(findings, key=lambda finding: (finding.formula.complexity, finding.expected))
    kept: list[Finding] = []
    for finding in order:
        if not kept or finding.expected < kept[-1].expected * (1 - 1e-6):
            kept.append(finding)
    return kept


def choose(front: Sequence[Finding], rows: int) -> int:
    """The shortest description: ``n log(expected error) + 2 complexity``; the simplest exact one, if any.

    A node of a formula is one of about a dozen symbols, hence some two nats; constants are paid for in the expected
    error already.
    """

    def length(finding: Finding) -> float:
        return rows * log(max(finding.expected, _FLOOR)) + _NATS_PER_NODE * finding.formula.complexity

    exact = [index for index, finding in enumerate(front) if finding.exact]
    return exact[0] if exact else min(range(len(front)), key=lambda index: length(front[index]))


def scored(formulas: Sequence[Formula], X: np.ndarray, y: np.ndarray) -> tuple[Candidate, ...]:
    """The formulas as candidates, each loss recomputed from the text on these rows."""
    found: list[Candidate] = []
    for formula in formulas:
        square = float(np.mean((formula(X) - y) ** 2))
        square = square if square == square else inf
        score = 0.0
        if found and square > 0 and 0 < found[-1].loss < inf:
            step = max(1, formula.complexity - found[-1].complexity)
            score = (log(found[-1].loss) - log(square)) / step if square < inf else -inf
        found.append(Candidate(formula, formula.complexity, square, score))
    return tuple(found)
