"""From a spec and the rows so far to the next cells: trials, then sweeps, then equal time.

Everything follows from the spec, the rows of trials and the facts in the store, so a run that was killed goes on with
the very cells it had.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median

from edgewise.study.cell import Cell
from edgewise.study.matching import time_ratio
from edgewise.study.spec import Spec
from edgewise.study.store import Store
from edgewise.study.tuning import Choice, Group, chosen, nearest, trials, widened


@dataclass(frozen=True)
class Plan:
    """What tuning chose, and the cells of every sweep by name; ``equal time`` is a sweep of its own."""

    choices: Mapping[Group, Choice]
    sweeps: Mapping[str, tuple[Cell, ...]]

    def cells(self) -> tuple[Cell, ...]:
        """All of them, each once."""
        return tuple({cell.key: cell for cells in self.sweeps.values() for cell in cells}.values())


EQUAL_TIME = "equal time"


def stages(spec: Spec, store: Store) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    """Names and cells, stage after stage; those of a stage must have rows before the next is asked for."""
    rates = tuple(sorted(spec.tuning.rates))
    for _ in range(spec.tuning.extensions + 1):
        planned = trials(spec, rates)
        cells = tuple(c for by_rate in planned.values() for several in by_rate.values() for c in several)
        yield "tuning", cells
        wider = widened(rates, chosen(planned, store.rows(cells)))
        if wider == rates:
            break
        rates = wider
    yield "sweeps", main_plan(spec, store).cells()
    if spec.equal_time:
        yield EQUAL_TIME, equal_time(spec, store)


def tuned(spec: Spec, store: Store) -> dict[Group, Choice] | None:
    """What tuning chose; None while some of its rows are missing."""
    rates, found = tuple(sorted(spec.tuning.rates)), None
    for _ in range(spec.tuning.extensions + 1):
        planned = trials(spec, rates)
        cells = [c for by_rate in planned.values() for several in by_rate.values() for c in several]
        if store.missing(cells):
            return None
        found = chosen(planned, store.rows(cells))
        wider = widened(rates, found)
        if wider == rates:
            break
        rates = wider
    return found


def main_plan(spec: Spec, store: Store) -> Plan:
    """The cells of all sweeps; none of them while tuning is not done."""
    choices = tuned(spec, store)
    if choices is None:
        return Plan({}, {sweep.name: () for sweep in spec.sweeps})

    def rate(arm: str, form: str, depth: int) -> float:
        return nearest(choices, arm, form, depth).rate

    return Plan(choices, {sweep.name: spec.sweep_cells(sweep, rate) for sweep in spec.sweeps})


def equal_time(spec: Spec, store: Store) -> tuple[Cell, ...]:
    """Who was faster, again, for as many more steps as the other took time."""
    plan = main_plan(spec, store)
    depth_cells = [c for s in spec.sweeps if s.role == "depth" for c in plan.sweeps[s.name]]
    cells = [cell for cell in depth_cells if cell.depth in spec.equal_time]
    rows, found = store.rows(cells), {}
    if len(rows) < len({cell.key for cell in cells}):
        return ()
    seconds: dict[tuple[str, str, int], list[float]] = {}
    for cell in cells:
        seconds.setdefault((cell.arm, cell.form, cell.depth), []).append(rows[cell.key].seconds)
    for (arm, form, depth), took in seconds.items():
        if arm in (spec.reference, "mlp-again"):
            continue
        other = median(seconds[spec.reference, form, depth])
        ratio = store.fact(f"time {arm} {form} {depth}", time_ratio(median(took), other))
        for cell in cells:
            longer = _longer(spec, cell, (arm, form, depth), ratio)
            if longer is not None:
                found[longer.key] = longer
    return tuple(found.values())


def _longer(spec: Spec, cell: Cell, group: tuple[str, str, int], ratio: float) -> Cell | None:
    """The cell with more steps, if it is the faster one of the pair."""
    if (cell.form, cell.depth) != group[1:]:
        return None
    if cell.arm == spec.reference and ratio > 1:
        return replace(cell, steps=round(cell.steps * ratio), budget=f"time:{group[0]}")
    if cell.arm == group[0] and ratio <= 1:
        return replace(cell, steps=round(cell.steps / ratio), budget=f"time:{spec.reference}")
    return None
