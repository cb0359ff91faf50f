r"""The Poisson comparison of the KAN paper: width 10 beside a perceptron of 4 x 100, and both by one better method.

Liu et al., *KAN: Kolmogorov-Arnold Networks* (2024), section 3.4: ``u_xx + u_yy = f`` on ``[-1, 1]^2``, ``u = sin(pi x)
sin(pi y^2)``, zero on the edge; 10,000 points inside and 800 on the edge, ``loss = 0.01 mean r^2 + mean u^2``. Its
text gives mean squares of 1e-7 with 1e2 parameters for ``[2, 10, 1]``, of 1e-5 with 1e4 for the perceptron.

``published`` trains both as the paper and its code do, by L-BFGS with a history of 10, cubic splines extended from 3
to 5, 10 and 20 cells, each for a quarter of the time. ``best`` trains both by Levenberg-Marquardt on the same loss at
as many points, the network on 5, 10 and 20 cells. For a perceptron of 20,601 weights a step of that is solved through
its rows, of which there are 2,800; one about as large as the network stands beside it. ``own`` is
``edgewise.pde.solve``, which chooses another network.

    python benchmarks/pde_paper.py --seconds 600 --json paper.jsonl [--only best-wide]

Every row goes to the file when its training ends; the same command goes on where it was left, and ``--only`` makes one.
"""

import argparse
import contextlib
import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import pi
from pathlib import Path
from typing import Any

import torch
from formula_process import apart, append, circumstances, numbers, read, texts, timed
from formula_table import grouped, table
from pde_perceptron import Perceptrons, Tanh
from torch import Tensor, cos, sin

from edgewise import KAN
from edgewise.pde import Box, Problem, dirichlet, solve
from edgewise.pde.ansatz import Ansatz, Held, subspaces
from edgewise.pde.fitting import fit
from edgewise.pde.problems.case import fresh
from edgewise.pde.residuals import System
from edgewise.pde.slopes import value_and_slope
from edgewise.pde.state import even
from edgewise.train.clock import Clock

Row = dict[str, Any]
GRIDS = (3, 5, 10, 20)
# Within each other, so that a network goes on exactly: from 3 to 5 cells a quintic one, fitted to the last, fell apart.
NESTED = (5, 10, 20)
PAYS, STANDS = 0.02, 1e-6
INSIDE, CELLS, FEW_CELLS = 10_000, 33, 17
WIDE, SMALL = (100, 100, 100), (16, 16)
NOTHING = Held({}, frozenset(), {}, frozenset())


@dataclass(frozen=True)
class Cell:
    """One training."""

    arm: str
    seed: int
    limit: float


