"""Pictures of a solved equation: its fields, residuals, errors where the truth is known, and the knots.

matplotlib is imported when a figure is asked for, not before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgewise.errors import InputError
from edgewise.view.figure import settled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from edgewise.pde.solution import Solution

Array = NDArray[np.float64]
Exact = Callable[..., Any]
ACROSS = 161
DECADES = 5
NEGLIGIBLE = 0.01
LINE, KNOTS = "#0072b2", "#888888"


def field_figure(
    solution: "Solution",
    unknown: str | None = None,
    exact: Exact | Mapping[str, Any] | None = None,
    *,
    residuals: bool = True,
    at: Mapping[str, float] | None = None,
    size: tuple[float, float | None] | None = None,
) -> "Figure":
    """Fields over one or two coordinates, errors, and the size of every equation's residual.

    Knots are ticks beside the fields and lines over the residuals, which are shown over ``DECADES`` decades.

    Args:
        solution: what ``solve`` or ``load`` gave.
        unknown: which; all without a name.
        exact: the truth as a function of the coordinates, as tensors, or such functions by unknown.
        residuals: whether they are drawn too, where the solution holds equations.
        at: coordinates that are held fast, ``{"t": 0.5}``, where there are more than two.
        size: ``(width, height)`` in inches; 4.8 by 4 for each panel when left out, a height of None keeps the shape.

    Example:
        >>> from edgewise.pde import Interval, Problem, dirichlet, solve
        >>> bar = Problem("u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + 2}, {"ends": dirichlet("u", 0.0)})
        >>> [axes.get_title() for axes in field_figure(solve(bar), exact=lambda x: x * (1 - x)).axes]
        ['u', 'error of u', 'residual of bend']
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from edgewise.view.layout import checked_size

    names = solution.problem.unknowns if unknown is None else (unknown,)
    if unsolved := set(names) - set(solution.problem.unknowns):
        known = ", ".join(solution.problem.unknowns)
        raise InputError(f"no picture of {unsolved.pop()!r}: expected one of {known}")
    plane = _plane(solution, at or {})
    panels = [*_fields(solution, plane, names, exact)]
    panels += _residuals(solution, plane) if residuals else []
    columns = len(names) if len(names) > 1 else min(len(panels), 3)
    rows = ceil(len(panels) / columns)
    width, height = checked_size(size) or (4.8 * columns, None)
    made = Figure(figsize=(width, height or 4.0 / 4.8 * width * rows / columns), layout="constrained")
    FigureCanvasAgg(made)
    for k, panel in enumerate(panels, start=1):
        panel.draw(made, made.add_subplot(rows, columns, k), plane)
    return settled(made)


@dataclass(frozen=True)
class _Plane:
    """The grid of a picture: coordinates, the one across first, their ends and knots, points and which lie inside."""

    names: tuple[str, ...]
    ends: tuple[tuple[float, float], ...]
    knots: tuple[Sequence[float], ...]
    points: Array
    inside: NDArray[np.bool_]
    held: str

    def on_grid(self, values: Array) -> Array:
        """Values at points as ``(up, across)``, NaN outside the domain."""
        shown = np.where(self.inside, values, np.nan)
        return shown.reshape([ACROSS] * len(self.names))


def _plane(solution: "Solution", at: Mapping[str, float]) -> _Plane:
    import torch

    domain = solution.problem.domain
    if unknown := set(at) - set(domain.coordinates):
        raise InputError(f"at= names {unknown.pop()!r}: expected some of {', '.join(domain.coordinates)}")
    names = [name for name in domain.coordinates if name not in at]
    if not 1 <= len(names) <= 2:
        fixed = ", ".join(f"{name!r}: ..." for name in domain.coordinates[2:])
        raise InputError(f"a picture over {len(names)} coordinates: expected one or two; type at={{{fixed}}}")
    if names[-1] == "t":
        names.reverse()  # time goes to the right
    ends = tuple(domain.bounds[domain.coordinates.index(name)] for name in names)
    grid = np.meshgrid(*(np.linspace(low, high, ACROSS) for low, high in reversed(ends)), indexing="ij")
    columns = dict(zip(reversed(names), (axis.ravel() for axis in grid), strict=True))
    columns |= {name: np.full(grid[0].size, float(value)) for name, value in at.items()}
    points = np.stack([columns[name] for name in domain.coordinates], axis=1)
    inside = domain.inside(torch.from_numpy(points)).numpy()
    knots = tuple(solution.knots[name] for name in names)
    held = ", ".join(f"{name} = {value:g}" for name, value in at.items())
    return _Plane(tuple(names), ends, knots, points, inside, f" at {held}" if held else "")


def _fields(
    solution: "Solution", plane: _Plane, names: Sequence[str], exact: Exact | Mapping[str, Any] | None
) -> "list[_Panel]":
    import torch

    found = solution(plane.points)
    values = found if isinstance(found, dict) else {solution.problem.unknowns[0]: found}
    truths = exact if isinstance(exact, Mapping) else dict.fromkeys(names, exact)
    panels = [_Panel(f"{name}{plane.held}", plane.on_grid(values[name]), "field") for name in names]
    for name in names:
        truth = truths.get(name)
        if callable(truth):
            right = np.asarray(truth(*torch.from_numpy(plane.points).T))
            error = plane.on_grid(values[name] - right)
            panels.append(_Panel(f"error of {name}{plane.held}", error, "error"))
    return panels


def _residuals(solution: "Solution", plane: _Plane) -> "list[_Panel]":
    if not solution.problem.laws():
        return []
    points = plane.points[plane.inside]
    panels = []
    for name in (name for name, law in solution.problem.equations.items() if not law.is_energy):
        values = np.full(len(plane.points), np.nan)
        values[plane.inside] = np.abs(solution.residual(name, points))
        panels.append(_Panel(f"residual of {name}{plane.held}", plane.on_grid(values), "residual"))
    return panels


@dataclass(frozen=True)
class _Panel:
    """One picture of values on the grid; ``kind`` is ``"field"``, ``"error"`` or ``"residual"``."""

    title: str
    values: Array
    kind: str

    def draw(self, made: "Figure", axes: "Axes", plane: _Plane) -> None:
        axes.set_title(self.title)
        axes.set_xlabel(plane.names[0])
        if len(plane.names) == 1:
            self._line(axes, plane)
            return
        (left, right), (low, high) = plane.ends
        image = axes.imshow(
            self.values,
            origin="lower",
            extent=(left, right, low, high),
            aspect="auto" if "t" in plane.names else "equal",
            interpolation="nearest",
            **self._colours(),
        )
        axes.set_ylabel(plane.names[1])
        for k, own in enumerate((axes.xaxis, axes.yaxis)):
            own.set_ticks(plane.knots[k], minor=True)
        if self.kind == "residual":
            axes.grid(which="minor", color="white", linewidth=0.3, alpha=0.6)
        made.colorbar(image, ax=axes, shrink=0.85)

    def _line(self, axes: "Axes", plane: _Plane) -> None:
        along = np.linspace(*plane.ends[0], ACROSS)
        draw = axes.semilogy if self.kind == "residual" else axes.plot
        draw(along, self.values, color=LINE, linewidth=1.2)
        axes.xaxis.set_ticks(plane.knots[0], minor=True)
        for knot in plane.knots[0]:
            axes.axvline(knot, color=KNOTS, linewidth=0.4, alpha=0.5)

    def _colours(self) -> dict[str, Any]:
        from matplotlib.colors import LogNorm

        largest = float(np.nanmax(np.abs(self.values)))
        if self.kind == "residual":
            largest = max(largest, 1e-300)
            return {"cmap": "viridis", "norm": LogNorm(largest * 10.0**-DECADES, largest, clip=True)}
        crosses = min(-np.nanmin(self.values), np.nanmax(self.values)) > NEGLIGIBLE * largest
        if self.kind == "field" and not crosses:
            return {"cmap": "viridis"}
        return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
