r"""What the rows say of every host, by rule.

    headline      REPRODUCED where the interval of every contrast lies above 0 with an MLP in the slot
    effect        A of "kan" where the host composes most, at equal parameters and at equal time
    composition   A(deep) - A(shallow): above 0 COMPOSITION, below 0 FITTING, else UNDECIDED
    control       A("learned") - A("kan") / 2: above 0, half of the effect needs no functions on edges
    still a KAN   unless the splines' share is below 5 % or taking them away costs less than 0.02 dex (medians)

Over hosts, the host is the unit: mean and t interval of the hosts' means, a sign test, and Holm's correction of the
composition contrasts. The rule was fixed before the first row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from edgewise.study.hosts import host
from edgewise.study.hosts.analysis import (
    CONTROL,
    KAN,
    STEPS,
    Effect,
    advantage,
    advantage_in_time,
    composition,
    contrast,
    effect,
    seeds_needed,
)
from edgewise.study.hosts.host import Host
from edgewise.study.hosts.spec import Plan, Study
from edgewise.study.statistics import Frame, holm
from edgewise.study.verdict import COMPOSITION, FITTING

REPRODUCED, NOT_REPRODUCED, NOT_MEASURED = "REPRODUCED", "NOT REPRODUCED", "NOT MEASURED"
UNDECIDED = "UNDECIDED"
SMALL_SHARE, SMALL_DAMAGE = 0.05, 0.02


class Splines(NamedTuple):
    """Medians of the splines' share and of the damage of taking them away; None where nobody measured them."""

    share: float | None
    damage: float | None

    @property
    def still(self) -> bool | None:
        """Whether it is still a KAN."""
        small = [
            value < limit
            for value, limit in ((self.share, SMALL_SHARE), (self.damage, SMALL_DAMAGE))
            if value is not None
        ]
        return not any(small) if small else None


@dataclass(frozen=True)
class Reading:
    """What the rows say of one host.

    Args:
        contrasts: of the headline, in its order.
        effect, learned: ``A`` of ``"kan"`` and of ``"learned"`` at the deep condition.
        beyond: ``A("learned") - A("kan") / 2`` there.
        in_time: ``A`` of ``"kan"`` at equal time at the condition ``timed_at``.
        composition: ``A(deep) - A(shallow)`` of ``"kan"``, with ``p`` after Holm over the hosts.
        needed: seeds with which it would be decided, if mean and deviation stay.
        planned, finished, failed: trials of the full product; what diverged counts as failed.
    """

    host: Host
    contrasts: tuple[Effect, ...]
    effect: Effect
    learned: Effect
    beyond: Effect
    in_time: Effect
    timed_at: str
    composition: Effect
    p: float
    needed: int | None
    splines: Splines
    planned: int
    finished: int
    failed: int

    @property
    def headline(self) -> str:
        """REPRODUCED, NOT REPRODUCED or NOT MEASURED."""
        return reproduced([one.sign for one in self.contrasts])

    @property
    def word(self) -> str:
        """COMPOSITION, FITTING, UNDECIDED or NOT MEASURED."""
        return side(self.composition)


def reproduced(signs: Sequence[str]) -> str:
    """The rule for headlines.

    Example:
        >>> reproduced(["positive", "open"])
        'NOT REPRODUCED'
    """
    if any(sign in ("open", "negative") for sign in signs):
        return NOT_REPRODUCED
    return NOT_MEASURED if "absent" in signs or not signs else REPRODUCED


def side(found: Effect) -> str:
    """What a composition contrast speaks for."""
    words = {"positive": COMPOSITION, "negative": FITTING, "open": UNDECIDED, "absent": NOT_MEASURED}
    return words[found.sign]


def readings(study: Study, lines: Frame) -> tuple[Reading, ...]:
    """One for every host of the study; ``lines`` as from ``analysis.frame``."""
    found = {plan.host: effect(composition(lines, host(plan.host))) for plan in study.plans}
    measured = [name for name, one in found.items() if one.sign != "absent"]
    adjusted = dict(zip(measured, holm([found[name].p for name in measured]), strict=True))
    return tuple(_reading(plan, lines, adjusted.get(plan.host, 1.0)) for plan in study.plans)


def _reading(plan: Plan, lines: Frame, p: float) -> Reading:
    one = host(plan.host)
    kan, learned = (advantage(lines, one.name, one.deep, arm) for arm in (KAN, CONTROL))
    timed_at = one.deep if one.deep in plan.equal_time else next(iter(plan.equal_time), "")
    depth, own = composition(lines, one), lines[(lines["host"] == one.name) & (lines["budget"] == STEPS)]
    return Reading(
        host=one,
        contrasts=tuple(effect(contrast(lines, one, asked)) for asked in one.headlines),
        effect=effect(kan),
        learned=effect(learned),
        beyond=effect(learned - kan / 2),
        in_time=effect(advantage_in_time(lines, one.name, timed_at)),
        timed_at=timed_at,
        composition=effect(depth),
        p=p,
        needed=seeds_needed(depth),
        splines=splines(own, one.deep),
        planned=plan.runs,
        finished=len(own),
        failed=int((own["status"] != "done").sum()),
    )


def splines(lines: Frame, condition: str, arm: str = KAN) -> Splines:
    """Of the trials of one host."""
    own = lines[(lines["condition"] == condition) & (lines["arm"] == arm)]
    share, damage = (own[name].astype(float).median() for name in ("spline_share", "spline_damage"))
    return Splines(*(None if np.isnan(value) else float(value) for value in (share, damage)))


class Combined(NamedTuple):
    """Over hosts: mean of their means with interval and p, how many lie above and below 0, and p of a sign test."""

    effect: Effect
    above: int
    below: int
    p_sign: float


def combined(effects: Sequence[Effect]) -> Combined:
    """The host is the unit; those without a figure do not count."""
    means = [one.mean for one in effects if one.pairs]
    above, below = sum(mean > 0 for mean in means), sum(mean < 0 for mean in means)
    p = float(stats.binomtest(above, above + below).pvalue) if above + below else 1.0
    return Combined(effect(means), above, below, p)
