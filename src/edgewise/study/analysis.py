r"""From rows to paired advantages: ``A = log10 e(reference) - log10 e(arm)``, in dex, for the same task, draw and seed.

``e`` is never worse than predicting the mean, which anyone can do: ``min(error, mean_error)``, and ``mean_error`` for
what diverged or failed. ``raw`` is the same without that bound.
"""

from dataclasses import asdict

import numpy as np
import pandas as pd

from edgewise.study.plan import EQUAL_TIME, equal_time, main_plan
from edgewise.study.spec import Spec
from edgewise.study.statistics import Frame
from edgewise.study.store import Store

PAIRED = ["sweep", "form", "task", "draw", "depth", "parameters", "rows", "noise", "seed"]
UNTRAINED = 0.9


def frame(spec: Spec, store: Store) -> Frame:
    """A line for every finished cell of every sweep: its settings, its result, ``role``, ``instance`` and ``e``.

    ``e_held`` is ``e`` on held-out combinations; ``untrained`` marks what did no better than 0.9 of the mean's error.
    """
    sweeps = dict(main_plan(spec, store).sweeps)
    if spec.equal_time:
        sweeps[EQUAL_TIME] = equal_time(spec, store)
    roles = {sweep.name: sweep.role for sweep in spec.sweeps} | {EQUAL_TIME: EQUAL_TIME}
    rows = store.rows(cell for cells in sweeps.values() for cell in cells)
    lines = [
        {"key": cell.key, **asdict(cell), **asdict(rows[cell.key]), "sweep": name, "role": roles[name]}
        for name, cells in sweeps.items()
        for cell in cells
        if cell.key in rows
    ]
    return judged(pd.DataFrame(lines)) if lines else pd.DataFrame()


def judged(lines: Frame) -> Frame:
    """The same lines with ``e``, ``e_held``, ``instance`` and ``untrained``."""
    mean = lines["mean_error"].astype(float)
    held = lines["held_error"].astype(float).fillna(1.0).clip(upper=1.0)
    return lines.assign(
        e=lines["error"].astype(float).clip(upper=mean),
        e_held=held.where(lines["task"].str.startswith("hyperteacher")),
        instance=lines["task"] + "#" + lines["draw"].astype(str),
        untrained=(lines["error"] >= UNTRAINED * mean) | (lines["status"] != "done"),
    )


def advantages(lines: Frame, reference: str) -> Frame:
    """A line for every pair: ``advantage``, ``raw``, ``held`` (on held-out combinations) and the settings."""
    own = lines[lines["arm"] == reference].drop_duplicates(PAIRED)
    others = lines[lines["arm"] != reference]
    pairs = others.merge(
        own[[*PAIRED, "e", "e_held", "error", "seconds"]], on=PAIRED, suffixes=("", "_reference")
    )
    return pairs.assign(
        advantage=_dex(pairs["e_reference"]) - _dex(pairs["e"]),
        raw=_dex(pairs["error_reference"]) - _dex(pairs["error"]),
        held=_dex(pairs["e_held_reference"]) - _dex(pairs["e_held"]),
    )


def equal_time_advantages(lines: Frame, reference: str) -> Frame:
    """The same for equal wall-clock time: whoever was faster has had more steps."""
    longer = lines[lines["role"] == EQUAL_TIME]
    normal = lines[
        (lines["role"] == "depth") & lines["depth"].isin(longer["depth"].unique())
    ].drop_duplicates("key")
    keys = [key for key in PAIRED if key != "sweep"]
    found = []
    for arm in sorted(set(normal["arm"]) - {reference, "mlp-again"}):
        own = longer[longer["budget"] == f"time:{arm}"]
        fast = longer[(longer["arm"] == arm) & (longer["budget"] == f"time:{reference}")]
        found.append(_paired(own, normal[normal["arm"] == arm], keys))
        found.append(_paired(normal[normal["arm"] == reference], fast, keys))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _paired(own: Frame, arm: Frame, keys: list[str]) -> Frame:
    pairs = arm.merge(own[[*keys, "e", "steps"]], on=keys, suffixes=("", "_reference"))
    return pairs.assign(advantage=_dex(pairs["e_reference"]) - _dex(pairs["e"]))


def _dex(errors: Frame) -> Frame:
    return np.log10(errors.astype(float).clip(lower=1e-12))
