"""The page in a real browser: it shows what the scene says, answers mouse and keyboard, and computes like Python."""

import math
import re
import subprocess

import numpy as np
import pytest
import torch

from browser import chromium, opened, scene_of
from edgewise.network import KAN
from edgewise.symbolic import Formula
from edgewise.symbolic.lookalikes import lookalikes
from edgewise.view import page as write_page

NAMES = ["mass", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>']
SYMBOLS = ("mass", "script", "img")
TEXTS = (
    "2*mass",
    "2*mass + 0.5*sin(script)",
    "2*mass*exp(-script**2) + 0.5*sin(script)/sqrt(1 + mass**2) + 1/3",
)
CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: %s});"
COPIES = CLIPBOARD % "{writeText: async (text) => { window.copied = text; }}"


def network():
    """Products, fixed edges, a norm's absence, knots of the user's units: all that a page has to compute."""
    generator = torch.Generator().manual_seed(0)
    net = KAN([3, (2, 2), 1], generator=generator, dtype=torch.float64)
    for layer in net.kan_layers:
        with torch.no_grad():
            layer.spline.weight.copy_(torch.randn(layer.spline.weight.shape, generator=generator))
    net.input_center += torch.tensor([0.5, 0.0, -2.0])
    net.input_scale *= torch.tensor([2.0, 1.0, 0.5])
    net.output_scale *= 3.0
    net.output_center += 10.0
    net.kan_layers[0].fix_edge(0, 0, "sine", torch.tensor([2.0, 0.3, 1.5, 0.1, 1.0]))
    net.kan_layers[0].fix_edge(1, 2, "langevin", torch.tensor([1.0, 0.2, 2.0, 0.0, 1.0]))
    net.kan_layers[0].remove_edge(2, 5)
    return net


def rows(count=80):
    generator = torch.Generator().manual_seed(3)
    return torch.rand(count, 3, generator=generator, dtype=torch.float64) * 2 - 1


