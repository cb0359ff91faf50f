import pickle

import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from edgewise import FormulaRegressor, KANClassifier, KANRegressor
from edgewise.errors import EdgewiseWarning, InputError
from edgewise.estimators import checked_index, formula_values
from edgewise.network import KAN
from edgewise.symbolic import Formula


@parametrize_with_checks(
    [
        KANRegressor(hidden=(), intervals=(2,)),
        KANClassifier(hidden=(), intervals=2, degree=2),
        FormulaRegressor(max_seconds=0.2),
    ]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_has_no_complaints(estimator, check):
    check(estimator)


def smooth(rows=120, seed=0):
    X = np.random.default_rng(seed).uniform(-1, 1, (rows, 2))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] ** 2


@pytest.fixture(scope="module")
def law():
    """A formula found for y = 3 x0 + x1**2."""
    X = np.random.default_rng(0).uniform(0.5, 2, (80, 2))
    frame = pd.DataFrame(X, columns=["speed (m/s)", "mass"])
    y = 3 * X[:, 0] + X[:, 1] ** 2
    return FormulaRegressor(max_seconds=20, random_state=0).fit(frame, y), frame, y


def test_a_regressor_learns_a_smooth_function_in_the_users_units():
    X, y = smooth()
    scaled = X * [1e-6, 1e6]
    model = KANRegressor(hidden=(), random_state=0).fit(scaled, y + 1e4)
    assert np.abs(model.predict(scaled) - y - 1e4).max() < 1e-2
    assert isinstance(model.network_, KAN)
    assert model.network_.input_center.dtype == torch.float64
    assert model.fit_result_.status == "converged"


def test_single_precision_inputs_are_fine():
    X, y = smooth()
    model = KANRegressor(hidden=(), random_state=0).fit(X.astype(np.float32), y.astype(np.float32))
    assert model.score(X, y) > 0.999


def test_several_targets_come_back_as_columns():
    X, y = smooth()
    both = np.column_stack([y, X[:, 0]])
    model = KANRegressor(hidden=(), random_state=0).fit(X, both)
    assert model.predict(X).shape == both.shape
    assert model.score(X, both) > 0.999
    assert KANRegressor(hidden=(), random_state=0).fit(X, both[:, :1]).predict(X).shape == (len(X), 1)


def test_intervals_may_be_stages():
    X, y = smooth()
    assert KANRegressor(hidden=(), intervals=(3, 6), random_state=0).fit(X, y).network_.intervals in (3, 6)
    assert KANRegressor(hidden=(), intervals=(4,), random_state=0).fit(X, y).network_.intervals == 4


def test_a_classifier_learns_two_classes_and_three():
    X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    two = np.where(np.hypot(*X.T) < 0.7, "in", "out")
    three = np.digitize(X[:, 0] + X[:, 1] ** 2, [0.0, 0.7])
    for labels in (two, three):
        model = KANClassifier(hidden=(), random_state=0).fit(X, labels)
        chances = model.predict_proba(X)
        assert model.score(X, labels) > 0.93
        assert chances.shape == (200, len(set(labels)))
        np.testing.assert_allclose(chances.sum(1), 1)
        np.testing.assert_array_equal(model.classes_[chances.argmax(1)], model.predict(X))
        assert list(model.classes_) == sorted(set(labels))


def test_one_class_is_refused():
    with pytest.raises(InputError, match="one class"):
        KANClassifier().fit([[1.0], [2.0]], ["a", "a"])


@pytest.mark.parametrize("Model", [KANRegressor, KANClassifier, FormulaRegressor])
def test_one_row_and_bad_cells_are_refused(Model):
    with pytest.raises(ValueError, match="minimum of 2"):
        Model().fit([[1.0]], [1])
    with pytest.raises(ValueError, match="NaN"):
        Model().fit([[1.0], [np.nan]], [0, 1])


@pytest.mark.parametrize(
    "settings", [{"hidden": "5"}, {"hidden": (2.5,)}, {"intervals": 2.5}, {"intervals": ()}]
)
def test_settings_of_another_kind_are_refused_by_name(settings):
    X, y = smooth(20)
    with pytest.raises(InputError, match=next(iter(settings))):
        KANRegressor(**settings).fit(X, y)


@pytest.mark.parametrize("hidden", [(3,), [3], 3, np.array([3]), (np.int64(3),), ((1, 1),), ()])
def test_hidden_widths_come_in_many_kinds(hidden):
    X, y = smooth(30)
    model = KANRegressor(hidden=hidden, max_seconds=0.2, random_state=0)
    assert clone(model).fit(X, y).predict(X).shape == (30,)


@pytest.mark.parametrize("Model", [KANRegressor, KANClassifier])
def test_a_seed_decides_everything(Model):
    X, y = smooth(40)
    y = (y > 0.3).astype(int)
    settings = {"hidden": (2,), "method": "lbfgs"}

    def values(random_state):
        return Model(**settings, random_state=random_state).fit(X, y).network_.free()

    assert torch.equal(values(1), values(1))
    assert not torch.equal(values(1), values(2))
    assert torch.equal(values(np.random.RandomState(5)), values(np.random.RandomState(5)))
    assert not torch.equal(values(None), values(None))


