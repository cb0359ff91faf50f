import builtins
import pickle
from fractions import Fraction

import numpy as np
import pytest

from edgewise.errors import InputError
from edgewise.symbolic import units
from edgewise.symbolic.constants import lifted
from edgewise.symbolic.parser import parse
from edgewise.symbolic.units import Units, consistent, constant_units, pi_groups, unit, units_of

PENDULUM = {"l": "m", "g": "m/s**2"}
GAS = {"n": "mol", "T": "K", "V": "m**3"}
LIGHT = {"f": "Hz", "T": "K"}
TWO = {"x": "m", "t": "s"}


def table(texts):
    return {name: unit(text) for name, text in texts.items()}


def judged(text, texts, target, strict=False):
    return consistent(
        parse(text, list(texts)), table(texts), None if target is None else unit(target), strict=strict
    )


@pytest.mark.parametrize(
    ("text", "texts", "target", "free", "strict"),
    [
        ("2*pi*sqrt(l/g)", PENDULUM, "s", True, True),
        ("2.006*sqrt(l)", PENDULUM, "s", True, False),
        ("sqrt(l*g)", PENDULUM, "s", False, False),
        ("8.314*n*T/V", GAS, "Pa", True, False),
        ("n*T/V", GAS, "Pa", False, False),
        ("1.47e-50*f**3/(exp(4.8e-11*f/T) - 1)", LIGHT, "W/m**2/Hz", True, False),
        ("1.47e-50*f**3/(exp(f/T) - 1)", LIGHT, "W/m**2/Hz", False, False),
        ("x + t", TWO, "m", False, False),
        ("x + 2*t", TWO, "m", True, False),
        ("x - 5*t**2 + 3*t + 1", TWO, "m", True, False),
        ("sin(x)", TWO, "1", False, False),
        ("sin(3*x)", TWO, "1", True, False),
        ("x**t", TWO, None, False, False),
        ("2**(t/x)", TWO, None, False, False),
        ("(x/(2*t))**1.5", TWO, None, True, True),
        ("abs(x) + sqrt(x**2)", TWO, "m", True, True),
        ("sign(x - 1.5)*x", TWO, "m", True, False),
        ("atan(x/t)", {"x": "km", "t": "inch"}, "rad", True, True),
        ("2.5*log(x) + 3.1", TWO, "V", True, False),
        ("2.5*log(x)", TWO, "V", False, False),
        ("log(x) - log(t)", {"x": "m", "t": "km"}, "1", True, True),
        ("log(x) - log(t)", TWO, "1", False, False),
        ("2*log(x) - 2*log(t)", {"x": "m", "t": "km"}, "1", True, True),
        ("0", TWO, "m", True, True),
        ("3.5", TWO, "m", True, False),
    ],
)
def test_formulas_are_consistent_or_not(text, texts, target, free, strict):
    assert judged(text, texts, target) is free
    assert judged(text, texts, target, strict=True) is strict


def test_constants_are_given_the_units_that_follow():
    def named(text, texts, target):
        open_formula = lifted(parse(text, list(texts)), list(texts))
        found = Units(tuple(table(texts).items()), None if target is None else unit(target))
        return dict(zip(open_formula.written, constant_units(open_formula, found), strict=True))

    assert named("2.006*sqrt(l)", {"l": "cm"}, "s") == {"2.006": "s/cm**(1/2)"}
    gas = named("8.314*n*T/V", GAS, "Pa")["8.314"]
    assert dict(unit(gas).powers) == dict(unit("J/mol/K").powers)
    planck = named("1.47e-50*f**3/(exp(4.8e-11*f/T) - 1)", LIGHT, "W/m**2/Hz")
    assert dict(unit(planck["4.8e-11"]).powers) == dict(unit("K*s").powers)
    assert planck["-1"] == "1"
    assert named("2.5*sqrt(x + 1.5)", {"x": "m"}, None) == {"2.5": None, "1.5": "m"}
    assert named("2.54*x", {"x": "inch"}, "cm") == {"2.54": "0.393701"}
    assert named("x + 1.5", {"x": "m"}, "s") == {"1.5": None}


