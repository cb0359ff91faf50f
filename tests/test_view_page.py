"""The page as a file: whole, self-contained, inert against hostile words, and holding the scene it shows."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.view import page
from edgewise.view.scene import scene
from page_reader import Reader

HOSTILE = [
    '<script>alert("1")</script>',
    "a & b' onload='x\" onfocus=\"y",
    "$x_1$ ]]> --> </style> <!-- <script",
    "\x00\u202e 100% {}",
]


def rough(widths, seed=0, dtype=torch.float64, **settings):
    generator = torch.Generator().manual_seed(seed)
    net = KAN(widths, generator=generator, dtype=dtype, **settings)
    for layer in net.kan_layers:
        with torch.no_grad():
            layer.spline.weight.copy_(torch.randn(layer.spline.weight.shape, generator=generator))
    return net


def batch(columns, rows=60):
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 2 - 1


def full_report(outputs=1):
    observed = np.linspace(0, 1, 20)[:, None] + np.zeros(outputs)
    return {
        "title": "Yield",
        "status": "exact",
        "message": "A formula was found.",
        "formulas": [
            {"complexity": 1, "loss": 0.5, "equation": "y = x1"},
            {"complexity": 4, "loss": 1e-9, "equation": "y = x1**2", "latex": "x_{1}^{2}", "chosen": True},
        ],
        "observed": observed,
        "predicted": observed + 0.1,
        "settings": {"seed": 0, "widths": [2, 1], "nothing": None},
        "rows": 1234,
        "seconds": 1.5,
    }


def written(tmp_path, net, X, report=None, **arguments):
    """A page and what a parser reads there; nothing is compared with the catalogue, which takes a second."""
    report = {"candidates": {}} | (report or {})
    text = page(net, X, tmp_path / "net.html", report=report, **arguments).read_text(encoding="utf-8")
    return text, Reader(text)


def held(text):
    """The scene in a page."""
    return json.loads(text.partition('id="scene">')[2].partition("</script>")[0])


def test_a_page_is_one_whole_file_with_its_scene(tmp_path):
    net, X = rough([2, (1, 1), 1]), batch(2)
    text, read = written(tmp_path, net, X, report=full_report())
    assert text.startswith("<!doctype html>")
    assert held(text) == scene(net, X, report=full_report())
    assert read.tags.count("script") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["net.html"]


def test_the_strongest_edges_are_held_against_the_catalogue(tmp_path):
    text = page(rough([1, 1]), batch(1), tmp_path / "net.html").read_text(encoding="utf-8")
    (edge,) = held(text)["network"]["layers"][0]["edges"]
    assert edge["candidates"][0]["r2"] > 0.5


def test_without_scripts_the_formulas_can_be_read(tmp_path):
    text, _ = written(tmp_path, rough([2, 1]), batch(2), report=full_report())
    told = text.partition("<noscript>")[2].partition("</noscript>")[0]
    assert "Yield" in told
    assert "y = x1**2" in told


def test_nothing_is_loaded_from_anywhere(tmp_path):
    text, read = written(tmp_path, rough([4, 2, 1]), batch(4), feature_names=HOSTILE, report=full_report())
    # The two names of the elements' languages are no addresses that a browser would load.
    bare = text.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1998/Math/MathML", "")
    assert "http://" not in bare
    assert "https://" not in bare
    assert not {"link", "img", "iframe", "object", "embed", "image", "base", "form"} & set(read.tags)
    assert not read.all("src")
    assert "@import" not in text
    assert "url(" not in text


def test_hostile_words_are_inert(tmp_path):
    report = full_report()
    report.update(title=HOSTILE[0], status=HOSTILE[1], message=HOSTILE[2], settings={HOSTILE[0]: HOSTILE[1]})
    report.update(command=HOSTILE[2], versions={HOSTILE[0]: HOSTILE[2]})
    report["formulas"][1].update(equation=HOSTILE[0], latex=HOSTILE[2], python=HOSTILE[0], mathml=HOSTILE[0])
    report["formulas"][0].update(equation=HOSTILE[1], complexity=HOSTILE[2])
    text, read = written(
        tmp_path, rough([4, 2, 1]), batch(4), feature_names=HOSTILE, target_names=[HOSTILE[0]], report=report
    )
    assert read.tags.count("script") == 2
    assert read.tags.count("style") == 1
    assert not [name for name in (name for _, name, _ in read.attributes) if name.startswith("on")]
    found = held(text)
    assert found["title"] == found["names"]["inputs"][0] == HOSTILE[0]
    assert found["formulas"][1]["math"] is None
    assert "\x00" not in text


@pytest.mark.parametrize("element", ["style", "script"])
def test_the_policy_allows_this_script_and_this_style_alone(tmp_path, element):
    text, read = written(tmp_path, rough([2, 1]), batch(2))
    opening = {"style": "<style>", "script": '<script type="module">'}[element]
    inside = text.partition(opening)[2].partition(f"</{element}>")[0]
    policy = next(value for value in read.all("content") if "default-src" in value)
    digest = b64encode(sha256(inside.encode()).digest()).decode()
    assert f"{element}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_failure_leaves_the_old_file_alone(tmp_path, monkeypatch):
    target = tmp_path / "net.html"
    target.write_text("old")

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        page(rough([2, 1]), batch(2), target)
    assert [path.name for path in tmp_path.iterdir()] == ["net.html"]
    assert target.read_text() == "old"


def test_wrong_calls_write_nothing(tmp_path):
    net, X = rough([2, 1]), batch(2)
    target = tmp_path / "net.html"
    for arguments in ({"feature_names": ["a"]}, {"report": {"titel": "x"}}, {"report": {"observed": [1.0]}}):
        with pytest.raises(InputError) as caught:
            page(net, X, target, **arguments)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        page(net, X, tmp_path / "missing" / "net.html")
    with pytest.raises(InputError, match="is a folder"):
        page(net, X, tmp_path)
    assert not list(tmp_path.iterdir())
