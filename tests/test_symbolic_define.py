import pickle

import numpy as np
import pytest
import torch

from edgewise import KAN, load, save
from edgewise.catalogue import Function, forget, function
from edgewise.edges import SymbolicEdges
from edgewise.errors import InputError
from edgewise.symbolic import Formula, define, match_edge, template
from edgewise.symbolic.define import as_text, written

RICKER = "(1 - u**2)*exp(-u**2/2)"
ONE = torch.ones((), dtype=torch.float64)


@pytest.fixture
def ricker():
    yield define("ricker", RICKER)
    forget("ricker")


@pytest.fixture
def fixed(ricker):
    """A network of one edge, fixed to ``3 ricker(2 x - 0.3) + 1``."""
    network = KAN([1, 1], intervals=1).double()
    layer = network.kan_layers[0]
    layer.spline.mask.zero_()
    constants = torch.tensor([[2.0, -0.3, 3.0, 1.0, 1.0]], dtype=torch.float64)
    layer.symbolic = SymbolicEdges(1, 1, ((0, 0, ricker),), constants)
    return network


def truth(x):
    u = 2 * x - 0.3
    return 3 * (1 - u**2) * np.exp(-(u**2) / 2) + 1


def test_the_text_is_all_it_takes(ricker):
    u = torch.linspace(-3, 3, 50, dtype=torch.float64, requires_grad=True)
    np.testing.assert_allclose(
        ricker.value(u, ONE).detach(), (1 - u**2).detach() * torch.exp(-(u.detach() ** 2) / 2)
    )
    assert torch.autograd.gradcheck(lambda u: ricker.value(u, ONE), u)
    assert torch.autograd.gradgradcheck(lambda u: ricker.value(u, ONE), u)
    assert function("ricker") is ricker


def test_an_edge_is_matched_to_it(ricker):
    x = torch.linspace(-1, 2, 300, dtype=torch.float64)
    best = match_edge(x, torch.from_numpy(truth(x.numpy())), [ricker, "sine", "gaussian"])[0]
    assert best.function is ricker
    assert best.error < 1e-10


def test_a_network_with_it_becomes_a_formula_and_code(fixed):
    found = template(fixed, ["x"])
    formula = Formula(found.text([15] * len(found.values)), ("x",))
    x = np.linspace(-1, 1, 20)
    np.testing.assert_allclose(formula(x[:, None]), truth(x), rtol=1e-9, atol=1e-9)
    assert "exp" in formula.code("c")


def test_a_checkpoint_keeps_it_for_a_process_that_never_heard_of_it(fixed, tmp_path, ricker):
    save(fixed, tmp_path / "run")
    forget("ricker")
    try:
        x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
        np.testing.assert_allclose(load(tmp_path / "run")(x)[:, 0].detach(), truth(x[:, 0].numpy()))
    finally:
        define("ricker", RICKER)


def test_a_pickle_keeps_it_too(ricker):
    again = pickle.loads(pickle.dumps(ricker))
    assert again == ricker
    assert as_text(again) == {"name": "ricker", "text": RICKER}


@pytest.mark.parametrize(
    ("text", "low", "free"),
    [
        ("u**6", -np.inf, "b"),
        ("2**u", -np.inf, "a"),
        ("3*u - 1", -np.inf, ""),
        ("u**0.3", 0.0, "b"),
        ("besselj(2, u)", -np.inf, "ab"),
    ],
)
def test_constants_that_data_cannot_tell_are_left_out(text, low, free):
    law = written("one", text, low=low)
    assert law.free == free
    x = torch.linspace(1, 2, 100, dtype=torch.float64)
    assert match_edge(x, 2 * law.value(x, ONE) - 1, [law])[0].error < 1e-9


@pytest.mark.parametrize(
    ("name", "text", "options", "message"),
    [
        ("sine", "u**7", {}, "has a function called 'sine'"),
        ("", "u**7", {}, "a function's name"),
        ("own", "3 + pi", {}, "does not depend on u"),
        ("own", "x**7", {}, "allowed are numbers, u"),
        ("own", "import os", {}, "cannot read"),
        ("own", "log(-1 - u**2)", {}, "finite nowhere"),
        ("own", "u**7", {"low": 2.0, "high": 1.0}, "low < high"),
    ],
)
def test_what_cannot_be_a_function_is_refused(name, text, options, message):
    with pytest.raises(InputError, match=message):
        define(name, text, **options)


def test_a_function_not_made_from_text_has_none(ricker):
    assert as_text(Function("sine", "sin(u)", torch.sin, torch.cos)) is None
    assert as_text(function("sine")) is None
