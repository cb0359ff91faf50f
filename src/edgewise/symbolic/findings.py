"""What a search finds: a formula with what it leaves of the target, seen and to be expected."""

from dataclasses import dataclass, field
from math import inf

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.symbolic.formula import Formula
from edgewise.symbolic.snap import foresight, loss, significant_digits, snapped
from edgewise.symbolic.template import Template, template
from edgewise.train.clock import Clock

EXACT = 1e-9
ROWS_PER_CONSTANT = 2
_UNDEFINED = (sympy.zoo, sympy.oo, sympy.nan)


@dataclass(frozen=True)
class Table:
    """The rows a search may use, in the user's units; the targets of reporting rows are elsewhere.

    ``everywhere`` holds the inputs of all rows: a formula must at least be defined on them.
    """

    X: Tensor
    y: Tensor
    everywhere: Tensor
    names: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Finding:
    """A formula, with the network behind it where it came from one.

    ``error`` is its root mean square over the target's deviation on the rows fitted, ``expected`` the same for rows
    left out (infinite where there are too few rows for its constants, or it is undefined somewhere).
    """

    formula: Formula
    network: KAN | None = field(repr=False)
    error: float
    expected: float
    exact: bool
    written: Template = field(repr=False)


def findings(network: KAN, table: Table, clock: Clock) -> list[Finding]:
    """The formula of a fully symbolic network, and simpler ones with its least important terms taken out."""
    X, y = table.X.numpy(), table.y[:, 0].numpy()
    written = snapped(template(network, table.names), X, y)
    found = [_finding(written, network, table)]
    while len(written.symbols) > 1 and not found[0].exact and not clock.expired:
        written = _thinned(written, X, y)
        found.append(_finding(written, network, table))
    return [finding for finding in found if finding.error < inf]


def law_finding(written: Template, table: Table) -> Finding:
    """A law with its constants settled."""
    return _finding(snapped(written, table.X.numpy(), table.y[:, 0].numpy()), None, table)


def plain_finding(written: Template, table: Table) -> Finding:
    """A formula fitted as it is written, no number settled."""
    X, y = table.X.numpy(), table.y[:, 0].numpy()
    return _finding(written.fitted(X, y, range(len(written.symbols))), None, table)


def finding_of(network: KAN, table: Table) -> Finding:
    """The formula of a fully symbolic network as it stands; the mean of a varying target is not settled to 0."""
    X, y = table.X.numpy(), table.y[:, 0].numpy()
    written = template(network, table.names)
    if len(written.symbols) > 1 or not float(np.ptp(y)) > 0:
        written = snapped(written, X, y)
    return _finding(written, network, table)


def _finding(written: Template, network: KAN | None, table: Table) -> Finding:
    X, y = table.X.numpy(), table.y[:, 0].numpy()
    try:
        formula = Formula(written.text(significant_digits(written, X, y)), table.names)
    except InputError:
        formula = Formula("0", table.names)
        return Finding(formula, network, inf, inf, False, written)
    deviation = spread(y)
    error = float(np.mean((formula(X) - y) ** 2)) ** 0.5 / deviation
    defined = error == error and bool(np.isfinite(formula(table.everywhere.numpy())).all())
    enough = len(y) >= ROWS_PER_CONSTANT * (len(written.symbols) + 1)
    expected = foresight(written, X, y) ** 0.5 / deviation if enough and defined else inf
    exact = enough and defined and error < exactness(table)
    return Finding(formula, network, error if defined else inf, max(error, expected), exact, written)


def outside_error(finding: Finding, table: Table) -> float | None:
    """What the formula would have missed just outside its data: its root mean square over the deviation.

    The constants are fitted again to the rows in the middle 90 % of every column, and the formula judged on the
    others. None where either part is too small for that.
    """
    X, y = table.X.numpy(), table.y[:, 0].numpy()
    low, high = np.quantile(X, [0.05, 0.95], axis=0)
    inside = ((low <= X) & (high >= X)).all(1)
    written, constants = finding.written, len(finding.written.symbols)
    if (~inside).sum() < 3 or inside.sum() < ROWS_PER_CONSTANT * (constants + 1):
        return None
    inner = written.fitted(X[inside], y[inside], range(constants))
    deviation = spread(y)
    error = float(np.mean((inner.predict(X[~inside]) - y[~inside]) ** 2)) ** 0.5 / deviation
    return error if np.isfinite(error) else None


def spread(y: np.ndarray) -> float:
    """The deviation of a target, or the size of one that does not vary."""
    return float(np.std(y)) if np.ptp(y) > 0 else max(abs(float(y.flat[0])), 1.0)


def exactness(table: Table) -> float:
    """The error, relative to the deviation, below which a formula is exact: what storing ``y`` costs, and a little.

    Numbers that are all exact in single precision are taken to have been rounded to it.
    """
    y = table.y
    single = bool((y == y.float().double()).all()) and not bool((y == y.round()).all())
    rounding = torch.finfo(torch.float32 if single else torch.float64).eps
    deviation = spread(y.numpy())
    return min(max(EXACT, 4 * rounding * float(y.abs().max()) / deviation), 1e-4)


def _thinned(written: Template, X: np.ndarray, y: np.ndarray) -> Template:
    """One constant less: the one whose loss hurts least when set to zero and the rest refitted."""
    trials = []
    for index in range(len(written.symbols)):
        rest = [k for k in range(len(written.symbols)) if k != index]
        trial = written.held(index, 0.0).fitted(X, y, rest, steps=10)
        trials.append((loss(trial, X, y), index, trial))
    square, index, best = min(trials, key=lambda trial: trial[:2])
    shorter = best.pinned(index, sympy.Integer(0))
    undefined = square == inf or shorter.expression.has(*_UNDEFINED)
    return _mean(written, y) if undefined else shorter


def _mean(written: Template, y: np.ndarray) -> Template:
    symbol = sympy.Dummy("k", real=True)
    return Template(symbol, written.features, (symbol,), (float(y.mean()),))
