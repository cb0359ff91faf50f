"""Every function of the catalogue: its slope, its text, and which of its constants data can tell."""

import copy
import pickle

import numpy as np
import pytest
import sympy
import torch

from edgewise.catalogue import CATALOGUE, Function, forget, function, is_built_in, page, register
from edgewise.errors import InputError
from edgewise.symbolic.parser import parse

ALL = (*CATALOGUE.values(), *page("special"))
LAWS = pytest.mark.parametrize("law", ALL, ids=lambda law: law.name)
EXPONENT = torch.tensor(1.7, dtype=torch.float64)


def points(law):
    """Forty arguments well inside the law's interval, on both sides of 0 where it reaches there."""
    return torch.linspace(max(law.low, -2.0) + 0.1, min(law.high, 2.0) - 0.1, 40, dtype=torch.float64)


def test_there_are_forty_functions_or_more_on_the_default_page():
    assert len(page("default")) == len(CATALOGUE) >= 40


def test_names_and_texts_are_unique():
    assert all(name == law.name for name, law in CATALOGUE.items())
    assert len({law.name for law in ALL}) == len({law.text for law in ALL}) == len(ALL)


@LAWS
def test_the_slope_is_the_derivative_by_autograd(law):
    u = points(law).requires_grad_()
    (derivative,) = torch.autograd.grad(law.value(u, EXPONENT).sum(), u)
    torch.testing.assert_close(law.slope(u.detach(), EXPONENT), derivative, rtol=1e-12, atol=1e-12)


@LAWS
def test_the_slope_is_the_limit_of_differences(law):
    u, h = points(law), 1e-6
    difference = (law.value(u + h, EXPONENT) - law.value(u - h, EXPONENT)) / (2 * h)
    torch.testing.assert_close(law.slope(u, EXPONENT), difference, rtol=1e-6, atol=1e-7)


@LAWS
def test_the_value_is_what_the_text_means_to_thirty_digits(law):
    u = points(law)[::5]
    symbols = sympy.symbols("u p", real=True)
    expression = parse(law.text, ["u", "p"])
    truth = [
        float(
            expression.subs(dict(zip(symbols, map(sympy.Float, (x, float(EXPONENT))), strict=True))).evalf(30)
        )
        for x in u.tolist()
    ]
    np.testing.assert_allclose(law.value(u, EXPONENT).numpy(), truth, rtol=1e-12, atol=1e-14)


@LAWS
def test_nothing_is_nan_far_out_or_at_zero_in_either_precision(law):
    for dtype in (torch.float32, torch.float64):
        u = torch.tensor([-1000.0, -100.0, -30.0, -1e-3, 0.0, 1e-3, 0.3, 30.0, 100.0, 1000.0], dtype=dtype)
        u = u[(u > law.low) & (u < law.high)].requires_grad_()
        value = law.value(u, EXPONENT.to(dtype))
        assert not bool(value.isnan().any())
        settled = value.isfinite()
        assert not bool(law.slope(u.detach(), EXPONENT.to(dtype))[settled].isnan().any())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "name", ["cardinal sine", "langevin", "logarithm of the hyperbolic cosine", "bose energy", "elliptic k"]
)
def test_series_take_over_without_a_step(name, dtype):
    law, eps = function(name), torch.finfo(dtype).eps
    u = torch.linspace(1e-4, min(law.high, 2.0) - 0.1, 4001, dtype=torch.float64)
    exact, rounded = law.slope(u, EXPONENT), law.slope(u.to(dtype), EXPONENT.to(dtype)).double()
    assert float((rounded - exact).abs().max()) < 1e3 * eps
    assert float(exact.diff().diff().abs().max()) < 1e-4


@LAWS
def test_a_finite_value_has_a_finite_slope_far_out(law):
    u = torch.tensor([-1000.0, -30.0, 30.0, 1000.0], dtype=torch.float64)
    u = u[(u > law.low) & (u < law.high)]
    settled = torch.isfinite(law.value(u, EXPONENT))
    assert bool(torch.isfinite(law.slope(u, EXPONENT)[settled]).all())


