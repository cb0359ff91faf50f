"""A study as it is written down: ``study.toml`` to sweeps, and sweeps to cells.

A sweep is a full product: its arms x forms x tasks x draws x depths x parameters x rows x noise x seeds. Its ``role``
says what its rows are for:

========== =================================================================================
depth      the slope of the advantage over network depth, first contrast
elsewhere  the same slope on tasks of other kinds, task by task; no part of the verdict
target     depth and roughness of the target at one network depth, second contrast
transfer   held-out combinations, third contrast
null       tasks on which nothing can be learned: the advantage must be 0
swap       one layer of an arm in another
scale      parameters and rows
public     tasks without a planted structure, reported one by one
========== =================================================================================
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

from edgewise.errors import InputError
from edgewise.study import tasks
from edgewise.study.arms import ARMS, FORMS
from edgewise.study.cell import Cell
from edgewise.study.matching import matched

ROLES = ("depth", "target", "transfer", "null", "swap", "scale", "elsewhere", "public")


@dataclass(frozen=True)
class Sweep:
    """A product of settings; see the module's page."""

    name: str
    role: str
    arms: tuple[str, ...]
    tasks: tuple[str, ...]
    depths: tuple[int, ...]
    draws: tuple[int, ...] = (0,)
    forms: tuple[str, ...] = ("plain",)
    parameters: tuple[int, ...] = (4000,)
    rows: tuple[int, ...] = (1024,)
    noise: tuple[float, ...] = (0.0,)
    seeds: int = 3


@dataclass(frozen=True)
class Tuning:
    """Which learning rates are tried, on development tasks whose draws no sweep uses.

    ``depths`` are those tried; others take the nearest. ``extensions`` is how often the rates may be widened, for all
    arms alike, while the best of some arm lies at an end.
    """

    tasks: tuple[str, ...]
    rates: tuple[float, ...]
    depths: tuple[int, ...]
    draw: int = 900
    extensions: int = 2
    parameters: int = 4000
    rows: int = 1024


@dataclass(frozen=True)
class Spec:
    """A whole study. ``equal_time`` lists the depths at which the sweeps of role depth are also run for equal time."""

    question: str
    reference: str
    tuning: Tuning
    sweeps: tuple[Sweep, ...]
    steps: int = 1000
    batch_size: int = 128
    intervals: int = 5
    equal_time: tuple[int, ...] = ()

    def sweep_cells(self, sweep: Sweep, rate: Callable[[str, str, int], float]) -> tuple[Cell, ...]:
        """The cells of a sweep; ``rate(arm, form, depth)`` is what tuning chose."""
        return tuple(
            self.cell(arm, form, task, draw, depth, size, rows, seed, rate(arm, form, depth), noise=noise)
            for arm, form, task, draw, depth, size, rows, noise, seed in product(
                sweep.arms,
                sweep.forms,
                sweep.tasks,
                sweep.draws,
                sweep.depths,
                sweep.parameters,
                sweep.rows,
                sweep.noise,
                range(sweep.seeds),
            )
        )

    def cell(
        self,
        arm: str,
        form: str,
        task: str,
        draw: int,
        depth: int,
        parameters: int,
        rows: int,
        seed: int,
        rate: float,
        *,
        stage: str = "main",
        noise: float = 0.0,
    ) -> Cell:
        """A cell with the study's own settings."""
        return Cell(
            stage,
            arm,
            form,
            task,
            draw,
            depth,
            parameters,
            rows,
            noise,
            seed,
            rate,
            self.steps,
            self.batch_size,
            self.intervals,
        )

    def groups(self) -> tuple[tuple[str, str], ...]:
        """Every arm and form that is tuned; ``mlp-again`` takes what ``mlp`` gets."""
        pairs = {(arm, form) for sweep in self.sweeps for arm in sweep.arms for form in sweep.forms}
        return tuple(sorted({(tuned_as(arm), form) for arm, form in pairs}))


def tuned_as(arm: str) -> str:
    """The arm whose learning rate an arm takes."""
    return "mlp" if arm == "mlp-again" else arm


