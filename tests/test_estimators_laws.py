import pickle

import numpy as np
import pytest
import torch

from edgewise import KANRegressor, load, save
from edgewise.errors import InputError
from edgewise.estimators import choice, selection
from edgewise.estimators.laws import between, is_tame, laws, searched
from edgewise.estimators.selection import Selection
from edgewise.symbolic.exploration import Exploration
from edgewise.symbolic.findings import Table, law_finding, plain_finding
from edgewise.symbolic.opening import opened
from edgewise.train import TrainConfig
from edgewise.train.clock import Clock


def table(rows=200, low=0.5, high=2.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, (rows, 2))


def law(X):
    return np.sqrt(X[:, 0]) * X[:, 1] ** 2


def written(text, X, y):
    """The formula with its numbers fitted, as a law."""
    X, y = torch.from_numpy(X), torch.from_numpy(y)[:, None]
    finding = law_finding(opened(text, ("x0", "x1")), Table(X, y, X, ("x0", "x1"), 0))
    (found,) = laws([finding], X, y, 0, 3) or [None]
    return found


@pytest.fixture(scope="module")
def model():
    X = table()
    return KANRegressor(max_seconds=60, random_state=0).fit(X, law(X))


def test_a_law_is_learned_to_rounding_as_a_network_of_fixed_edges(model):
    fresh = table(1000, seed=1)
    assert np.abs(model.predict(fresh) - law(fresh)).max() < 1e-12
    assert not any(bool(layer.spline.mask.any()) for layer in model.network_.kan_layers)
    assert "formula" in model.fit_result_.message
    assert model.fit_result_.status == "converged"
    assert len(model.fit_result_.history) == 1


def test_the_network_of_a_law_is_kept_in_files_and_pickles(model, tmp_path):
    X = table()
    save(model.network_, tmp_path / "network")
    with torch.no_grad():
        loaded = load(tmp_path / "network")(torch.from_numpy(X))[:, 0].numpy()
    np.testing.assert_array_equal(loaded, model.predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_where_a_law_is_not_defined_the_next_point_inside_is_taken(model):
    outside = np.array([[-0.1, 1.0], [-30.0, 1.5], [1.0, 1.0]])
    with np.errstate(invalid="ignore"):
        assert np.isnan(law(outside)[:2]).all()
    assert np.isfinite(model.predict(outside)).all()
    assert model.predict(outside)[2] == pytest.approx(1.0)


def test_splines_only_where_that_is_asked_for():
    X = table()
    model = KANRegressor(edges="splines", max_seconds=5, random_state=0).fit(X, law(X))
    splines = [bool(layer.spline.mask.any()) for layer in model.network_.kan_layers]
    assert splines[0]
    assert "formula" not in model.fit_result_.message
    assert model.score(X, law(X)) > 0.9


def test_other_kinds_of_edges_are_refused():
    with pytest.raises(InputError, match="'splines'"):
        KANRegressor(edges="spline").fit(table(), law(table()))


def test_noise_is_averaged_away_by_a_law_with_few_numbers():
    X, noise = table(300), np.random.default_rng(3).normal(size=300)
    model = KANRegressor(max_seconds=60, random_state=0).fit(X, 3 * X[:, 0] ** 2 * X[:, 1] + 0.1 * noise)
    truth = 3 * X[:, 0] ** 2 * X[:, 1]
    assert np.sqrt(np.mean((model.predict(X) - truth) ** 2)) < 0.2 * 0.1


def test_constants_are_fitted_to_all_rows_in_the_end():
    X = table()
    y = 3 * np.sin(2.2 * X[:, 0]) + np.random.default_rng(0).normal(size=len(X))
    found = written("2*sin(2*x0)", X[:50], y[:50])
    found.X, found.y = X, y
    before = found.square
    found.on_all_rows()
    assert found.square < before
    with torch.no_grad():
        assert found.best(torch.from_numpy(X))[:, 0].numpy() == pytest.approx(found.written.predict(X))


def test_a_pole_between_the_rows_is_refused():
    X = table()
    X = X[np.abs(X[:, 0] - 1.2) > 0.1]
    points, y = between(X, 0), np.tanh(X[:, 0])
    curve, pole = np.tanh(points[:, 0]), 0.01 / (points[:, 0] - 1.2)
    assert is_tame(curve, y)
    assert not is_tame(curve + pole, y)
    assert is_tame(curve + pole, y, is_exact=True)
    assert not is_tame(np.where(np.abs(pole) > 0.2, np.nan, curve), y, is_exact=True)


def test_what_is_no_network_is_no_law():
    X, y = torch.from_numpy(table()), torch.from_numpy(np.sign(table()[:, :1] - 1))
    finding = plain_finding(
        opened("x0 + sign(x0 - 1)", ("x0", "x1"), decimals_only=True), Table(X, y, X, ("x0", "x1"), 0)
    )
    assert np.isfinite(finding.expected)
    assert laws([finding], X, y, 0, 3) == []
    assert laws([], X, y, 0, 3) == []


def test_an_interrupted_search_keeps_what_it_has(monkeypatch):
    def stopped(exploration):
        raise KeyboardInterrupt

    monkeypatch.setattr(Exploration, "_simplest", stopped)
    X = torch.from_numpy(table())
    found, interrupted = searched(Table(X, X[:, :1] ** 3 * X[:, 1:], X, ("x0", "x1"), 0), Clock(60))
    assert interrupted
    assert found
    model = KANRegressor(edges="known", random_state=0).fit(table(), law(table()))
    assert model.fit_result_.status == "interrupted"
    assert model.score(table(), law(table())) > 0.8


def test_without_a_limit_known_functions_are_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr("edgewise.estimators.choice.Selection.look_for_laws", lambda _: asked.append(True))
    for edges, limit, is_asked in [
        ("auto", None, False),
        ("auto", 20, True),
        ("known", None, True),
        ("splines", 20, False),
    ]:
        asked.clear()
        KANRegressor(edges=edges, max_seconds=limit, random_state=0).fit(table(20), law(table(20)))
        assert bool(asked) is is_asked


def test_few_rows_little_time_and_several_targets_are_left_to_splines(monkeypatch):
    def refused(*_):
        raise AssertionError

    monkeypatch.setattr(selection, "searched", refused)
    X = table(40)
    KANRegressor(random_state=0, max_seconds=5).fit(X[:30], law(X[:30]))
    KANRegressor(random_state=0, max_seconds=1).fit(X, law(X))
    KANRegressor(random_state=0, max_seconds=6).fit(X, X)


def test_many_rows_settle_the_constants(monkeypatch):
    monkeypatch.setattr(choice, "MOST_ROWS", 100)
    X = table(400)
    model = KANRegressor(random_state=0, max_seconds=60).fit(X, 1.2345678 * X[:, 0] * X[:, 1])
    assert "on all rows refitted" in model.fit_result_.message
    np.testing.assert_allclose(model.predict(X), 1.2345678 * X[:, 0] * X[:, 1], rtol=1e-12)


def test_an_exact_law_ends_the_choice():
    X, y = torch.from_numpy(table()), torch.from_numpy(table()[:, :1] * 2)
    chosen = Selection(X, y, TrainConfig(), None, Clock())
    chosen.search()
    assert chosen.spent
    assert len(chosen.trials) <= 3
