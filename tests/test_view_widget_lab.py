"""The widget where it lives: a real JupyterLab in headless Chromium, an edge fixed, the network refitted, undone."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from browser import chromium
from edgewise.network import KAN
from edgewise.view.snippet import snippet

sync_api = pytest.importorskip("playwright.sync_api")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe
pytest.importorskip("jupyterlab")
pytest.importorskip("anywidget")

SOURCE = str(Path(__file__).resolve().parents[1] / "src")
TOKEN = "a-token-of-this-test"
PATIENCE = 90_000
MAKE = """\
import torch
from edgewise import KAN, TrainConfig, train
from edgewise.view import edit
generator = torch.Generator().manual_seed(0)
X = torch.rand(120, 2, generator=generator, dtype=torch.float64) * 2 - 1
y = torch.sin(3 * X[:, 0]) + X[:, 1] ** 2
config = TrainConfig(starts=1, intervals=(5,))
network = train(KAN([2, 1], generator=generator, dtype=torch.float64), X, y, config).network
bench = edit(network, X, y, feature_names=["<b>time", "force"])
bench"""
TELL = """\
law = bench.network.kan_layers[0].edge(0, 0)
print("law:", getattr(law, "name", law), "steps:", len(bench.editor.steps), "same:", bench.network is network)"""


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def notebook(*cells, shown):
    """A notebook of code cells, as text; the last has HTML as its output, which no one has said to trust."""
    made = [
        {
            "cell_type": "code",
            "id": f"cell{k}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": text,
        }
        for k, text in enumerate(cells)
    ]
    made[-1]["outputs"] = [
        {"output_type": "display_data", "data": {"text/html": shown, "text/plain": "KAN"}, "metadata": {}}
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def wait_for(address, server, log):
    """Until the server answers; a server that ended, or never answers, fails with what it wrote."""
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(address, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab of its own, ended with all its kernels."""
    home, port = tmp_path / "home", free_port()
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    (tmp_path / "net.ipynb").write_text(notebook(MAKE, TELL, "", shown=snippet(KAN([2, 1]))))
    own = {
        name: str(home / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    environment = (
        os.environ
        | own
        | {
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "IPYTHONDIR": str(home),
            "PYTHONPATH": SOURCE,
            "OMP_NUM_THREADS": "1",
        }
    )
    options = (
        f"--ServerApp.port={port} --ServerApp.port_retries=0 --ServerApp.ip=127.0.0.1 --ServerApp.open_browser=False "
        f"--IdentityProvider.token={TOKEN} --ServerApp.root_dir={tmp_path} --ServerApp.allow_root=True "
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate --LabApp.news_url=None"
    ).split()
    log = tmp_path / "lab.log"
    with log.open("w") as written:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=environment,
            cwd=tmp_path,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/api?token={TOKEN}", server, log)
        yield f"http://127.0.0.1:{port}/lab/tree/net.ipynb?token={TOKEN}"
    finally:
        end(server)


def end(server):
    """Asks the server to end, which ends its kernels too; whatever is left of its group goes by force."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(20)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait(20)


@pytest.fixture
def page():
    with chromium() as browser:
        made = browser.new_page(viewport={"width": 1280, "height": 1000})
        made.set_default_timeout(PATIENCE)
        yield made


def wait_for_kernel(page):
    """Cells run before the kernel is there are lost."""
    sync_api.expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=PATIENCE)


def run_cell(page, index):
    page.locator(".jp-Notebook .jp-CodeCell").nth(index).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def told(page):
    """What the second cell prints of the state of Python, run again."""
    output = page.locator(".jp-Notebook .jp-CodeCell").nth(1).locator(".jp-OutputArea-output pre")
    before = told_at(page)
    run_cell(page, 1)
    prompt = page.locator(".jp-Notebook .jp-CodeCell").nth(1).locator(".jp-InputPrompt")
    sync_api.expect(prompt).not_to_have_text(before, timeout=PATIENCE)
    sync_api.expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=PATIENCE)
    return output.inner_text().strip()


def told_at(page):
    return page.locator(".jp-Notebook .jp-CodeCell").nth(1).locator(".jp-InputPrompt").inner_text()


def press(page, name, expected):
    """Presses a button by keyboard and waits for what the widget says then."""
    button = page.get_by_role("button", name=name, exact=True)
    sync_api.expect(button).to_have_attribute("aria-disabled", "false", timeout=PATIENCE)
    button.focus()
    page.keyboard.press("Enter")
    sync_api.expect(page.locator(".ew-bench-said")).to_contain_text(expected, timeout=PATIENCE)


def serious(page):
    """What axe holds against the widget, JupyterLab's own parts left out."""
    found = Axe().run(page, context=".ew-bench, .ew-bench-view").response["violations"]
    return [entry["id"] for entry in found if entry["impact"] in ("serious", "critical")]


@pytest.mark.slow
def test_fix_refit_and_undo_in_jupyterlab(page, lab):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(lab)
    image = page.locator(".jp-Notebook .jp-OutputArea-output img")
    sync_api.expect(image).to_have_js_property("complete", True, timeout=PATIENCE)
    assert image.evaluate("image => image.naturalWidth") > 100

    wait_for_kernel(page)
    run_cell(page, 0)
    picture, edges = page.locator(".ew-picture"), page.locator(".ew-picture .ew-edge")
    sync_api.expect(edges).to_have_count(2, timeout=PATIENCE)
    assert page.locator(".ew-bench-view b").count() == 0

    edges.first.click()
    which = page.get_by_role("combobox", name="Edge", exact=True)
    sync_api.expect(which.locator("option:checked")).to_contain_text("→ y: spline")
    which.select_option("[0,0,0]")
    sync_api.expect(which.locator("option:checked")).to_have_text("<b>time → y: spline")
    function = page.get_by_role("combobox", name="Function", exact=True)
    sync_api.expect(function.locator("optgroup").first).to_have_attribute("label", "closest to its curve")
    assert function.locator("option").first.get_attribute("value") == "sine"

    function.select_option("sine")
    press(page, "Fix", "fixed to sin(u)")
    sync_api.expect(page.locator(".ew-picture .ew-edge.ew-symbolic")).to_have_count(1)
    assert told(page) == "law: sine steps: 2 same: False"

    page.get_by_label("Seconds at most").fill("5")
    press(page, "Refit", "refitted: ")
    assert told(page) == "law: sine steps: 3 same: False"

    press(page, "Undo", "back to: <b>time → y fixed")
    press(page, "Undo", "back to: as it came")
    sync_api.expect(page.locator(".ew-picture .ew-edge.ew-symbolic")).to_have_count(0)
    assert told(page) == "law: spline steps: 1 same: True"

    which.focus()
    page.keyboard.press("Control+Shift+Z")
    sync_api.expect(page.locator(".ew-bench-said")).to_contain_text("again: ")
    sync_api.expect(page.locator(".ew-picture .ew-edge.ew-symbolic")).to_have_count(1)
    assert picture.count() == 1
    assert serious(page) == []
    assert errors == []
