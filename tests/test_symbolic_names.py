import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.symbolic import Formula, symbol_names
from edgewise.symbolic.parser import CONSTANTS, FUNCTIONS, parse


def test_identifiers_stay_as_they_are():
    assert symbol_names(["x", "mass", "T_0", "Q2", "_a", "_"]) == ("x", "mass", "T_0", "Q2", "_a", "_")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mass (kg)", "mass_kg"),
        ("speed [m/s]", "speed_m_s"),
        ("2nd moment", "x2nd_moment"),
        ("a b", "a_b"),
        ("température", "temp_rature"),
        ("", "x"),
        ("°", "x"),
    ],
)
def test_other_names_become_identifiers_close_to_them(name, expected):
    assert symbol_names([name]) == (expected,)


def test_names_of_functions_and_constants_are_left_to_them():
    taken = [*FUNCTIONS, *CONSTANTS]
    assert set(symbol_names(taken)).isdisjoint(taken)


def test_names_that_meet_are_numbered():
    assert symbol_names(["a b", "a.b", "a_b"]) == ("a_b", "a_b_2", "a_b_3")
    assert symbol_names(["x", "x", "x_2"]) == ("x", "x_2", "x_2_2")


@pytest.mark.parametrize("word", keyword.kwlist)
def test_pythons_own_words_can_be_columns(word):
    (symbol,) = symbol_names([word])
    assert parse(f"2*{symbol} + 1", [symbol]).free_symbols
    compile(Formula(f"2*{symbol}", (symbol,)).code("numpy"), "code", "exec")


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_any_names_become_unique_symbols_that_a_formula_can_hold(names):
    symbols = symbol_names(names)
    assert len(set(symbols)) == len(names)
    assert len(parse(" + ".join(symbols), symbols).free_symbols) == len(names)