def main() -> None:
    """Runs what is not yet in the file of results, or failed there, and prints both tables of all that is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", type=texts, default=list(ARMS), metavar="ARM,...", help=f"of {', '.join(ARMS)}"
    )
    parser.add_argument("--seeds", type=numbers, default=[0.0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--json", type=Path, help="file of results, one a line; done ones are skipped")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(Cell(**json.loads(options.worker[0])), Path(options.worker[1]))
        return
    strangers = [arm for arm in options.only if arm not in ARMS]
    if strangers:
        parser.error(f"no arm is called {strangers[0]!r}: expected some of {', '.join(ARMS)}")
    rows = {(row["arm"], row["seed"]): row for row in read(options.json) if row["limit"] == options.seconds}
    for cell in (Cell(arm, int(seed), options.seconds) for seed in options.seeds for arm in options.only):
        if "failed" in rows.get((cell.arm, cell.seed), {"failed": "never made"}):
            rows[cell.arm, cell.seed] = row = run(cell)
            append(options.json, row)
            print(row["arm"], row["seed"], f"{row['mse']:.1e}", row.get("failed", ""), flush=True)
    print(report(sorted(rows.values(), key=lambda row: (list(ARMS).index(row["arm"]), row["seed"]))))


def run(cell: Cell) -> Row:
    """One training in a process of its own."""
    row = asdict(cell) | circumstances("edgewise", 1)
    left = apart(Path(__file__), asdict(cell), cell.limit)
    return row | (left.found or {"failed": left.said, "mse": math.inf, "relative": math.inf})


def work(cell: Cell, file: Path) -> None:
    """One training and its errors at fresh points."""
    torch.set_num_threads(1)
    found: Row = {"mse": math.inf, "relative": math.inf}
    with timed(cell.limit, found):
        values, count, steps = ARMS[cell.arm](cell.limit, cell.seed)
        found |= {"parameters": count, "steps": steps}
    if "failed" not in found:
        points = fresh(poisson(), 10_000, 12345)
        truth = exact(*points.T)
        with torch.no_grad():
            gap = values(points) - truth
        found["mse"], found["relative"] = float(gap.square().mean()), float(gap.norm() / truth.norm())
    file.write_text(json.dumps(found), encoding="utf-8")


def report(rows: list[Row]) -> str:
    """Both tables: what was published beside the same again, and by the better method."""
    groups = grouped(rows, "arm")
    head = ["network", "trained by", "parameters", "seconds", "steps", "mean square", "relative L2"]
    published = [
        ["[2, 10, 1], published", "L-BFGS", "1e2", "-", "-", "1e-7", "-"],
        ["4 x 100, published", "L-BFGS", "1e4", "-", "-", "1e-5", "-"],
    ]
    parts = []
    for start, body in (("published", published), ("best", []), ("own", [])):
        for (arm,), found in groups.items():
            if arm.startswith(start):
                body.append(_line(arm, found))
        parts.append(body)
    return (
        f"\nAs it was published:\n\n{table(head, parts[0])}\n\n"
        f"By one better method, and what edgewise does of its own:\n\n{table(head, parts[1] + parts[2])}"
    )


def _line(arm: str, rows: list[Row]) -> list[str]:
    done = [row for row in rows if "failed" not in row]
    if not done:
        return [arm, *NAMES[arm], "-", "-", "-", rows[0]["failed"], "-"][1:]
    middle = {key: statistics.median(row[key] for row in done) for key in ("parameters", "seconds", "steps")}
    errors = [statistics.median(row[key] for row in rows) for key in ("mse", "relative")]
    return [*NAMES[arm], *(f"{middle[key]:.0f}" for key in middle), *(f"{error:.1e}" for error in errors)]


def poisson() -> Problem:
    """The problem, its edge as part of the loss: ``mean r^2 + 100 mean u^2``, a hundred times the paper's."""

    def source(x: Tensor, y: Tensor) -> Tensor:
        bend = -(pi**2) * (1 + 4 * y**2) * sin(pi * y**2) + 2 * pi * cos(pi * y**2)
        return sin(pi * x) * bend

    return Problem(
        "u",
        Box(x=(-1, 1), y=(-1, 1)),
        {"poisson": lambda u, x, y: u.xx + u.yy - source(x, y)},
        {"edge": dirichlet("u", 0.0, hard=False, weight=10.0)},
    )


def exact(x: Tensor, y: Tensor) -> Tensor:
    """``sin(pi x) sin(pi y^2)``."""
    return sin(pi * x) * sin(pi * y**2)


Trained = tuple[Callable[[Tensor], Tensor], int, int]


def network(seed: int, degree: int, grid: int) -> KAN:
    """``[2, 10, 1]`` with straight lines as base functions, whose derivatives are known in closed form."""
    generator = torch.Generator().manual_seed(seed)
    return KAN(
        [2, 10, 1], intervals=grid, degree=degree, base="identity", dtype=torch.float64, generator=generator
    )


def open_ansatz(net: KAN) -> Ansatz:
    """A network with nothing built in."""
    return Ansatz(net, None, subspaces(net.kan_layers[0].spline, NOTHING))


