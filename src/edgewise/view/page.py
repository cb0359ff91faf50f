"""One HTML file that shows a network: formulas, picture, every edge's function, what-if, held-out rows, data, settings.

The file asks nothing of the network: style, script and scene are inside, and a content policy forbids the browser to
load or send anything or to run any other script. Names and texts travel as JSON and are shown as text, so a column
called ``<script>`` is only a column.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from edgewise.network import KAN
from edgewise.view.scene import scene
from edgewise.view.script import script, style
from edgewise.view.writing import replacing

MOST_COMPARED = 10
BODY = "html{color-scheme:light dark}body{margin:0}#view>.edgewise{min-height:100vh}noscript{display:block;padding:1em}"
START = (
    '\nconst place = document.getElementById("view"), scene = document.getElementById("scene");\n'
    "mount(place, JSON.parse(scene.textContent), { page: true });\n"
)


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
            ``equation``, ``latex``, ``mathml``, ``python``, ``c``, ``values``, ``chosen``), ``symbols`` (what equations
            call the inputs), ``inputs``, ``observed`` and ``predicted`` (held-out rows), ``held`` (which of these rows
            were held out, when not all), ``history`` (of a ``FitResult``, or dicts), ``candidates`` (what edges
            look like, by ``edgewise.symbolic.lookalikes``; found here when left out), ``settings`` and ``versions``
            (dicts), ``command``, ``rows``, ``seconds``.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page(KAN([2, 3, 1]), torch.rand(50, 2), f"{folder}/net.html", report={"title": "Yield"}).name
        'net.html'
    """
    names = {"feature_names": feature_names, "target_names": target_names}
    text = document(scene(net, X, **names, report=report, compare=MOST_COMPARED))
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return Path(path)


def document(made: Mapping[str, Any]) -> str:
    """A scene as a whole HTML document."""
    code, looks = script() + START, BODY + style()
    policy = (
        f"default-src 'none'; script-src {_digest(code)}; style-src {_digest(looks)}; "
        "base-uri 'none'; form-action 'none'"
    )
    title, formulas = escape(made["title"]), (escape(formula["text"]) for formula in made["formulas"])
    listed = "".join(f"<li>{formula}</li>" for formula in formulas)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title>\n<style>{looks}</style></head>\n"
        '<body><main id="view"></main>\n'
        f"<noscript>{title}. The picture needs JavaScript; the formulas: <ul>{listed}</ul></noscript>\n"
        f'<script type="application/json" id="scene">{_inert(made)}</script>\n'
        f'<script type="module">{code}</script></body></html>\n'
    )


def _inert(made: Mapping[str, Any]) -> str:
    """JSON that cannot end the script element it stands in, nor open a comment there."""
    text = json.dumps(made, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