def load(path: Path) -> Spec:
    """Reads and checks a ``study.toml``; ``InputError`` says which entry is wrong."""
    if not path.is_file():
        raise InputError(f"there is no {path}; name a folder with a {path.name}, such as studies/depth")
    given = document(path)
    sweeps = given.pop("sweep", [])
    if not isinstance(sweeps, list) or not sweeps:
        raise InputError(f"{path} has no sweep; write at least one [[sweep]]")
    given |= {
        "tuning": read(Tuning, given.get("tuning"), "tuning"),
        "sweeps": tuple(read(Sweep, one, f"sweep {i}") for i, one in enumerate(sweeps, start=1)),
    }
    spec = read(Spec, given, path.name)
    _check(spec)
    return spec


def document(path: Path) -> dict[str, Any]:
    """The entries of a file of TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None


def read(kind: Callable[..., Any], given: Any, place: str) -> Any:
    """A dataclass from a table of TOML, lists as tuples; ``InputError`` names what is wrong in ``place``."""
    if not isinstance(given, Mapping):
        raise InputError(f"{place} is missing; write a table [{place}]")
    known = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise InputError(f"{place} has the entry {name!r}; it may have: {', '.join(known)}")
    for name, entry in known.items():
        if name not in given and entry.default is MISSING:
            raise InputError(f"{place} lacks the entry {name!r}")
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    for name, value in values.items():
        if not _fits(value, str(known[name].type)):
            raise InputError(f"{place}: {name} = {value!r}; expected {_WORDS[str(known[name].type)]}")
    return kind(**values)


TINY = 1e-300
_KINDS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}
_WORDS = {
    "<class 'str'>": "text",
    "<class 'int'>": "a positive whole number",
    "<class 'float'>": "a positive number",
    "tuple[str, ...]": "a list of texts",
    "tuple[int, ...]": "a list of whole numbers of at least 0",
    "tuple[float, ...]": "a list of numbers of at least 0",
}


def _fits(value: Any, kind: str) -> bool:
    if kind.startswith("tuple["):
        types = _KINDS.get(kind[6:].split(",")[0])
        return types is None or (isinstance(value, tuple) and all(_one(item, types, 0) for item in value))
    name = kind.removeprefix("<class '").removesuffix("'>")
    return name not in _KINDS or _one(value, _KINDS[name], 1 if name == "int" else TINY)


def _one(value: Any, types: tuple[type, ...], least: float) -> bool:
    return isinstance(value, types) and not isinstance(value, bool) and (str in types or value >= least)


def _check(spec: Spec) -> None:
    """Names, and that every shape can be matched, before anything runs."""
    names = [sweep.name for sweep in spec.sweeps]
    if len(set(names)) < len(names):
        raise InputError(f"sweeps are called {names}: give each a name of its own")
    for sweep in spec.sweeps:
        if sweep.role not in ROLES:
            raise InputError(
                f"sweep {sweep.name!r} has role {sweep.role!r}; choose one of: {', '.join(ROLES)}"
            )
        for form in sweep.forms:
            if form not in FORMS:
                raise InputError(f"form {form!r} is not known; choose one of: {', '.join(FORMS)}")
        if spec.reference not in sweep.arms:
            raise InputError(
                f"sweep {sweep.name!r} lacks the reference {spec.reference!r}; add it to its arms"
            )
        if "mlp-again" in sweep.arms and spec.reference != "mlp":
            raise InputError(
                f"mlp-again repeats 'mlp', but the reference is {spec.reference!r}; leave one of them out"
            )
        if spec.tuning.draw in sweep.draws:
            raise InputError(
                f"sweep {sweep.name!r} uses the draw {spec.tuning.draw} of the development tasks"
            )
    for arm, task, depth, parameters in sorted(set(_shapes(spec))):
        task_of = tasks.make(task)
        matched(arm, task_of.inputs, task_of.outputs, depth, parameters, spec.intervals)


def _shapes(spec: Spec) -> Iterator[tuple[str, str, int, int]]:
    for sweep in spec.sweeps:
        yield from product(sweep.arms, sweep.tasks, sweep.depths, sweep.parameters)
    arms = [arm for arm, _ in spec.groups()]
    yield from product(arms, spec.tuning.tasks, spec.tuning.depths, [spec.tuning.parameters])
    for arm in arms:
        if arm not in ARMS:
            raise InputError(f"arm {arm!r} is not known; choose one of: {', '.join(ARMS)}")
