"""What a user asks of FormulaRegressor: functions, required and known parts, units, guesses, resuming."""

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy
from sklearn.base import clone

from edgewise import FormulaRegressor
from edgewise.errors import CheckpointError, InputError
from edgewise.estimators.controls import Judge, controls, function_names, readable
from edgewise.symbolic import Formula
from edgewise.symbolic.known import Known
from edgewise.symbolic.parser import parse
from edgewise.symbolic.units import Units, unit

LONG = """
import sys
import numpy as np
from edgewise import FormulaRegressor
X = np.random.default_rng(0).uniform(0.5, 2, (60, 2))
y = np.exp(np.sin(3 * X[:, 0]) * X[:, 1]) + 0.1 * np.cos(7 * X[:, 1] * X[:, 0])
FormulaRegressor(max_seconds=40, random_state=0, checkpoint=sys.argv[1]).fit(X, y)
print("done", flush=True)
"""


def quick(**settings):
    return FormulaRegressor(**{"max_seconds": 6, "random_state": 0, **settings})


@pytest.fixture(scope="module")
def fall():
    """Heights of a fall: h = v t - 4.9 t**2, and a column that says nothing."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(0.5, 2, (100, 3)), columns=["speed (m/s)", "time", "decoy"])
    y = X["speed (m/s)"] * X["time"] - 4.9 * X["time"] ** 2
    return X, y.rename("height")


@pytest.fixture(scope="module")
def whole(fall):
    return quick(known="speed_m_s*time + ?").fit(*fall)


def columns(model):
    return [{symbol.name for symbol in one.free_symbols} for one in model.equations_["sympy_format"]]


def test_settings_are_stored_as_they_came():
    settings = {
        "functions": ["sin"],
        "required": ["a"],
        "known": "a + ?",
        "units": {"a": "m"},
        "guesses": ["a"],
        "warm_start": True,
        "checkpoint": Path("x.json"),
    }
    model = FormulaRegressor(**settings)
    assert all(getattr(model, name) is value for name, value in settings.items())
    assert clone(model).get_params() == model.get_params()


def test_the_report_has_a_certificate_of_the_chosen_formula(whole):
    certificate = whole.report_.certificate
    assert certificate.formula == whole.get_best()["equation"]
    assert certificate.status == whole.report_.status == "exact"
    assert certificate.rows == 100
    assert certificate.held_out == len(whole.report_.held_out)
    assert "decoy" in certificate.unused
    assert certificate.noise < 1e-9
    assert certificate.to_text() in whole.report_.to_text()
    json.dumps(certificate.to_dict(), allow_nan=False)


def test_the_known_part_is_in_all_that_is_told(whole, fall):
    X, y = fall
    speed, seconds = sympy.symbols("speed_m_s time", real=True)
    table = whole.equations_
    assert table["complexity"].is_monotonic_increasing
    for expression in table["sympy_format"]:
        assert sympy.diff(expression, speed) == seconds
    held = list(whole.report_.held_out)
    for row in table.itertuples():
        values = Formula(row.equation, ("speed_m_s", "time", "decoy"))(X.to_numpy()[held])
        assert row.loss == pytest.approx(np.mean((values - y.to_numpy()[held]) ** 2), rel=1e-6, abs=1e-25)
    assert whole.score(X, y) > 0.999
    assert whole.report_.errors == whole.report_.certificate.errors
    assert "of the part searched" in whole.report_.message
    assert whole.report_.rows[whole.report_.chosen][3] == table["equation"][whole.report_.chosen]
    assert pickle.loads(pickle.dumps(whole)).equations_.equals(table)


def test_a_known_factor_leaves_the_other(fall):
    X, _ = fall
    y = X["time"] ** 2 * (3 + 2 * X["decoy"])
    model = quick(known="time**2 * ?").fit(X, y)
    assert model.report_.status == "exact"
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-9)
    assert model.report_.certificate.remainder == "nothing is left but rounding"


def test_units_are_told_with_the_constants(fall):
    X, y = fall
    units = {"speed (m/s)": "m/s", "time": "s", "decoy": "1", "height": "m"}
    model = quick(known="speed_m_s*time + ?", units=units).fit(X, y)
    named = {constant.unit for constant in model.report_.certificate.constants}
    assert "m/s**2" in named


def test_a_judge_judges_the_whole():
    units = Units((("x", unit("m")), ("t", unit("s"))), unit("m"))
    expression = parse("x/t", ["x", "t"])
    assert not Judge(units)(expression)
    known = Known("x + t*?", ("x", "t"))
    assert Judge(units, known)(expression)
    assert pickle.loads(pickle.dumps(Judge(units, known)))(expression)


def test_functions_go_by_either_name():
    assert function_names(None) is None
    assert function_names(["sin", "sine", "cos", "exponential", "square"]) == (
        "sine",
        "sine",
        "sine",
        "exponential",
        "square",
    )
    assert function_names([]) == ()


def test_controls_can_be_checked_without_data():
    model = FormulaRegressor(
        units={"a b": "m", "h": "s"}, required=["a b"], functions=["sin"], known="a_b * ?"
    )
    found = controls(model, ["a b"], "h")
    assert (found.symbols, found.functions, found.required) == (("a_b",), ("sine",), ())
    assert found.units.target == unit("s")
    assert controls(FormulaRegressor(), ["a"]).judge is None


def test_formulas_of_other_columns_are_left_out():
    assert readable(["x", "z + 1", "q("], ["x"]) == ("x",)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"functions": "sin"}, r"functions='sin': expected a list"),
        ({"functions": ["sinus"]}, r"'sinus'.*did you mean 'sin'"),
        ({"functions": [3]}, "functions has 3"),
        ({"required": ["speed"]}, "required='speed' is no column"),
        ({"required": "time"}, r"type for instance required=\['time'\]"),
        ({"known": "2*time"}, "one '\\?'"),
        ({"known": "gravity*?"}, "'gravity'"),
        ({"units": {"time": "s"}}, "nothing of the column 'speed"),
        ({"units": "time=s"}, "expected a dict"),
        ({"guesses": ["time + q"]}, r"guesses hold 'time \+ q'"),
        ({"guesses": "time"}, "expected a list"),
        ({"checkpoint": "none/search.json"}, "does not exist"),
    ],
)
def test_mistakes_are_told_before_the_search(settings, said, fall):
    started = time.monotonic()
    with pytest.raises(InputError, match=said) as caught:
        quick(max_seconds=100, **settings).fit(*fall)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 20


def test_a_finished_fit_leaves_its_formulas_and_the_next_starts_there(fall, tmp_path):
    X, y = fall
    path = tmp_path / "search.json"
    model = quick(max_seconds=3, checkpoint=path).fit(X, y)
    kept = [row["equation"] for row in json.loads(path.read_text())["formulas"]]
    assert kept == list(model.equations_["equation"])
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="other data"):
        quick(checkpoint=path).fit(X, y + 1)
    with pytest.raises(CheckpointError, match="other data"):
        quick(checkpoint=path, known="time + ?").fit(X, y)
    assert path.read_bytes() == before


# The tests below ask something of the search itself.


def test_only_the_functions_named_are_used(fall):
    X, _ = fall
    y = np.sin(2 * X["time"]) + X["decoy"]
    model = quick(functions=["exp"]).fit(X, y)
    used = {type(part) for one in model.equations_["sympy_format"] for part in one.atoms(sympy.Function)}
    assert used <= {sympy.exp}
    assert quick(functions=["sin"]).fit(X, y).report_.status == "exact"


def test_required_columns_are_in_every_formula(fall):
    model = quick(required=["speed (m/s)", "decoy"]).fit(*fall)
    assert all({"speed_m_s", "decoy"} <= names for names in columns(model))


def test_a_required_column_may_be_in_the_known_part(fall):
    model = quick(required=["speed (m/s)"], known="speed_m_s*time + ?").fit(*fall)
    assert all("speed_m_s" in names for names in columns(model))


def test_every_formula_has_consistent_units(fall):
    X, y = fall
    texts = {"speed (m/s)": "m/s", "time": "s", "decoy": "kg", "height": "m"}
    model = quick(units=texts).fit(X, y)
    units = Units((("speed_m_s", unit("m/s")), ("time", unit("s")), ("decoy", unit("kg"))), unit("m"))
    assert all(units(one) for one in model.equations_["sympy_format"])


def test_a_guess_is_refitted_and_competes(fall):
    X, _ = fall
    y = 1.7 * np.sin(2.3 * X["time"] * X["decoy"]) / (1 + X["decoy"] ** 2 * X["time"])
    guess = "1.5*sin(2.2*time*decoy)/(1 + 0.9*decoy**2*time)"
    model = quick(guesses=[guess]).fit(X, y)
    assert model.report_.status == "exact"


def test_a_warm_start_is_no_worse_than_where_it_began(fall):
    X, _ = fall
    y = np.exp(np.sin(3 * X["time"]) * X["decoy"])
    model = quick(max_seconds=8, warm_start=True).fit(X, y)
    before = model.equations_["loss"].min()
    assert model.set_params(max_seconds=1).fit(X, y).equations_["loss"].min() <= max(
        before * (1 + 1e-6), 1e-20
    )


def test_equations_are_seen_during_the_fit(fall, monkeypatch):
    X, y = fall
    seen = []
    model = quick()
    write = type(model).__setattr__

    def noted(self, name, value):
        if name == "equations_":
            seen.append(hasattr(self, "report_"))
        write(self, name, value)

    monkeypatch.setattr(type(model), "__setattr__", noted, raising=False)
    model.fit(X, y)
    assert seen.count(False) >= 2  # before the end, which sets it once more without a report


def test_a_killed_search_leaves_formulas_and_is_taken_up_again(tmp_path):
    path = tmp_path / "search.json"
    source = str(Path(sys.modules["edgewise"].__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    command = [sys.executable, "-c", LONG, str(path)]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 30
    while not path.exists() and time.monotonic() < end and child.poll() is None:
        time.sleep(0.05)
    child.kill()
    said, _ = child.communicate()
    assert "done" not in said
    assert json.loads(path.read_text())["formulas"]
    X = np.random.default_rng(0).uniform(0.5, 2, (60, 2))
    y = np.exp(np.sin(3 * X[:, 0]) * X[:, 1]) + 0.1 * np.cos(7 * X[:, 1] * X[:, 0])
    assert quick(max_seconds=1, checkpoint=path).fit(X, y).score(X, y) > -1
