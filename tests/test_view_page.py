"""The page: whole, self-contained, inert against hostile words, and saying what the picture says."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.view import page, picture
from edgewise.view.charts import path, ticks
from edgewise.view.report import checked_report
from edgewise.view.report import errors

HOSTILE = [
    '<script>alert("1")</script>',
    "a & b' onload='x\" onfocus=\"y",
    "$x_1$ ]]> --> </style>",
    "\x00\u202e 100% {}",
]
VOID = {"meta", "br", "hr", "img", "input", "link"}


def rough(widths, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    net = KAN(widths, generator=generator, dtype=dtype)
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
            {
                "complexity": 4,
                "loss": 1e-9,
                "equation": "y = x1**2",
                "latex": "y = x_{1}^{2}",
                "chosen": True,
            },
        ],
        "observed": observed,
        "predicted": observed + 0.1,
        "settings": {"seed": 0, "widths": [2, 1], "nothing": None},
        "rows": 1234,
        "seconds": 1.5,
    }


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, name):
        return [value for _, key, value in self.attributes if key == name]


def written(tmp_path, net, X, **arguments):
    text = page(net, X, tmp_path / "net.html", **arguments).read_text(encoding="utf-8")
    return text, Reader(text)


def test_whole_page(tmp_path):
    net, X = rough([2, (1, 1), 1]), batch(2)
    text, read = written(tmp_path, net, X, report=full_report())
    assert text.startswith("<!doctype html>")
    sections = [value for tag, name, value in read.attributes if tag == "section" and name == "id"]
    assert sections == ["formula", "network", "formulas", "held-out", "edges", "data", "settings"]
    made = picture(net, X)
    assert read.tags.count("article") == sum(map(len, made.edges)) == 8
    for word in ("Yield", "exact", "A formula was found.", "y = x1**2", "1234", "2, 1", "1.5"):
        assert any(word in data for data in read.words)
    assert [path.name for path in tmp_path.iterdir()] == ["net.html"]


def test_without_a_report(tmp_path):
    _, read = written(tmp_path, rough([2, 1]), batch(2))
    sections = [value for tag, name, value in read.attributes if tag == "section" and name == "id"]
    assert sections == ["network", "edges", "data"]


def test_every_link_has_its_target_and_ids_are_unique(tmp_path):
    _, read = written(tmp_path, rough([3, 4, 2]), batch(3), report=full_report(2))
    ids = read.all("id")
    assert len(ids) == len(set(ids))
    links = read.all("href")
    assert sum(link.startswith("#edge-") for link in links) == 20
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    references = re.findall(
        r"url\(#([^)]+)\)", " ".join(filter(None, (value for *_, value in read.attributes)))
    )
    assert set(references) <= set(ids)


def test_nothing_is_loaded_from_anywhere(tmp_path):
    text, read = written(tmp_path, rough([4, 2, 1]), batch(4), feature_names=HOSTILE, report=full_report())
    assert "http://" not in text
    assert "https://" not in text
    assert not {"link", "img", "iframe", "object", "embed", "image", "base", "form"} & set(read.tags)
    assert not read.all("src")
    assert "@import" not in text
    assert next(value for value in read.all("content") if "default-src" in value).startswith(
        "default-src 'none'"
    )


def test_hostile_words_are_inert(tmp_path):
    plain, _ = written(tmp_path, rough([4, 2, 1]), batch(4))
    report = full_report()
    report.update(title=HOSTILE[0], status=HOSTILE[1], message=HOSTILE[2], settings={HOSTILE[0]: HOSTILE[1]})
    report["formulas"][1].update(equation=HOSTILE[0], latex=HOSTILE[2])
    report["formulas"][0].update(equation=HOSTILE[1], loss=HOSTILE[0], complexity=HOSTILE[2])
    text, read = written(
        tmp_path, rough([4, 2, 1]), batch(4), feature_names=HOSTILE, target_names=[HOSTILE[0]], report=report
    )
    assert read.tags.count("script") == 1 == Reader(plain).tags.count("script")
    assert read.tags.count("style") == 1
    assert not [name for name in (name for _, name, _ in read.attributes) if name.startswith("on")]
    assert any(HOSTILE[0] in data for data in read.words)
    assert "\x00" not in text


def test_the_script_is_the_one_the_policy_allows(tmp_path):
    from base64 import b64encode
    from hashlib import sha256

    text, _ = written(tmp_path, rough([2, 1]), batch(2))
    script = text.partition("<script>")[2].partition("</script>")[0]
    assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in text


def test_pictures_are_named_and_take_the_readers_colours(tmp_path):
    text, read = written(tmp_path, rough([2, 2, 1]), batch(2), feature_names=["mass", "length"])
    assert read.tags.count("svg") == 1 + 6 + 2
    assert (
        sum(tag == "svg" and name == "aria-label" and bool(value) for tag, name, value in read.attributes)
        == 9
    )
    assert any(value and "from mass, length to y" in value for value in read.all("aria-label"))
    drawn = text.partition('<figure class="picture">')[2].partition("</figure>")[0]
    assert "var(--spline)" in drawn
    assert not re.search(r"(fill|stroke): #(?!f{6}\b)", drawn)
    assert "mass" in re.sub("<[^>]+>", " ", drawn)


def test_an_edges_card_says_what_the_picture_says(tmp_path):
    net, X = rough([1, 1]), batch(1) * 3 + 10
    net.kan_layers[0].fix_edge(0, 0, "sine", torch.tensor([2.0, 1.0, 3.0, -4.0, 1.0]))
    text, read = written(tmp_path, net, X, feature_names=["angle"])
    edge = picture(net, X).edges[0][0]
    card = re.sub("<[^>]+>", " ", text.partition("<article")[2].partition("</article>")[0])
    assert "angle → y" in card
    assert "3·sin(u) - 4, u = 2·x + 1" in card
    assert "100 %" in card
    values = [float(value) for value in next(iter(read.all("data-values"))).split(",")]
    np.testing.assert_allclose(values, edge.y, rtol=1e-4)
    assert float(read.all("data-low")[0]) == pytest.approx(edge.x[0])


@pytest.mark.parametrize("widths", [[2, 3], [3, (0, 2), 2], [40, 3, 1]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [1, 30])
def test_networks_of_all_kinds(tmp_path, widths, dtype, rows):
    net = rough(widths, dtype=dtype)
    for target in range(net.kan_layers[0].out_features):
        net.kan_layers[0].remove_edge(0, target)
    X = batch(widths[0], rows)
    X[:, -1] = 5.0
    text, read = written(tmp_path, net, X)
    assert "not used" in text
    assert read.tags.count("article") == sum(map(len, picture(net, X).edges))
    assert "NaN" not in text.partition("<main>")[2].partition("<script>")[0]


def test_undefined_edges_and_lost_networks(tmp_path):
    net = rough([2, 1])
    net.kan_layers[0].fix_edge(0, 0, "logarithm", torch.tensor([1.0, 0, 1, 0, 1]))
    written(tmp_path, net, batch(2))
    for source in range(2):
        net.kan_layers[0].remove_edge(source, 0)
    _, read = written(tmp_path, net, batch(2))
    assert "article" not in read.tags


def test_failure_leaves_the_old_file_alone(tmp_path, monkeypatch):
    from pathlib import Path

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


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"formula": 1}, "report has the key 'formula'; it may have: title, status"),
        ({"formulas": [{"text": "x"}]}, "expected a dict of: equation, latex"),
        ({"observed": [1.0, 2.0]}, "report lacks 'predicted'"),
        ({"observed": [1.0], "predicted": [1.0, 2.0]}, r"shape \(1, 1\) and 'predicted' of shape \(2, 1\)"),
        ({"observed": [[1.0, 2.0]], "predicted": [[1.0, 2.0]]}, "rows by 1 outputs"),
        ({"observed": [1.0], "predicted": [float("nan")]}, r"report\['predicted'\] holds NaN"),
    ],
)
def test_wrong_reports_are_one_line(report, message):
    with pytest.raises(InputError, match=message):
        checked_report(report, 1)


def test_reports_may_hold_tensors_lists_and_nothing():
    made = checked_report({"observed": torch.ones(3), "predicted": [1.0, 2.0, 3.0], "status": None}, 1)
    assert made.observed is not None
    assert made.observed.shape == (3, 1)
    assert made.status == ""
    assert checked_report({"observed": [], "predicted": []}, 1).observed is None


def test_errors_by_hand():
    rmse, explained, worst = errors(np.array([0.0, 2.0]), np.array([1.0, 2.0]))
    assert (rmse, explained, worst) == pytest.approx((0.5**0.5, 0.5, 1.0))
    assert np.isnan(errors(np.ones(3), np.ones(3))[1])


def test_constant_and_enormous_predictions_can_be_drawn(tmp_path):
    for values in ([1.0, 1.0], [-1e150, 1e150], [0.0, 1e-300]):
        report = {"observed": values, "predicted": values}
        text, _ = written(tmp_path, rough([2, 1]), batch(2), report=report)
        drawn = text.partition('class="dots" d="')[2].partition('"')[0]
        assert drawn.count("M") == 2
        assert "nan" not in drawn


def test_paths_break_where_a_point_is_missing():
    assert path(np.arange(4.0), np.array([1.0, np.nan, 3.0, 4.0])) == "M0.0 1.0M2.0 3.0L3.0 4.0"


def test_ticks_are_round():
    assert ticks(0.0, 10.0) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert len(ticks(1e-9, 9.7e-9)) >= 3
    assert ticks(5.0, 5.0) == [5.0]
