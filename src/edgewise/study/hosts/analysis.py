r"""From rows to paired figures: ``A = log10 e(mlp) - log10 e(arm)``, in dex, of the same condition and seed.

``e`` never counts for more than knowing nothing: ``min(error, chance)``. What diverged or failed has the ``chance`` of
its seed or else of its condition, and where nobody knows that, the worst error of the condition.

A figure is a mean over seeds with a 95 % t interval. With three seeds a bootstrap could draw ten different samples and
no value beyond the three; the t interval assumes normal differences instead, and is wide.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from edgewise.study.hosts.host import ERROR, Contrast, Host
from edgewise.study.hosts.spec import REFERENCE, Plan, Study
from edgewise.study.hosts.stages import equal_time, main, ratios
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.statistics import Frame, Interval, t_interval, t_test
from edgewise.study.store import Store

PLACE = ["host", "condition"]
STEPS = "steps"
KAN, CONTROL = "kan", "learned"
TINY = 1e-12
COLUMNS = ["key", *(entry.name for entry in (*fields(Trial), *fields(Outcome)))]


class Effect(NamedTuple):
    """``mean`` over ``pairs`` with its interval and the p of a two-sided t test."""

    mean: float
    interval: Interval
    p: float
    pairs: int

    @property
    def sign(self) -> str:
        """``"positive"`` or ``"negative"`` where the interval excludes 0, ``"open"``, ``"absent"`` without interval."""
        if self.pairs < 2:
            return "absent"
        if self.interval.low > 0:
            return "positive"
        return "negative" if self.interval.high < 0 else "open"


def frame(study: Study, store: Store) -> Frame:
    """A line for every finished trial that is not tuning: the trial, its outcome and ``e``."""
    lines = [line for plan in study.plans for line in _lines(plan, store)]
    return settled(pd.DataFrame(lines, columns=COLUMNS))


def _lines(plan: Plan, store: Store) -> list[dict]:
    """Where an arm took as long as the reference, its trials count as those of equal time too."""
    trials = main(plan, store)
    alike = {group for group, ratio in ratios(plan, store).items() if ratio == 1}
    planned = [(trial, trial.budget) for trial in (*trials, *equal_time(plan, store))]
    planned += [(t, f"time:{REFERENCE}") for t in trials if (t.arm, t.condition) in alike]
    rows = store.rows(trial for trial, _ in planned)
    return [
        {"key": trial.key, **asdict(trial), **asdict(rows[trial.key]), "budget": budget}
        for trial, budget in planned
        if trial.key in rows
    ]


def settled(lines: Frame) -> Frame:
    """The same lines with ``e``."""
    error, chance = (lines[name].astype(float) for name in (ERROR, "chance"))
    place = [lines[name] for name in PLACE]
    for keys in ([*place, lines["seed"]], place):
        chance = chance.fillna(chance.groupby(keys).transform("max"))
    bound = chance.fillna(error.groupby(place).transform("max"))
    e = error.where(lines["status"] == "done").fillna(bound)
    return lines.assign(e=np.minimum(e, chance.fillna(np.inf)))


def by_seed(
    lines: Frame,
    host: str,
    condition: str,
    arm: str = REFERENCE,
    value: str = ERROR,
    budget: str = STEPS,
) -> Frame:
    """``log10 e``, or the number of that name, with the seeds as index; a row without that number has NaN."""
    where = (lines["host"] == host) & (lines["condition"] == condition)
    own = lines[where & (lines["arm"] == arm) & (lines["budget"] == budget)].set_index("seed")
    if value == ERROR:
        return np.log10(own["e"].astype(float).clip(lower=TINY))
    return own["numbers"].map(lambda found: found.get(value, np.nan)).astype(float)


def advantage(lines: Frame, host: str, condition: str, arm: str = KAN) -> Frame:
    """``A`` by seed at equal parameters and steps."""
    return by_seed(lines, host, condition) - by_seed(lines, host, condition, arm)


def advantage_in_time(lines: Frame, host: str, condition: str, arm: str = KAN) -> Frame:
    """``A`` by seed at equal parameters and wall-clock time: whoever was faster has had more steps."""
    longer = by_seed(lines, host, condition, budget=f"time:{arm}")
    faster = by_seed(lines, host, condition, arm, budget=f"time:{REFERENCE}")
    against_longer = longer - by_seed(lines, host, condition, arm)
    return against_longer.fillna(by_seed(lines, host, condition) - faster)


def composition(lines: Frame, host: Host, arm: str = KAN) -> Frame:
    """``A(deep) - A(shallow)`` by seed."""
    deep, shallow = (advantage(lines, host.name, place, arm) for place in (host.deep, host.shallow))
    return deep - shallow


def contrast(lines: Frame, host: Host, asked: Contrast, arm: str = REFERENCE) -> Frame:
    """The figure of a contrast by seed."""
    better = by_seed(lines, host.name, asked.better, arm, asked.value)
    if asked.worse is None:
        return better
    worse = by_seed(lines, host.name, asked.worse, arm, asked.value)
    return worse - better if asked.value == ERROR else better - worse


def effect(values: Frame | Sequence[float]) -> Effect:
    """Of values by pair; those that are missing do not count."""
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    mean = float(known.mean()) if len(known) else float("nan")
    return Effect(mean, t_interval(known), t_test(known), len(known))


def seeds_needed(values: Frame | Sequence[float], most: int = 200) -> int | None:
    """Pairs with which an interval of this mean and deviation would exclude 0; None beyond ``most``.

    Example:
        >>> seeds_needed([0.1, 0.2, 0.0])
        7
    """
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    if len(known) < 2:
        return None
    mean, deviation = abs(float(known.mean())), float(known.std(ddof=1))
    counts = np.arange(2, most + 1)
    enough = stats.t.ppf(0.975, counts - 1) * deviation / np.sqrt(counts) < mean
    return int(counts[enough][0]) if enough.any() else None
