"""A case: one measurement of a claim, fully named, and what it found. The key is a hash of all it depends on."""

from dataclasses import asdict, dataclass, field

from edgewise.study.cell import key_of

# raise when the same case would give another finding
RECIPE = 1


@dataclass(frozen=True)
class Case:
    """``arm`` on ``task``, for one piece of the study.

    Args:
        piece: ``"accuracy"``, ``"scaling"``, ``"peaks"``, ``"curves"`` or ``"knots"``.
        arm: who learns; the piece's module says which there are.
        task: what is learned.
        seed: of rows, noise and starts; arms with the same seed see the same rows.
        rows: rows to learn from, held-out ones among them.
        noise: deviation of noise on them, relative to the target's.
        seconds: wall-clock limit of one fit.
        sizes: of networks: nodes of two hidden layers, or successive numbers of cells.
        parameters, steps, rate: of networks trained by gradients.
        trial: whether it only tunes.
        recipe: version of what is done with a case.
    """

    piece: str
    arm: str
    task: str
    seed: int
    rows: int = 1000
    noise: float = 0.0
    seconds: float = 0.0
    sizes: tuple[int, ...] = ()
    parameters: int = 0
    steps: int = 0
    rate: float = 0.0
    trial: bool = False
    recipe: int = RECIPE

    @property
    def key(self) -> str:
        """See ``edgewise.study.cell.key_of``."""
        return key_of(asdict(self))


@dataclass(frozen=True)
class Finding:
    """What a case gave; ``status`` is ``"done"`` or ``"failed"``.

    ``error`` is the root mean square on test rows without noise, in the target's units, or a share of wrong answers;
    ``deviation`` that of the target there; ``valid_error`` what the network was chosen by. ``numbers`` is a table that
    the piece's module explains. ``load`` is the machine's average load when the case began, over the last minute.
    """

    status: str
    message: str = ""
    error: float | None = None
    deviation: float | None = None
    valid_error: float | None = None
    shape: str = ""
    parameters: int | None = None
    seconds: float = 0.0
    numbers: list[list[float]] = field(default_factory=list)
    date: str = ""
    version: str = ""
    machine: str = ""
    load: float | None = None
