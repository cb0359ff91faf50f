"""Every function of the catalogue: its slope, its text, and which of its constants data can tell."""

import copy
import pickle

import numpy as np
import pytest
import sympy
import torch

from edgewise.catalogue import CATALOGUE, Function, function
from edgewise.errors import InputError
from edgewise.symbolic.parser import parse

LAWS = pytest.mark.parametrize("law", CATALOGUE.values(), ids=lambda law: law.name)
EXPONENT = torch.tensor(1.7, dtype=torch.float64)


def points(law):
    """Forty arguments well inside the law's interval, on both sides of 0 where it reaches there."""
    return torch.linspace(max(law.low, -2.0) + 0.1, min(law.high, 2.0) - 0.1, 40, dtype=torch.float64)


def test_there_are_thirty_functions_or_more():
    assert len(CATALOGUE) >= 30


def test_names_and_texts_are_unique():
    assert all(name == law.name for name, law in CATALOGUE.items())
    assert len({law.text for law in CATALOGUE.values()}) == len(CATALOGUE)


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
def test_the_text_says_what_the_value_does(law):
    written = sympy.lambdify(sympy.symbols("u p", real=True), parse(law.text, ["u", "p"]), "scipy")
    u = points(law)
    expected = np.broadcast_to(written(u.numpy(), float(EXPONENT)), u.shape)
    np.testing.assert_allclose(law.value(u, EXPONENT).numpy(), expected, rtol=1e-12, atol=1e-14)


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
