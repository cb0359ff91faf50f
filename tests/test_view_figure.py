"""The figure: what is on it, that nothing collides, and that nothing else happens."""

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.view import figure, save_figure
from edgewise.view.layout import MOST_BOXES, label_plan, layout
from edgewise.view.picture import picture
from edgewise.view.title import math_width, title
from edgewise.view.words import text_width


def rough(widths, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    net = KAN(widths, generator=generator, dtype=dtype)
    for layer in net.kan_layers:
        with torch.no_grad():
            layer.spline.weight.copy_(torch.randn(layer.spline.weight.shape, generator=generator))
    return net


def batch(columns, rows=60):
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 2 - 1


def artists(drawn):
    return drawn.axes[0].get_children()


def boxes(drawn):
    return sum(len(artist.get_paths()) for artist in artists(drawn) if isinstance(artist, PolyCollection))


def curves(drawn):
    return [artist for artist in artists(drawn) if isinstance(artist, LineCollection) and artist.zorder == 3]


def words(drawn):
    return [text.get_text() for text in drawn.axes[0].texts]


def text_boxes(drawn):
    drawn.canvas.draw()
    return [text.get_window_extent() for text in drawn.axes[0].texts if text.get_text()]


@pytest.mark.parametrize(
    "widths", [[2, 1, 1], [4, 5, 5, 1], [2, (3, 2), 1], [3, (0, 2), (1, 1), 2], [1, 40], [50, 3, 1]]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_returned_and_drawable(widths, dtype):
    drawn = figure(rough(widths, dtype=dtype), batch(widths[0]))
    assert isinstance(drawn, Figure)
    drawn.canvas.draw()


@pytest.mark.parametrize(("widths", "number"), [([2, 1, 1], 3), ([4, 5, 5, 1], 50), ([2, (3, 2), 1], 19)])
def test_every_living_edge_has_a_box_and_a_curve(widths, number):
    net = rough(widths)
    drawn = figure(net, batch(widths[0]))
    assert boxes(drawn) == number == sum(len(lines.get_segments()) for lines in curves(drawn))
    net.kan_layers[0].remove_edge(1, 0)
    assert boxes(figure(net, batch(widths[0]))) == number - 1


def test_curves_stay_inside_their_boxes():
    made = picture(rough([2, 3, 1]), batch(2))
    places = layout(made)
    for band, lines in zip(places.bands, curves(figure(rough([2, 3, 1]), batch(2))), strict=True):
        for center, curve in zip(band.centers, lines.get_segments(), strict=True):
            assert np.abs(curve - center).max() <= band.size / 2


@pytest.mark.parametrize("widths", [[10, 10, 10, 2], [100, 50, 1], [3, 300, 1]])
def test_artists_do_not_grow_with_edges(widths):
    """Fast because few: a fixed number for each layer, and one for each word."""
    drawn = figure(rough(widths), batch(widths[0], 20))
    pictures = [artist for artist in artists(drawn) if not isinstance(artist, matplotlib.text.Text)]
    assert len(pictures) <= 12 * len(widths)
    assert len(drawn.axes[0].texts) <= sum(widths) + 10
    assert len(drawn.axes) == 1


@pytest.mark.parametrize("widths", [[60, 10, 1], [10, 60, 1], [250, 2], [30, 30]])
def test_crowds_keep_what_matters_most(widths):
    made = picture(rough(widths), batch(widths[0], 30))
    places = layout(made)
    for band, edges in zip(places.bands, made.edges, strict=True):
        shown = set(band.shown)
        least = min(edges[k].importance for k in shown)
        assert len(shown) <= MOST_BOXES
        assert all(edge.importance <= least or k in shown for k, edge in enumerate(edges))
        apart = np.abs(band.centers[:, None] - band.centers).max(-1) + 9 * np.eye(len(shown))
        assert apart.min() > band.size
        assert band.centers.min() >= 0
        assert (band.centers[:, 0] + band.size / 2 <= places.width).all()


@pytest.mark.parametrize("widths", [[2, 1, 1], [4, 5, 5, 1], [2, (3, 2), 1], [50, 3, 1], [8, 3, 6]])
@pytest.mark.parametrize(
    "name", ["x{}", "a rather long name {}", "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW{}"]
)
def test_words_fit_and_do_not_collide(widths, name):
    names = [name.format(k) for k in range(widths[0])]
    targets = [name.format(k) for k in range(widths[-1])]
    net = rough(widths)
    net.kan_layers[0].fix_edge(0, 0, "softplus", torch.tensor([1.0, 0, 1, 0, 1]))
    drawn = figure(
        net, batch(widths[0]), feature_names=names, target_names=targets, formula="y = " + "x + " * 60
    )
    found, page = text_boxes(drawn), drawn.bbox
    for k, one in enumerate(found):
        assert page.x0 <= one.x0 <= one.x1 <= page.x1
        assert page.y0 <= one.y0 <= one.y1 <= page.y1
        assert not any(one.overlaps(other) for other in found[:k])


def test_names_are_shown_as_they_are():
    names = ["$x_1$", "a_b^2", "100%", "<b>&"]
    drawn = figure(rough([4, 1]), batch(4), feature_names=names, target_names=["\\frac"])
    drawn.canvas.draw()
    assert {*names, "\\frac"} <= set(words(drawn))
    assert all(not text.get_parse_math() for text in drawn.axes[0].texts)


def test_names_still_show_their_text_under_a_users_tex_setting():
    with matplotlib.rc_context({"text.usetex": True}):
        drawn = figure(rough([2, 2, 1]), batch(2), formula="y = x_{1}")
    assert not any(text.get_usetex() for text in drawn.axes[0].texts)


def test_fixed_functions_have_their_own_colour_and_text():
    net = rough([2, 2, 1])
    net.kan_layers[0].fix_edge(0, 0, "square", torch.tensor([1.0, 0, 1, 0, 1]))
    drawn = figure(net, batch(2))
    assert "u²" in words(drawn)
    assert {"spline", "fixed function"} <= set(words(drawn))
    colours = [tuple(colour[:3].round(2)) for colour in curves(drawn)[0].get_colors()]
    assert len(set(colours)) == 2
    assert colours[0] not in colours[1:]


def test_importance_is_seen():
    net = KAN([2, 1], dtype=torch.float64)
    for source, factor in ((0, 5.0), (1, 0.1)):
        net.kan_layers[0].fix_edge(source, 0, "linear", torch.tensor([1.0, 0, factor, 0, 1]))
    strong, weak = curves(figure(net, batch(2)))[0].get_colors()
    assert strong[3] == 1.0 > weak[3]
    segments = curves(figure(net, batch(2)))[0].get_segments()
    assert np.ptp(segments[0][:, 1]) > 3 * np.ptp(segments[1][:, 1]) > 0


def test_strange_batches_and_networks():
    net = rough([2, 2, 1])
    figure(net, batch(2, 1)).canvas.draw()
    constant = batch(2)
    constant[:, 0] = 4.0
    figure(net, constant).canvas.draw()
    for source in range(2):
        for target in range(2):
            net.kan_layers[0].remove_edge(source, target)
    figure(net, batch(2)).canvas.draw()
    for source in range(2):
        net.kan_layers[1].remove_edge(source, 0)
    assert "no edges left" in words(figure(net, batch(2)))


def test_undefined_curves_are_drawn_with_gaps():
    net = rough([1, 1])
    net.kan_layers[0].fix_edge(0, 0, "logarithm", torch.tensor([1.0, 0, 1, 0, 1]))
    drawn = figure(net, batch(1))
    drawn.canvas.draw()
    assert np.isfinite(drawn.axes[0].dataLim.get_points()).any()


def test_too_few_names():
    with pytest.raises(InputError, match="feature_names has 1 names"):
        figure(rough([2, 1]), batch(2), feature_names=["a"])


def test_formula_as_mathematics_or_as_text():
    tex = r"y = \sin{\left(\pi x_{1} \right)} + x_{2}^{2}"
    assert title(tex, 6.0).lines == (f"${tex}$",)
    assert title("$x^2$", 6.0).math
    assert title("y = 2*x**2", 6.0) == title("y = 2·x²", 6.0)
    assert not title("price in $ of $3$ \\alpha", 6.0).math
    assert not title(r"\nosuchcommand{x}", 6.0).math
    assert title("  ", 6.0).lines == () == title(None, 6.0).lines


@pytest.mark.parametrize(
    "formula", [r" + \frac{x_{1}}{\left(1 + y \right)}" * 60, "x_{1} - " * 50 + "y", "2*x + " * 99]
)
def test_long_formulas_are_wrapped_and_cut(formula):
    made = title(formula, 4.0)
    assert 1 < len(made.lines) <= 3
    for line in made.lines:
        wide = math_width(line.strip("$"), made.size) if made.math else text_width(line, made.size)
        assert wide is not None
        assert wide <= 4.1


def test_labels_stand_up_where_they_must():
    assert label_plan(("a", "b"), 1.0).angle == 0
    assert label_plan(("temperature",) * 50, 0.27).angle == 90
    thinned = label_plan(tuple(f"x{k}" for k in range(784)), 14 / 784)
    assert 0 < len(thinned.kept) < 200


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_files_are_the_same_each_time(tmp_path, ending):
    for name in "ab":
        drawn = figure(rough([2, (1, 1), 1]), batch(2), feature_names=["<script>", "$_%&"], formula="x^{2}")
        assert save_figure(drawn, tmp_path / f"{name}.{ending}") == tmp_path / f"{name}.{ending}"
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content == (tmp_path / f"b.{ending}").read_bytes()
    assert not re.search(rb"dc:date|CreationDate|Matplotlib v", content)


def test_files_are_the_same_in_every_process(tmp_path):
    """Sets of letters are walked in another order under another hash seed."""
    code = (
        "import sys, torch; from edgewise.network import KAN; from edgewise.view import figure, save_figure\n"
        "net = KAN([2, 1], generator=torch.Generator().manual_seed(0))\n"
        "made = figure(net, torch.linspace(0, 1, 20).reshape(10, 2), formula='y = \\\\sin{x}')\n"
        "for ending in ('svg', 'pdf'): save_figure(made, f'{sys.argv[1]}.{ending}')\n"
    )
    for seed in "12":
        where = [sys.executable, "-c", code, str(tmp_path / seed)]
        known = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed}
        subprocess.run(where, check=True, timeout=120, env=known)
    for ending in ("svg", "pdf"):
        assert (tmp_path / f"1.{ending}").read_bytes() == (tmp_path / f"2.{ending}").read_bytes()


def test_svg_letters_are_text_and_cannot_act(tmp_path):
    drawn = figure(rough([2, 1]), batch(2), feature_names=["<script>", "pressure"], formula=r"\sin{x}")
    root = ElementTree.parse(save_figure(drawn, tmp_path / "net.svg")).getroot()
    texts = ["".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"<script>", "pressure", "spline", "sinx"} <= {"".join(text.split()) for text in texts}
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_pdf_letters_are_text_in_embedded_truetype(tmp_path):
    drawn = figure(rough([2, 1]), batch(2), feature_names=["temperature", "pressure"], formula=r"\sin{x}")
    with matplotlib.rc_context({"pdf.compression": 0}):
        content = save_figure(drawn, tmp_path / "net.pdf").read_bytes()
    assert b"/FontFile2" in content
    assert b"/ToUnicode" in content, "text that cannot be copied"
    assert b"/Type3" not in content, "outlines that journals refuse"


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected \.svg, \.pdf or \.png"):
        save_figure(figure(rough([2, 1]), batch(2)), tmp_path / "net.jpg")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [(3.5, None), (7, None), (3.5, 5), (7, 4.4), (7, 9)])
