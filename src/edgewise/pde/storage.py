"""A solution as a folder: ``config.json`` and ``model.safetensors``, as networks are kept (see ``edgewise.pair``).

The equations and conditions of a problem are functions of its user's, which no file can hold without being able to run
code. Kept are the domain, the networks, what is built into them (pinned values as Chebyshev tables, periodic and
mirrored axes) and the record of the solve. So a loaded solution evaluates and differentiates like the one that was
saved, and says that it holds no equation when asked for one; ``load(folder, problem)`` gives it one. A few values are
kept too, to compare.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as parse_tensors
from torch import Tensor

from edgewise.checkpoint import UNBUILDABLE, described, network_state, rebuilt
from edgewise.errors import CheckpointError, InputError
from edgewise.pair import Kind, first_line, read_pair, write_pair
from edgewise.pde.ansatz import Ansatz, Lift, held
from edgewise.pde.chebyshev import Chebyshev, interpolant
from edgewise.pde.collocation import held_out
from edgewise.pde.conditions import AnyCondition, Condition, Law, Periodic, Symmetry
from edgewise.pde.config import SolveConfig
from edgewise.pde.geometry import Domain
from edgewise.pde.levels import Level
from edgewise.pde.problem import Problem
from edgewise.pde.shapes import shape_data, shape_of
from edgewise.pde.solution import Solution
from edgewise.pde.taylor import Orders

SOLUTION = Kind("solution", 1)
PROBES, SAME = 16, 1e-9
ADVICE = "load(folder, problem) with the problem that was solved"


class Unstated(Problem):
    """What is left of a problem in a file: unknowns, domain and what is built in. It has no equations."""

    def __init__(
        self, unknowns: tuple[str, ...], domain: Domain, conditions: Mapping[str, AnyCondition]
    ) -> None:
        self.unknowns, self.domain, self.conditions = unknowns, domain, dict(conditions)
        self.parameters, self.constants, self.creases = {}, {}, {}
        self.orders = {name: Orders([(0,) * len(domain.coordinates)]) for name in unknowns}

    def laws(self) -> list[Law]:
        """None."""
        return []

    def __getattr__(self, name: str) -> Any:
        if name == "equations":
            raise InputError(f"a solution from a file holds no equation; type {ADVICE}")
        raise AttributeError(name)


def save(solution: Solution, folder: str | Path) -> Path:
    """Writes a solution into a folder, in place of one already there; returns the folder.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from edgewise.pde import Interval, Problem, dirichlet, solve
        >>> bar = Problem("u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + 2}, {"ends": dirichlet("u", 0.0)})
        >>> with TemporaryDirectory() as folder:
        ...     round(float(load(save(solve(bar), folder))(x=0.5)), 6)
        0.25
    """
    folder, problem = Path(folder), solution.problem
    built_in = {name: _kept(problem, problem.conditions[name]) for name in _built_in(problem)}
    tensors = {f"targets/{name}": table for name, (_, table) in built_in.items() if table is not None}
    links = {name: _links(one) for name, one in solution.unknowns.items()}
    for name, found in links.items():
        for k, one in enumerate(found):
            own = f"networks/{name}/{k}/"
            tensors |= {own + part: tensor for part, tensor in network_state(one.network).items()}
            tensors |= {f"subspaces/{name}/{k}/{axis}": part for axis, part in enumerate(one.subspaces)}
    probes = held_out(problem.domain, solution.breakpoints, PROBES, 3)
    tensors |= {"probes/points": probes}
    tensors |= {f"probes/{name}": one.values(probes) for name, one in solution.unknowns.items()}
    content = {
        "domain": shape_data(problem.domain),
        "unknowns": {name: [described(one.network) for one in found] for name, found in links.items()},
        "built_in": {name: told for name, (told, _) in built_in.items()},
        "record": _record(solution),
    }
    write_pair(folder, SOLUTION, content, tensors)
    return folder


def load(folder: str | Path, problem: Problem | None = None) -> Solution:
    """The solution a folder holds; with the ``problem`` it solved it has its equations again.

    Raises ``CheckpointError`` for a folder that is missing, damaged or of another kind or problem.
    """
    config, model = read_pair(Path(folder), SOLUTION)
    try:
        found = _rebuilt(config, parse_tensors(model), problem)
    except CheckpointError:
        raise
    except UNBUILDABLE as error:
        raise CheckpointError(
            f"{folder} does not hold a solution edgewise can build ({first_line(error)}); save it again"
        ) from None
    return found


def _built_in(problem: Problem) -> list[str]:
    return sorted(frozenset[str]().union(*(held(problem, name).names for name in problem.unknowns)))


def _kept(problem: Problem, one: AnyCondition) -> tuple[dict[str, Any], Tensor | None]:
    """A condition that is built in as plain data, and its pinned values as a table if they are smooth."""
    if isinstance(one, Periodic):
        return {"kind": "periodic", "axis": one.axis}, None
    if isinstance(one, Symmetry):
        return {"kind": "mirror", **asdict(one)}, None
    assert isinstance(one, Condition)
    assert one.target is not None
    own, target = problem.domain.coordinates, one.target
    names = [name for name in target.names if name in own]

    def value(*columns: Tensor) -> Tensor:
        values = {**problem.parameters, **problem.constants, **dict(zip(names, columns, strict=True))}
        found = torch.as_tensor(target(values), dtype=torch.float64)
        return found.expand(len(columns[0])) if columns else found

    table = interpolant(value, [problem.domain.bounds[own.index(name)] for name in names])
    told = {"kind": "value", "unknown": one.pins, "on": one.on, "names": names, "smooth": table is not None}
    return told, None if table is None else table.coefficients


def _record(solution: Solution) -> dict[str, Any]:
    """What the solve said of itself; numbers as text where JSON knows none."""
    return {
        "status": solution.status,
        "message": solution.message,
        "residuals": _numbers(solution.residuals),
        "held_out": _numbers(solution.held_out),
        "estimate": None if solution.estimate is None else _number(solution.estimate),
        "seconds": solution.seconds,
        "history": [_numbers(asdict(level)) for level in solution.history],
        "config": asdict(solution.config),
        "parameters": _numbers(solution.parameters),
        "intervals": {name: list(map(_number, ends)) for name, ends in solution.intervals.items()},
    }


def _number(value: Any) -> Any:
    return value if not isinstance(value, float) or abs(value) < float("inf") else str(value)


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(value) for name, value in values.items()}


def _rebuilt(config: dict[str, Any], tensors: dict[str, Tensor], problem: Problem | None) -> Solution:
    domain, names = shape_of(config["domain"]), tuple(config["unknowns"])
    if problem is None:
        problem = Unstated(names, domain, _conditions(config["built_in"], domain, tensors))
    elif problem.unknowns != names or shape_data(problem.domain) != config["domain"]:
        raise CheckpointError(
            f"the problem has unknowns {', '.join(problem.unknowns)} on a domain of its own and the file "
            f"{', '.join(names)}: expected the problem that was solved; leave it out to load without equations"
        )
    unknowns = {name: _ansatz(problem, name, told, tensors) for name, told in config["unknowns"].items()}
    _compare(unknowns, tensors)
    return Solution(problem, unknowns, **_told(config["record"]))


def _links(one: Ansatz) -> list[Ansatz]:
    """An unknown's own network and those it is added to, the first of all first."""
    return [*(_links(one.lift) if isinstance(one.lift, Ansatz) else []), one]


def _ansatz(problem: Problem, name: str, told: list[Any], tensors: dict[str, Tensor]) -> Ansatz:
    pins = held(problem, name).pins
    found: Any = Lift(problem, pins) if pins else None
    for k, network in enumerate(told):
        own, axes = f"networks/{name}/{k}/", range(len(problem.domain.coordinates))
        parts = {key.removeprefix(own): tensor for key, tensor in tensors.items() if key.startswith(own)}
        subspaces = tuple(tensors[f"subspaces/{name}/{k}/{axis}"] for axis in axes)
        found = Ansatz(rebuilt(network, parts), found, subspaces)
    if not isinstance(found, Ansatz):
        raise ValueError(f"{name} has no network")
    return found


def _conditions(
    built_in: dict[str, Any], domain: Domain, tensors: dict[str, Tensor]
) -> dict[str, AnyCondition]:
    found: dict[str, AnyCondition] = {}
    for name, told in built_in.items():
        if told["kind"] == "periodic":
            found[name] = Periodic(told["axis"])
        elif told["kind"] == "mirror":
            found[name] = Symmetry(told["unknown"], told["axis"], told["sign"])
        elif not told["smooth"]:
            raise CheckpointError(
                f"the values of {name!r} were not smooth enough for a file to hold: type {ADVICE}"
            )
        else:
            bounds = tuple(domain.bounds[domain.coordinates.index(axis)] for axis in told["names"])
            target = Law(tuple(told["names"]), Chebyshev(tensors[f"targets/{name}"], bounds))
            found[name] = Condition(target, told["on"], pins=told["unknown"], target=target, hard=True)
    return found


def _compare(unknowns: dict[str, Ansatz], tensors: dict[str, Tensor]) -> None:
    """The values at a few points must be those that were saved."""
    for name, one in unknowns.items():
        before = tensors[f"probes/{name}"]
        with torch.no_grad():
            gap = (one.values(tensors["probes/points"]) - before).abs().max()
        if not bool(gap <= SAME * before.abs().max()):
            raise CheckpointError(
                f"{name} differs from what was saved by {float(gap):.1e}: expected the problem that was solved, or "
                "none to load without equations"
            )


def _told(record: dict[str, Any]) -> dict[str, Any]:
    estimate = record["estimate"]
    return {
        "status": record["status"],
        "message": record["message"],
        "residuals": _floats(record["residuals"]),
        "held_out": _floats(record["held_out"]),
        "estimate": None if estimate is None else float(estimate),
        "seconds": record["seconds"],
        "history": tuple(Level(**{**level, "loss": float(level["loss"])}) for level in record["history"]),
        "config": SolveConfig(**record["config"]),
        "parameters": _floats(record["parameters"]),
        "intervals": {name: (float(low), float(high)) for name, (low, high) in record["intervals"].items()},
    }


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
