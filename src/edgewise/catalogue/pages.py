"""The pages of the catalogue: which functions there are, by name."""

from edgewise.catalogue.elementary import ELEMENTARY
from edgewise.catalogue.function import Function
from edgewise.catalogue.special import SPECIAL
from edgewise.errors import InputError

PAGES: dict[str, dict[str, Function]] = {
    "default": {entry.name: entry for entry in ELEMENTARY},
    "special": {entry.name: entry for entry in SPECIAL},
    "own": {},
}
_BUILT_IN = {entry.name: entry for entry in (*ELEMENTARY, *SPECIAL)}


def page(name: str) -> tuple[Function, ...]:
    """The functions on the page ``"default"``, ``"special"`` or ``"own"``.

    Example:
        >>> [entry.text for entry in page("special")][:2]
        ['besselj(0, u)', 'besselj(1, u)']
    """
    if name not in PAGES:
        raise InputError(f"no page is called {name!r}; choose one of: {', '.join(PAGES)}")
    return tuple(PAGES[name].values())


def function(name: str) -> Function:
    """The catalogue entry of that name, on whichever page it stands.

    Example:
        >>> function("sine").text
        'sin(u)'
    """
    for entries in PAGES.values():
        if name in entries:
            return entries[name]
    known = ", ".join(sorted(name for entries in PAGES.values() for name in entries))
    raise InputError(f"no function is called {name!r}; choose one of: {known}")


def register(entry: Function) -> Function:
    """Puts a function on the page ``"own"``, from where ``function`` finds it by name; returns it.

    The page lasts as long as the process. Raises ``InputError`` for a name that is taken.
    """
    if any(entry.name in entries for entries in PAGES.values()):
        raise InputError(
            f"the catalogue has a function called {entry.name!r}; choose another name, "
            f"or forget({entry.name!r}) first if it is your own"
        )
    PAGES["own"][entry.name] = entry
    return entry


def forget(name: str) -> None:
    """Takes a function off the page ``"own"``."""
    if PAGES["own"].pop(name, None) is None:
        raise InputError(f"no function of your own is called {name!r}; there are: {', '.join(PAGES['own'])}")


def is_built_in(entry: Function) -> bool:
    """Whether an entry is one that every installation has."""
    return _BUILT_IN.get(entry.name) is entry
