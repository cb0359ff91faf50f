"""How an equation is solved, in one frozen record that goes with every solution."""

from dataclasses import dataclass

from edgewise.errors import InputError
from edgewise.splines import MAX_DEGREE


@dataclass(frozen=True)
class SolveConfig:
    """Settings of ``edgewise.pde.solve``.

    Args:
        degree: of the splines; must exceed the highest derivative of any equation.
        rank, cells: fixes the network instead of letting it grow: products in the sum, of all windows of time together,
            and cells on each axis.
        adaptive: whether knots move to where the solution bends.
        max_parameters: the largest network, all unknowns together.
        tolerance: relative error, as estimated, at which to stop.
        max_seconds: time limit of the whole.
        seed: of the random start.
        progress: whether a line on standard error says how it goes.
    """

    degree: int = 5
    rank: int | None = None
    cells: int | None = None
    adaptive: bool = True
    max_parameters: int = 2000
    tolerance: float = 1e-6
    max_seconds: float = 60.0
    seed: int = 0
    progress: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.degree <= MAX_DEGREE:
            raise InputError(f"degree={self.degree!r}: expected a whole number from 2 to {MAX_DEGREE}")
        for name, value in (
            ("rank", self.rank),
            ("cells", self.cells),
            ("max_parameters", self.max_parameters),
        ):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise InputError(f"{name}={value!r}: expected a whole number of at least 1")
        if not self.max_seconds > 0 or not self.tolerance > 0:
            raise InputError(
                f"max_seconds={self.max_seconds!r}, tolerance={self.tolerance!r}: expected positive numbers"
            )
