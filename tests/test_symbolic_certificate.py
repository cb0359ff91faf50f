import json

import numpy as np
import pytest
from scipy.optimize import curve_fit

from edgewise.symbolic import Formula
from edgewise.symbolic.certificate import certify
from edgewise.symbolic.units import Units, unit

NAMES = ("t", "decoy")


def rows(seed=0, count=120, noise=0.05):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.5, 3, (count, 2))
    return X, 2 * np.exp(-0.8 * X[:, 0]) + noise * rng.normal(size=count)


def decay(t, a, b):
    return a * np.exp(b * t)


def fitted(X, y):
    (a, b), covariance = curve_fit(decay, X[:, 0], y, (2.0, -0.8))
    return Formula(f"{float(a)!r}*exp({float(b)!r}*t)", NAMES), (a, b), np.sqrt(np.diag(covariance))


@pytest.fixture(scope="module")
def certificate():
    X, y = rows()
    formula, _, _ = fitted(X[24:], y[24:])
    others = [Formula("0.9", NAMES), Formula(f"{formula.text} + 0.0001*decoy", NAMES)]
    return certify(formula, X, y, range(24), rivals=others), formula, others


def test_a_certificate_says_what_the_rows_say(certificate):
    found, formula, others = certificate
    X, y = rows()
    square = np.square(formula(X) - y)
    assert (found.formula, found.status, found.rows, found.held_out) == (formula.text, "approximate", 120, 24)
    assert found.errors["fitted"] == pytest.approx(np.sqrt(square[24:].mean()) / y.std())
    assert found.errors["held_out"] == pytest.approx(np.sqrt(square[:24].mean()) / y.std())
    assert found.noise == pytest.approx(np.sqrt(square[24:].sum() / 94))
    assert found.noise == pytest.approx(0.05, rel=0.2)
    assert found.freedom == 94
    assert found.box == {"t": (X[:, 0].min(), X[:, 0].max())}
    assert (found.defined, found.defined_wider) == (1, 1)
    assert found.unused == ("decoy",)
    assert found.rivals == (others[1].text,)
    assert found.simplest == formula.text
    assert "looks like noise" in found.remainder


def test_error_bars_are_those_of_curve_fit():
    X, y = rows()
    formula, values, errors = fitted(X, y)
    found = {constant.value: constant.error for constant in certify(formula, X, y).constants}
    for value, error in zip(values, errors, strict=True):
        assert found[float(value)] == pytest.approx(error, rel=1e-3)


def test_error_bars_cover_the_truth_as_often_as_they_should():
    hits = []
    for seed in range(150):
        X, y = rows(seed, count=60)
        for constant in certify(fitted(X, y)[0], X, y).constants:
            truth = 2.0 if constant.value > 0 else -0.8
            hits.append(abs(constant.value - truth) / constant.error)
    within = [np.mean(np.array(hits) < width) for width in (1, 2)]
    assert within == pytest.approx([0.683, 0.954], abs=0.07)


def test_an_exact_law_is_told_from_one_that_is_not():
    X, y = rows(noise=0)
    exact = certify(Formula("2*exp(-0.8*t)", NAMES), X, y, range(24))
    assert exact.status == "exact"
    assert exact.remainder == "nothing is left but rounding"
    assert exact.chances == {}
    near = certify(Formula("2.0001*exp(-0.8*t)", NAMES), X, y, range(24))
    assert near.status == "approximate"
    assert "structure remains along t" in near.remainder
    assert "which it is not" in near.to_text()
    assert certify(Formula("1.5*decoy", NAMES), X, y).status == "none"
    assert certify(Formula("0.0", NAMES), X, np.zeros(120)).status == "exact"


def test_the_given_status_is_kept():
    X, y = rows()
    assert certify(Formula("0.9", NAMES), X, y, status="approximate").status == "approximate"


