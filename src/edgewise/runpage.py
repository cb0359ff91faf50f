"""What a run's page shows besides its network: formulas in every form, rows for plots, the way to repeat it."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise.symbolic.forms import forms
from edgewise.symbolic.lookalikes import Lookalike

if TYPE_CHECKING:
    from edgewise.report import Run

OPTIONS = {
    "seconds": "--seconds",
    "seed": "--seed",
    "functions": "--functions",
    "required": "--require",
    "known": "--known",
    "units": "--units",
    "guesses": "--guess",
}


def page_report(run: "Run") -> dict[str, Any]:
    """What the page shows besides the network, as plain data."""
    extra = run.extra
    rows, values = _rows(run)
    kept = ("status", "message", "settings", "rows", "seconds")
    return {
        "title": f"{run.target} from {', '.join(run.features)}",
        "formulas": [_page_formula(run, k, found) for k, found in enumerate(values)],
        "symbols": tuple(extra["symbols"]),
        "candidates": _candidates(extra.get("candidates")),
        "history": extra.get("history", ()),
        "versions": extra.get("versions", {}),
        "command": command(extra.get("settings", {})),
        **rows,
        **{key: extra[key] for key in kept},
    }


def _page_formula(run: "Run", k: int, values: list[float] | None) -> dict[str, Any]:
    """One formula in all the ways a page can show or copy it."""
    row, formula = run.extra["formulas"][k], run.formulas[k]
    return {
        "equation": row["equation"],
        "complexity": row["complexity"],
        "loss": row["loss"],
        "chosen": k == run.chosen,
        "values": values,
        **forms(formula, run.features),
    }


def _rows(run: "Run") -> tuple[dict[str, Any], list[list[float] | None]]:
    """Rows for the plots where the chosen formula is defined, and every formula's values there."""
    shown = run.extra.get("shown")
    if shown is None:
        return {key: run.extra[key] for key in ("observed", "predicted")}, [None] * len(run.formulas)
    X = np.asarray(shown["inputs"], dtype=np.float64)
    values = np.array([formula(X) for formula in run.formulas])
    kept = np.isfinite(values[run.chosen])
    if not np.any(np.asarray(shown["held"])[kept]):
        return {}, [None] * len(run.formulas)
    rows = {key: np.asarray(column)[kept] for key, column in shown.items()}
    return {**rows, "predicted": values[run.chosen][kept]}, values[:, kept].tolist()


def _candidates(stored: Any) -> dict[tuple[int, int, int], tuple[Lookalike, ...]] | None:
    """What a run noted of its edges; None for a run of an earlier version, which noted nothing."""
    if stored is None:
        return None
    return {tuple(place): tuple(Lookalike(**one) for one in found) for place, found in stored}


def command(settings: Mapping[str, Any]) -> str:
    """The line for a shell that makes a run again."""
    if not {"data", "target", "features"} <= set(settings):
        return ""
    parts = ["edgewise", "fit", settings["data"], "--target", settings["target"]]
    parts += ["--features", _listed(settings["features"])]
    for name, option in OPTIONS.items():
        if settings.get(name) not in (None, [], {}):
            value = settings[name]
            values = value if name == "guesses" else [_listed(value)]
            parts += [part for one in values for part in (option, str(one))]
    return shlex.join(map(str, parts))


def _listed(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={unit}" for name, unit in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(f'"{name}"' if "," in str(name) else str(name) for name in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
