import numpy as np
import pytest
import torch

from edgewise import KANRegressor, load, save
from edgewise.estimators import selection
from edgewise.estimators.candidates import Candidate, candidates, crowned, elevated
from edgewise.network import KAN
from edgewise.prune import prune
from edgewise.train import TrainConfig


def table(rows=200, inputs=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (rows, inputs))


def power(X):
    """Positive, and a sum of functions but for its exponential."""
    return np.exp(3 * np.sin(2 * X[:, 0]) + X[:, 1] ** 2)


def test_candidates_fit_the_rows_and_are_never_none():
    few, many = candidates(2, 1, 8, 3, True), candidates(2, 1, 800, 3, False)
    assert {one.widths for one in few} == {(2, 1)}
    assert [one.logarithm for one in few] == [False, True]
    assert len({one.widths for one in many}) == len(many) > 8
    assert candidates(100, 3, 10, 3, False)[0].widths == (100, 3)
    assert all(one.widths[-1] == 3 for one in candidates(2, 3, 800, 3, False))


def test_a_higher_degree_changes_next_to_nothing():
    network = Candidate((2, 2, 1), 3).build(0)
    raised = elevated(network, 5)
    X = torch.from_numpy(table())
    with torch.no_grad():
        misses = (raised(X) - network(X)).abs().max() / network(X).std()
    assert raised.kan_layers[0].spline.degree == 5
    assert float(misses) < 0.1


def test_an_exponential_on_top_stays_one_network():
    candidate = Candidate((2, 1), 3, logarithm=True)
    X, y = torch.from_numpy(table()), -torch.from_numpy(power(table()))[:, None]
    chosen = selection.Selection(X, y, TrainConfig(), None, selection.Clock())
    network = candidate.build(0)
    inside = crowned(network, chosen.logarithmic, chosen.scales, y)
    scaled = (X - chosen.scales.input_center) / chosen.scales.input_scale
    expected = -torch.exp(
        network(scaled) * chosen.logarithmic.output_scale + chosen.logarithmic.output_center
    )
    chosen.scales.install(inside)
    torch.testing.assert_close(inside(X), expected)


def test_the_choice_learns_a_law_to_many_digits(tmp_path):
    X, y = table(300), power(table(300))
    model = KANRegressor(edges="splines", random_state=0, max_seconds=10).fit(X, y)
    fresh = table(1000, seed=1) * 0.98
    assert np.sqrt(np.mean((model.predict(fresh) - power(fresh)) ** 2)) < 1e-5 * y.std()
    assert isinstance(model.network_, KAN)
    assert "trials" in model.fit_result_.message
    assert model.fit_result_.history
    save(model.network_, tmp_path / "network")
    loaded = load(tmp_path / "network")(torch.from_numpy(X)).detach()[:, 0]
    np.testing.assert_allclose(loaded, model.predict(X), rtol=1e-10)
    assert prune(model.network_, torch.from_numpy(X), torch.from_numpy(y)).in_features == 2


def test_noise_is_mostly_averaged_away():
    X, noise = table(400), 0.05 * np.random.default_rng(3).normal(size=400)
    truth = X[:, 0] * X[:, 1] + X[:, 0]
    model = KANRegressor(random_state=0, max_seconds=5).fit(X, truth + noise)
    assert np.sqrt(np.mean((model.predict(X) - truth) ** 2)) < 0.4 * 0.05


@pytest.mark.parametrize("settings", [{"method": "lbfgs"}, {"intervals": 3}, {"entropy": 0.01}])
def test_other_ways_of_training_keep_one_hidden_layer(settings):
    model = KANRegressor(max_seconds=1, random_state=0, **settings).fit(table(40), power(table(40)))
    assert model.network_.widths == ((2, 0), (5, 0), (1, 0))


@pytest.mark.parametrize("y", [np.full(50, 2.0), np.full(50, 0.0), table(50)])
def test_constant_and_several_targets(y):
    X = table(50)
    assert np.isfinite(KANRegressor(random_state=0, max_seconds=5).fit(X, y).predict(X)).all()


def test_a_degree_that_is_given_is_kept():
    model = KANRegressor(degree=2, random_state=0, max_seconds=3).fit(table(), power(table()))
    assert {layer.spline.degree for layer in model.network_.kan_layers} == {2}
