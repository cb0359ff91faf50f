"""How an equation is solved, in one frozen record that goes with every solution."""

from dataclasses import dataclass
from math import inf

from edgewise.errors import InputError
from edgewise.splines import MAX_DEGREE

METHODS = ("auto", "least-squares", "variable-projection", "lbfgs")
# Above this many unknowns at a time a step of least squares takes gigabytes and minutes.
LARGE = 3000


@dataclass(frozen=True)
class SolveConfig:
    """Settings of ``edgewise.pde.solve``.

    Args:
        degree: of the splines; must exceed the highest derivative of any equation.
        method: ``"least-squares"`` (Levenberg-Marquardt), ``"variable-projection"`` (the same for linear problems,
            the last factor of every product solved for at every step), ``"lbfgs"`` (gradients only), or ``"auto"``:
            least squares up to ``LARGE`` unknowns at a time, L-BFGS beyond; the message says which and why.
        rank, cells: fixes the network instead of letting it grow: products in the sum, of all windows of time together,
            and cells on each axis.
        adaptive: whether knots move to where the solution bends; ``"residual"`` leaves them and halves, level by level,
            the cells where most is left of the equations.
        max_parameters: the largest network, all unknowns together.
        tolerance: relative error, as estimated, at which to stop.
        max_seconds: time limit of the whole, all starts together.
        seed: of the random start.
        starts: how many random starts are solved; the one with the least residual at held-out points is returned.
        causal: ``epsilon`` of causal weights, by which the first network is fitted where there is time; see
            ``edgewise.pde.causality``. Without, nonlinear problems in time are marched through.
        progress: whether a line on standard error says how it goes.
    """

    degree: int = 5
    method: str = "auto"
    rank: int | None = None
    cells: int | None = None
    adaptive: bool | str = True
    max_parameters: int = 2000
    tolerance: float = 1e-6
    max_seconds: float = 60.0
    seed: int = 0
    starts: int = 1
    causal: float | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.degree <= MAX_DEGREE:
            raise InputError(f"degree={self.degree!r}: expected a whole number from 2 to {MAX_DEGREE}")
        if self.adaptive not in (True, False, "residual"):
            raise InputError(f'adaptive={self.adaptive!r}: expected True, False or "residual"')
        if self.method not in METHODS:
            raise InputError(f"method={self.method!r} is not known; choose one of: {', '.join(METHODS)}")
        for name, value in (
            ("starts", self.starts),
            ("rank", self.rank),
            ("cells", self.cells),
            ("max_parameters", self.max_parameters),
        ):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise InputError(f"{name}={value!r}: expected a whole number of at least 1")
        if self.causal is not None and not 0 < self.causal < inf:
            raise InputError(f"causal={self.causal!r}: expected a positive number, 100.0 for instance")
        if not self.max_seconds > 0 or not self.tolerance > 0:
            raise InputError(
                f"max_seconds={self.max_seconds!r}, tolerance={self.tolerance!r}: expected positive numbers"
            )

    def chosen(self, unknowns: int) -> str:
        """The method for so many unknowns at a time.

        Example:
            >>> SolveConfig().chosen(500), SolveConfig().chosen(5000)
            ('least-squares', 'lbfgs')
        """
        if self.method != "auto":
            return self.method
        return "lbfgs" if unknowns > LARGE else "least-squares"

    def explained(self, method: str) -> str:
        """Why ``method`` was taken, for the message."""
        name = {"lbfgs": "L-BFGS"}.get(method, method.replace("-", " "))
        if self.method != "auto":
            return f"by {name} as asked"
        return f"by {name}, {'more than' if method == 'lbfgs' else 'at most'} {LARGE} unknowns at a time"
