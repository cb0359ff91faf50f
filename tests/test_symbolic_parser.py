import ast
import contextlib
import math

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.catalogue import CATALOGUE, page
from edgewise.errors import InputError
from edgewise.symbolic.parser import FUNCTIONS, LARGEST_EXPONENT, LONGEST_TEXT, ORDERED, parse

PYTHON = [
    "__import__('os').system('true')",
    "().__class__.__bases__",
    "x.diff",
    "x.__class__",
    "x[0]",
    "lambda: x",
    "(lambda: x)()",
    "[x for x in (1, 2)]",
    "{x: x}",
    "{x}",
    "(x, x)",
    "(x := 1)",
    "x if x else 1",
    "x and 1",
    "not x",
    "~x",
    "x < 1",
    "x == x",
    "x // 2",
    "x % 2",
    "x @ x",
    "x | x",
    "x << 2",
    "f'{x}'",
    "'a' * 9",
    "b'x'",
    "1j",
    "True",
    "None",
    "...",
    "await x",
    "*x",
    "x; x",
    "import os",
    "x = 1",
    "eval('1')",
    "open('x')",
    "print(x)",
    "getattr(x, 'y')",
    "Symbol('x')",
    "zeta(x)",
    "gamma(x, x)",
    "besselj(x)",
    "besselj(x, x)",
    "besselj(0.5, x)",
    "besselj(-1, x)",
    "besselj(65, x)",
    "besselj(True, x)",
    "besselj(0, x, x)",
    "sin",
    "sin()",
    "sin(x, x)",
    "sin(x=x)",
    "sin(*x)",
    "sin(x)(x)",
    "sympy.sin(x)",
    "y",
    "I",
    "zoo",
    "nan",
    "inf",
    "",
    "   ",
    "x +",
    "2 x",
    "x^2",
    "x\n+ 1",
]
HUGE = [
    "9**9**9",
    "10**10**10",
    "x**9**9",
    "2**-99999999",
    "(((9**64)**64)**64)**64",
    "(((9**-64)**64)**64)**64",
    "exp(exp(exp(9.0)))",
    "exp(exp(exp(9)))",
    "9" * 4000,
    "9" * 5000,
    "0x" + "f" * 9000,
    "1e400",
    "gamma(10**10)",
    "loggamma(10**9)",
    "digamma(10**9)",
    "digamma(1/10**300)",
    "besselj(0, 10**300)",
    "elliptic_k(-10**200)",
    "gamma(gamma(999))",
]
ODD = ["x\x00", "\ud800", "x\u202e", "x\u200b", "١", "x²", "ｅｖａｌ(1)", "𝓮𝔁𝓮𝓬(1)", "π"]
DEEP = ["(" * 5000 + "x" + ")" * 5000, "-" * 5000 + "x", "sin(" * 1500 + "x" + ")" * 1500, "x" + "+x" * 9000]


@pytest.mark.parametrize("text", PYTHON)
def test_anything_but_arithmetic_is_refused(text):
    with pytest.raises(InputError):
        parse(text, ["x"])


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", HUGE, ids=lambda text: text[:24])
def test_numbers_that_would_fill_the_memory_are_refused_at_once(text):
    with pytest.raises(InputError):
        parse(text, ["x"])


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_characters_are_refused(text):
    with pytest.raises(InputError):
        parse(text, ["x"])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", DEEP, ids=lambda text: text[:6])
def test_deep_nesting_is_refused_not_a_crash(text):
    with pytest.raises(InputError):
        parse(text, ["x"])


def test_a_very_long_text_is_refused_unread(monkeypatch):
    monkeypatch.setattr(ast, "parse", lambda *a, **k: pytest.fail("read"))
    with pytest.raises(InputError, match=str(LONGEST_TEXT)):
        parse("x" * (LONGEST_TEXT + 1), ["x"])


def test_nothing_is_evaluated(tmp_path):
    marker = tmp_path / "was here"
    for text in (f"open({str(marker)!r}, 'w')", f"__import__('pathlib').Path({str(marker)!r}).touch()"):
        with pytest.raises(InputError):
            parse(text, ["x"])
    assert not marker.exists()


