"""One matplotlib figure of a network: every edge's curve on its edge.

matplotlib is imported when a figure is asked for, not before.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise.network import KAN
from edgewise.view.picture import picture
from edgewise.view.writing import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(
    net: KAN,
    X: Any,
    *,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    formula: str | None = None,
) -> "Figure":
    """A figure of a network on a batch, inputs at the bottom, returned and not shown or written.

    A box on every edge holds the edge's function over the range the batch visits. Blue is a spline, vermilion a
    fixed function; a strong line and a dark curve matter more (see ``edgewise.view.shares``); removed edges are absent.

    Args:
        net, X, feature_names, target_names: as in ``edgewise.view.picture``.
        formula: title, TeX or plain text.

    Example:
        >>> import torch
        >>> made = figure(KAN([2, 3, 1]), torch.rand(50, 2), formula="y = x1 x2")
        >>> type(made).__name__
        'Figure'
    """
    from edgewise.view.drawing import draw

    return draw(picture(net, X, feature_names, target_names), formula)


def save_svg(figure: "Figure", path: str | Path) -> Path:
    """Writes a figure as SVG, the same bytes each time, letters as outlines; the file appears whole or not at all.

    Example:
        >>> import tempfile, torch
        >>> made = figure(KAN([2, 1]), torch.rand(9, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_svg(made, f"{folder}/net.svg").name
        'net.svg'
    """
    with replacing(path) as temporary:
        temporary.write_text(svg_text(figure, "path"), encoding="utf-8")
    return Path(path)


def svg_text(figure: "Figure", letters: str) -> str:
    """A figure as SVG text without dates; ``letters`` are ``"path"`` (outlines) or ``"none"`` (text)."""
    from io import StringIO

    from matplotlib import rc_context

    empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    written = StringIO()
    with rc_context({"svg.hashsalt": "edgewise", "svg.fonttype": letters}), warnings.catch_warnings():
        # A name in a script the font lacks is no reason to fail: SVG text finds another font, outlines show a box.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
        figure.savefig(written, format="svg", metadata=empty)
    return written.getvalue()
