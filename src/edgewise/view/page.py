"""One HTML file that shows a network: formulas, picture, every edge's function, held-out rows, data and settings.

The file asks nothing of the network: style, script and pictures are inside, and a content policy forbids the browser to
load or send anything. Names and texts are escaped, so a column called ``<script>`` is only a column.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from edgewise.data import as_matrix
from edgewise.network import KAN
from edgewise.view import sections
from edgewise.view.figure import svg_text
from edgewise.view.picture import Node, Picture, picture
from edgewise.view.report import Report, checked_report
from edgewise.view.writing import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMULA_WIDTH = 9.5
NOTHING_ELSE = "base-uri 'none'; form-action 'none'"


def page(
    net: KAN,
    X: Any,
    path: str | Path,
    *,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    report: Mapping[str, Any] | None = None,
) -> Path:
    """Writes one self-contained HTML file about a network on a batch; it appears whole or not at all.

    Args:
        net, X, feature_names, target_names: as in ``edgewise.view.picture``.
        path: the file to write, in a folder that exists.
        report: a dict with any of ``title``, ``status``, ``message``, ``formulas`` (dicts of ``complexity``, ``loss``,
            ``equation``, ``latex``, ``chosen``), ``observed`` and ``predicted`` (held-out rows), ``settings`` (a dict),
            ``rows``, ``seconds``.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page(KAN([2, 3, 1]), torch.rand(50, 2), f"{folder}/net.html", report={"title": "Yield"}).name
        'net.html'
    """
    made = picture(net, X, feature_names, target_names)
    checked = checked_report(report, net.out_features)
    body = _body(made, as_matrix(X, "X").numpy(), checked)
    with replacing(path) as temporary:
        temporary.write_text(_document(str(checked.title), body), encoding="utf-8", errors="replace")
    return Path(path)


def _body(made: Picture, X: Any, report: Report) -> str:
    """Header, contents and all sections."""
    targets = tuple(node.label for node in made.nodes[-1])
    parts = [("network", "Network", _network(made))]
    if report.chosen:
        drawn = _formula(report.chosen.latex)
        parts.insert(0, ("formula", "Formula", sections.formula_section(report.chosen, drawn)))
    if report.formulas:
        parts.append(("formulas", "All formulas", sections.formulas_section(report.formulas)))
    if report.observed is not None and report.predicted is not None:
        plot = sections.held_out_section(report.observed, report.predicted, targets)
        parts.append(("held-out", "Predicted against observed", plot))
    parts.append(("edges", "Edges", sections.edges_section(made)))
    parts.append(("data", "Data", sections.data_section(X, made.nodes[0], targets)))
    if report.settings:
        parts.append(("settings", "Settings", sections.settings_section(report.settings.items())))
    contents = "".join(f'<a href="#{name}">{heading}</a>' for name, heading, _ in parts)
    nav = f'<nav aria-label="Contents">{contents}</nav>'
    return f"<header>{sections.header(report, made)}{nav}</header>" + "".join(text for _, _, text in parts)


def _network(made: Picture) -> str:
    """The picture as inline SVG, every box leading to its edge's card."""
    from edgewise.view.drawing import draw

    drawn = draw(made, links=sections.anchor)
    width = float(drawn.get_size_inches()[0])
    ends = " to ".join(_listed(level) for level in (made.nodes[0], made.nodes[-1]))
    label = f"Network of {sum(map(len, made.edges))} edges from {ends}"
    style = f"--width:{96 * width:.0f}px"
    caption = (
        "Inputs below, outputs above; every box is a function on an edge. Choose a box to go to its card."
    )
    svg = inline_svg(drawn, label, "none", style)
    return sections.section(
        "network", "Network", f'<figure class="picture">{svg}<figcaption>{caption}</figcaption></figure>'
    )


def _listed(level: tuple[Node, ...]) -> str:
    return ", ".join(node.label for node in level) if len(level) <= 8 else f"{len(level)} nodes"


def _formula(latex: str) -> str | None:
    """A formula as inline SVG, None when it cannot be set."""
    from edgewise.view.drawing import COLOURS
    from edgewise.view.title import formula_figure

    drawn = formula_figure(latex, FORMULA_WIDTH, COLOURS["ink"])
    if drawn is None:
        return None
    width = 1.25 * 96 * float(drawn.get_size_inches()[0])
    return inline_svg(drawn, latex, "path", f"width:{width:.0f}px")


def inline_svg(figure: "Figure", label: str, letters: str, style: str) -> str:
    """A figure as an SVG element for a page: named, without metadata, its colours left to the page's theme."""
    from edgewise.view.drawing import COLOURS

    root = ElementTree.fromstring(svg_text(figure, letters))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    theme = {colour: f"var(--{name})" for name, colour in COLOURS.items()}
    prefix = letters[0]
    own = {element.get("id"): f"{prefix}-{element.get('id')}" for element in root.iter() if element.get("id")}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name, value in list(element.attrib.items()):
            del element.attrib[name]
            element.set(
                name.rpartition("}")[2], _themed(value, theme) if name == "style" else _renamed(value, own)
            )
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib.update({"role": "img", "aria-label": label, "style": style})
    return ElementTree.tostring(root, encoding="unicode")


def _themed(style: str, theme: Mapping[str, str]) -> str:
    """A style with the drawing's colours replaced by the page's variables."""
    return re.sub("|".join(map(re.escape, theme)), lambda found: theme[found.group()], style)


def _renamed(value: str, own: Mapping[str | None, str]) -> str:
    """An id, or a reference to one, with this drawing's prefix; anything else as it is."""
    bare = value.removeprefix("url(").removesuffix(")").removeprefix("#")
    return value.replace(bare, own[bare]) if bare in own else value


def _document(title: str, body: str) -> str:
    here = Path(__file__)
    style = here.with_name("page.css").read_text(encoding="utf-8")
    script = here.with_name("page.js").read_text(encoding="utf-8")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; {NOTHING_ELSE}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style></head>\n"
        f"<body><main>{body}</main>\n<script>{script}</script></body></html>\n"
    )