def test_the_outside_is_judged_with_constants_of_the_inside():
    x = np.linspace(0, 1, 200)[:, None]
    y = np.sin(3 * x[:, 0])
    parabola = np.polynomial.Polynomial.fit(x[:, 0], y, 2).convert().coef
    a, b, c = (repr(float(one)) for one in parabola)
    wrong = certify(Formula(f"{a} + {b}*x + {c}*x**2", ("x",)), x, y)
    assert wrong.errors["outside"] > 1.5 * wrong.errors["fitted"]
    assert certify(Formula("sin(3.0*x)", ("x",)), x, y).errors["outside"] < 1e-9
    assert "outside" not in certify(Formula("sin(3.0*x)", ("x",)), x[:3], y[:3]).errors


def test_where_a_formula_ends_is_seen():
    x = np.linspace(0.01, 1, 50)[:, None]
    found = certify(Formula("1.0*log(x)", ("x",)), x, np.log(x[:, 0]))
    assert found.defined == 1
    assert found.defined_wider == pytest.approx(1 - 0.089 / 1.188, abs=0.02)
    broken = certify(Formula("log(x)", ("x",)), x - 0.5, x[:, 0])
    assert broken.status == "none"
    assert broken.defined == pytest.approx(0.505, abs=0.03)
    assert broken.to_dict()["errors"]["fitted"] is None
    json.dumps(broken.to_dict(), allow_nan=False)
    assert broken.to_text()


def test_the_simplest_formula_within_noise_is_named():
    X, y = rows()
    formula, _, _ = fitted(X, y)
    longer = Formula(f"{formula.text} + 0.0001*decoy", NAMES)
    found = certify(longer, X, y, range(24), rivals=[formula, Formula("0.7", NAMES)])
    assert found.simplest == formula.text
    assert f"simplest within noise: {formula.text}" in found.to_text()
    better = certify(Formula("0.7", NAMES), X, y, rivals=[formula])
    assert (better.rivals, better.simplest) == ((formula.text,), formula.text)


def test_data_and_text_hold_the_same(certificate):
    found, formula, _ = certificate
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["formula"] == formula.text
    assert [constant["label"] for constant in data["constants"]] == ["k1", "k2"]
    assert data["box"]["t"] == list(found.box["t"])
    text = found.to_text()
    for said in (
        formula.text,
        "approximate",
        "held out",
        "k1*exp(k2*t)",
        "+-",
        "unused     decoy",
        found.remainder,
    ):
        assert said in text
    assert f"with {found.freedom} degrees of freedom" in text


def test_constants_carry_their_units():
    X, y = rows()
    formula, _, _ = fitted(X, y)
    units = Units((("t", unit("s")), ("decoy", unit("1"))), unit("V"))
    found = certify(formula, X, y, units=units)
    named = {constant.value > 0: constant.unit for constant in found.constants}
    assert named[False] == "1/s"
    assert "[1/s]" in found.to_text()
    assert "kg" in named[True]


def test_a_settled_number_is_marked():
    X, y = rows()
    found = certify(Formula("2*exp(-0.8*t)", NAMES), X, y)
    settled = {constant.text: constant.exact for constant in found.constants}
    assert settled == {"2": True, "-0.8": False}
    assert "k1 = 2, settled; the rows allow +-" in found.to_text()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_rows_are_enough_to_say_something(count):
    X, y = rows(count=count)
    found = certify(Formula("2.0*exp(-0.8*t) + 0.1*decoy", NAMES), X, y)
    assert "too few rows" in found.to_text()
    json.dumps(found.to_dict(), allow_nan=False)


def test_huge_and_tiny_targets_are_judged_alike():
    X, y = rows()
    for scale in (1e-140, 1e140):
        found = certify(Formula(f"{2 * scale!r}*exp(-0.8*t)", NAMES), X, y * scale)
        assert found.status == "approximate"
        assert found.noise == pytest.approx(0.05 * scale, rel=0.2)


def test_arguments_stay_and_seeds_decide():
    X, y = rows()
    before = X.copy(), y.copy()
    formula = Formula("2.0*exp(-0.8*t)", NAMES)
    assert certify(formula, X, y, seed=1) == certify(formula, X, y, seed=1)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
