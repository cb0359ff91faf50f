"""The networks of a run that is kept in a folder, one for each checkpoint that is still there."""

import copy
from dataclasses import fields
from pathlib import Path

from edgewise.data import Scales
from edgewise.errors import CheckpointError
from edgewise.large.state import misfit, read_state, steps
from edgewise.network import KAN
from edgewise.train.recorder import Frame


def checkpoints(run: str | Path, network: KAN) -> tuple[Frame, ...]:
    """The networks of the folder that ``fit(network, ..., run=...)`` keeps, by step, in the table's units.

    ``LargeConfig(keep=100, checkpoint_every=50)`` leaves as many of them; the average of the parameters is taken where
    the run keeps one, but not that of ``"schedule-free"``. ``network`` says what was trained; its numbers do not
    matter. Raises ``CheckpointError`` for a folder without checkpoints, or with those of another network.
    """
    folder = Path(run)
    found = steps(folder)
    if not found:
        raise CheckpointError(
            f"{folder} holds no checkpoint: expected a folder that large.fit(..., run=...) wrote"
        )
    return tuple(_frame(folder, step, network) for step in sorted(found))


def _frame(folder: Path, step: int, network: KAN) -> Frame:
    state = read_state(folder, step)
    assert state is not None
    kind = "ema.module." if "ema.n_averaged" in state.tensors else "module."
    tensors = {name.removeprefix(kind): t for name, t in state.tensors.items() if name.startswith(kind)}
    made = copy.deepcopy(network).cpu()
    made = made.to(next(iter(tensors.values())).dtype)
    problem = misfit(tensors, made.state_dict())
    if problem:
        raise CheckpointError(f"{folder} holds another network: {problem}; pass the one that was trained")
    made.load_state_dict(tensors)
    if "scales.input_center" in state.tensors:
        Scales(**{f.name: state.tensors[f"scales.{f.name}"] for f in fields(Scales)}).install(made)
    return Frame(step, made, None)
