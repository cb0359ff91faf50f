"""Pages of networks with today's style and script around the scenes they hold; nothing is trained again.

    python benchmarks/refresh_pages.py docs/gallery/*.html

Pages without a scene, such as the report of a study, are left as they are.
"""

import argparse
import json
from pathlib import Path

from edgewise.view.page import document
from edgewise.view.scene import VERSION
from edgewise.view.writing import replacing

START, END = '<script type="application/json" id="scene">', "</script>"


def main() -> None:
    """Writes every page anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=Path)
    for path in parser.parse_args().pages:
        print(f"{path}: {refreshed(path)}")


def refreshed(path: Path) -> str:
    """What became of a page, in words."""
    _, found, rest = path.read_text(encoding="utf-8").partition(START)
    if not found:
        return "has no scene, left as it is"
    scene = json.loads(rest.partition(END)[0])
    if scene["version"] != VERSION:
        return f"holds a scene of version {scene['version']}, not {VERSION}: make it again"
    with replacing(path) as temporary:
        temporary.write_text(document(scene), encoding="utf-8")
    return "written anew"


if __name__ == "__main__":
    main()
