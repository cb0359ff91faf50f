"""Pictures of HTML pages in a headless Chromium: three widths, light and dark, and what went wrong on the way.

    pip install playwright
    python benchmarks/screenshots.py docs/gallery/*.html --out shots --thumbnails docs/gallery

The browser is the one that the system brings (``--chromium``); none is downloaded. Pages must ask the network for
nothing and write nothing to the console; one that does ends the run with exit code 1.
"""

import argparse
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = {360: 740, 1280: 900, 3840: 2160}
THUMBNAIL, LARGEST = (640, 400), 60_000


def main() -> None:
    """Takes all pictures and says what pages complained of."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--thumbnails", type=Path, help="folder for a small picture of each page")
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    troubles = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for path in options.pages:
            name = path.parent.name if path.name == "report.html" else path.stem
            for width in options.widths:
                for scheme in ("light", "dark"):
                    troubles += shoot(
                        browser, path, options.out / f"{name}-{width}-{scheme}.png", width, scheme
                    )
            if options.thumbnails:
                thumbnail(browser, path, options.thumbnails / f"{name}.png")
        browser.close()
    print("\n".join(troubles) or "no page complained")
    sys.exit(bool(troubles))


def shoot(browser: Browser, path: Path, target: Path, width: int, scheme: str) -> list[str]:
    """A picture of the whole page; what it complained of, and what is wider than the screen."""
    page, troubles = opened(browser, path, (width, WIDTHS.get(width, 900)), scheme)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        troubles.append(f"{path}: {wide} pixels wider than a screen of {width}")
    page.screenshot(path=target, full_page=True)
    page.close()
    return troubles


def thumbnail(browser: Browser, path: Path, target: Path) -> None:
    """The top of the page, in as many colours as fit into 60 kB."""
    page, _ = opened(browser, path, (2 * THUMBNAIL[0], 2 * THUMBNAIL[1]), "light")
    with Image.open(BytesIO(page.screenshot())) as image:
        small = image.convert("RGB").resize(THUMBNAIL, Image.Resampling.LANCZOS)
    page.close()
    for colours in (256, 128, 64, 32, 16):
        content = BytesIO()
        small.quantize(colours).save(content, format="PNG", optimize=True)
        if content.tell() < LARGEST:
            break
    target.write_bytes(content.getvalue())


def opened(browser: Browser, path: Path, size: tuple[int, int], scheme: str) -> tuple[Page, list[str]]:
    """A page that has come to rest, and a list that its complaints go to."""
    troubles: list[str] = []
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,  # pyright: ignore[reportArgumentType]
        reduced_motion="reduce",
    )
    page.on("console", lambda said: troubles.append(f"{path}: {said.type}: {said.text}"))
    page.on("pageerror", lambda error: troubles.append(f"{path}: {error}"))
    page.on("request", lambda asked: _note_request(asked.url, path, troubles))
    page.goto(path.resolve().as_uri())
    page.wait_for_timeout(300)
    return page, troubles


def _note_request(url: str, path: Path, troubles: list[str]) -> None:
    if url != path.resolve().as_uri() and not url.startswith("data:"):
        troubles.append(f"{path}: asked for {url}")


if __name__ == "__main__":
    main()