def test_a_constant_between_sizes_of_one_unit_carries_the_factor():
    open_formula = lifted(parse("2.5*n*T/V", ["n", "T", "V"]), ["n", "T", "V"])
    litres = Units(tuple(table({**GAS, "V": "litre"}).items()), unit("Pa"))
    (named,) = constant_units(open_formula, litres)
    factor, text = named.split(" ", 1)
    assert float(factor) == pytest.approx(1e-3)
    assert dict(unit(text).powers) == dict(unit("J/mol/K").powers)


@pytest.mark.parametrize(
    ("texts", "product"),
    [
        ({"rho": "kg/m**3", "v": "m/s", "d": "m", "mu": "Pa*s"}, {"rho": 1, "v": 1, "d": 1, "mu": -1}),
        ({"l": "m", "g": "m/s**2", "t": "s"}, {"l": -1, "g": 1, "t": 2}),
    ],
)
def test_pi_groups_have_no_unit(texts, product):
    (group,) = pi_groups(table(texts))
    wanted = tuple(product[name] for name in texts)
    assert group in (wanted, tuple(-power for power in wanted))


def test_pi_groups_span_everything_without_a_unit():
    texts = {"a": "m", "b": "m", "c": "s", "e": "1", "h": "m**0.5"}
    groups = np.array(pi_groups(table(texts)))
    powers = np.array([[1, 1, 0, 0, 0.5], [0, 0, 1, 0, 0]])
    assert groups.shape == (3, 5)
    assert np.linalg.matrix_rank(groups) == 3
    assert not (powers @ groups.T).any()
    assert pi_groups({"a": unit("m"), "b": unit("s")}) == ()
    assert pi_groups({}) == ()


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("m s-2", "m/s**2"),
        ("m / s2", "m/s**2"),
        ("m/s^2", "m/s**2"),
        ("km s^-1", "km/s"),
        ("kg m2 s-2", "J"),
        ("cm3", "cm**3"),
        ("metre per second", "m/s"),
        ("", "1"),
        ("dimensionless", "1"),
    ],
)
def test_units_are_read_as_pint_or_astropy_write_them(text, same):
    assert unit(text).powers == unit(same).powers
    assert unit(text).scale == pytest.approx(unit(same).scale)


def test_a_unit_knows_its_powers_and_size():
    assert unit("km/hour").powers == (("[length]", Fraction(1)), ("[time]", Fraction(-1)))
    assert unit("km/hour").scale == pytest.approx(1 / 3.6)


@pytest.mark.parametrize(
    "text", ["banana", "2*m", "m+s", "m**", "(", "__import__('os')", "m/0", "m**m", "\x00", 3]
)
def test_a_text_that_is_no_unit_is_refused_in_one_line(text):
    with pytest.raises(InputError, match="unit") as caught:
        unit(text)
    assert "\n" not in str(caught.value)
    assert "expected" in str(caught.value)


def test_units_of_columns_go_by_name_or_symbol():
    columns, symbols = ["speed (m/s)", "mass"], ["speed_m_s", "mass"]
    for name in ("speed (m/s)", "speed_m_s"):
        found = units_of({name: "m/s", "mass": "kg", "y": "J"}, columns, symbols, "y")
        assert [symbol for symbol, _ in found.columns] == symbols
        assert found.target == unit("J")
        assert found(parse("mass*speed_m_s**2/2", symbols))
        assert not found(parse("mass*speed_m_s", symbols))
    assert units_of({"speed_m_s": "m/s", "mass": "kg"}, columns, symbols, "y").target is None
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"x": "m"}, "nothing of the column 'z'"),
        ({"x": "m", "z": "s", "q": "1"}, "'q', which is no column"),
        ({"x": "m", "z": "banana"}, "banana"),
        ("x=m", "expected a dict"),
    ],
)
def test_units_that_do_not_fit_the_columns_are_refused(texts, said):
    with pytest.raises(InputError, match=said):
        units_of(texts, ["x", "z"], ["x", "z"], "y")


def test_without_pint_the_way_to_it_is_told(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **settings):
        if name == "pint":
            raise ImportError
        return real(name, *arguments, **settings)

    units._registry.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"edgewise\[units\]"):
        unit("m")
    assert unit("1").powers == ()
