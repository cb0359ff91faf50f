"""Estimators in a notebook: scikit-learn's diagram always, the network below it once fitted."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.pipeline import make_pipeline

from edgewise.estimators import FormulaRegressor, KANClassifier, KANRegressor


@pytest.fixture
def X(rng):
    return pd.DataFrame(rng.uniform(1, 2, (40, 2)), columns=["mass", "<b>speed"])


def html(estimator):
    inner, bundle = estimator._repr_html_(), estimator._repr_mimebundle_()
    assert ("<img" in inner) == ("<img" in bundle["text/html"])
    assert bundle["text/plain"] == repr(estimator)
    return inner


@pytest.mark.parametrize("kind", [KANRegressor, KANClassifier, FormulaRegressor])
def test_before_fit_it_is_scikit_learns_own(kind):
    text = html(kind())
    assert "sk-top-container" in text
    assert "<figure" not in text


def test_after_fit_the_network_is_below_the_diagram(X):
    model = KANRegressor(hidden=(), max_seconds=2, random_state=0).fit(X, X["mass"] ** 2)
    text = html(model)
    assert text.index("sk-top-container") < text.index("<figure")
    assert "Network from mass, &lt;b&gt;speed to y: 2 edges" in text
    assert "<b>speed" not in text.split("<figure")[1]


def test_classes_too(X):
    model = KANClassifier(hidden=(), max_seconds=2, random_state=0).fit(X, X["mass"] > 1.5)
    assert "<figure" in html(model)


def test_a_formula_is_written_above_its_network(X):
    rows = X.to_numpy()
    model = FormulaRegressor(max_seconds=4, random_state=0).fit(rows, 3 * rows[:, 0] ** 2)
    text = html(model)
    assert f"<code>{model.report_.rows[model.report_.chosen][3]}</code>" in text
    assert "Network from x0, x1 to y" in text


def test_without_diagrams_there_is_no_html(X):
    with sklearn.config_context(display="text"):
        assert not hasattr(KANRegressor(), "_repr_html_")
        assert list(KANRegressor()._repr_mimebundle_()) == ["text/plain"]


def test_inside_a_pipeline_the_diagram_stays_a_diagram(X):
    pipeline = make_pipeline(KANRegressor(hidden=(), max_seconds=2, random_state=0))
    pipeline.fit(X, np.ones(len(X)) * X["mass"])
    assert "<figure" not in pipeline._repr_html_()
