"""Pictures of a solved equation: the field, its residual, its error where the truth is known, and the knots.

matplotlib is imported when a figure is asked for, not before.
"""

from collections.abc import Callable
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
ACROSS = 161


def field_figure(
    solution: "Solution",
    unknown: str | None = None,
    exact: Callable[..., Any] | None = None,
    *,
    size: tuple[float, float | None] | None = None,
) -> "Figure":
    """The field of one unknown over two coordinates with the knots as ticks, and its error beside it.

    Args:
        solution: of a problem in one or two coordinates.
        unknown: which; the first without a name.
        exact: the truth as a function of the coordinates, as tensors; without it there is no error.
        size: ``(width, height)`` in inches; 5.2 for each panel and 4.2 when left out, a height of None keeps the shape.

    Example:
        >>> from edgewise.pde import Interval, Problem, dirichlet, solve
        >>> bar = Problem("u", Interval(x=(0, 1)), {"bend": lambda u: u.xx + 2}, {"ends": dirichlet("u", 0.0)})
        >>> len(field_figure(solve(bar), exact=lambda x: x * (1 - x)).axes)
        2
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from edgewise.view.layout import checked_size

    problem = solution.problem
    name = unknown or problem.unknowns[0]
    if name not in problem.unknowns or len(problem.domain.coordinates) > 2:
        raise InputError(
            f"no picture of {name!r} over {', '.join(problem.domain.coordinates)}: expected one of "
            f"{', '.join(problem.unknowns)} and at most two coordinates"
        )
    panels = [(name, _values(solution, name))]
    if exact is not None:
        panels.append((f"error of {name}", panels[0][1] - _truth(solution, exact)))
    width, height = checked_size(size) or (5.2 * len(panels), None)
    made = Figure(figsize=(width, height or 4.2 / 5.2 * width / len(panels)), layout="constrained")
    FigureCanvasAgg(made)
    for k, (title, values) in enumerate(panels, start=1):
        _panel(made, made.add_subplot(1, len(panels), k), solution, title, values)
    return settled(made)


def _grid(solution: "Solution") -> list[Array]:
    ends = solution.problem.domain.bounds
    return list(np.meshgrid(*(np.linspace(low, high, ACROSS) for low, high in ends), indexing="ij"))


def _values(solution: "Solution", name: str) -> Array:
    """On the grid, NaN outside the domain."""
    import torch

    grid = _grid(solution)
    points = np.stack([axis.ravel() for axis in grid], axis=1)
    found = solution(points)
    values = found[name] if isinstance(found, dict) else found
    inside = solution.problem.domain.inside(torch.from_numpy(points)).numpy()
    return np.where(inside, values, np.nan).reshape(grid[0].shape)


def _truth(solution: "Solution", exact: Callable[..., Any]) -> Array:
    import torch

    grid = _grid(solution)
    return exact(*(torch.from_numpy(axis.ravel()) for axis in grid)).numpy().reshape(grid[0].shape)


def _panel(made: "Figure", axes: "Axes", solution: "Solution", title: str, values: Array) -> None:
    names, ends = solution.problem.domain.coordinates, solution.problem.domain.bounds
    axes.set_title(title)
    axes.set_xlabel(names[-1])
    if len(names) == 1:
        axes.plot(np.linspace(*ends[0], ACROSS), values, color="#0072b2")
        return
    low, high = ends[1]
    image = axes.imshow(values, origin="lower", aspect="auto", extent=(low, high, *ends[0]), cmap="RdBu_r")
    axes.set_ylabel(names[0])
    axes.set_xticks(solution.knots[names[1]], minor=True)
    axes.set_yticks(solution.knots[names[0]], minor=True)
    made.colorbar(image, ax=axes)
