"""A formula set as a title: TeX through matplotlib's own mathtext where it can, plain text where it cannot.

A line too long for its width is set smaller, then broken before a ``+`` or ``-`` outside all brackets, then cut.
"""

import re
import textwrap
from dataclasses import dataclass

from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser

from edgewise.view.words import pretty, text_width

SIZE, SMALLEST, MOST_LINES = 13.0, 8.0, 3


@dataclass(frozen=True)
class Title:
    """Lines of text, their font size in points, the pitch and total height in inches, and whether they are TeX."""

    lines: tuple[str, ...]
    size: float
    math: bool

    @property
    def pitch(self) -> float:
        """Inches from line to line; fractions need more."""
        return self.size / 72 * (2.3 if self.math and any("frac" in line for line in self.lines) else 1.6)

    @property
    def height(self) -> float:
        """Inches of the whole block, with a little air below."""
        return self.pitch * len(self.lines) + (0.12 if self.lines else 0.0)


def title(formula: str | None, width: float) -> Title:
    """A formula in at most ``MOST_LINES`` lines of ``width`` inches.

    TeX is what holds a backslash, ``^{`` or ``_{``, or stands between dollar signs; everything else is plain.
    """
    if not formula or not formula.strip():
        return Title((), SIZE, False)
    text = " ".join(formula.split())
    if re.search(r"\\|[\^_]\{", text) or (len(text) > 2 and text[0] == text[-1] == "$"):
        found = _tex(text.strip("$").strip(), width)
        if found:
            return found
    return _plain(text, width)


def math_width(tex: str, size: float) -> float | None:
    """Inches a TeX formula takes, None when mathtext cannot set it."""
    try:
        return float(MathTextParser("path").parse(f"${tex}$", 72, FontProperties(size=size))[0]) / 72
    except (ValueError, RuntimeError, KeyError, RecursionError):
        return None


def _tex(tex: str, width: float) -> Title | None:
    whole = math_width(tex, SIZE)
    if whole is None or "$" in tex:
        return None
    size = max(SMALLEST, SIZE * min(1.0, width / max(whole, 1e-9)))
    if whole * size / SIZE <= width:
        return Title((f"${tex}$",), size, True)
    lines = _broken(_terms(tex), width, 10.0)
    return Title(tuple(f"${line}$" for line in lines), 10.0, True) if lines else None


def _terms(tex: str) -> list[str]:
    """A formula cut before every ``+`` and ``-`` that no bracket encloses."""
    parts, depth = [""], 0
    for piece in re.findall(r"\\left|\\right|\\[a-zA-Z]+|\\.|.", tex):
        depth += (piece in "({[") - (piece in ")}]") if len(piece) == 1 else 0
        if depth == 0 and piece in "+-" and parts[-1].strip() and not parts[-1].rstrip().endswith(("=", "(")):
            parts.append("")
        parts[-1] += piece
    return parts


def _broken(terms: list[str], width: float, size: float) -> list[str]:
    """Terms gathered into lines; empty when a line cannot be set, an ellipsis at the end when some are left over."""
    lines = [""]
    for term in terms:
        taken = math_width(lines[-1] + term + r"\;\ldots", size)
        if taken is None:
            return []
        if lines[-1] and taken > width:
            if len(lines) == MOST_LINES:
                return [*lines[:-1], lines[-1] + r"\;\ldots"]
            lines.append("")
        lines[-1] += term
    return lines if all((math_width(line, size) or width + 1) <= width for line in lines) else []


def _plain(text: str, width: float) -> Title:
    text = pretty(text)
    size = max(10.0, min(SIZE, width / text_width(text, 1.0)))
    fits = max(12, int(width / text_width("x", size)))
    lines = textwrap.wrap(text, fits, max_lines=MOST_LINES, placeholder=" …", break_long_words=True)
    return Title(tuple(lines), size, False)
