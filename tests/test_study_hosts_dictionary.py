"""Dictionary learning: rows, training and figures against formulas written out, and a smoke run of every arm."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from edgewise.errors import InputError
from edgewise.large.schedules import rate
from edgewise.study.hosts.dictionary import HOST, RECIPE, autoencoder, drawn, known_features, recovery, run
from edgewise.study.hosts.dictionary.superposition import covariance, null, superposition
from edgewise.study.hosts.loop import fit
from edgewise.study.hosts.trial import Trial

TRIAL = Trial("dictionary", "mlp", "some", seed=0, rate=0.003, steps=8, size=0.25)


def test_rows_are_sums_of_known_directions(rng):
    known = superposition(20, 8, 3, rng)
    X, f = (part.double().numpy() for part in known.draw(500, rng))
    np.testing.assert_allclose(np.linalg.norm(known.directions, axis=1), 1)
    np.testing.assert_array_equal((f > 0).sum(1), 3)
    assert 0.5 <= f[f > 0].min() < f.max() <= 1.5
    np.testing.assert_allclose(X / known.scale + known.mean, f @ known.directions, atol=1e-5)
    assert np.abs((f > 0).mean(0) - 0.15).max() < 0.08  # without preference: 0.016 is one deviation


@pytest.mark.parametrize("kind", [lambda known: known, null], ids=["features", "null"])
def test_rows_and_their_null_have_the_same_moments(rng, kind):
    known = kind(superposition(20, 8, 3, rng))
    X = known.draw(60_000, rng).X.double().numpy()
    np.testing.assert_allclose(X.mean(0), 0, atol=0.03)
    expected = covariance(known.directions, known.active) * known.scale**2
    np.testing.assert_allclose(np.cov(X.T), expected, atol=0.05)
    assert X.var() == pytest.approx(1, abs=0.02)


def test_features_have_no_part_in_the_null(rng):
    known = superposition(20, 8, 3, rng)
    related, unrelated = (
        np.abs(recovery.correlations(*(part.double().numpy() for part in kind.draw(5000, rng)))).max()
        for kind in (known, null(known))
    )
    assert related > 0.2
    assert unrelated < 0.07


def test_parts_share_no_row_and_arms_share_all():
    known = known_features(TRIAL)
    again = known_features(replace(TRIAL, arm="kan", condition="dense"))
    np.testing.assert_array_equal(known.directions, again.directions)
    generators = [np.random.default_rng(k) for k in range(3)]
    for one, other in itertools.combinations([known.draw(200, rng).X for rng in generators], 2):
        assert not (one[:, None] == other[None]).all(-1).any()


def reference_step(state, moments, t, X, active, patience, largest_rate, steps):
    """One step of the published rule with a linear encoder, in place; returns how many latents were dead."""
    W, b, D, c = (state[name] for name in ("W", "b", "D", "c"))
    u = (X - c) @ W + b
    chosen = np.zeros_like(u, bool)
    np.put_along_axis(chosen, np.argsort(-u, axis=1)[:, :active], True, axis=1)
    chosen &= u > 0
    z = np.where(chosen, u, 0)
    left = X - z @ D - c
    by_left = 2 * left / left.size / (X**2).mean()
    by_D, by_u, by_c = -z.T @ by_left, -(by_left @ D.T) * chosen, -by_left.sum(0)
    state["idle"] = np.where(chosen.any(0), 0, state["idle"] + 1)
    dead = state["idle"] >= patience
    if dead.any():
        masked = np.where(dead, u, -np.inf)
        picked = np.zeros_like(chosen)
        count = min(dead.sum(), X.shape[1] // 2)
        np.put_along_axis(picked, np.argsort(-masked, axis=1)[:, :count], True, axis=1)
        picked &= masked > 0
        revived = np.where(picked, u, 0)
        rest = left - revived @ D
        by_rest = 2 * rest / rest.size / (left**2).mean() / 32
        by_D -= revived.T @ by_rest
        by_u -= (by_rest @ D.T) * picked
    by_D -= (by_D * D).sum(1, keepdims=True) * D
    gradients = {"W": (X - c).T @ by_u, "b": by_u.sum(0), "D": by_D, "c": by_c - (by_u @ W.T).sum(0)}
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    for name, gradient in gradients.items():
        gradient = gradient * min(1.0, 1 / (norm + 1e-6))
        first, second = moments.setdefault(name, [0.0, 0.0])
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        moments[name] = [first, second]
        step = first / (1 - 0.9 ** (t + 1)) / (np.sqrt(second / (1 - 0.999 ** (t + 1))) + 1e-8)
        state[name] = state[name] - largest_rate * rate(RECIPE.schedule, t, steps) * step
    state["D"] /= np.linalg.norm(state["D"], axis=1, keepdims=True)
    return int(dead.sum())


def test_twenty_steps_are_those_of_the_equations():
    trial = replace(TRIAL, arm="linear", steps=20, rate=0.02)
    known = known_features(trial)
    model = drawn(trial, known).double()
    batches = known.draw(20 * 32, np.random.default_rng(1)).X.double().reshape(20, 32, -1) + 0.1
    state = {
        "W": model.encoder.weight.detach().numpy().copy(),
        "b": model.encoder.bias.detach().numpy().copy(),
        "D": model.directions.detach().numpy().copy(),
        "c": model.centre.detach().numpy().copy(),
        "idle": np.zeros(len(model.directions), int),
    }
    falling = itertools.count(0, -1)  # so that the last state is kept
    fit(
        model,
        trial,
        lambda step: model.loss(batches[step], 2),
        lambda: float(next(falling)),
        RECIPE,
        after_step=lambda _: model.rescale(),
    )
    moments, dead = {}, 0
    for t, batch in enumerate(batches.numpy()):
        dead += reference_step(state, moments, t, batch, known.active, 2, trial.rate, 20)
    assert dead > 0  # the auxiliary loss had a part
    for name, found in (
        ("W", model.encoder.weight),
        ("b", model.encoder.bias),
        ("D", model.directions),
        ("c", model.centre),
    ):
        np.testing.assert_allclose(found.detach().numpy(), state[name], rtol=1e-6, atol=1e-8, err_msg=name)
    np.testing.assert_array_equal(model.idle.numpy(), state["idle"])


@pytest.mark.parametrize("arm", ["kan", "mlp", "learned"])
def test_gradients_are_differences(arm):
    trial = replace(TRIAL, arm=arm)
    known = known_features(trial)
    model = drawn(trial, known).double()
    x = known.draw(16, np.random.default_rng(1)).X.double()
    weight = max(model.encoder.parameters(), key=lambda part: part.numel())
    (gradient,) = torch.autograd.grad(model.loss(x, 100), weight)
    flat = weight.detach().view(-1)
    for place in gradient.abs().flatten().topk(5).indices:
        losses = []
        for step in (1e-6, -2e-6):
            flat[place] += step
            losses.append(model.loss(x, 100).item())
        flat[place] += 1e-6
        assert gradient.flatten()[place].item() == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-4)


def test_the_largest_and_nothing_below_zero():
    scores = torch.tensor([[3.0, -1.0, 2.0, 1.0], [-1.0, -2.0, 0.5, -3.0]])
    expected = torch.tensor([[3.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.5, 0.0]])
    torch.testing.assert_close(autoencoder.largest(scores, 2), expected)


def test_directions_keep_their_norm_and_lose_the_gradient_along():
    model = drawn(TRIAL, known_features(TRIAL))
    gradient = torch.randn(model.directions.shape, generator=torch.Generator().manual_seed(0))
    across = model.along(gradient)
    torch.testing.assert_close(
        (across * model.directions).sum(1), torch.zeros(len(across)), atol=1e-5, rtol=0
    )
    assert (gradient * model.directions).sum(1).abs().max() > 0.1
    with torch.no_grad():
        model.directions *= 3
    model.rescale()
    torch.testing.assert_close(model.directions.norm(dim=1), torch.ones(len(across)))


def test_similarities_of_a_dictionary_with_itself(rng):
    known = superposition(12, 6, 2, rng).directions
    np.testing.assert_allclose(recovery.similarities(known, 5 * known[rng.permutation(12)]), 1)
    assert recovery.similarities(known, -known).mean() < 0.95  # signs count
    assert recovery.similarities(known, rng.normal(size=(24, 6))).mean() < 0.95


def test_principal_directions_are_scikit_learns(rng):
    X = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) + 3
    ours = recovery.principal(torch.from_numpy(X), 3)
    theirs = PCA(3).fit(X).components_
    np.testing.assert_allclose(np.abs(ours[:3]), np.abs(theirs), atol=1e-6)
    np.testing.assert_allclose(ours[3:], -ours[:3])


def test_features_are_read_where_latents_are_features(rng):
    f = superposition(12, 6, 2, rng).draw(2000, rng).f.double().numpy()
    assert recovery.read(f, np.c_[rng.normal(size=2000), 2 * f[:, ::-1]]) == pytest.approx(1)
    assert recovery.read(f, rng.normal(size=(2000, 3))) < 0.1
    assert recovery.read(f, np.ones((2000, 3))) == 0  # latents that do not vary tell nothing
    expected = np.corrcoef(f[:, 0], f[:, 1])[0, 1]
    assert recovery.correlations(f, f)[0, 1] == pytest.approx(expected)


def test_who_says_the_mean_explains_nothing():
    model = drawn(TRIAL, known_features(TRIAL))
    with torch.no_grad():
        model.directions.zero_()
    X = torch.randn(100, model.centre.numel(), generator=torch.Generator().manual_seed(0))
    assert recovery.unexplained(model, X) == 1


def test_arms_have_the_same_parameters():
    trial = replace(TRIAL, size=1.0)
    encoders = {arm: drawn(replace(trial, arm=arm), known_features(trial)).encoder for arm in HOST.arms}
    counts = {arm: autoencoder.trainable(encoder) for arm, encoder in encoders.items()}
    assert counts.pop("linear") == 32 * 128 + 128
    assert max(counts.values()) / min(counts.values()) < 1.02


def test_arms_start_with_the_same_dictionary():
    known = known_features(TRIAL)
    first, second = (drawn(replace(TRIAL, arm=arm), known) for arm in ("linear", "kan"))
    torch.testing.assert_close(first.directions, second.directions)
    torch.testing.assert_close(first.encoder.weight, first.directions.T)


@pytest.mark.parametrize("arm", HOST.arms)
def test_every_arm_runs(arm):
    outcome = run(replace(TRIAL, arm=arm))
    assert outcome.status == "done"
    assert 0 < outcome.error < 3
    assert set(outcome.numbers) == set(HOST.numbers)
    assert (outcome.spline_share is None) == (not arm.startswith("kan"))
    assert (outcome.spline_damage is None) == (not arm.startswith("kan"))


@pytest.mark.parametrize("condition", HOST.conditions)
def test_every_condition_runs(condition):
    outcome = run(replace(TRIAL, condition=condition))
    active = {"few": 1, "many": 2}.get(condition, 1)  # 16 features here
    if condition == "dense":
        assert outcome.numbers["latents_used"] > 4
    else:
        assert outcome.numbers["latents_used"] <= active
    assert outcome.parameters == outcome.in_slots + 32 * 8 + 8


def test_a_trial_gives_the_same_again():
    trial = replace(TRIAL, arm="kan")
    once, again, other = run(trial), run(trial), run(replace(trial, seed=1))
    assert (once.error, once.valid, once.numbers) == (again.error, again.valid, again.numbers)
    assert once.error != other.error


def test_what_diverges_knows_nothing():
    outcome = run(replace(TRIAL, rate=1e38))
    assert outcome.status == "diverged"
    assert outcome.error == outcome.chance == 1
    assert {contrast.value for contrast in HOST.headlines} <= set(outcome.numbers)


def test_an_unknown_arm_is_named():
    with pytest.raises(InputError, match="'cnn' is not known; choose one of: linear"):
        run(replace(TRIAL, arm="cnn"))


def test_the_original_finds_the_features():
    trial = replace(TRIAL, arm="linear", steps=400, size=0.5)
    found = {
        condition: run(replace(trial, condition=condition)).numbers for condition in ("some", "gaussian")
    }
    assert found["some"]["mmcs"] > 0.9
    assert found["some"]["mmcs_over_pca"] > 0.2
    assert found["gaussian"]["mmcs"] < 0.8