@LAWS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_slope_keep_type_and_shape(law, dtype):
    u, p = points(law).to(dtype).reshape(8, 5), EXPONENT.to(dtype)
    for result in (law.value(u, p), law.slope(u, p)):
        assert (result.dtype, result.shape) == (dtype, u.shape)


@LAWS
def test_complexity_and_letters_make_sense(law):
    assert law.complexity >= 1
    assert set(law.free) <= set("abp")
    assert ("p" in law.free) == ("p" in parse_letters(law))
    assert law.low < law.high
    assert not (law.sign and "a" in law.free)


def parse_letters(law):
    return {symbol.name for symbol in parse(law.text, ["u", "p"]).free_symbols}


@LAWS
def test_free_letters_are_all_that_data_can_tell(law):
    """The Jacobian in every letter has as many independent columns as there are free letters, ``c`` and ``d``."""
    start = torch.tensor([1.0 if law.sign else 1.3, 0.2, 0.7, 0.4, float(EXPONENT)], dtype=torch.float64)
    x = (points(law) - start[1]) / start[0]

    def edge(constants):
        a, b, c, d, p = constants
        return c * law.value(a * x + b, p) + d

    columns = torch.autograd.functional.jacobian(edge, start)
    kept = [k for k, letter in enumerate("abcdp") if letter in "cd" + law.free]
    assert rank(columns) == rank(columns[:, kept]) == len(kept)


def rank(columns):
    size = columns.norm(dim=0)
    return int(torch.linalg.matrix_rank(columns / torch.where(size > 0, size, 1.0), rtol=1e-7))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"no function is called 'sinus'; choose one of: .*sine"):
        function("sinus")


@LAWS
def test_copies_and_pickles_are_the_entry_itself(law):
    assert copy.deepcopy(law) is law
    assert pickle.loads(pickle.dumps(law)) is law


def test_a_function_of_ones_own_pickles_by_its_parts():
    own = Function("sine", "erf(u)", torch.erf, torch.cos)
    assert pickle.loads(pickle.dumps(own)) == own


def test_pages_are_chosen_by_name():
    assert page("default") == tuple(CATALOGUE.values())
    assert function("bessel j0") in page("special")
    with pytest.raises(InputError, match="no page is called 'more'; choose one of: default, special, own"):
        page("more")


def test_a_function_of_ones_own_is_found_by_name_until_it_is_forgotten():
    own = Function("doubled", "2*u", lambda u, p: 2 * u, lambda u, p: 2 + 0 * u)
    assert register(own) is own
    try:
        assert function("doubled") is own
        assert own in page("own")
        assert not is_built_in(own)
        with pytest.raises(InputError, match="has a function called 'doubled'"):
            register(own)
    finally:
        forget("doubled")
    with pytest.raises(InputError, match="no function of your own is called 'doubled'"):
        forget("doubled")


@pytest.mark.parametrize("name", ["sine", "bessel j0"])
def test_functions_of_the_library_are_not_replaced(name):
    with pytest.raises(InputError, match="choose another name"):
        register(Function(name, "u", torch.sin, torch.cos))
    with pytest.raises(InputError, match="of your own"):
        forget(name)


@pytest.mark.parametrize("name", ["bessel j1", "bessel y0", "airy bi", "gamma", "lambert w", "sine integral"])
def test_second_gradients_of_special_functions_are_right(name):
    law = function(name)
    u = points(law)[::6].requires_grad_()
    assert torch.autograd.gradgradcheck(lambda u: law.value(u, EXPONENT), u)


def test_a_derivative_that_is_not_known_is_refused_not_zero():
    u = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(function("elliptic e").value(u, EXPONENT).sum(), u, create_graph=True)
    with pytest.raises(InputError, match="no further derivative"):
        torch.autograd.grad(slope.sum(), u)
