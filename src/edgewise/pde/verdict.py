"""What may be said of a solution, from its residuals where it was fitted and where it was not."""

from collections.abc import Sequence
from math import isfinite

from edgewise.pde.fitting import Fitted
from edgewise.pde.levels import Level
from edgewise.pde.state import State

FACTOR = 10.0
SLIGHT = 1e-6
NONSENSE = 0.3
COARSE = 0.02


def verdict(
    state: State, fitted: Fitted, elsewhere: dict[str, float], reason: str, history: Sequence[Level]
) -> tuple[str, str]:
    """Status and message: ``reason`` says why the last level was the last."""
    sizes = state.system(share=True).sizes(state.free())
    energies = {name for name, law in state.problem.equations.items() if law.is_energy}
    for name in energies:
        if not abs(elsewhere[name] - fitted.by_name[name]) <= COARSE * abs(elsewhere[name]):
            return "unsure", (
                f"the energy {name!r} is {elsewhere[name]:.3e} at other points than the fitted ones and "
                f"{fitted.by_name[name]:.3e} at them: type cells= for more cells"
            )
    for name in elsewhere.keys() - energies:
        share = fitted.by_name[name] / max(sizes[name], 1e-300)
        if not isfinite(fitted.loss) or not share < NONSENSE:
            return "diverged", (
                f"what is left of {name!r} is {share:.0%} of its parts: this is no solution; check signs and "
                "conditions, or give it more cells, time or an easier start (continuation)"
            )
    for name, rest in elsewhere.items():
        if name not in energies and rest > FACTOR * fitted.by_name[name] + SLIGHT * sizes[name]:
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
    sizes = state.system(share=True).sizes(state.free())
    names = [name for name, law in state.problem.equations.items() if not law.is_energy]
    return max((fitted.by_name[name] / max(sizes[name], 1e-300) for name in names), default=0.0)