@pytest.mark.parametrize("random_state", [None, 0])
def test_global_random_state_stays(random_state):
    X, y = smooth(30)
    numpy_before, torch_before = np.random.get_state()[1].tolist(), torch.get_rng_state()
    KANRegressor(max_seconds=0.3, random_state=random_state).fit(X, y)
    KANClassifier(max_seconds=0.3, random_state=random_state).fit(X, y > 0.3)
    FormulaRegressor(max_seconds=1, random_state=random_state).fit(X, y)
    assert np.random.get_state()[1].tolist() == numpy_before
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_arguments_stay_as_they_are():
    X, y = smooth(30)
    before = X.copy(), y.copy()
    for model in (KANRegressor(max_seconds=0.3), FormulaRegressor(max_seconds=1)):
        model.fit(X, y)
        model.predict(X)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_pipelines_grids_and_pickles_work():
    X, y = smooth(60)
    pipeline = make_pipeline(StandardScaler(), KANRegressor(hidden=(), max_seconds=1, random_state=0))
    grid = GridSearchCV(pipeline, {"kanregressor__hidden": [(), (1,)]}, cv=2).fit(X, y)
    assert grid.best_params_ == {"kanregressor__hidden": ()}
    again = pickle.loads(pickle.dumps(grid.best_estimator_))
    np.testing.assert_array_equal(again.predict(X), grid.predict(X))


def test_many_rows_are_predicted_in_parts():
    X, y = smooth(50)
    model = KANRegressor(hidden=(), max_seconds=1, random_state=0).fit(X, y)
    many = np.tile(X, (400, 1))
    np.testing.assert_allclose(model.predict(many), np.tile(model.predict(X), 400))


def test_a_law_is_found_and_told_in_many_ways(law):
    model, frame, y = law
    assert model.report_.status == "exact"
    np.testing.assert_allclose(model.predict(frame), y, rtol=1e-6)
    speed, mass = sympy.symbols(model.candidates_[0].formula.features, real=True)
    found = sympy.lambdify([speed, mass], model.sympy())
    np.testing.assert_allclose(found(*frame.to_numpy().T), y, rtol=1e-6)
    assert "mass" in model.latex()
    assert all("mass" in model.code(target) for target in ("numpy", "torch", "c"))
    assert model.score(frame, y) > 0.999999


def test_equations_have_the_columns_of_pysr_and_losses_of_the_printed_text(law):
    model, frame, y = law
    table = model.equations_
    assert list(table.columns) == ["complexity", "loss", "score", "equation", "sympy_format"]
    assert table["complexity"].is_monotonic_increasing
    best = model.get_best()
    assert best["equation"] == table["equation"][model.report_.chosen]
    symbols = model.candidates_[0].formula.features
    held = list(model.report_.held_out) or list(range(len(y)))
    for row in table.itertuples():
        values = Formula(row.equation, symbols)(frame.to_numpy()[held])
        assert row.loss == pytest.approx(np.mean((values - y[held]) ** 2), rel=1e-6, abs=1e-25)
        assert isinstance(row.sympy_format, sympy.Expr)


def test_every_row_of_the_table_can_be_asked_for(law):
    model, frame, _ = law
    for k, candidate in enumerate(model.candidates_):
        np.testing.assert_array_equal(model.predict(frame, index=k), candidate.formula(frame.to_numpy()))
        assert model.sympy(k) == model.equations_["sympy_format"][k]
    for wrong in (-1, len(model.candidates_), 0.0, True, "0"):
        with pytest.raises(InputError, match="is no row of the table"):
            model.predict(frame, index=wrong)
    with pytest.raises(InputError, match="numpy"):
        model.code("fortran")


def test_the_report_marks_the_chosen_row(law):
    model, _, _ = law
    text = model.report_.to_text()
    assert next(line for line in text.splitlines() if line.startswith("  >")).endswith(
        model.get_best()["equation"]
    )
    assert f"exact: {model.report_.message}" in text
    assert len(model.report_.errors) > 0


def test_a_formula_survives_pickling_and_cloning(law):
    model, frame, _ = law
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
    assert again.equations_.equals(model.equations_)
    assert not hasattr(clone(model), "equations_")


def test_nameless_columns_are_called_x0_x1():
    X = np.random.default_rng(0).uniform(1, 2, (40, 2))
    model = FormulaRegressor(max_seconds=3, random_state=0).fit(X, X[:, 1])
    assert model.candidates_[0].formula.features == ("x0", "x1")
    assert model.get_best()["equation"] == "x1"


def test_a_constant_target_gives_the_constant():
    X, _ = smooth(40)
    model = FormulaRegressor(max_seconds=3, random_state=0).fit(X, np.full(40, 2.5))
    assert float(model.sympy()) == 2.5
    np.testing.assert_array_equal(model.predict(X[:3]), [2.5] * 3)


def test_two_rows_are_enough_to_try():
    for model in (KANRegressor(max_seconds=0.3), FormulaRegressor(max_seconds=1)):
        assert np.isfinite(model.fit([[0.0], [1.0]], [0.0, 1.0]).predict([[0.5]])).all()


def test_several_targets_are_no_business_of_a_formula():
    X, y = smooth(20)
    with pytest.raises(ValueError, match="1d array"):
        FormulaRegressor().fit(X, np.column_stack([y, y]))


def test_values_outside_the_formulas_domain_are_nan_with_a_warning():
    with pytest.warns(EdgewiseWarning, match=r"log\(x\) has no finite value in 1 of 2 rows, first in row 2"):
        values = formula_values(Formula("log(x)", ("x",)), np.array([[1.0], [-1.0]]))
    assert values[0] == 0
    assert np.isnan(values[1])


def test_checked_index_knows_the_chosen_row():
    assert checked_index(None, 3, 2) == 2
    assert checked_index(np.int64(1), 3, 2) == 1
