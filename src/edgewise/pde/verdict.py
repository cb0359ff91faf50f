"""What may be said of a solution, from its residuals where it was fitted and where it was not."""

from collections.abc import Sequence
from math import isfinite

from edgewise.pde.fitting import Fitted
from edgewise.pde.levels import Level
from edgewise.pde.state import State

FACTOR = 10.0
SLIGHT = 1e-6
NONSENSE = 0.3


def verdict(
    state: State, fitted: Fitted, elsewhere: dict[str, float], reason: str, history: Sequence[Level]
) -> tuple[str, str]:
    """Status and message: ``reason`` says why the last level was the last."""
    sizes = state.system().sizes(state.free())
    for name in elsewhere:
        share = fitted.by_name[name] / max(sizes[name], 1e-300)
        if not isfinite(fitted.loss) or not share < NONSENSE:
            return "diverged", (
                f"what is left of {name!r} is {share:.0%} of its parts: this is no solution; check signs and "
                "conditions, or give it more cells, time or an easier start (continuation)"
            )
    for name, rest in elsewhere.items():
        if rest > FACTOR * fitted.by_name[name] + SLIGHT * sizes[name]:
            return "unsure", (
                f"the residual of {name!r} is {rest:.1e} between the fitted points and {fitted.by_name[name]:.1e} at "
                "them: do not trust the values; type cells= for more cells"
            )
    last = history[-1]
    known = (
        "its error is not known"
        if last.estimate is None
        else f"the last levels moved it by {last.estimate:.1e}"
    )
    size = f"{last.parameters} parameters, {len(history)} levels"
    return reason, f"{reason}: {known} ({size})"


def worst_share(state: State, fitted: Fitted) -> float:
    """What is left of the worst equation, beside the sizes of its parts."""
    sizes = state.system().sizes(state.free())
    return max(fitted.by_name[name] / max(sizes[name], 1e-300) for name in state.problem.equations)