def test_size_in_inches_is_met_and_words_keep_theirs(size, tmp_path):
    net = rough([3, (2, 1), 1])
    net.kan_layers[0].fix_edge(0, 0, "square", torch.tensor([1.0, 0, 1, 0, 1]))
    drawn = figure(net, batch(3), size=size, formula="y = " + "x + " * 40)
    width, height = drawn.get_size_inches()
    assert width == pytest.approx(size[0])
    assert size[1] is None or height == pytest.approx(size[1])
    sizes = [text.get_fontsize() for text in drawn.axes[0].texts if text.get_text()]
    assert min(sizes) >= 6
    found, page = text_boxes(drawn), drawn.bbox
    for k, one in enumerate(found):
        assert page.x0 <= one.x0 <= one.x1 <= page.x1
        assert page.y0 <= one.y0 <= one.y1 <= page.y1
        assert not any(one.overlaps(other) for other in found[:k])
    assert boxes(drawn) == 3 * 4 + 3


def test_sizes_that_cannot_be():
    with pytest.raises(InputError, match=r"too low for this network: expected a height of at least \d"):
        figure(rough([3, 5, 1]), batch(3), size=(3.5, 1.0))
    for size in (3.5, (1.0, None), (3.5, -1), ("3", 2), (3.5, 2, 1), (float("nan"), 2)):
        with pytest.raises(InputError, match="size="):
            figure(rough([2, 1]), batch(2), size=size)


