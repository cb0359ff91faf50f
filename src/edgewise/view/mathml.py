"""Presentation MathML as nested lists, from which a page builds elements without ever parsing text as markup.

``<msup><mi>x</mi><mn>2</mn></msup>`` becomes ``["msup", ["mi", "x"], ["mn", "2"]]``. Only the tags of mathematics are
kept, and no attributes but the four that change how a formula looks, so nothing that came in a file can run.
"""

from typing import Any
from xml.etree import ElementTree

_PARTS = ("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mtable", "mtr", "mtd")
_SHAPES = ("mfrac", "msqrt", "mroot", "msup", "msub", "msubsup", "mfenced", "mover", "munder")
TAGS = frozenset((*_PARTS, *_SHAPES))
ATTRIBUTES = frozenset({"mathvariant", "fence", "stretchy", "displaystyle"})
LONGEST = 200_000


def math_tree(text: str) -> list[Any] | None:
    """The tree of a formula in MathML; None for text that is something else."""
    if not text or len(text) > LONGEST or "<!" in text:
        return None
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
    found = _element(root)
    return found if found and found[0] == "math" else None


def _element(element: ElementTree.Element) -> list[Any] | None:
    tag = element.tag.rpartition("}")[2]
    if tag not in TAGS:
        return None
    kept = {name: value for name, value in element.attrib.items() if name in ATTRIBUTES}
    parts: list[Any] = [tag, *([kept] if kept else [])]
    if element.text and element.text.strip():
        parts.append(element.text.strip())
    inner = [_element(child) for child in element]
    return None if None in inner else [*parts, *inner]
