"""A trial: one training of one host, fully named, and its outcome. The key is a hash of all it depends on."""

from dataclasses import asdict, dataclass, field

from edgewise.study.cell import key_of

# raise when the same trial of any host would give another outcome; a host's own version is Host.recipe
RECIPE = 1


@dataclass(frozen=True)
class Trial:
    """``arm`` in the slot of ``host``, under one of the host's conditions.

    Args:
        host: see ``edgewise.study.hosts.HOSTS``.
        arm: what stands in the slot, see ``edgewise.study.hosts.slot``.
        condition: of the host, see ``Host.conditions``.
        seed: of data, batches and initial weights; trials with the same seed and condition see the same data and
            batches whatever their arm.
        rate: largest learning rate; 0 where the host has none.
        steps: length of training.
        size: the host's own dial of how large a thing is trained, 1 in the full study.
        stage: ``"tuning"`` or ``"main"``.
        budget: ``"steps"``, or ``"time:ARM"`` for as long as that arm takes.
        recipe: version of what is done with a trial.
    """

    host: str
    arm: str
    condition: str
    seed: int
    rate: float
    steps: int
    size: float = 1.0
    stage: str = "main"
    budget: str = "steps"
    recipe: int = RECIPE

    @property
    def key(self) -> str:
        """See ``edgewise.study.cell.key_of``."""
        return key_of(asdict(self))


@dataclass(frozen=True)
class Outcome:
    """What a trial gave; ``status`` is ``"done"``, ``"diverged"`` or ``"failed"``.

    Args:
        error: on test data, positive and lower is better, so that differences of log10 can be taken: a loss, a mean
            square error, or the odds (wrong + 1/2) / (right + 1/2) of an accuracy. A training that diverged has the
            error of who knows nothing, never None.
        chance: the error of who knows nothing (predicts the mean, guesses).
        valid: what tuning chooses by, lower is better.
        numbers: other figures by name, which the host's module explains.
        parameters: of the whole model; ``in_slots`` those of the slots.
        spline_share: of the energy of learned functions, see ``edgewise.study.hosts.shares``; None without splines.
        spline_damage: log10 of the error without splines over that with them.
        seconds: of training.
    """

    status: str
    message: str = ""
    error: float | None = None
    chance: float | None = None
    valid: float | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    parameters: int | None = None
    in_slots: int | None = None
    spline_share: float | None = None
    spline_damage: float | None = None
    seconds: float = 0.0
    date: str = ""
    version: str = ""
    machine: str = ""
    load: float | None = None
