"""The gallery: every problem has its page, picture and command, and the cheapest are made again."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "gallery"
NAMES = ("fitting", "planets", "alpha_decay", "classification", "equation", "deep", "study", "knots")


@pytest.fixture
def gallery(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.delitem(sys.modules, "gallery", raising=False)
    return import_module("gallery")


def test_the_script_makes_all_eight(gallery):
    assert tuple(gallery.PROBLEMS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_page_picture_and_command_are_in_the_manual(name):
    manual = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert f"python examples/gallery.py {name}\n" in manual
    assert re.search(rf"\[!\[[^\]]+\]\(gallery/{name}\.png\)[^\]]*\]\(gallery/{name}\.html\)", manual)
    assert (PAGES / f"{name}.png").stat().st_size < 60_000
    text = (PAGES / f"{name}.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert not re.search(r"(?:src|href)=[\"']?https?:", text), "asks the network for something"
    if name != "study":
        assert "Content-Security-Policy" in text


def test_the_page_of_the_study_is_the_report_of_its_rows():
    assert (PAGES / "study.html").read_bytes() == (ROOT / "studies" / "depth" / "report.html").read_bytes()


def test_the_pages_are_small():
    sizes = {path.name: path.stat().st_size for path in PAGES.glob("*.html")}
    assert max(sizes.values()) < 1_500_000
    assert sum(sizes.values()) < 6_000_000


@pytest.mark.parametrize("name", ["fitting"])
def test_a_page_is_made_by_its_command(gallery, name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gallery.py", name, "--out", str(tmp_path)])
    gallery.main()
    text = (tmp_path / name / "report.html").read_text(encoding="utf-8")
    assert f"python examples/gallery.py {name}" in text
    said = re.search(r"held-out error ([\d.]+)", capsys.readouterr().out)
    assert said is not None
    assert float(said[1]) < 0.06, "the noise is 0.05"
