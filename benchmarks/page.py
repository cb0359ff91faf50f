"""The page in a browser: how soon it answers, how large it is, and how smoothly its picture moves.

    python benchmarks/page.py            # networks of 220 and of 5,000 edges in Debian's Chromium, without a screen

``interactive`` is the time from the start of the navigation until the network is drawn and every control answers,
``cpu`` what of it, and of the tenths of a second after, the browser's main thread worked, which a busy machine does
not lengthen. Frames are counted by ``requestAnimationFrame`` while the picture is dragged and enlarged, a step for
each; ``frame_cpu`` is the work of the main thread in one, ``empty_fps`` what an empty page reached just before.
Needs Playwright and an installed Chromium.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import torch

from edgewise import KAN
from edgewise.view import page

CASES = {"220 edges": [10, 20, 1], "5,000 edges": [50, 90, 5, 10]}
ROWS, SECONDS = 500, 3.0
MOVING = """async (seconds) => {
    const stage = document.querySelector(".ew-stage"), box = stage.getBoundingClientRect(), frames = [];
    const at = (k) => ({
        bubbles: true, pointerId: 1, pointerType: "mouse",
        clientX: box.left + 200 + 120 * Math.sin(k / 9), clientY: box.top + 200 + 90 * Math.cos(k / 7),
    });
    stage.dispatchEvent(new PointerEvent("pointerdown", at(0)));
    const begun = performance.now();
    for (let k = 0, now = begun; now - begun < 1000 * seconds; k += 1) {
        stage.dispatchEvent(new PointerEvent("pointermove", at(k)));
        if (k % 3 === 0) stage.dispatchEvent(new WheelEvent("wheel", { ...at(k), ctrlKey: true, cancelable: true,
            deltaY: 60 * Math.sin(k / 20) }));
        now = await new Promise(requestAnimationFrame);
        frames.push(now);
    }
    stage.dispatchEvent(new PointerEvent("pointerup", at(0)));
    const gaps = frames.slice(1).map((time, k) => time - frames[k]).sort((a, b) => a - b);
    return { fps: 1000 * gaps.length / (frames.at(-1) - frames[0]), slowest: gaps[Math.floor(0.95 * gaps.length)] };
}"""


def network(widths: list[int]) -> tuple[KAN, torch.Tensor]:
    """Random splines of uneven importance and a batch."""
    generator = torch.Generator().manual_seed(0)
    net = KAN(widths, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        for layer in net.kan_layers:
            importance = torch.rand(layer.in_features, 1, layer.out_features, generator=generator) ** 4
            layer.spline.weight.copy_(
                importance * torch.randn(layer.spline.weight.shape, generator=generator)
            )
    return net, torch.rand(ROWS, widths[0], generator=generator, dtype=torch.float64) * 2 - 1


WATCH = """
    const seen = () => {
        if (!window.ready && document.querySelector("[data-ready]")) window.ready = performance.now();
    };
    new MutationObserver(seen).observe(document, { subtree: true, childList: true, attributes: true });
"""


def measured(browser: Any, path: Path) -> dict[str, float]:
    """One page opened afresh, and its picture moved."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    session = tab.context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    tab.set_content("<div class=ew-stage>empty</div>")
    empty = tab.evaluate(MOVING, 1.0)["fps"]
    tab.add_init_script(WATCH)
    tab.goto(path.as_uri())
    tab.wait_for_selector("[data-ready]", timeout=60_000)
    tab.wait_for_timeout(300)
    found = {"interactive_ms": tab.evaluate("ready"), "cpu_ms": worked(session)}
    moved = tab.evaluate(MOVING, SECONDS)
    found |= {"empty_fps": empty, "fps": moved["fps"], "slowest_ms": moved["slowest"]}
    found["frame_cpu_ms"] = (worked(session) - found["cpu_ms"]) / (SECONDS * moved["fps"])
    tab.close()
    return found


def worked(session: Any) -> float:
    """Milliseconds of the main thread's work so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1000 * next(one["value"] for one in metrics if one["name"] == "TaskDuration")


def main() -> None:
    """Measures both pages and prints a line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, widths in CASES.items():
            path = page(*network(widths), Path(folder, "page.html"), report={"candidates": {}})
            runs = [measured(browser, path) for _ in range(repeats)]
            middle = {key: round(median(run[key] for run in runs), 1) for key in runs[0]}
            print(
                json.dumps(
                    {"case": name, "kilobytes": path.stat().st_size // 1000, "repeats": repeats} | middle
                )
            )
        browser.close()


if __name__ == "__main__":
    main()
