"""The study of the paper's claims as it is written down: ``claims.toml`` to pieces, and pieces to cases."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from edgewise.errors import InputError
from edgewise.study.claims import accuracy, knots, peaks, rows, shapes
from edgewise.study.claims.case import Case, Finding
from edgewise.study.claims.scaling import DEGREE
from edgewise.study.spec import document, read
from edgewise.study.store import Store


@dataclass(frozen=True)
class Fits:
    """Formulas or knots to learn: a full product of tasks, arms, rows, noise and seeds."""

    tasks: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: int
    seconds: float
    rows: tuple[int, ...] = (1000,)
    noise: tuple[float, ...] = (0.0,)

    def cases(self, piece: str) -> tuple[Case, ...]:
        """All of them."""
        return tuple(
            Case(piece, arm, task, seed, rows=count, noise=noise, seconds=self.seconds)
            for seed, task, count, noise, arm in product(
                range(self.seeds), self.tasks, self.rows, self.noise, self.arms
            )
        )


@dataclass(frozen=True)
class Sizes:
    """Formulas to learn with networks of growing size: ``cells`` for KANs, hidden ``nodes`` a layer for perceptrons.

    Cells stop where the network would have more than ``most`` parameters.
    """

    tasks: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: int
    seconds: float
    cells: tuple[int, ...]
    nodes: tuple[int, ...]
    rows: int = 4000
    most: int = 1500

    def cases(self, piece: str) -> tuple[Case, ...]:
        """All of them."""
        return tuple(
            Case(piece, arm, task, seed, rows=self.rows, seconds=self.seconds, sizes=self._sizes(arm, task))
            for seed, task, arm in product(range(self.seeds), self.tasks, self.arms)
        )

    def _sizes(self, arm: str, task: str) -> tuple[int, ...]:
        if arm != "kan":
            return self.nodes
        widest = max(shapes.edges(shape) for shape in shapes.tried(task, rows.inputs(task)))
        return tuple(cells for cells in self.cells if widest * (cells + DEGREE) <= self.most)


@dataclass(frozen=True)
class Sequences:
    """Peaks one after the other; ``cells`` are those of the paper's network in 1-D and 2-D, which others match."""

    tasks: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: int
    steps: int
    rates: tuple[float, ...]
    rows: tuple[int, ...] = (100, 400)
    cells: tuple[int, ...] = (200, 40)

    def trials(self) -> dict[tuple[str, str], tuple[Case, ...]]:
        """The development cases of every task and arm."""
        return {
            (task, arm): tuple(
                self._case(task, arm, peaks.DEVELOPMENT, rate, trial=True) for rate in self.rates
            )
            for task, arm in product(self.tasks, self.arms)
        }

    def cases(self, chosen: Mapping[tuple[str, str], float]) -> tuple[Case, ...]:
        """All of them, each at its rate."""
        return tuple(
            self._case(task, arm, seed, chosen[task, arm])
            for seed, task, arm in product(range(self.seeds), self.tasks, self.arms)
        )

    def _case(self, task: str, arm: str, seed: int, rate: float, trial: bool = False) -> Case:
        place = peaks.TASKS[task] - 1
        cells = self.cells[place]
        return Case(
            "peaks",
            arm,
            task,
            seed,
            rows=self.rows[place],
            sizes=(cells,),
            parameters=(1, 15)[place] * (cells + DEGREE),
            steps=self.steps,
            rate=rate,
            trial=trial,
        )


PIECES: dict[str, Any] = {
    "accuracy": Fits,
    "scaling": Sizes,
    "peaks": Sequences,
    "noise": Fits,
    "samples": Fits,
    "knots": Fits,
}


@dataclass(frozen=True)
class Claims:
    """The whole study; a piece that is None is not asked for."""

    question: str
    accuracy: Fits | None = None
    scaling: Sizes | None = None
    peaks: Sequences | None = None
    noise: Fits | None = None
    samples: Fits | None = None
    knots: Fits | None = None

    def only(self, pieces: Sequence[str]) -> "Claims":
        """The study with these pieces alone."""
        for name in pieces:
            if name not in PIECES:
                raise InputError(f"piece {name!r} is not known; choose some of: {', '.join(PIECES)}")
        return replace(self, **{name: None for name in PIECES if name not in pieces})

    def fits(self) -> tuple[Case, ...]:
        """The cases that need no tuning beforehand."""
        given = {name: getattr(self, name) for name in PIECES if name != "peaks"}
        return tuple(case for name, piece in given.items() if piece for case in piece.cases(name))


def load(path: Path) -> Claims:
    """Reads and checks a ``claims.toml``."""
    given = document(path)
    for name, kind in PIECES.items():
        if name in given:
            given[name] = read(kind, given[name], name)
    claims = read(Claims, given, path.name)
    _check(claims)
    return claims


def _check(claims: Claims) -> None:
    """Names of arms and tasks, before anything runs."""
    known = {"peaks": peaks.ARMS, "knots": knots.ARMS}
    for entry in fields(claims):
        piece = getattr(claims, entry.name)
        for arm in getattr(piece, "arms", ()):
            allowed = known.get(entry.name, accuracy.ARMS)
            if arm not in allowed:
                raise InputError(
                    f"{entry.name}: arm {arm!r} is not known; choose one of: {', '.join(allowed)}"
                )
        for task in getattr(piece, "tasks", ()):
            if entry.name == "peaks":
                peaks.centers(task, 0)
            elif entry.name == "knots":
                knots.columns(task)
            else:
                rows.inputs(task)


def stages(claims: Claims, store: Store) -> Iterator[tuple[str, tuple[Case, ...]]]:
    """What is to be measured, stage after stage."""
    if claims.peaks:
        yield "tuning", tuple(case for cases in claims.peaks.trials().values() for case in cases)
        yield "peaks", claims.peaks.cases({place: rate for place, (rate, _) in rates(claims, store).items()})
    yield "fits", claims.fits()


def rates(claims: Claims, store: Store) -> dict[tuple[str, str], tuple[float, bool]]:
    """The rate of every task and arm of the peaks, and whether it lies inside of those tried; all trials must be in."""
    if claims.peaks is None:
        return {}
    found = {}
    for place, cases in claims.peaks.trials().items():
        rows = store.rows(cases)
        best = min(cases, key=lambda case: _final(rows[case.key]))
        found[place] = best.rate, min(claims.peaks.rates) < best.rate < max(claims.peaks.rates)
    return found


def _final(finding: Finding) -> float:
    return float("inf") if finding.error is None else finding.error
