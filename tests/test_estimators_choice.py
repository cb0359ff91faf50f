import numpy as np

from edgewise import KANRegressor
from edgewise.estimators import choice
from edgewise.estimators.choice import select
from edgewise.train import TrainConfig
from edgewise.train.staircase import Staircase


def table(rows=200, inputs=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (rows, inputs))


def power(X):
    """Positive, and a sum of functions but for its exponential."""
    return np.exp(3 * np.sin(2 * X[:, 0]) + X[:, 1] ** 2)


def test_a_seed_decides_the_choice():
    X = table(25)
    values = [KANRegressor(random_state=4).fit(X, power(X)).predict(X) for _ in range(2)]
    np.testing.assert_array_equal(*values)


def test_a_limit_of_time_is_kept():
    X = table(1000, 4)
    result = select(X, power(X)[:, None], TrainConfig(max_seconds=1.0))
    assert result.status == "time limit"
    assert result.seconds < 2


def test_an_interrupt_keeps_the_best_so_far(monkeypatch):
    climbed, ascend = [], Staircase.ascend

    def stopped(run):
        climbed.append(run)
        if len(climbed) > 2:
            raise KeyboardInterrupt
        return ascend(run)

    monkeypatch.setattr(Staircase, "ascend", stopped)
    X = table(100)
    model = KANRegressor(edges="splines", random_state=0).fit(X, power(X))
    assert model.fit_result_.status == "interrupted"
    assert model.score(X, power(X)) > 0.5


def test_an_interrupt_at_once_still_leaves_a_network(monkeypatch):
    def stopped(run):
        raise KeyboardInterrupt

    monkeypatch.setattr(Staircase, "ascend", stopped)
    model = KANRegressor(edges="splines").fit(table(), power(table()))
    assert np.isfinite(model.predict(table())).all()


def test_many_rows_are_chosen_for_by_a_part(monkeypatch):
    monkeypatch.setattr(choice, "MOST_ROWS", 100)
    X = table(400)
    for y in (power(X), X[:, 0] - X[:, 1]):
        model = KANRegressor(random_state=0, max_seconds=6).fit(X, y)
        assert "on all rows" in model.fit_result_.message
        assert model.score(X, y) > 0.9999