def report(net, X):
    formulas = [Formula(text, SYMBOLS) for text in TEXTS]
    labels = dict(zip(SYMBOLS, NAMES, strict=True))
    entries = [
        {
            "equation": formula.text,
            "latex": formula.latex(),
            "mathml": formula.mathml(labels),
            "python": formula.code("numpy"),
            "c": formula.code("c"),
            "complexity": formula.complexity,
            "loss": 0.1,
            "values": formula(X.numpy()),
            "chosen": k == 1,
        }
        for k, formula in enumerate(formulas)
    ]
    observed = formulas[2](X.numpy())
    return {
        "title": "<b>Yield</b>",
        "status": "approximate",
        "message": "<i>a message</i>",
        "formulas": entries,
        "symbols": SYMBOLS,
        "inputs": X,
        "observed": observed,
        "predicted": entries[1]["values"],
        "held": [k % 4 == 0 for k in range(len(X))],
        "history": [{"seconds": float(k), "loss": 2.0**-k, "validation_loss": 1.5**-k} for k in range(20)],
        "candidates": lookalikes(net, X, [(0, 0, 1), (0, 1, 0)]),
        "settings": {"seed": 0},
        "versions": {"edgewise": "0"},
        "command": "edgewise fit <table>",
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    net, X = network(), rows()
    path = tmp_path_factory.mktemp("page") / "net.html"
    write_page(net, X, path, feature_names=NAMES, target_names=["<u>y</u>"], report=report(net, X))
    return net, path


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def shared(browser, made):
    """One page that several tests use one after another, each setting what it looks at."""
    return opened(browser, made[1], start=COPIES)


@pytest.fixture
def page(shared):
    found, wrong = shared
    del wrong[1:]  # the icon that a browser may ask for comes once
    found.mouse.move(2, 2)
    return found


def slide(page, stop):
    page.locator(".ew-formula-section input[type=range]").evaluate(
        "(slider, stop) => { slider.value = stop; slider.dispatchEvent(new Event('input', {bubbles: true})); }",
        stop,
    )


def test_it_loads_without_an_error_or_a_request(browser, made):
    for scheme in ("light", "dark"):
        _, wrong = opened(browser, made[1], scheme=scheme)
        assert wrong == []


def test_hostile_names_are_shown_as_text_and_nothing_runs(page, shared):
    text = page.inner_text("body")
    for name in (*NAMES, "<b>Yield</b>", "<i>a message</i>", "edgewise fit <table>"):
        assert name in text
    assert page.locator("img, .edgewise script, .edgewise b, .edgewise i, .edgewise u").count() == 0
    assert shared[1] == []


def test_the_slider_changes_formula_picture_and_plot(page):
    seen = []
    for stop in range(4):
        slide(page, stop)
        formula = page.inner_text(".ew-slide.ew-current")
        idle = page.locator(".ew-edge.ew-idle").count()
        plot = page.locator(".ew-plots .ew-dots").first.get_attribute("d")
        facts = page.inner_text(".ew-formula-section .ew-facts")
        seen.append((formula, idle, plot, facts))
    assert len({part[0] for part in seen}) == 4
    assert len({part[2] for part in seen}) == 4
    assert seen[0][1] > seen[1][1] > 0 == seen[3][1]
    assert "leaves out" not in page.inner_text(".ew-used")
    assert page.locator(".ew-slide.ew-current math").count() == 0
    slide(page, 0)
    assert NAMES[1] in page.inner_text(".ew-used")


def test_the_formula_is_typeset(page):
    slide(page, 2)
    current = page.locator(".ew-slide.ew-current")
    assert current.locator("math mfrac").count() >= 1
    assert current.locator("math msqrt").count() == 1
    assert NAMES[1] in current.text_content()
    # Every piece of the outermost sum stands for itself, so that a line can end between them.
    assert current.locator("math").count() == 1 + 3


def test_the_errors_are_those_of_the_rows_held_out(page, made):
    slide(page, 0)
    X = rows().numpy()[::4]
    off = Formula(TEXTS[2], SYMBOLS)(X) - Formula(TEXTS[0], SYMBOLS)(X)
    told = page.inner_text(".ew-formula-section .ew-facts").split("\n")
    assert float(told[told.index("RMSE") + 1]) == pytest.approx(np.sqrt((off**2).mean()), rel=1e-2)


def test_hovering_an_edge_shows_it_large_with_its_candidates(page, made):
    box = page.get_by_role("button", name="mass → 1.2, spline")
    box.hover()
    panel = page.locator(".ew-panel-section")
    assert "mass → 1.2" in panel.locator("h3").inner_text()
    assert panel.locator(".ew-visits").count() == 1
    assert panel.locator(".ew-domain").count() >= 1
    told = panel.locator(".ew-candidates tbody tr").all_inner_texts()
    (best, *_) = next(
        edge["candidates"]
        for edge in scene_of(made[1])["network"]["layers"][0]["edges"]
        if (edge["source"], edge["target"]) == (0, 1)
    )
    assert best["text"] in told[0]
    assert str(best["complexity"]) in told[0]
    assert panel.locator(".ew-candidate").get_attribute("d") is None
    box.click()
    panel.locator(".ew-candidates button").first.hover()
    assert len(panel.locator(".ew-candidate").get_attribute("d")) > 50


def test_a_click_chooses_an_edge_and_a_node(page):
    page.evaluate("addEventListener('edgewise:select', (event) => { window.chosen = event.detail; })")
    page.get_by_role("button", name="mass → 1.1, fixed function").click()
    page.mouse.move(2, 2)
    assert "1.5·sin(u)" in page.inner_text(".ew-panel-section")
    assert page.evaluate("window.chosen") == {"kind": "edge", "layer": 0, "source": 0, "target": 0}
    page.get_by_role("button", name=re.compile("^1.3, product")).click()
    page.mouse.move(2, 2)
    panel = page.inner_text(".ew-panel-section")
    assert "What feeds it" in panel
    assert "mass (factor 1)" in panel
    assert "What it feeds" in panel
    assert page.evaluate("window.chosen") == {"kind": "node", "level": 1, "index": 2}
    page.locator(".ew-feeds button").first.click()
    assert page.inner_text(".ew-panel-section h2") == "Edge"


def test_the_keyboard_reaches_what_the_mouse_does(page):
    page.locator(".ew-network-section .ew-tool").last.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.ew-picture') !== null")
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.classList.contains('ew-node')")
    page.keyboard.press("ArrowRight")
    name = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert name.partition(",")[0] == page.inner_text(".ew-panel-section h3")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    outline = page.evaluate("getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth")
    assert float(outline.removesuffix("px")) > 3
    slider = page.locator(".ew-formula-section input[type=range]")
    slide(page, 1)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.inner_text("tr.ew-current").startswith(str(Formula(TEXTS[2], SYMBOLS).complexity))


def test_what_if_is_what_the_network_predicts(page, made):
    net, _ = made
    fields = page.locator(".ew-field")
    slide(page, 2)
    formula = Formula(TEXTS[2], SYMBOLS)
    for row in np.random.default_rng(0).uniform(-3, 3, (10, 3)).tolist():
        for k, value in enumerate(row):
            fields.nth(k).fill(repr(value))
        told = float(page.locator(".ew-answer").get_attribute("data-value"))
        with torch.no_grad():
            truth = net(torch.tensor([row], dtype=torch.float64)).item()
        assert told == pytest.approx(truth, abs=1e-6, rel=1e-9)
        says = float(page.locator(".ew-formula-says").get_attribute("data-value"))
        assert says == pytest.approx(float(formula(np.array([row]))[0]), abs=1e-9)


def test_what_if_warns_outside_the_data_and_its_slider_moves_by_keys(page):
    field, slider = page.locator(".ew-field").first, page.locator(".ew-track input").first
    page.get_by_role("button", name="medians").click()
    assert page.inner_text(".ew-warning") == ""
    before = field.input_value()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert float(field.input_value()) > float(before)
    field.fill("7")
    assert "Outside the data: mass." in page.inner_text(".ew-warning")
    assert page.locator(".ew-input.ew-outside").count() == 1


@pytest.mark.parametrize("stop", range(3))
def test_copies_parse_back_to_the_same_function(page, stop, tmp_path):
    from sympy.parsing.latex import parse_latex

    slide(page, stop)
    copied = {}
    for kind in ("latex", "python", "c"):
        page.locator(f"[data-copy={kind}]").click()
        page.wait_for_function("window.copied")
        copied[kind] = page.evaluate("window.copied")
        page.evaluate("window.copied = null")
    X = np.random.default_rng(1).uniform(-1, 1, (5, 3))
    truth = Formula(TEXTS[stop], SYMBOLS)(X)
    space = {}
    exec(copied["python"], space)
    np.testing.assert_allclose(space["formula"](*X.T), truth, rtol=1e-12)
    np.testing.assert_allclose(compiled(copied["c"], X, tmp_path), truth, rtol=1e-12)
    # The parser knows letters only, so each word gets one.
    for letter, name in zip("abz", SYMBOLS, strict=True):
        copied["latex"] = copied["latex"].replace(rf"\mathrm{{{name}}}", letter)
    expression = parse_latex(copied["latex"], backend="lark")
    places = [dict(zip("abz", row, strict=True)) for row in X.tolist()]
    np.testing.assert_allclose(
        [float(expression.subs(place).subs("e", math.e)) for place in places], truth, rtol=1e-9
    )


def compiled(source, X, folder):
    """Values of C source at rows."""
    calls = "".join(f'printf("%.17g\\n", formula({", ".join(map(repr, row))}));' for row in X.tolist())
    text = f"#include <stdio.h>\n{source}\nint main(void) {{ {calls} return 0; }}\n"
    (folder / "formula.c").write_text(text)
    subprocess.run(["cc", "-o", "formula", "formula.c", "-lm"], cwd=folder, check=True)
    told = subprocess.run(["./formula"], cwd=folder, check=True, capture_output=True, text=True).stdout
    return [float(line) for line in told.split()]


def test_without_a_clipboard_the_text_is_still_copied(browser, made):
    found, _ = opened(browser, made[1], start=CLIPBOARD % "undefined")
    found.locator("[data-copy=latex]").click()
    found.wait_for_function("document.querySelector('.ew-said').childNodes.length")
    said = found.locator(".ew-said")
    assert (
        "copied" in said.inner_text()
        or found.locator(".ew-copy-field").input_value() == Formula(TEXTS[1], SYMBOLS).latex()
    )


def test_zoom_and_pan(page):
    transform = "document.querySelector('.ew-picture').style.transform"
    page.get_by_role("button", name="whole picture").click()
    whole = page.evaluate(transform)
    page.get_by_role("button", name="larger").click()
    larger = page.evaluate(transform)
    assert "scale(1.3)" in larger
    stage = page.locator(".ew-stage").bounding_box()
    page.mouse.move(stage["x"] + 5, stage["y"] + 5)
    page.mouse.down()
    page.mouse.move(stage["x"] + 45, stage["y"] + 25)
    page.mouse.up()
    assert page.evaluate(transform) != larger
    page.keyboard.press("Escape")
    page.locator(".ew-picture [tabindex='0']").focus()
    page.keyboard.press("0")
    assert page.evaluate(transform) == whole


def test_dark_and_light_by_the_readers_wish_and_by_the_button(browser, made):
    colour = "getComputedStyle(document.querySelector('.edgewise')).backgroundColor"
    shades = {}
    for scheme in ("light", "dark"):
        found, _ = opened(browser, made[1], scheme=scheme)
        shades[scheme] = found.evaluate(colour)
        found.get_by_role("button", name="dark or light").click()
        assert found.evaluate(colour) != shades[scheme]
    assert shades["light"] != shades["dark"]


SIZES = """
    [...document.querySelectorAll(".ew-page p, .ew-page dd, .ew-chart text, .ew-label")]
        .filter((one) => one.getBoundingClientRect().width)
        .map((one) => [parseFloat(getComputedStyle(one).fontSize), one.getScreenCTM?.() || { a: 1, b: 0 }])
        .map(([size, { a, b }]) => size * Math.hypot(a, b))
"""
OVERHANGS = """
    [...document.querySelectorAll(".ew-label")]
        .map((one) => [one.getBoundingClientRect(), one.closest(".ew-stage").getBoundingClientRect()])
        .map(([label, stage]) => [label.left - stage.left, stage.right - label.right])
"""


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_nothing_sticks_out_at_any_width_and_letters_can_be_read(browser, made, width):
    found, _ = opened(browser, made[1], width=width)
    assert found.evaluate("document.documentElement.scrollWidth") <= width
    assert min(found.evaluate(SIZES)) >= 9
    assert np.min(found.evaluate(OVERHANGS)) >= -1


def test_nothing_moves_while_one_looks_around(page):
    places = (
        "[...document.querySelectorAll('.ew-section')].map((e) => e.getBoundingClientRect().top + scrollY)"
    )
    page.evaluate("scrollTo(0, 0)")
    slide(page, 0)
    before = page.evaluate(places)
    for stop in (1, 2, 3):
        slide(page, stop)
        assert page.evaluate(places)[:3] == before[:3]
    page.get_by_role("button", name="mass → 1.2, spline").hover()
    assert page.evaluate(places)[:2] == before[:2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, made, scheme):
    from axe_playwright_python.sync_playwright import Axe

    found, _ = opened(browser, made[1], scheme=scheme)
    found.get_by_text("Edges", exact=True).click()
    told = Axe().run(found).response["violations"]
    serious = [
        (one["id"], node["html"][:150], node["failureSummary"])
        for one in told
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert serious == []
