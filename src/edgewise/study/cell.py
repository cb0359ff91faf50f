"""A cell: one training, fully named. Its key is a hash of everything that its result depends on."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

# raise when the same cell would give another result: other recipes, other tasks, other arms
RECIPE = 1
KEY_LENGTH = 20


@dataclass(frozen=True)
class Cell:
    """``arm`` in ``form``, ``depth`` hidden levels and ``parameters``, trained on ``draw`` of ``task``.

    Args:
        stage: ``"trial"`` (tunes a learning rate on a development task) or ``"main"``.
        arm, form: see ``edgewise.study.arms``.
        task, draw: see ``edgewise.study.tasks``.
        depth: hidden levels, at least 1.
        parameters: trainable parameters to match.
        rows: training rows.
        noise: deviation of noise on training targets, relative to theirs.
        seed: of rows, noise, batches and initial weights; arms with the same seed see the same rows and batches.
        rate: largest learning rate.
        steps, batch_size: length of training.
        intervals: of splines.
        budget: ``"steps"``, or ``"time:ARM"`` for as long as that arm takes.
        recipe: version of what is done with a cell.
    """

    stage: str
    arm: str
    form: str
    task: str
    draw: int
    depth: int
    parameters: int
    rows: int
    noise: float
    seed: int
    rate: float
    steps: int
    batch_size: int
    intervals: int
    budget: str = "steps"
    recipe: int = RECIPE

    @property
    def key(self) -> str:
        """See ``key_of``."""
        return key_of(asdict(self))


def key_of(fields: dict[str, Any]) -> str:
    """The first 20 hexadecimal digits of SHA-256 over the fields as sorted JSON."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
