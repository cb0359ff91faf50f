"""The JavaScript and the style of the view, for pages and notebooks: the files of ``client/`` in order, as one text.

The files share one scope and have no imports, so together they are one ES module that exports
``mount(element, scene)``.
"""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("client")
FILES = (
    "elements.js",
    "functions.js",
    "special.js",
    "network.js",
    "axes.js",
    "layout.js",
    "picture.js",
    "camera.js",
    "panel.js",
    "formula.js",
    "whatif.js",
    "fit.js",
    "map.js",
    "tables.js",
    "view.js",
)


@cache
def script() -> str:
    """The module ``view.js``: exports ``mount(element, scene, options)``."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in FILES)


@cache
def style() -> str:
    """The style sheet, all of it below the class ``edgewise``."""
    return (FOLDER / "view.css").read_text(encoding="utf-8")
