"""Partial dependence against scikit-learn's and against a sum whose parts are known; the figure of it."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.collections import PolyCollection
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import partial_dependence as reference
from sklearn.linear_model import LinearRegression

from edgewise.errors import InputError
from edgewise.estimators import KANClassifier, KANRegressor
from edgewise.network import KAN
from edgewise.view import dependence_figure, partial_dependence, save_figure

GENERATOR = np.random.default_rng(0)
X = np.column_stack([GENERATOR.normal(size=(80, 2)), GENERATOR.integers(0, 3, 80)])
Y = np.sin(2 * X[:, 0]) + X[:, 0] * X[:, 1] + X[:, 2]


def compared(model, ours, response="auto"):
    for column, one in enumerate(ours):
        theirs = reference(
            model,
            X,
            [column],
            percentiles=(0, 1),
            grid_resolution=len(one.x) if column < 2 else 100,
            kind="both",
            method="brute",
            response_method=response,
        )
        np.testing.assert_allclose(one.x, theirs["grid_values"][0], rtol=1e-12)
        average = np.atleast_2d(theirs["average"]).T
        np.testing.assert_allclose(one.mean[:, -average.shape[1] :], average, rtol=1e-9, atol=1e-12)
        bands = np.quantile(theirs["individual"], (0.1, 0.9), axis=1)
        for band, own in zip(bands, (one.low, one.high), strict=True):
            np.testing.assert_allclose(own[:, -len(band) :].T, band, rtol=1e-9, atol=1e-12)


def test_regressor_as_scikit_learn_has_it():
    model = KANRegressor(hidden=(2,), intervals=3, max_seconds=2, random_state=0).fit(X, Y)
    compared(model, partial_dependence(model, X, points=21))


def test_network_and_its_estimator_agree():
    model = KANRegressor(hidden=(2,), intervals=3, max_seconds=2, random_state=0).fit(X, Y)
    for one, other in zip(partial_dependence(model, X), partial_dependence(model.network_, X), strict=True):
        np.testing.assert_allclose(one.mean, other.mean)


def test_classifier_gives_probabilities_by_class():
    labels = np.array(["low", "high"])[(Y > 1).astype(int)]
    model = KANClassifier(hidden=(), max_seconds=2, random_state=0).fit(X, labels)
    ours = partial_dependence(model, X, points=15)
    assert ours[0].outputs == ("high", "low")
    np.testing.assert_allclose(ours[0].mean.sum(1), 1)
    compared(model, ours, "predict_proba")


def test_estimators_of_others_are_asked_by_name():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = RandomForestClassifier(5, random_state=0).fit(frame, Y > 1)
    ours = partial_dependence(model, frame, points=9, features=[2, 0])
    assert [one.feature for one in ours] == ["c", "a"]
    assert [len(one.x) for one in ours] == [3, 9]


def test_the_band_is_even_in_a_sum_and_opens_where_inputs_meet():
    linear = LinearRegression().fit(X, X @ [1.0, 2.0, 3.0])
    (one, *_) = partial_dependence(linear, X)
    np.testing.assert_allclose(one.mean[:, 0], one.x + (X[:, 1:] @ [2.0, 3.0]).mean(), atol=1e-9)
    np.testing.assert_allclose(np.ptp(one.high - one.low), 0, atol=1e-9)

    class Product:
        def predict(self, rows):
            return rows[:, 0] * rows[:, 1]

    (one, *_) = partial_dependence(Product(), X)
    width = (one.high - one.low)[:, 0]
    np.testing.assert_allclose(width, np.abs(one.x) * np.ptp(np.quantile(X[:, 1], (0.1, 0.9))), rtol=1e-9)


def test_gaps_where_nothing_is_defined():
    class Root:
        def predict(self, rows):
            with np.errstate(invalid="ignore"):
                return np.sqrt(rows[:, 0])

    (one, *_) = partial_dependence(Root(), X)
    assert (np.isnan(one.mean[:, 0]) == (one.x < 0)).all()
    dependence_figure([one]).canvas.draw()


def test_many_rows_and_columns_stay_cheap():
    asked = []

    class Counted:
        def predict(self, rows):
            asked.append(rows.size)
            return rows[:, 0]

    partial_dependence(Counted(), np.random.default_rng(0).normal(size=(5000, 40)), features=[0])
    assert max(asked) <= 2_000_000
    assert sum(asked) <= 30_000_000


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": object()}, "expected a network, or an estimator with predict"),
        ({"band": (0.9, 0.1)}, "the lower first"),
        ({"points": 1}, "two points"),
        ({"features": [3]}, "expected column numbers from 0 to 2"),
        ({"features": ["a"]}, "expected column numbers"),
        ({"feature_names": ["a"]}, "feature_names has 1 names"),
        ({"target_names": ["a", "b"]}, "target_names has 2 names"),
    ],
)
def test_mistakes_are_told(wrong, said):
    given = {"model": KAN([3, 1]), "X": X} | wrong
    with pytest.raises(InputError, match=said):
        partial_dependence(given.pop("model"), given.pop("X"), **given)


def test_figure_has_a_panel_an_input_with_band_rug_and_one_scale(tmp_path):
    net = KAN([3, 2, 1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    names = ["$x_1$", "<script>", "kind"]
    made = dependence_figure(partial_dependence(net, X, feature_names=names), size=(3.5, 3.6))
    assert tuple(made.get_size_inches()) == (3.5, 3.6)
    assert [axes.get_xlabel() for axes in made.axes] == names
    assert len({axes.get_ylim() for axes in made.axes}) == 1
    assert all(any(isinstance(part, PolyCollection) for part in axes.collections) for axes in made.axes)
    made.canvas.draw()
    sizes = {
        text.get_fontsize() for axes in made.axes for text in [*axes.get_xticklabels(), axes.xaxis.label]
    }
    assert min(sizes) >= 6
    contents = {save_figure(made, tmp_path / name).read_bytes() for name in ("a.svg", "b.svg")}
    assert len(contents) == 1


def test_figure_keeps_the_strongest_of_many_and_says_so():
    weights = np.linspace(0, 1, 30)

    class Weighted:
        def predict(self, rows):
            return rows @ weights

    made = dependence_figure(partial_dependence(Weighted(), np.random.default_rng(0).uniform(size=(50, 30))))
    assert [axes.get_xlabel() for axes in made.axes] == [f"x{k}" for k in range(19, 31)]
    assert "the 12 of 30 inputs" in made.get_suptitle()


def test_figure_of_nothing_is_refused():
    with pytest.raises(InputError, match="expected one input or more"):
        dependence_figure([])
