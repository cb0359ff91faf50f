"""The line below a picture: what colours and shapes mean, what was left out; two lines where one is too long."""

from dataclasses import dataclass

from edgewise.view.picture import Picture
from edgewise.view.words import fitted, text_width

POINTS = 7.5
SAMPLE, SPACE = 0.35, 0.18
WORDS = {"spline": "spline", "symbolic": "fixed function"}


@dataclass(frozen=True)
class Caption:
    """``keys`` are kind, text and width with its sample; ``heights`` are those of the keys and of the note.

    All in inches; both heights agree on one line, and ``height`` is the room that the caption takes.
    """

    keys: tuple[tuple[str, str, float], ...]
    note: str
    heights: tuple[float, float]
    height: float


def caption(picture: Picture, drawn: int, width: float) -> Caption:
    """The caption of a picture with ``drawn`` curves on ``width`` inches."""
    kinds = {edge.kind for layer in picture.edges for edge in layer}
    keys = tuple(
        (kind, text, SAMPLE + text_width(text, POINTS) + SPACE)
        for kind, text in WORDS.items()
        if kind in kinds
    )
    note = _note(sum(map(len, picture.edges)), drawn)
    taken = sum(key[2] for key in keys)
    if taken + text_width(note, POINTS) <= width:
        return Caption(keys, note, (0.2, 0.2), 0.42)
    return Caption(keys, fitted(note, width, POINTS), (0.36, 0.17), 0.58)


def _note(total: int, drawn: int) -> str:
    if drawn == total:
        return "stronger line: matters more" if total else "no edges left"
    return f"the {drawn} curves that matter most of {total} edges"
