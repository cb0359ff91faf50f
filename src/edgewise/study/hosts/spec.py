"""The study of hosts as it is written down: ``hosts.toml`` has the question, ``NAME.toml`` the plans of a host.

A plan is a full product of arms, conditions and seeds. Every file has two, ``[full]`` and ``[quick]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewise.errors import InputError
from edgewise.study.hosts import HOSTS, host
from edgewise.study.hosts.trial import RECIPE, Trial
from edgewise.study.spec import document, read

FILE = "hosts.toml"
REFERENCE = "mlp"
MAIN = "main"
SIZES = ("full", "quick")


@dataclass(frozen=True)
class Plan:
    """What is run of one host.

    Args:
        host: see ``edgewise.study.hosts.HOSTS``.
        arms: ``"mlp"`` among them.
        conditions: of the host.
        seeds: 0, 1, ... one less than this.
        steps, size: see ``Trial``.
        rates: learning rates that are tried for every arm and condition; one alone is taken untried, and there is none
            where the host has no rate.
        equal_time: conditions that are run again with more steps for whoever is faster.
        widens: whether more rates are tried where someone's best lies at an end; not in the quick study.
    """

    host: str
    arms: tuple[str, ...]
    conditions: tuple[str, ...]
    seeds: int
    steps: int
    size: float
    rates: tuple[float, ...]
    equal_time: tuple[str, ...] = ()
    widens: bool = True

    def trial(self, arm: str, condition: str, seed: int, rate: float, stage: str = MAIN) -> Trial:
        """A trial with the plan's own settings; both versions only ever grow, so their sum names them."""
        recipe = RECIPE + host(self.host).recipe - 1
        return Trial(
            self.host, arm, condition, seed, rate, self.steps, float(self.size), stage, recipe=recipe
        )

    def tuned_as(self, condition: str) -> str:
        """The condition whose learning rate a condition takes."""
        return host(self.host).tuned_as.get(condition, condition)

    @property
    def runs(self) -> int:
        """Trials of the full product."""
        return len(self.arms) * len(self.conditions) * self.seeds


@dataclass(frozen=True)
class Study:
    """The question, and the plans of all hosts that are asked for."""

    question: str
    plans: tuple[Plan, ...]


@dataclass(frozen=True)
class Opening:
    """What ``hosts.toml`` holds."""

    question: str


def load(folder: Path, *, quick: bool = False, names: Sequence[str] = ()) -> Study:
    """Reads and checks a folder; ``names`` chooses hosts, without it all that have a file are read."""
    there = {path.stem for path in folder.glob("*.toml")} - {Path(FILE).stem}
    for name in [*names, *sorted(there)]:
        host(name)
    for name in names:
        if name not in there:
            raise InputError(
                f"{folder} has no {name}.toml; its hosts are: {', '.join(sorted(there)) or 'none'}"
            )
    opening = read(Opening, document(folder / FILE), FILE)
    chosen = [name for name in HOSTS if name in (names or there)]
    plans = tuple(_plan(name, folder / f"{name}.toml", SIZES[quick]) for name in chosen)
    return Study(opening.question, plans)


def _plan(name: str, path: Path, size: str) -> Plan:
    tables = document(path)
    for table in tables:
        if table not in SIZES:
            raise InputError(f"{path} has the entry {table!r}; it may have: {', '.join(SIZES)}")
    given = tables.get(size)
    place = f"{path.name} [{size}]"
    if not isinstance(given, dict):
        raise InputError(f"{path} lacks the table [{size}]; write it, with arms, conditions, seeds and steps")
    for entry in ("host", "widens"):
        if entry in given:
            raise InputError(f"{place} has the entry {entry!r}, which is not to be chosen; leave it out")
    plan = read(Plan, {"host": name, "widens": size == "full"} | given, place)
    _check(plan, place)
    return plan


def _check(plan: Plan, place: str) -> None:
    """Names and numbers, before anything runs."""
    known = host(plan.host)
    if not plan.conditions:
        raise InputError(f"{place}: conditions are empty; choose some of: {', '.join(known.conditions)}")
    for entry, allowed in (
        ("arms", known.arms),
        ("conditions", tuple(known.conditions)),
        ("equal_time", plan.conditions),
    ):
        values = getattr(plan, entry)
        for value in values:
            if value not in allowed:
                raise InputError(f"{place}: {entry} has {value!r}; choose some of: {', '.join(allowed)}")
        if len(set(values)) < len(values):
            raise InputError(f"{place}: {entry} = {list(values)}; name each once")
    if REFERENCE not in plan.arms:
        raise InputError(f"{place}: arms lack the reference {REFERENCE!r}; add it")
    if len(set(plan.rates)) < len(plan.rates) or not all(rate > 0 for rate in plan.rates):
        raise InputError(f"{place}: rates = {list(plan.rates)}; expected positive numbers, each once")
