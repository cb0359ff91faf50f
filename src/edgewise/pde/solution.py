"""What ``solve`` returns: the unknowns as functions, and how far they can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.pde.ansatz import Ansatz
from edgewise.pde.config import SolveConfig
from edgewise.pde.fields import Field
from edgewise.pde.levels import Level
from edgewise.pde.problem import Problem
from edgewise.splines import breakpoints

if TYPE_CHECKING:
    import pandas as pd

    from edgewise.pde.discovery import FieldFormulas

STATUSES = ("converged", "stalled", "out of time", "out of parameters", "unsure", "diverged")


@dataclass(frozen=True)
class Solution:
    """Unknowns on networks. Call it, ``solution(x=..., t=...)``, or ask for ``solution.derivative("u", "xx")``.

    ``status`` is one of ``STATUSES`` and ``message`` says why. ``residuals`` are root mean squares by term at the
    points fitted to, ``held_out`` those of the equations elsewhere. ``estimate`` is how far the last levels moved the
    solution; None where there was one level. ``intervals`` are 95 % intervals of parameters.
    """

    problem: Problem
    unknowns: dict[str, Ansatz]
    status: str
    message: str
    residuals: dict[str, float]
    held_out: dict[str, float]
    estimate: float | None
    seconds: float
    history: tuple[Level, ...]
    config: SolveConfig
    parameters: dict[str, float]
    intervals: dict[str, tuple[float, float]]

    @property
    def count(self) -> int:
        """Spline weights and parameters that were found."""
        return self.history[-1].parameters

    @property
    def networks(self) -> dict[str, KAN]:
        """The network of every unknown; pinned values, if any, are added to what it gives (see ``Ansatz.lift``)."""
        return {name: one.network for name, one in self.unknowns.items()}

    @property
    def breakpoints(self) -> Float[Tensor, "axes cells_and_1"]:
        """Ends of the cells along every axis."""
        edges = next(iter(self.unknowns.values())).network.kan_layers[0].spline
        return breakpoints(edges.knots, edges.degree)

    @property
    def knots(self) -> dict[str, list[float]]:
        """Ends of the cells by coordinate."""
        return dict(zip(self.problem.domain.coordinates, self.breakpoints.tolist(), strict=True))

    def __call__(self, points: Any = None, /, **coordinates: Any) -> Any:
        """Values at rows ``points (n, coordinates)``, or at coordinates by name, which broadcast.

        One unknown gives its values, several a dictionary. Tensors come back as tensors, differentiable in the
        coordinates; anything else as NumPy arrays.
        """
        rows, shape, as_tensor = self._rows(points, coordinates)
        found = {name: _returned(one.values(rows), shape, as_tensor) for name, one in self.unknowns.items()}
        return found if len(found) > 1 else next(iter(found.values()))

    def derivative(
        self, unknown: str, by: str | Sequence[str], points: Any = None, /, **coordinates: Any
    ) -> Any:
        """``d u / d by`` at points, ``by`` as in ``"xx"`` or ``["x1", "x1"]``; exact, from the splines."""
        if unknown not in self.unknowns:
            raise InputError(f"no unknown is called {unknown!r}; choose one of: {', '.join(self.unknowns)}")
        rows, shape, as_tensor = self._rows(points, coordinates)
        values = self.unknowns[unknown].derivative(rows.detach(), self.problem.index(unknown, by))
        return _returned(values, shape, as_tensor)

    def residual(self, equation: str, points: Any = None, /, **coordinates: Any) -> Any:
        """What is left of an equation, by name, at points, with the parameters that were found."""
        if equation not in self.problem.equations:
            known = ", ".join(self.problem.equations)
            raise InputError(f"no equation is called {equation!r}; choose one of: {known}")
        if self.problem.equations[equation].is_energy:
            raise InputError(
                f"{equation!r} is an energy, which leaves no residual: expected another equation"
            )
        rows, shape, as_tensor = self._rows(points, coordinates)
        rows, names = rows.detach(), self.problem.domain.coordinates
        fields: dict[str, Any] = {
            name: Field(name, names, partial(one.derivative, rows)) for name, one in self.unknowns.items()
        }
        fields |= {name: torch.tensor(value) for name, value in self.parameters.items()}
        found = self.problem.evaluate(self.problem.equations[equation], rows, fields)
        return _returned(found.detach(), shape, as_tensor)

    def table(self, per_axis: int = 50) -> "pd.DataFrame":
        """Coordinates and unknowns as columns, rows at the points of an even grid that lie in the domain."""
        import pandas as pd

        if per_axis < 2:
            raise InputError(f"per_axis={per_axis!r}: expected at least 2 points along every axis")
        domain = self.problem.domain
        axes = [torch.linspace(low, high, per_axis, dtype=torch.float64) for low, high in domain.bounds]
        rows = torch.cartesian_prod(*axes).reshape(-1, len(axes))
        rows = rows[domain.inside(rows)]
        columns = dict(zip(domain.coordinates, rows.T.numpy(), strict=True))
        columns |= {name: one.values(rows).detach().numpy() for name, one in self.unknowns.items()}
        return pd.DataFrame(columns)

    def save(self, folder: str | Path) -> Path:
        """Writes networks, domain and record into a folder (see ``edgewise.pde.storage``); returns the folder."""
        from edgewise.pde.storage import save

        return save(self, folder)

    def to_formula(self, *, max_seconds: float = 120.0, seed: int = 0) -> "FieldFormulas":
        """Every unknown written as a formula, where it has one, and put into the equations again to see."""
        from edgewise.pde.discovery import field_formulas

        return field_formulas(self, max_seconds=max_seconds, seed=seed)

    def _rows(self, points: Any, coordinates: dict[str, Any]) -> tuple[Tensor, tuple[int, ...], bool]:
        names = self.problem.domain.coordinates
        if points is None:
            if set(coordinates) != set(names):
                given = ", ".join(coordinates) or "nothing"
                raise InputError(f"a solution in {', '.join(names)} got {given}; type {_call(names)}")
            given = [coordinates[name] for name in names]
        else:
            given = [points]
        as_tensor = any(isinstance(one, Tensor) for one in given)
        tensors = [torch.as_tensor(one, dtype=torch.float64) for one in given]
        if points is None:
            axes = torch.broadcast_tensors(*tensors)
            return torch.stack([a.reshape(-1) for a in axes], dim=1), tuple(axes[0].shape), as_tensor
        if tensors[0].ndim != 2 or tensors[0].shape[1] != len(names):
            raise InputError(f"points have shape {tuple(tensors[0].shape)}: expected (n, {len(names)})")
        return tensors[0], (len(tensors[0]),), as_tensor


def _returned(values: Tensor, shape: tuple[int, ...], as_tensor: bool) -> Any:
    values = values.reshape(shape)
    return values if as_tensor else values.detach().numpy()


def _call(names: Sequence[str]) -> str:
    return f"solution({', '.join(f'{name}=...' for name in names)})"
