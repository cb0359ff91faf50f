"""One matplotlib figure of a network, and how figures are written: letters as text, the same bytes each time.

matplotlib is imported when a figure is asked for, not before.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.view.picture import picture
from edgewise.view.writing import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 300
_UNSIGNED: dict[str, dict[str, None]] = {
    ".svg": dict.fromkeys(("Date", "Creator", "Format", "Type")),
    ".pdf": dict.fromkeys(("CreationDate", "Creator", "Producer")),
    ".png": {"Software": None},
}


def figure(
    net: KAN,
    X: Any,
    *,
    size: tuple[float, float | None] | None = None,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    formula: str | None = None,
) -> "Figure":
    """A figure of a network on a batch, inputs at the bottom, returned and not shown or written.

    A box on every edge holds the edge's function over the range the batch visits. A blue square is a spline, a
    vermilion octagon a fixed function; a strong line and a dark curve matter more (see ``edgewise.view.shares``);
    removed edges are absent.

    Args:
        net, X, feature_names, target_names: as in ``edgewise.view.picture``.
        size: ``(width, height)`` in inches, such as ``(3.5, None)`` for one column of a journal and ``(7, 4)`` for
            two; None leaves the height, or both, to the picture. Letters keep their size, 6 points at least.
        formula: title, TeX or plain text.

    Raises ``InputError`` for a size that cannot hold the network.

    Example:
        >>> import torch
        >>> made = figure(KAN([2, 3, 1]), torch.rand(50, 2), formula="y = x1 x2")
        >>> type(made).__name__
        'Figure'
    """
    from edgewise.view.drawing import draw
    from edgewise.view.layout import checked_size

    return draw(picture(net, X, feature_names, target_names), formula, size=checked_size(size))


def save_figure(figure: "Figure", path: str | Path) -> Path:
    """Writes a figure as ``.svg``, ``.pdf`` or ``.png`` (300 dots an inch), whole or not at all.

    The same figure gives the same bytes: nothing inside says when or by whom. Letters in SVG and PDF are text that
    can be searched, selected and edited; a PDF brings its fonts along (TrueType, which journals ask for), an SVG names
    them.

    Example:
        >>> import tempfile, torch
        >>> made = figure(KAN([2, 1]), torch.rand(9, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_figure(made, f"{folder}/net.pdf").name
        'net.pdf'
    """
    ending = Path(path).suffix.lower()
    if ending not in _UNSIGNED:
        raise InputError(f"{str(path)!r} ends in {ending!r}: expected .svg, .pdf or .png; type 'figure.pdf'")
    with replacing(path) as temporary:
        if ending == ".svg":
            temporary.write_text(svg_text(figure, "none"), encoding="utf-8")
        else:
            with _settings("none"):
                figure.savefig(temporary, format=ending[1:], dpi=DOTS, metadata=_UNSIGNED[ending])
    return Path(path)


def settled(figure: "Figure") -> "Figure":
    """The figure with its parts where the layout puts them, and no layout that would shift them by a hair each time."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def svg_text(figure: "Figure", letters: str) -> str:
    """A figure as SVG text without dates; ``letters`` are ``"path"`` (outlines) or ``"none"`` (text)."""
    written = StringIO()
    with _settings(letters):
        figure.savefig(written, format="svg", metadata=_UNSIGNED[".svg"])
    return written.getvalue()


@contextmanager
def _settings(letters: str) -> Iterator[None]:
    """What makes files of figures alike."""
    from matplotlib import rc_context

    settings: Any = {"svg.hashsalt": "edgewise", "svg.fonttype": letters, "pdf.fonttype": 42}
    with rc_context(settings), warnings.catch_warnings():
        # A name in a script the font lacks is no reason to fail: SVG text finds another font, outlines show a box.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
        yield
