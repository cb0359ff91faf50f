"""A real browser for the tests of the page: Debian's Chromium, driven by Playwright."""

import json
import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium():
    """One browser; the test is skipped where none is installed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; type: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser, path, *, width=1280, scheme="light", start=None):
    """A page from a file, and what went wrong with it: errors on its console and every request but for the file."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: wrong.append(request.url) if request.url != path.as_uri() else None)
    if start:
        page.add_init_script(start)
    page.goto(path.as_uri())
    page.wait_for_selector("[data-ready]", timeout=30_000)
    return page, wrong


def scene_of(path):
    """The scene that a page holds."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text.partition('id="scene">')[2].partition("</script>")[0])
