"""The page's JavaScript computes what Python does: every catalogue function, and networks of every form."""

import math

import numpy as np
import pytest
import torch

from browser import chromium
from edgewise.catalogue import page as catalogue_page
from edgewise.catalogue.tree import tree
from edgewise.network import KAN
from edgewise.view.scene import scene
from edgewise.view.script import FILES, FOLDER, script

LOAD = """async (code) => {
    window.client = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
}"""


@pytest.fixture(scope="module")
def client():
    """A blank page with the module of the view, its inner parts laid open."""
    with chromium() as browser:
        page = browser.new_page()
        page.evaluate(LOAD, script() + "\nexport { law, compiled, Network };")
        yield page


def computed(client, made, rows):
    """Outputs of the network in a scene at rows, by JavaScript."""
    call = "([spec, rows]) => { const net = new client.Network(spec); return rows.map((row) => net.evaluate(row)); }"
    return np.array(client.evaluate(call, [made["network"], rows.tolist()]))


def random_network(widths, dtype=torch.float64, **settings):
    generator = torch.Generator().manual_seed(1)
    net = KAN(widths, generator=generator, dtype=dtype, **settings)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
        net.input_center += 0.3
        net.output_scale *= 2.5
    return net


def test_all_files_are_part_of_the_module():
    others = {path.name for path in FOLDER.glob("*.js")} - set(FILES)
    assert others <= {"editing.js"}  # the tools of a notebook, which its widget adds
    assert all((FOLDER / name).is_file() for name in FILES)


@pytest.mark.parametrize("name", ["default", "special"])
def test_every_function_of_the_catalogue(client, name):
    p = torch.tensor(1.7, dtype=torch.float64)
    for entry in catalogue_page(name):
        low, high = max(entry.low, -8.0), min(entry.high, 30.0 if entry.name.endswith("gamma") else 8.0)
        u = torch.linspace(low, high, 42, dtype=torch.float64)[1:-1]
        u = torch.cat([u, u[[20]] * 1e-5])[: None if low < 0 < high else 40]
        truth = entry.value(u, p).tolist()
        call = "([entry, u]) => { const f = client.law(entry); return u.map((x) => f(x, 1.7)); }"
        told = client.evaluate(call, [{"text": entry.text, "tree": tree(entry.text, ("u", "p"))}, u.tolist()])
        for place, value, expected in zip(u.tolist(), told, truth, strict=True):
            if math.isfinite(expected):
                assert value == pytest.approx(expected, rel=1e-11, abs=1e-13), (entry.name, place)
            else:
                assert not math.isfinite(value), (entry.name, place)


@pytest.mark.parametrize(
    "settings",
    [
        {"widths": [2, 3, 1]},
        {"widths": [2, (1, 2), (0, 1), 2], "degree": 1},
        {"widths": [3, 1], "degree": 0, "base": None, "intervals": 1},
        {"widths": [2, 4, 4, 4, 1], "norm": "rms", "residual": "plain", "domain": (-2.0, 1.0)},
        {"widths": [2, 4, 4, 1], "residual": "scaled", "degree": 5, "base": "identity"},
        {"widths": [2, 3, 3, 3, 3, 1], "residual": "gated", "norm": "rms"},
        {"widths": [2, 3, 3, 1], "residual": "zero"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_networks_of_every_form(client, settings):
    net = random_network(**settings)
    net.kan_layers[0].remove_edge(0, 0)
    rows = (
        torch.rand(12, net.in_features, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 6
        - 3
    )
    rows[0], rows[1] = net.input_center - 1, net.input_center + 1  # on the very ends of most domains
    with torch.no_grad():
        truth = net(rows).numpy()
    np.testing.assert_allclose(computed(client, scene(net, rows), rows), truth, rtol=1e-9, atol=1e-11)


def test_networks_of_single_precision_are_computed_in_double(client):
    net = random_network([2, 3, 1], dtype=torch.float32)
    rows = torch.rand(5, 2)
    with torch.no_grad():
        truth = net.double()(rows.double()).numpy()
    np.testing.assert_allclose(computed(client, scene(net, rows), rows), truth, rtol=1e-9)


def test_uneven_knots_and_fixed_edges_of_a_users_own(client):
    from edgewise.symbolic.define import written

    net = random_network([2, 2, 1])
    knots = net.kan_layers[0].spline.knots.clone()
    knots[0] = torch.linspace(-1.3, 0.9, knots.shape[1], dtype=torch.float64).pow(3) + 0.2
    net.kan_layers[0].spline.knots.copy_(knots)
    net.kan_layers[1].fix_edge(
        0, 0, written("own", "exp(-u**2)/(2 + cos(u))"), torch.tensor([2.0, 0.1, 1, 3, 1])
    )
    rows = torch.rand(9, 2, dtype=torch.float64) * 4 - 2
    with torch.no_grad():
        truth = net(rows).numpy()
    np.testing.assert_allclose(computed(client, scene(net, rows), rows), truth, rtol=1e-9)
