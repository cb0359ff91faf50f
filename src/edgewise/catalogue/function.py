"""One entry of the catalogue: a function of one variable, its slope, its text and its interval."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, SupportsIndex

from torch import Tensor

Unary = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Function:
    """A named one-dimensional function ``f(u; p)`` with its derivative.

    ``value`` and ``slope`` map ``(u, p)`` to ``f`` and ``df/du``; ``p`` is ignored by all but power laws.
    ``free`` holds the letters of the identifiable inner constants, and ``sign`` says that ``a`` is -1 or 1.
    ``low`` and ``high`` bound the open interval of ``u`` where the function is defined. ``complexity`` counts
    the nodes a reader has to take in.
    """

    name: str
    text: str
    value: Unary = field(repr=False)
    slope: Unary = field(repr=False)
    complexity: int = 2
    free: str = "ab"
    sign: bool = False
    low: float = -inf
    high: float = inf

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """Entries that come with the library pickle by name; a user's own function by its parts."""
        from edgewise.catalogue.pages import function, is_built_in

        if is_built_in(self):
            return function, (self.name,)
        return super().__reduce_ex__(protocol)
