"""Every Python block of the pages runs, in order, in one namespace a page: the manual does what it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
WITHOUT_CODE = {
    "answer.md",
    "api.md",
    "command-line.md",
    "deep-measured.md",
    "formulas-measured.md",
    "formulas-noise.md",
    "gallery.md",
    "speed-measured.md",
    "tables-measured.md",
    "when-not-to-use.md",
}
RUN = [page for page in PAGES if page.name not in WITHOUT_CODE]
READ = [page for page in PAGES if page.name in WITHOUT_CODE]


def blocks(page: Path) -> list[str]:
    """The Python blocks of a page, each on the lines it has there, so that a traceback points into the page."""
    text = page.read_text(encoding="utf-8")
    return ["\n" * text.count("\n", 0, found.start(1)) + found[1] for found in BLOCK.finditer(text)]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    namespace = {"__name__": "__page__"}
    found = blocks(page)
    assert found, f"{page.name} has no Python block; list it in WITHOUT_CODE"
    for block in found:
        exec(compile(block, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", READ, ids=lambda page: page.name)
def test_page_without_code_stays_so(page: Path) -> None:
    assert not blocks(page), f"{page.name} has a Python block now; take it off WITHOUT_CODE"


def test_every_page_is_in_the_manual() -> None:
    listed = set(re.findall(r"[\w-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")}


def test_a_broken_block_points_at_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```python\nx = 1\n\nx / 0\n```\n", encoding="utf-8")
    (block,) = blocks(page)
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile(block, str(page), "exec"), {})
    assert caught.traceback[-1].lineno + 1 == 6
