"""From findings to the numbers that the report speaks of; what failed counts as the error of predicting the mean."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import stats

from edgewise.study.claims.published import FEYNMAN, PUBLISHED, SPECIAL
from edgewise.study.claims.scaling import exponent
from edgewise.study.claims.spec import Claims, rates
from edgewise.study.statistics import Frame, Interval, bootstrap, t_test
from edgewise.study.store import Store

GROUPS = {"special": SPECIAL, "Feynman": FEYNMAN}
ALPHA = 0.05


def frame(claims: Claims, store: Store) -> Frame:
    """A line for every finding that is no trial: the case, what it found, and ``e``, the error, failures counted."""
    cases = list(claims.fits())
    if claims.peaks and not store.missing(c for several in claims.peaks.trials().values() for c in several):
        cases += claims.peaks.cases({place: rate for place, (rate, _) in rates(claims, store).items()})
    found = store.rows(cases)
    lines = [
        {"key": case.key, "limit": case.seconds, **asdict(case), **asdict(found[case.key])}
        for case in cases
        if case.key in found
    ]
    if not lines:
        return pd.DataFrame()
    table = pd.DataFrame(lines)
    mean = table["deviation"].astype(float).fillna(1.0)
    return table.assign(e=table["error"].astype(float).fillna(mean))


def medians(lines: Frame) -> Frame:
    """A line for every formula: median ``e`` over seeds of each arm, the best seed's, and the paper's beside it."""
    made = []
    for name, part in lines[lines["piece"] == "accuracy"].groupby("task", sort=False):
        if name not in PUBLISHED:
            continue
        row = PUBLISHED[name]
        line = {"task": name, "paper": row.kan, "paper_mlp": row.mlp, "paper_shape": str(list(row.shape))}
        line["group"] = next(group for group, rows in GROUPS.items() if name in rows)
        line["deviation"] = part["deviation"].median()
        for arm, own in part.groupby("arm"):
            middle = own.sort_values("e").iloc[(len(own) - 1) // 2]
            line |= {f"{arm}_{key}": middle[key] for key in ("e", "shape", "parameters")}
            line |= {f"{arm}_best": own["e"].min(), f"{arm}_seconds": own["seconds"].max(), "seeds": len(own)}
        made.append(line)
    return pd.DataFrame(made)


@dataclass(frozen=True)
class Count:
    """``wins`` of ``of``, and the two-sided p of a sign test against one half."""

    wins: int
    of: int

    @property
    def p(self) -> float:
        """1 where nothing was counted."""
        return float(stats.binomtest(self.wins, self.of).pvalue) if self.of else 1.0


def wins(table: Frame, ours: str, theirs: str) -> Count:
    """On how many lines one column is below another."""
    if not {ours, theirs} <= set(table.columns):
        return Count(0, 0)
    both = table.dropna(subset=[ours, theirs])
    return Count(int((both[ours] < both[theirs]).sum()), len(both))


@dataclass(frozen=True)
class Exponent:
    """Of a function and arm, against ``"cells"`` or ``"parameters"``; None where there was none to measure.

    ``sizes`` is how many a seed got through at most, ``smallest`` the smallest error of all.
    """

    task: str
    arm: str
    against: str
    mean: float | None
    interval: Interval | None
    seeds: int
    sizes: int
    smallest: float


def exponents(lines: Frame) -> list[Exponent]:
    """For every toy function: the KAN's against cells and parameters, a perceptron's against parameters."""
    found = []
    for (task, arm), part in lines[lines["piece"] == "scaling"].groupby(["task", "arm"], sort=False):
        for against, column in (("cells", 0), ("parameters", 1)) if arm == "kan" else (("parameters", 1),):
            found.append(_exponent(str(task), str(arm), against, part, column))
    return found


def _exponent(task: str, arm: str, against: str, part: Frame, column: int) -> Exponent:
    values, errors, sizes = [], [], 0
    for _, line in part.iterrows():
        table = np.array(line["numbers"], float).reshape(-1, 4)
        errors += table[:, 2].tolist()
        sizes = max(sizes, len(table))
        values.append(exponent(table[:, column].tolist(), table[:, 2].tolist(), line["deviation"]))
    kept = [value for value in values if value is not None]
    smallest = min(errors, default=float("nan"))
    if not kept:
        return Exponent(task, arm, against, None, None, len(values), sizes, smallest)
    table = pd.DataFrame({"instance": range(len(kept)), "seed": 0, "value": kept})
    return Exponent(task, arm, against, float(np.mean(kept)), bootstrap(table), len(kept), sizes, smallest)


def risen(lines: Frame) -> tuple[int, int]:
    """On how many toy functions, of how many, the largest perceptron has a larger median error than a smaller one."""
    part = lines[(lines["piece"] == "scaling") & (lines["arm"] == "mlp") & (lines["status"] == "done")]
    found = []
    for _, one in part.groupby("task"):
        middle = np.median([np.array(table, float).reshape(-1, 4)[:, 2] for table in one["numbers"]], axis=0)
        found.append(bool(middle[-1] > middle.min()))
    return sum(found), len(found)


def forgetting(lines: Frame) -> Frame:
    """A line for every run of the peaks: final error, error right after learning, and how much earlier regions lost.

    ``growth`` is the root mean square over all regions but the last at the end, over the same right after each was
    learned; ``first`` the errors on the first region through the phases.
    """
    made = []
    part = lines[(lines["piece"] == "peaks") & (lines["status"] == "done")]
    for _, line in part.iterrows():
        table = np.array(line["numbers"], float)
        learned = np.array([table[k + 1, k] for k in range(table.shape[1])])
        before, after = (np.sqrt(np.mean(values[:-1] ** 2)) for values in (learned, table[-1]))
        made.append(
            {
                name: line[name]
                for name in ("task", "arm", "seed", "rate", "parameters", "shape", "e", "deviation")
            }
            | {"learned": float(np.sqrt(np.mean(learned**2))), "lost": float(after), "growth": after / before}
            | {"first": table[:, 0].tolist()}
        )
    return pd.DataFrame(made)


def leads(lines: Frame, piece: str, dial: str, arm: str, reference: str = "mlp") -> Frame:
    """``advantage`` of an arm over the reference in dex for every task, seed and setting of a dial."""
    part = lines[lines["piece"] == piece]
    keys = ["task", "seed", dial]
    if not len(part):
        return pd.DataFrame(columns=[*keys, "advantage", "instance"])
    pairs = part[part["arm"] == arm].merge(
        part[part["arm"] == reference], on=keys, suffixes=("", "_reference")
    )
    advantage = np.log10(pairs["e_reference"].astype(float)) - np.log10(pairs["e"].astype(float))
    return pairs[keys].assign(advantage=advantage.clip(-12, 12), instance=pairs["task"])


def lead(pairs: Frame) -> tuple[float, Interval, float] | None:
    """Mean over tasks, its interval, and p of a t test over tasks; None without pairs."""
    if not len(pairs):
        return None
    table = pairs[["instance", "seed"]].assign(value=pairs["advantage"])
    means = table.groupby("instance")["value"].mean().to_numpy(float)
    return float(means.mean()), bootstrap(table, 2000), t_test(means)


def knots(lines: Frame) -> Frame:
    """A line for every arm and set of columns: right answers on knots of up to 12 crossings and of 13."""
    made = []
    for (task, arm), part in lines[(lines["piece"] == "knots") & (lines["status"] == "done")].groupby(
        ["task", "arm"], sort=False
    ):
        counts = np.array(part["numbers"].tolist(), float)  # (seeds, two tests, wrong and count)
        share = 1 - counts[:, :, 0] / counts[:, :, 1]
        made.append(
            {"task": task, "arm": arm, "seeds": len(part), "parameters": part["parameters"].median()}
            | {"right": share[:, 0].mean(), "low": share[:, 0].min(), "high": share[:, 0].max()}
            | {"larger": share[:, 1].mean(), "shape": part.sort_values("error").iloc[0]["shape"]}
        )
    return pd.DataFrame(made)