def test_splines_and_fixed_functions_differ_in_shape():
    net = rough([2, 1])
    net.kan_layers[0].fix_edge(0, 0, "square", torch.tensor([1.0, 0, 1, 0, 1]))
    (frames,) = (artist for artist in artists(figure(net, batch(2))) if isinstance(artist, PolyCollection))
    fixed, spline = (len(path.vertices) - 1 for path in frames.get_paths())
    assert (fixed, spline) == (8, 4)


def test_svg_survives_letters_the_font_lacks(tmp_path):
    save_figure(figure(rough([2, 1]), batch(2), feature_names=["温度", "🙂"]), tmp_path / "net.svg")


def test_failed_svg_leaves_nothing(tmp_path, monkeypatch):
    target = tmp_path / "net.svg"
    target.write_text("old")
    drawn = figure(rough([2, 1]), batch(2))
    monkeypatch.setattr(drawn, "savefig", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_figure(drawn, target)
    assert [path.name for path in tmp_path.iterdir()] == ["net.svg"]
    assert target.read_text() == "old"
    with pytest.raises(InputError, match="does not exist"):
        save_figure(drawn, tmp_path / "missing" / "net.svg")


def test_no_global_state_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, numbers = dict(matplotlib.rcParams), torch.get_rng_state()
    figure(rough([2, 1]), batch(2)).canvas.draw()
    assert dict(matplotlib.rcParams) == before
    assert torch.equal(torch.get_rng_state(), numbers)
    assert not list(tmp_path.iterdir())


def test_import_is_cheap_and_drawing_needs_no_pyplot():
    code = (
        "import sys, edgewise.view as view\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import torch; from edgewise.network import KAN\n"
        "view.figure(KAN([2, 1]), torch.rand(9, 2))\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=environment)
