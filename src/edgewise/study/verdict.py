r"""The verdict, computed: is an arm's advantage a matter of composition or of fitting?

Three contrasts, each with the sign that speaks for composition:

    depth      dA / dlog2 L                    over hidden levels L, on targets made of levels
    target     dA / dlog2 D - dA / dlog2 kappa  over depth and roughness of the target, at one L
    transfer   A_held - A                      held-out combinations of known modules against shown ones

Each is tested against 0 over task instances (two-sided t test, Holm over the three of an arm, alpha 0.05), and for
lying within 0.05 dex (equivalence). An arm is

    COMPOSITION   if at least two are positive and none is negative,
    FITTING       if at least two are negative and none is positive,
    MIXED         otherwise, also where rows are missing.

The rule was fixed before the first row. The words say where an advantage comes from, not that there is one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from edgewise.study.statistics import (
    Frame,
    Interval,
    bootstrap,
    equivalence,
    holm,
    instance_means,
    slope,
    t_test,
    two_slopes,
)
from edgewise.study.tasks import checked

ALPHA, BAND = 0.05, 0.05
NULL_BAND = 0.03
CONTRASTS = ("depth", "target", "transfer")
COMPOSITION, FITTING, MIXED = "COMPOSITION", "FITTING", "MIXED"


@dataclass(frozen=True)
class Contrast:
    """``mean`` over ``instances``, its bootstrap interval, adjusted ``p``, and ``p_equal`` of equivalence to 0."""

    name: str
    mean: float
    interval: Interval
    p: float
    p_equal: float
    instances: int

    @property
    def sign(self) -> str:
        """``"positive"``, ``"negative"``, ``"equal"`` (within the band), ``"open"`` or ``"absent"``."""
        if self.instances == 0:
            return "absent"
        if self.p < ALPHA:
            return "positive" if self.mean > 0 else "negative"
        return "equal" if self.p_equal < ALPHA else "open"


@dataclass(frozen=True)
class Verdict:
    """What the rows say of an arm in a form; ``advantage`` is its mean over the instances of the depth contrast."""

    arm: str
    form: str
    contrasts: tuple[Contrast, ...]
    advantage: float

    @property
    def word(self) -> str:
        """COMPOSITION, FITTING or MIXED."""
        return decided(contrast.sign for contrast in self.contrasts)


def decided(signs: Iterable[str]) -> str:
    """The rule of the module's page.

    Example:
        >>> decided(["positive", "positive", "equal"])
        'COMPOSITION'
    """
    found = list(signs)
    positive, negative = found.count("positive"), found.count("negative")
    if positive >= 2 and not negative:
        return COMPOSITION
    return FITTING if negative >= 2 and not positive else MIXED


def verdicts(pairs: Frame) -> tuple[Verdict, ...]:
    """One for every arm and form but the reference against itself; ``pairs`` as from ``analysis.advantages``."""
    judged = pairs[(pairs["arm"] != "mlp-again") & ~pairs["arm"].str.startswith("swap-")]
    groups = judged[judged["role"].isin(CONTRASTS)].groupby(["arm", "form"])
    return tuple(_verdict(str(arm), str(form), rows) for (arm, form), rows in groups)


def _verdict(arm: str, form: str, pairs: Frame) -> Verdict:
    tables = [values(name, pairs[pairs["role"] == name]) for name in CONTRASTS]
    means = [instance_means(table) for table in tables]
    p = holm([t_test(found) for found in means])
    contrasts = tuple(map(_contrast, CONTRASTS, tables, means, p))
    deep = pairs[pairs["role"] == "depth"].groupby("instance")["advantage"].mean()
    return Verdict(arm, form, contrasts, float(deep.mean()) if len(deep) else float("nan"))


def _contrast(name: str, table: Frame, means: np.ndarray, p: float) -> Contrast:
    if not len(means):
        return Contrast(name, float("nan"), Interval(float("nan"), float("nan")), 1.0, 1.0, 0)
    return Contrast(name, float(means.mean()), bootstrap(table), p, equivalence(means, BAND), len(means))


def values(name: str, pairs: Frame) -> Frame:
    """The contrast's value for every instance and seed, as ``edgewise.study.statistics`` wants them.

    For ``target`` an instance is a draw: its trees of all depths and roughnesses together.
    """
    by = pairs.assign(instance=pairs["draw"]) if name == "target" else pairs
    lines = [
        {"instance": instance, "seed": seed, "value": _VALUES[name](group)}
        for (instance, seed), group in by.groupby(["instance", "seed"])
    ]
    return pd.DataFrame(lines, columns=["instance", "seed", "value"]).dropna()


def _over_depth(group: Frame) -> float:
    return slope(np.log2(group["depth"].astype(float)), group["advantage"])


def _over_target(group: Frame) -> float:
    dials = np.log2(np.array([checked(task) for task in group["task"]], float))
    over_depth, over_roughness = two_slopes(dials[:, 0], dials[:, 1], group["advantage"])
    return over_depth - over_roughness


def _over_held(group: Frame) -> float:
    return float((group["held"] - group["advantage"]).mean())


_VALUES = {"depth": _over_depth, "target": _over_target, "transfer": _over_held}


@dataclass(frozen=True)
class Check:
    """Something that must be 0 if the instrument works: ``mean`` with its interval, on ``rows`` pairs."""

    name: str
    mean: float
    interval: Interval
    rows: int

    @property
    def passed(self) -> bool:
        """Whether the mean lies within 0.03 dex."""
        return self.rows > 0 and abs(self.mean) < NULL_BAND


def checks(pairs: Frame) -> tuple[Check, ...]:
    """The reference against itself from other seeds, and every arm on tasks on which nothing can be learned."""
    again = pairs[(pairs["arm"] == "mlp-again") & (pairs["role"] == "depth")]
    null = pairs[(pairs["role"] == "null") & (pairs["arm"] != "mlp-again")]
    found = [_check("the reference against itself, other seeds", again, "advantage")]
    found += [_check(f"{arm}, shuffled targets", rows, "raw") for arm, rows in null.groupby("arm")]
    return tuple(found)


def _check(name: str, pairs: Frame, column: str) -> Check:
    if not len(pairs):
        return Check(name, float("nan"), Interval(float("nan"), float("nan")), 0)
    table = pairs[["instance", "seed"]].assign(value=pairs[column])
    return Check(name, float(instance_means(table).mean()), bootstrap(table), len(pairs))