def published_network(seconds: float, seed: int) -> Trained:
    """L-BFGS, the grid extended three times."""
    start, problem, steps = time.perf_counter(), poisson(), 0
    net = network(seed, 3, GRIDS[0])
    for k, grid in enumerate(GRIDS, start=1):
        net = net if grid == GRIDS[0] else net.refine(grid)
        one = open_ansatz(net)
        system = _published(problem, one, seed)

        def closure(free: Tensor, system: System = system) -> tuple[float, Tensor]:
            loss, half = value_and_slope(system, free)
            return loss, 2 * half

        free, made = lbfgs(closure, one.free(), start + seconds * k / len(GRIDS))
        one.assign(free)
        steps += made
    return one.values, len(one.free()), steps


def published_perceptron(seconds: float, seed: int) -> Trained:
    """L-BFGS, gradients by autograd of the Laplacian that goes up with the values."""
    start, problem = time.perf_counter(), poisson()
    one = Tanh(problem, "u", WIDE, torch.Generator().manual_seed(seed))
    inner, edge = _published(problem, one, seed).blocks
    source = problem.evaluate(inner.law, inner.points, {"u": _Zero()})

    def closure(free: Tensor) -> tuple[float, Tensor]:
        weights = free.detach().clone().requires_grad_()
        with torch.enable_grad():
            layers = one.layers(weights)
            left = (_laplacian(layers, inner.points) + source) * inner.rows
            value = _value(layers, edge.points) * edge.rows
            loss = left @ left + value @ value
            (slope,) = torch.autograd.grad(loss, weights)
        return float(loss.detach()), slope

    free, steps = lbfgs(closure, one.free(), start + seconds)
    one.assign(free)
    return one.values, len(free), steps


class _Zero:
    """A field that is nothing, to be left with an equation's source."""

    xx = yy = 0.0


def _laplacian(layers: list[tuple[Tensor, Tensor]], points: Tensor) -> Tensor:
    """``u_xx + u_yy`` of tanh layers on ``(-1, 1)^2``: ``tanh'' = -2 tanh tanh'``."""
    value, slopes = points, torch.eye(2, dtype=torch.float64)[:, None].expand(2, len(points), 2)
    bend = torch.zeros_like(points)
    for k, (weight, bias) in enumerate(layers):
        value, slopes, bend = value @ weight.T + bias, slopes @ weight.T, bend @ weight.T
        if k < len(layers) - 1:
            value = value.tanh()
            rate = 1 - value * value
            bend = rate * bend - 2 * value * rate * slopes.square().sum(0)
            slopes = rate * slopes
    return bend[:, 0]


def _value(layers: list[tuple[Tensor, Tensor]], points: Tensor) -> Tensor:
    for weight, bias in layers[:-1]:
        points = (points @ weight.T + bias).tanh()
    return (points @ layers[-1][0].T + layers[-1][1])[:, 0]


def _published(problem: Problem, one: Any, seed: int) -> System:
    """10,000 points drawn inside, 200 on each side."""
    points = 2 * torch.rand(INSIDE, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) - 1
    return System(problem, {"u": one}, even(problem, 66), points=points)


def lbfgs(
    closure: Callable[[Tensor], tuple[float, Tensor]], start: Tensor, until: float
) -> tuple[Tensor, int]:
    """torch's, by strong Wolfe conditions; returns the best point and the number of iterations."""
    point, best = start.clone().requires_grad_(), (math.inf, start.clone())
    optimizer = torch.optim.LBFGS(
        [point],
        max_iter=10**6,
        max_eval=10**7,
        history_size=10,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-32,
        tolerance_change=1e-32,
    )

    def evaluate() -> Tensor:
        nonlocal best
        if time.perf_counter() > until:
            raise TimeoutError
        loss, slope = closure(point.detach())
        point.grad = slope
        best = min(best, (loss, point.detach().clone()), key=lambda pair: pair[0])
        return torch.tensor(loss, dtype=torch.float64)

    with contextlib.suppress(TimeoutError):
        optimizer.step(evaluate)
    return best[1], int(optimizer.state_dict()["state"][0].get("n_iter", 0))


