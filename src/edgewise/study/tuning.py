r"""Learning rates, chosen on development tasks alone, with as many trials for one arm as for any other.

The score of a rate is the mean over development tasks of ``log10 min(valid loss, 1)``, 0 for what diverged. While the
best rate of some arm, form and depth lies at an end of the grid, the grid grows at that end *for all*, by the same
factor: so the trials stay equal in number and the optimum of everyone ends up inside, or the report says whose did not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import inf, log2, log10
from typing import Any

from edgewise.study.cell import Cell
from edgewise.study.measurement import Row
from edgewise.study.spec import Spec, tuned_as

Group = tuple[str, str, int]


@dataclass(frozen=True)
class Choice:
    """The best rate of a group, such as an arm, form and depth, the scores of all rates, and whether it lies inside."""

    rate: float
    scores: Mapping[float, float]

    @property
    def bracketed(self) -> bool:
        """Whether a lower and a higher rate were tried too and found worse."""
        return min(self.scores) < self.rate < max(self.scores)


def trials(spec: Spec, rates: tuple[float, ...]) -> dict[Group, dict[float, tuple[Cell, ...]]]:
    """The cells of every group by rate."""
    tuning = spec.tuning

    def cells(arm: str, form: str, depth: int, rate: float) -> tuple[Cell, ...]:
        return tuple(
            spec.cell(
                arm, form, task, tuning.draw, depth, tuning.parameters, tuning.rows, 0, rate, stage="trial"
            )
            for task in tuning.tasks
        )

    groups = [(arm, form, depth) for (arm, form), depth in product(spec.groups(), tuning.depths)]
    return {group: {rate: cells(*group, rate) for rate in rates} for group in groups}


def chosen(
    planned: Mapping[Group, Mapping[float, tuple[Cell, ...]]], rows: Mapping[str, Row]
) -> dict[Group, Choice]:
    """The best rate of every group."""
    choices = {}
    for group, by_rate in planned.items():
        scores = {rate: _score(cells, rows) for rate, cells in by_rate.items()}
        choices[group] = Choice(min(scores, key=lambda rate: (scores[rate], rate)), scores)
    return choices


def widened(rates: tuple[float, ...], choices: Mapping[Any, Choice]) -> tuple[float, ...]:
    """The grid with one rate more at every end at which some choice lies; the same grid when there is none.

    Example:
        >>> widened((0.001, 0.01), {("mlp", "plain", 1): Choice(0.01, {0.001: 0.0, 0.01: -1.0})})
        (0.001, 0.01, 0.1)
    """
    low, high = min(rates), max(rates)
    factor = (high / low) ** (1 / (len(rates) - 1)) if len(rates) > 1 else 10**0.5
    best = {choice.rate for choice in choices.values()}
    below = (_rounded(low / factor),) if low in best else ()
    above = (_rounded(high * factor),) if high in best else ()
    return below + rates + above


def nearest(choices: Mapping[Group, Choice], arm: str, form: str, depth: int) -> Choice:
    """The choice of an arm and form at the depth nearest in octaves; of two equally near, the deeper."""
    depths = [group[2] for group in choices if group[:2] == (tuned_as(arm), form)]
    near = min(depths, key=lambda tried: (abs(log2(tried / depth)), -tried))
    return choices[tuned_as(arm), form, near]


def _score(cells: tuple[Cell, ...], rows: Mapping[str, Row]) -> float:
    found = [rows[cell.key] for cell in cells]
    losses = [inf if row.status != "done" or row.valid_loss is None else row.valid_loss for row in found]
    return sum(log10(max(min(loss, 1.0), 1e-300)) for loss in losses) / len(losses)


def _rounded(rate: float) -> float:
    """To three digits, so that the same grid always has the same hashes."""
    return float(f"{rate:.3g}")
