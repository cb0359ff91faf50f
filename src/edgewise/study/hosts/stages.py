r"""From a plan and the rows so far to the next trials: tuning, then the full product, then equal time.

A rate is chosen for every arm and condition by the validation loss of one trial on a seed that nothing else uses. While
someone's best lies at an end of the grid, the grid grows there for all arms and conditions of the host alike, at most
twice; the quick study leaves it as it is. Everything follows from plans, rows and facts, so a run that was killed goes
on with the very trials it had.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from statistics import median

from edgewise.study.hosts.spec import REFERENCE, Plan, Study
from edgewise.study.hosts.trial import Outcome, Trial
from edgewise.study.matching import time_ratio
from edgewise.study.store import Store
from edgewise.study.tuning import Choice, widened

TUNING, TUNING_SEED, EXTENSIONS = "tuning", 900, 2
Group = tuple[str, str]  # arm and condition
Planned = dict[Group, dict[float, Trial]]


def stages(study: Study, store: Store) -> Iterator[tuple[str, tuple[Trial, ...]]]:
    """Names and trials, host after host; those of a stage must have rows before the next is asked for."""
    for plan in study.plans:
        for planned in _grids(plan, store):
            yield f"{plan.host}: tuning", _all(planned)
        yield f"{plan.host}: main", main(plan, store)
        if plan.equal_time:
            yield f"{plan.host}: equal time", equal_time(plan, store)


def tuned(plan: Plan, store: Store) -> dict[Group, Choice] | None:
    """What tuning chose, nothing where there is nothing to choose; None while rows are missing."""
    found: dict[Group, Choice] = {}
    for planned in _grids(plan, store):
        if store.missing(_all(planned)):
            return None
        found = chosen(planned, store.rows(_all(planned)))
    return found


def main(plan: Plan, store: Store) -> tuple[Trial, ...]:
    """The full product, each at its rate; none of it while tuning is not done."""
    choices = tuned(plan, store)
    if choices is None:
        return ()

    def rate(arm: str, condition: str) -> float:
        return choices[arm, plan.tuned_as(condition)].rate if choices else next(iter(plan.rates), 0.0)

    return tuple(
        plan.trial(arm, condition, seed, rate(arm, condition))
        for seed in range(plan.seeds)
        for condition in plan.conditions
        for arm in plan.arms
    )


def equal_time(plan: Plan, store: Store) -> tuple[Trial, ...]:
    """Who was faster, again, for as many more steps as the other took time; nobody where both took as long."""
    trials, found = main(plan, store), []
    for (arm, condition), ratio in ratios(plan, store).items():
        faster, slower = (REFERENCE, arm) if ratio > 1 else (arm, REFERENCE)
        if ratio == 1:
            continue
        for trial in trials:
            if (trial.arm, trial.condition) == (faster, condition):
                steps = round(trial.steps * max(ratio, 1 / ratio))
                found.append(replace(trial, steps=steps, budget=f"time:{slower}"))
    return tuple(found)


def ratios(plan: Plan, store: Store) -> dict[Group, float]:
    """Seconds over the reference's, powers of the square root of 2; none while rows of the full product are missing.

    Arms none of whose trainings came to their end have no time to compare.
    """
    trials = main(plan, store)
    if store.missing(trials):
        return {}
    rows, seconds = store.rows(trials), {}
    for trial in trials:
        row = rows[trial.key]
        if row.status == "done" and row.seconds > 0:
            seconds.setdefault((trial.arm, trial.condition), []).append(row.seconds)
    found = {}
    for condition in plan.equal_time:
        for arm in plan.arms:
            took, other = seconds.get((arm, condition)), seconds.get((REFERENCE, condition))
            if arm != REFERENCE and took and other:
                name = f"time {plan.host} {arm} {condition} at size {plan.size:g}"
                found[arm, condition] = store.fact(name, time_ratio(median(took), median(other)))
    return found


def trials(plan: Plan, rates: tuple[float, ...]) -> Planned:
    """Those of tuning, for every arm and condition by rate."""
    conditions = dict.fromkeys(plan.tuned_as(condition) for condition in plan.conditions)
    return {
        (arm, condition): {rate: plan.trial(arm, condition, TUNING_SEED, rate, TUNING) for rate in rates}
        for condition in conditions
        for arm in plan.arms
    }


def chosen(planned: Planned, rows: Mapping[str, Outcome]) -> dict[Group, Choice]:
    """The rate of the lowest ``valid``, of equal ones the lowest rate; what did not come to its end is worst."""
    choices = {}
    for group, by_rate in planned.items():
        scores = {rate: _score(rows[trial.key]) for rate, trial in by_rate.items()}
        choices[group] = Choice(min(scores, key=lambda rate: (scores[rate], rate)), scores)
    return choices


def _score(row: Outcome) -> float:
    return inf if row.status != "done" or row.valid is None else row.valid


def _grids(plan: Plan, store: Store) -> Iterator[Planned]:
    """The trials of tuning, wider each time; the next is asked for when there are rows of those before."""
    rates = tuple(sorted(plan.rates))
    if len(rates) < 2:
        return
    for _ in range(1 + EXTENSIONS * plan.widens):
        planned = trials(plan, rates)
        yield planned
        wider = widened(rates, chosen(planned, store.rows(_all(planned))))
        if wider == rates:
            return
        rates = wider


def _all(planned: Planned) -> tuple[Trial, ...]:
    return tuple(trial for by_rate in planned.values() for trial in by_rate.values())
