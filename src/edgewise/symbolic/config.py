"""What a search is asked for: how long, with what, and who is told of its progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgewise.errors import InputError

if TYPE_CHECKING:
    from edgewise.symbolic.candidates import Candidate
    from edgewise.symbolic.parser import Expression

Listener = Callable[[Sequence["Candidate"]], None]
Judge = Callable[["Expression"], bool]


@dataclass(frozen=True)
class SearchConfig:
    """The settings of one search.

    Args:
        max_seconds: time limit; the best so far is kept.
        seed: of the rows held out and of initial networks.
        n_jobs: processes, as in joblib; ``None`` is one.
        progress: whether a line on standard error tells how far it is.
        functions: names of the catalogue functions a formula may use; ``None`` allows every one on the default page.
            Arithmetic and whole powers are always allowed.
        required: names of columns every formula must hold.
        guesses: formulas to start from, as text in the names of the columns; their numbers are fitted.
        accept: which expressions may be reported, as for consistent units; ``None`` allows all.
        listener: called with the candidates so far whenever one is added or replaced.
    """

    max_seconds: float = 60.0
    seed: int = 0
    n_jobs: int | None = None
    progress: bool = False
    functions: tuple[str, ...] | None = None
    required: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()
    accept: Judge | None = field(default=None, repr=False)
    listener: Listener | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.max_seconds > 0:
            raise InputError(f"max_seconds={self.max_seconds!r}: expected a positive number")
