"""The picture a notebook shows of a network: an image that cannot run anything, drawn where the splines live."""

import re
import subprocess
import sys
from base64 import b64decode
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from edgewise.network import KAN
from edgewise.train import TrainConfig, train
from edgewise.view.snippet import MOST_EDGES, domain_rows, snippet


def drawn(text):
    """The SVG inside."""
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)"', text)
    return b64decode(data).decode()


def words_in(svg):
    return "".join(ElementTree.fromstring(svg).itertext())


def test_a_network_shows_itself_with_its_fixed_functions(generator):
    net = KAN([2, 3, 1], generator=generator)
    X = torch.rand(50, 2, generator=generator)
    text = net.fix((0, 0, 1), "sin", X)._repr_html_()
    assert "sin(u)" in words_in(drawn(text))
    assert "sin(u)" not in words_in(drawn(net._repr_html_()))
    assert 'alt="Network from x1, x2 to y: 9 edges, 1 fixed to a function"' in text


def test_names_from_strangers_stay_text():
    names = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>']
    text = snippet(KAN([2, 1]), names)
    tags = re.findall(r"<(\w+)", text)
    assert tags == ["figure", "img", "figcaption"]
    assert names[0] in words_in(drawn(text))


@pytest.mark.parametrize("size", [MOST_EDGES, MOST_EDGES + 1])
def test_a_large_network_is_left_to_its_text(size):
    assert (snippet(KAN([size, 1])) is None) == (size > MOST_EDGES)


def test_rows_fill_the_domain_in_the_users_units(rng):
    X = np.stack([rng.uniform(100, 300, 90), rng.uniform(-2e-3, 1e-3, 90)], axis=1)
    net = train(KAN([2, 1]), X, X[:, 0], TrainConfig(max_seconds=2, starts=1, intervals=(3,))).network
    rows = domain_rows(net, 256).numpy()
    for k in range(2):
        spread = np.ptp(X[:, k])
        assert X[:, k].min() - 0.02 * spread <= rows[:, k].min() <= X[:, k].min() + 0.02 * spread
        assert X[:, k].max() - 0.02 * spread <= rows[:, k].max() <= X[:, k].max() + 0.02 * spread
        assert np.histogram(rows[:, k], 8)[0].min() >= 30


def test_a_function_with_a_pole_in_the_domain_is_shown():
    net = KAN([1, 1], dtype=torch.float64)
    net.kan_layers[0].fix_edge(0, 0, "logarithm", torch.tensor([1.0, 0.2, 1.0, 0.0, 1.0]))
    assert "log(u)" in words_in(drawn(net._repr_html_()))


def test_the_same_network_gives_the_same_bytes():
    net = KAN([2, 2, 1], generator=torch.Generator().manual_seed(0))
    assert net._repr_html_() == net._repr_html_()


def test_no_matplotlib_until_a_picture_is_asked_for():
    code = (
        "import sys; from edgewise import KANLayer, KAN; net = KAN([1, 1]); "
        "assert not {'matplotlib', 'anywidget', 'ipywidgets'} & set(sys.modules); "
        "net._repr_html_(); assert 'matplotlib' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
