"""The map of a network of two inputs, in a real browser: its colours, numbers and places are the network's."""

import re

import numpy as np
import pytest
import torch

from browser import chromium, opened
from edgewise.network import KAN
from edgewise.view import page as write_page

X = np.random.default_rng(0).uniform([0, -5], [1, 5], (60, 2))


def network(inputs=2):
    net = KAN([inputs, 1], dtype=torch.float64)
    for source in range(inputs):
        net.kan_layers[0].fix_edge(source, 0, "linear", torch.tensor([1.0, 0, 1.0 + source, 0, 1]))
    return net


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def shown(browser, tmp_path):
    formulas = [{"equation": "7 + 0*x1", "chosen": True}]
    write_page(network(), X, tmp_path / "net.html", report={"formulas": formulas})
    page, wrong = opened(browser, tmp_path / "net.html")
    yield page
    # A browser may ask for an icon, and the tests themselves read the canvas often.
    assert not [entry for entry in wrong if "favicon" not in entry and "willReadFrequently" not in entry]
    page.context.close()


def slide(page, stop):
    page.locator(".ew-formula-section input[type=range]").evaluate(
        "(slider, stop) => { slider.value = stop; slider.dispatchEvent(new Event('input', {bubbles: true})); }",
        stop,
    )
    page.wait_for_timeout(100)


def ends(page):
    return [float(text.replace("−", "-")) for text in page.locator(".ew-map-legend span").all_inner_texts()]


def spot(page, right, up):
    """Where the frame is on the screen, from its lower left corner."""
    page.locator(".ew-map").scroll_into_view_if_needed()
    box = page.locator(".ew-map .ew-frame").bounding_box()
    return box["x"] + right * box["width"], box["y"] + (1 - up) * box["height"]


def test_the_map_tells_the_networks_values_and_sets_the_point(shown):
    slide(shown, 1)
    low, high, values = X.min(0), X.max(0), X @ [1.0, 2.0]
    np.testing.assert_allclose(ends(shown), [values.min(), values.max()], atol=0.1)
    shown.mouse.click(*spot(shown, 0.25, 0.75))
    said = shown.locator(".ew-map-says").inner_text().replace("−", "-")
    x, y, value = (
        float(found)
        for found in re.findall(r"(-?[\d.]+)(?=[,:]|$)", said.replace("x1", "").replace("x2", ""))
    )
    np.testing.assert_allclose([x, y], low + [0.25, 0.75] * (high - low), atol=0.06)
    assert value == pytest.approx(x + 2 * y, abs=0.03)
    answer = float(shown.locator(".ew-answer").first.get_attribute("data-value"))
    assert answer == pytest.approx(value, abs=0.01)


def corners(page):
    """The colours of the lower left and the upper right corner."""
    return page.locator(".ew-map-canvas").evaluate(
        "(c) => { const { width, height } = c, all = c.getContext('2d').getImageData(0, 0, width, height).data;"
        "const at = (x, y) => [...all.slice(4 * (y * width + x), 4 * (y * width + x) + 4)];"
        "return [at(0, height - 1), at(width - 1, 0)]; }"
    )


def test_colours_run_from_low_to_high_and_follow_the_slider(shown):
    slide(shown, 1)
    lowest, highest = corners(shown)
    assert lowest[2] > lowest[0], "the lowest is blue"
    assert highest[0] > highest[2], "the highest is red"
    before = ends(shown)
    slide(shown, 0)
    lowest, highest = corners(shown)
    assert lowest == highest, "a constant has one colour"
    assert ends(shown) == before, "one scale for all formulas"


def test_other_networks_have_no_map(browser, tmp_path):
    write_page(network(3), np.column_stack([X, X[:, 0]]), tmp_path / "net.html")
    page, _ = opened(browser, tmp_path / "net.html")
    assert page.locator(".ew-map").count() == 0
    page.context.close()
