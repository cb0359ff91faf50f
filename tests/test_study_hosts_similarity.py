"""The host of similarities: matrix factorisation by hand, splits that leave one out, equal sizes, all arms run."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.interpolate import BSpline

from edgewise.errors import InputError
from edgewise.large.schedules import rate
from edgewise.study.hosts.loop import fit
from edgewise.study.hosts.similarity import HOST, ranking, ratings, synthetic
from edgewise.study.hosts.similarity.networks import ARMS, Mixed, network, published
from edgewise.study.hosts.stacks import living
from edgewise.study.hosts.trial import Trial
from edgewise.study.tasks import seeded


def trial(arm="mlp", condition="d8", seed=0, steps=4, size=0.02):
    return Trial("similarity", arm, condition, seed, 0.003, steps, size)


@pytest.fixture
def films(monkeypatch):
    """Thirty users of 150 films, four to nine each, in place of MovieLens."""
    source, rows = np.random.default_rng(0), []
    for user in range(30):
        for time, film in enumerate(source.choice(150, source.integers(4, 10), replace=False)):
            rows.append((user, film, time))
    rows.append((29, 149, 99))
    table = pd.DataFrame(rows, columns=["user", "film", "time"])
    monkeypatch.setattr(ranking, "table", lambda: table)
    return table


@pytest.mark.parametrize("dimension", [8, 16, 32, 64])
@pytest.mark.parametrize("arm", ARMS)
def test_arms_have_the_parameters_of_the_published_perceptron(arm, dimension):
    wanted = published(dimension, 2 * dimension)
    assert living(network(arm, dimension, wanted, 0)) == pytest.approx(wanted, rel=0.01)


def test_a_mix_and_one_layer_of_splines_is_what_scipy_makes_of_it():
    module = Mixed(6, 5, torch.Generator().manual_seed(1)).double()
    x = np.random.default_rng(2).uniform(-0.3, 0.3, (7, 6))
    found = module(torch.from_numpy(x)).detach().numpy()[:, 0]
    weight, bias = module.mix.weight.detach().numpy(), module.mix.bias.detach().numpy()
    z = x @ weight + bias
    assert np.abs(z).max() < 1, "this test is about the inside of the domain"
    edges = module.bend.spline
    knots, coef = edges.knots.numpy(), edges.weight.detach().numpy()[:, :, 0]
    sums = np.zeros(7)
    for node in range(5):
        spline = BSpline(knots[node], coef[node, :-1], 3)(z[:, node])
        sums += spline + coef[node, -1] * z[:, node] / (1 + np.exp(-z[:, node]))
    np.testing.assert_allclose(found, sums, rtol=1e-6, atol=1e-7)


def test_a_network_with_product_nodes_has_the_gradient_of_finite_differences():
    module = network("kan-product", 4, 700, 3).double()
    x = torch.from_numpy(np.random.default_rng(0).normal(0, 0.4, (9, 8)))
    weight = module.below.spline.weight
    (gradient,) = torch.autograd.grad(module(x).square().sum(), weight)
    for place in [(0, 2, 1), (3, 5, 0), (7, 8, 3)]:
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[place] += sign * 1e-6
                values.append(float(module(x).square().sum()))
                weight[place] -= sign * 1e-6
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(float(gradient[place]), rel=1e-5, abs=1e-8)


def test_pairs_have_the_moments_of_the_published_generator():
    pairs = synthetic.draw(seeded("moments"), 3000, 60_000, 16)
    assert float(pairs.true.std()) == pytest.approx(1, abs=0.02)
    assert float(pairs.seen.square().mean()) ** 0.5 * synthetic.SIGNAL == pytest.approx(1.13, abs=0.02)
    noise = (pairs.seen - pairs.true) * synthetic.SIGNAL
    assert float(noise.std()) == pytest.approx(0.85, abs=0.01)
    p, q = pairs.users[pairs.user[5]], pairs.items[pairs.item[5]]
    assert float(pairs.true[5]) == pytest.approx(float(p @ q) / 4, rel=1e-5)
    assert float(pairs.inputs().std()) == pytest.approx(0.5, abs=0.01)


def test_users_of_the_test_are_not_those_of_training():
    train, test = (synthetic.draw(seeded("similarity", part, 8, 0), 50, 50, 8) for part in ("train", "test"))
    assert torch.cdist(train.users, test.users).min() > 0.01


def test_the_fitted_dot_product_is_exact_without_noise_and_close_with_it():
    noisy = [synthetic.draw(seeded(part), 300, count, 8) for part, count in enumerate((9000, 2000, 2000))]
    clean = [synthetic.Pairs(p.users, p.items, p.user, p.item, p.true, p.true) for p in noisy]
    assert synthetic.dot_error(*clean) < 1e-5
    # eighteen weights from 9,000 pairs with noise of 1.14 deviations
    assert 0.01 < synthetic.dot_error(*noisy) < 3 * 1.14 * (18 / 9000) ** 0.5


def test_twenty_steps_of_matrix_factorisation_are_those_of_numpy():
    size, penalty, largest = (5, 7), 0.1, 0.02
    module = ranking.Similarity(*size, None, torch.Generator().manual_seed(0)).double()
    user, film = np.random.default_rng(0).integers(0, size, (20, 12, 2)).transpose(2, 0, 1)
    seen = np.random.default_rng(1).integers(0, 2, (20, 12)).astype(float)
    names = ("users", "films", "user_bias", "film_bias", "bias")
    own = {name: getattr(module, name).detach().numpy().copy() for name in names}

    def loss(step):
        batch = (torch.from_numpy(a[step]) for a in (user, film, seen))
        return ranking.penalised(module, tuple(batch), penalty)

    looks = iter(range(0, -20, -1))  # every later state counts as better
    plan = Trial("similarity", "mlp", "ml-100k-dot", 0, largest, 20)
    fit(module, plan, loss, lambda: float(next(looks)), ranking.RECIPE)
    first, second = ({name: np.zeros_like(value) for name, value in own.items()} for _ in range(2))
    for step in range(20):
        gradient = factor_gradient(own, user[step], film[step], seen[step], penalty)
        norm = np.sqrt(sum(np.square(g).sum() for g in gradient.values()))
        for name, g in gradient.items():
            g = g * min(1, 1 / (norm + 1e-6))
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = 0.999 * second[name] + 0.001 * g**2
            up, down = first[name] / (1 - 0.9 ** (step + 1)), second[name] / (1 - 0.999 ** (step + 1))
            own[name] = own[name] - largest * rate("one-cycle", step, 20) * up / (np.sqrt(down) + 1e-8)
    for name in names:
        np.testing.assert_allclose(getattr(module, name).detach().numpy(), own[name], rtol=1e-7, atol=1e-9)


def factor_gradient(own, user, film, seen, penalty):
    """Of the log loss of ``<p, q> + b_u + b_i + b``, by hand."""
    p, q = own["users"][user], own["films"][film]
    score = (p * q).sum(1) + own["user_bias"][user] + own["film_bias"][film] + own["bias"]
    miss = (1 / (1 + np.exp(-score)) - seen) / len(seen)
    gradient = {name: np.zeros_like(value) for name, value in own.items()}
    np.add.at(gradient["users"], user, miss[:, None] * q + 2 * penalty * p / len(seen))
    np.add.at(gradient["films"], film, miss[:, None] * p + 2 * penalty * q / len(seen))
    np.add.at(gradient["user_bias"], user, miss)
    np.add.at(gradient["film_bias"], film, miss)
    gradient["bias"] += miss.sum()
    return gradient


def test_the_last_two_films_of_a_user_are_left_out(films):
    split = ratings.split(films)
    for user in range(30):
        own = films[films["user"] == user].sort_values("time")["film"].to_numpy()
        assert (split.valid[user, 0], split.test[user, 0]) == (own[-2], own[-1])
        assert set(np.flatnonzero(split.known[user])) == set(own[:-2])
        for others in (split.valid[user, 1:], split.test[user, 1:]):
            assert len(set(others)) == 99
            assert not set(others) & set(own)
    assert len(split.users) == split.known.sum()


def test_films_drawn_as_unseen_are_not_seen_in_training(films):
    split = ratings.split(films, 0.5)
    assert split.known.shape == (15, 150)
    users = np.repeat(np.arange(15), 200)
    drawn = ratings.unseen(split.known, users, np.random.default_rng(0))
    assert not split.known[users, drawn].any()
    user, film, seen = ranking.batch(split, np.random.default_rng(1))
    assert len(user) == 5 * ranking.BATCH
    assert (split.known[user.numpy(), film.numpy()] == (seen.numpy() == 1)).all()


def test_ranks_count_who_is_before():
    class Score(ranking.Similarity):
        def forward(self, user, film):
            return film.float()

    module = Score(2, 200, None, torch.Generator())
    lists = np.array([[50, *range(99)], [120, *range(20, 119)]])
    lists[0, 51] = 199  # in the place of 50 itself
    found = ranking.ranks(module, lists)
    assert found.tolist() == [49.0, 0.0]
    assert ranking.odds(found) == pytest.approx(1.0)
    assert ranking.gain(found).tolist() == pytest.approx([1 / np.log2(51), 1.0])


def test_popular_films_come_first():
    known = np.zeros((4, 30), bool)
    known[:3, 0] = known[:2, 1:13] = True
    lists = np.array([[0, *range(13, 26)], [20, *range(13)], [1, *range(13, 26)]])
    found = ranking.popular(ratings.Ratings(*[np.empty(0, int)] * 2, known, lists, lists))
    assert found == pytest.approx(2 / 3)  # the second has thirteen before it


def test_without_the_package_one_line_says_what_to_type(monkeypatch):
    monkeypatch.setattr(ratings, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install --no-deps recbole"):
        HOST.run(trial(condition="ml-100k"))


def test_movielens_is_what_it_is_known_to_be():
    try:
        rows = ratings.table()
    except InputError:
        pytest.skip("recbole is not installed")
    assert len(rows) == 100_000
    assert (rows["user"].nunique(), rows["film"].nunique()) == (943, 1682)
    assert rows.groupby("user")["time"].is_monotonic_increasing.all()
    assert rows.groupby("user").size().min() == 20


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_runs_on_both_kinds_of_data(arm, films):
    for condition, size in (("d8", 0.02), ("ml-100k", 1.0)):
        outcome = HOST.run(trial(arm, condition, size=size))
        assert outcome.status == "done"
        assert 0 < outcome.error < 2 * outcome.chance + 200
        assert (outcome.spline_share is not None) == arm.startswith("kan")
        assert set(outcome.numbers) <= set(HOST.numbers)


def test_a_trial_is_the_same_again_and_the_dot_product_is_the_same_for_all(films):
    once, again = (HOST.run(trial("kan", "d8")) for _ in range(2))
    assert (once.error, once.valid, once.numbers) == (again.error, again.valid, again.numbers)
    dots = [HOST.run(trial(arm, "ml-100k-dot", size=1.0)) for arm in ("mlp", "kan")]
    assert dots[0].error == dots[1].error
    assert dots[0].in_slots == 0


def test_more_training_brings_a_mix_of_splines_below_chance():
    outcome = HOST.run(Trial("similarity", "kan-mixed", "d8", 0, 0.01, 150, 0.2))
    assert outcome.error < 0.8
    assert outcome.spline_damage > 0.05


def test_a_condition_that_is_none_is_told():
    with pytest.raises(InputError, match="d9"):
        HOST.run(trial(condition="d9"))
