"""The pages of the catalogue: which functions there are, by name."""

import re

from edgewise.catalogue.elementary import ELEMENTARY
from edgewise.catalogue.function import Function
from edgewise.catalogue.special import SPECIAL
from edgewise.errors import InputError

PAGES: dict[str, dict[str, Function]] = {
    "default": {entry.name: entry for entry in ELEMENTARY},
    "special": {entry.name: entry for entry in SPECIAL},
    "own": {},
}
# What formulas and NumPy call them; a cosine is a sine but for its phase.
_ALSO = {
    "cos": "sine",
    "arcsin": "arcsine",
    "arctan": "arctangent",
    "arcsinh": "inverse hyperbolic sine",
    "arccosh": "inverse hyperbolic cosine",
    "arctanh": "inverse hyperbolic tangent",
    "1/u**2": "inverse square",
    "1/u**3": "inverse cube",
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


def spellings() -> dict[str, str]:
    """Every way to write a function, by its name (``"sine"``) or its text (``"sin"``, ``"sin(u)"``), and its name."""
    names = {name: entry.text for entries in PAGES.values() for name, entry in entries.items()}
    texts = {text: name for name, text in names.items()}
    short = {text.removesuffix("(u)"): name for text, name in texts.items() if text.endswith("(u)")}
    short = {text: name for text, name in short.items() if text.isidentifier()}
    return _ALSO | texts | short | {name: name for name in names}


def spelled(text: str) -> Function:
    """The entry of that name, or of that text in ``u`` or ``x``.

    Example:
        >>> [spelled(text).name for text in ("sine", "sin", "cos", "x^2", "1/x")]
        ['sine', 'sine', 'sine', 'square', 'reciprocal']
    """
    written = re.sub(r"\bx\b", "u", text.strip().replace("^", "**"))
    return function(spellings().get(written, text))


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