@pytest.mark.parametrize("text", ["1/0", "x + 1/0", "0**-1", "log(0)", "atanh(1)", "tan(pi/2)"])
def test_a_number_that_does_not_exist_is_refused(text):
    with pytest.raises(InputError, match="number"):
        parse(text, ["x"])


def test_the_message_shows_what_is_wrong_and_what_is_allowed():
    with pytest.raises(InputError, match=r"holds 'eval\(x\)'; allowed are numbers, x, mass, .*sqrt"):
        parse("1 + eval(x)", ["x", "mass"])


def test_exponents_have_a_limit_of_either_sign():
    x = sympy.Symbol("x", real=True)
    assert parse(f"x**{LARGEST_EXPONENT}", ["x"]) == x**LARGEST_EXPONENT
    for exponent in (LARGEST_EXPONENT + 1, -LARGEST_EXPONENT - 1, LARGEST_EXPONENT + 0.5):
        with pytest.raises(InputError, match="exponent"):
            parse(f"x**({exponent})", ["x"])


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_on_the_list_is_read(name):
    x = sympy.Symbol("x", real=True)
    if name in ORDERED:
        assert parse(f"{name}(2, x)", ["x"]) == ORDERED[name](2, x)
    else:
        assert parse(f"{name}(x)", ["x"]) == FUNCTIONS[name](x)


def test_a_wrong_number_of_arguments_is_answered_with_the_right_one():
    with pytest.raises(InputError, match=r"a whole number and an argument, as besselj\(1, x\)"):
        parse("besselj(x)", ["x"])
    with pytest.raises(InputError, match=r"expected sin\(x\)"):
        parse("sin(1, x)", ["x"])
    with pytest.raises(InputError, match=r"the order has to be a whole number from 0 to 64"):
        parse("besselj(x, x)", ["x"])


def test_special_functions_of_numbers_are_numbers():
    assert float(parse("gamma(5) + besselj(0, 0)", [])) == pytest.approx(25.0)


def test_whole_numbers_fractions_and_constants_stay_exact():
    assert parse("1/3 + 1/6", []) == sympy.Rational(1, 2)
    assert parse("2*pi", []) == 2 * sympy.pi
    assert parse("log(E)", []) == 1


def test_symbols_are_real_and_may_hide_a_constant():
    assert parse("sqrt(x**2)", ["x"]) == sympy.Abs(sympy.Symbol("x", real=True))
    assert parse("pi", ["pi"]) == sympy.Symbol("pi", real=True)


@pytest.mark.parametrize("law", [*CATALOGUE.values(), *page("special")], ids=lambda law: law.name)
def test_the_catalogue_survives_being_printed_and_read_again(law):
    first = parse(law.text, ["u", "p"])
    assert parse(sympy.sstr(first), ["u", "p"]) == first


def _grown(inner):
    pairs = st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner)
    sums = pairs.map(lambda part: f"({part[0]}){part[1]}({part[2]})")
    calls = st.tuples(st.sampled_from(["sin", "cos", "tanh", "atan", "asinh", "-"]), inner)
    powers = st.tuples(inner, st.integers(0, 3)).map(lambda part: f"({part[0]})**{part[1]}")
    return sums | powers | calls.map(lambda part: f"{part[0]}({part[1]})")


FORMULAS = st.recursive(st.sampled_from(["x", "y", "2", "0.5", "7/3", "pi"]), _grown, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(FORMULAS)
def test_a_formula_means_what_python_means(text):
    values = {"x": 0.7, "y": -0.3}
    expected = eval(text, {name: getattr(math, name) for name in dir(math)}, values)
    found = float(parse(text, ["x", "y"]).subs({sympy.Symbol(k, real=True): v for k, v in values.items()}))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_no_text_does_worse_than_an_input_error(text):
    with contextlib.suppress(InputError):
        parse(text, ["x"])