def best_network(degree: int) -> Callable[[float, int], Trained]:
    """Levenberg-Marquardt, the grid extended whenever little is gained, the last one for the rest of the time."""

    def train(seconds: float, seed: int) -> Trained:
        problem, net, clock, steps = poisson(), network(seed, degree, NESTED[0]), Clock(seconds), 0
        state = _state(problem, open_ansatz(net), CELLS)
        for grid in NESTED:
            if grid != NESTED[0]:
                net = net.refine(grid)
                state = _state(problem, open_ansatz(net), CELLS)
            stall = STANDS if grid == NESTED[-1] else PAYS
            steps += fit(state, clock, steps=10_000, stall=stall).steps  # type: ignore[arg-type]
            if clock.expired:
                break
        return state.unknowns["u"].values, state.count, steps

    return train


def best_small(seconds: float, seed: int) -> Trained:
    """A perceptron about as large as the network, by the same fit; points enough not to be fitted exactly."""
    problem, clock = poisson(), Clock(seconds)
    state = _state(problem, Tanh(problem, "u", SMALL, torch.Generator().manual_seed(seed)), CELLS)
    steps = fit(state, clock, steps=10**6, stall=STANDS).steps  # type: ignore[arg-type]
    return state.unknowns["u"].values, state.count, steps


def best_wide(seconds: float, seed: int) -> Trained:
    """20,601 weights: ``d = -J^T (J J^T + damping)^-1 r``, the same step from the other side."""
    problem, clock = poisson(), Clock(seconds)
    state = _state(problem, Tanh(problem, "u", WIDE, torch.Generator().manual_seed(seed)), FEW_CELLS)
    system, free, damping, growth, steps = state.system(), state.free(), 1e-3, 2.0, 0
    spent = 0.0
    while not clock.expired and clock.left() > spent and damping < 1e12:
        began = clock.seconds
        residual, jacobian = system.linearise(free)
        gram, loss = jacobian @ jacobian.T, float(residual @ residual)
        size = float(gram.diagonal().mean())
        while not clock.expired and damping < 1e12:
            damped = gram + damping * size * torch.eye(len(gram), dtype=torch.float64)
            trial = free - jacobian.T @ torch.linalg.solve(damped, residual)
            if float(system.residual(trial).square().sum()) < loss:
                free, damping, growth, steps = trial, damping / 3, 2.0, steps + 1
                break
            damping, growth = damping * growth, growth * 2
        spent = clock.seconds - began
    state.assign(free)
    return state.unknowns["u"].values, state.count, steps


def _state(problem: Problem, one: Any, cells: int) -> Perceptrons:
    """3 x 3 Gauss points in each cell, 10,000 at 33 cells."""
    return Perceptrons(problem, {"u": one}, even(problem, cells), torch.zeros(0, dtype=torch.float64))


def own(seconds: float, seed: int) -> Trained:
    """The edge built in, sums of products instead of ``[2, 10, 1]``."""
    edge = {"edge": dirichlet("u", 0.0)}
    asked = poisson()
    laws = {name: law.function for name, law in asked.equations.items()}
    solution = solve(Problem("u", asked.domain, laws, edge), max_seconds=seconds, seed=seed)
    return solution, solution.count, sum(level.steps for level in solution.history)


ARMS: dict[str, Callable[[float, int], Trained]] = {
    "published-network": published_network,
    "published-perceptron": published_perceptron,
    "best-network-3": best_network(3),
    "best-network-5": best_network(5),
    "best-wide": best_wide,
    "best-small": best_small,
    "own": own,
}
NAMES = {
    "published-network": ("[2, 10, 1], cubic", "L-BFGS"),
    "published-perceptron": ("4 x 100, tanh", "L-BFGS"),
    "best-network-3": ("[2, 10, 1], cubic", "Levenberg-Marquardt"),
    "best-network-5": ("[2, 10, 1], quintic", "Levenberg-Marquardt"),
    "best-wide": ("4 x 100, tanh", "Levenberg-Marquardt"),
    "best-small": ("3 x 16, tanh", "Levenberg-Marquardt"),
    "own": ("sum of products, quintic", "edgewise.pde.solve"),
}


if __name__ == "__main__":
    main()
