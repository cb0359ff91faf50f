"""Modular subnetworks: rows, masks and figures against formulas written out in NumPy, and a smoke run of every arm."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import erf
from sklearn.metrics import roc_auc_score
from torch import nn

from edgewise.errors import InputError
from edgewise.study.hosts.subnetworks import ARMS, HOST, asymmetry, drawn, run, sparsification
from edgewise.study.hosts.subnetworks.conjunction import INPUTS, balanced, uniform
from edgewise.study.hosts.trial import Trial
from edgewise.study.tasks import seeded

TRIAL = Trial("subnetworks", "mlp", "trained-2", seed=0, rate=0.003, steps=8, size=0.1)


def test_rows_say_what_the_formulas_say(rng):
    rows = uniform(4000, rng)
    X = rows.X.double().numpy()
    np.testing.assert_array_equal(rows.a.numpy(), np.sign(X[:, 0]) != np.sign(X[:, 1]))
    np.testing.assert_array_equal(rows.b.numpy(), np.hypot(X[:, 2], X[:, 3]) > np.sqrt(2 / np.pi))
    kinds = np.bincount(2 * rows.a.numpy() + rows.b.numpy(), minlength=4) / 4000
    assert np.abs(kinds - 0.25).max() < 0.04  # independent fair coins: 0.007 is one deviation
    assert np.abs(X).max() <= 1
    assert X.shape[1] == INPUTS


@pytest.mark.parametrize("count", [10, 600])
def test_balanced_rows_break_the_rule_in_every_way(rng, count):
    rows = balanced(count, rng)
    kinds = np.bincount(2 * rows.a.numpy() + rows.b.numpy(), minlength=4)
    half = max(count, 240) // 2
    np.testing.assert_array_equal(kinds, [half // 3, half // 3, half // 3, half])
    np.testing.assert_array_equal(rows.label.numpy(), (rows.a & rows.b).numpy())
    assert rows.label[:100].any()  # shuffled
    assert not rows.label[:100].all()


def test_parts_share_no_row():
    parts = [balanced(300, seeded("subnetworks", part, 0)).X for part in ("train", "valid", "test")]
    for one, other in itertools.combinations(parts, 2):
        assert not (one[:, None] == other[None]).all(-1).any()


def reference_scores(weights, biases, X, holds, batches):
    """Continuous sparsification of a perceptron with one hidden level, written out."""

    def sigmoid(t):
        return 1 / (1 + np.exp(-t))

    scores = [np.full(w.shape, sparsification.START) for w in weights]
    first, second = [np.zeros_like(m) for m in scores], [np.zeros_like(m) for m in scores]
    units = sum(m.size for m in scores)
    for t, rows in enumerate(batches):
        tau = 200 ** (t / len(batches))
        soft = [sigmoid(tau * m) for m in scores]
        w1, w2 = (w * s for w, s in zip(weights, soft, strict=True))
        h = X[rows] @ w1 + biases[0]
        bell = np.exp(-(h**2) / 2) / np.sqrt(2 * np.pi)
        gate = (1 + erf(h / np.sqrt(2))) / 2
        out = (h * gate) @ w2 + biases[1]
        up = (sigmoid(out) - holds[rows][:, None]) / len(rows)
        by_weight = [X[rows].T @ ((up @ w2.T) * (gate + h * bell)), (h * gate).T @ up]
        for k, (w, s) in enumerate(zip(weights, soft, strict=True)):
            gradient = (by_weight[k] * w + sparsification.PENALTY / units) * tau * s * (1 - s)
            first[k] = 0.9 * first[k] + 0.1 * gradient
            second[k] = 0.999 * second[k] + 0.001 * gradient**2
            step = first[k] / (1 - 0.9 ** (t + 1))
            scores[k] -= sparsification.RATE * step / (np.sqrt(second[k] / (1 - 0.999 ** (t + 1))) + 1e-8)
    return scores


def test_twenty_steps_of_masks_are_those_of_the_equations():
    network = drawn(replace(TRIAL, size=0.02, condition="trained-1"), 1).double().requires_grad_(False)
    network.layers[0].bias += 0.3
    live = {name: torch.ones_like(part) > 0 for name, part in network.named_parameters() if "weight" in name}
    network.form = "plain"
    for layer in network.layers:
        layer.mask = None
    rows = uniform(64, seeded("rows"))
    batches = torch.from_numpy(seeded("batches").integers(0, 64, (20, 16)))
    found = sparsification.scored(
        network,
        live,
        lambda forward, step: nn.functional.binary_cross_entropy_with_logits(
            forward(rows.X[batches[step]].double())[:, 0], rows.a[batches[step]].double()
        ),
        20,
    )
    expected = reference_scores(
        [layer.weight.numpy() for layer in network.layers],
        [layer.bias.numpy() for layer in network.layers],
        rows.X.double().numpy(),
        rows.a.double().numpy(),
        batches.numpy(),
    )
    for (name, score), reference in zip(found.items(), expected, strict=True):
        np.testing.assert_allclose(score.numpy(), reference, rtol=2e-3, atol=2e-5, err_msg=name)
    assert max(np.abs(reference - sparsification.START).max() for reference in expected) > 0.05


@pytest.mark.parametrize("arm", ["kan", "kan-weights", "learned"])
def test_gradients_of_masks_are_differences(arm):
    network = drawn(replace(TRIAL, arm=arm), 2).double().requires_grad_(False)
    live = sparsification.units(network, by_edge=arm != "kan-weights")
    X = uniform(32, seeded("rows")).X.double()
    soft = {name: torch.full(part.shape, 0.6, dtype=torch.float64) for name, part in live.items()}
    name = list(soft)[1]
    soft[name].requires_grad_()
    (gradient,) = torch.autograd.grad(sparsification.masked(network, soft, X).sum(), soft[name])
    for place in np.ndindex(*gradient.shape[:-1], 2):
        moved = []
        for step in (1e-5, -1e-5):
            shifted = soft[name].detach().clone()
            shifted[place] += step
            moved.append(sparsification.masked(network, {**soft, name: shifted}, X).sum())
        assert gradient[place].item() == pytest.approx(((moved[0] - moved[1]) / 2e-5).item(), abs=1e-6)


def test_the_temperature_rises_to_the_published_one():
    steps = [sparsification.temperature(step, 10) for step in range(11)]
    assert steps[0] == 1
    assert steps[10] == pytest.approx(200)
    np.testing.assert_allclose(np.diff(np.log(steps)), np.log(200) / 10)


def test_units_are_living_edges_or_their_coefficients():
    network = drawn(replace(TRIAL, arm="kan"), 2)
    edges = sparsification.units(network, by_edge=True)
    coefficients = sparsification.units(network, by_edge=False)
    living = sum(int(layer.spline.mask.sum()) for layer in network.layers)
    assert sum(int(part.sum()) for part in edges.values()) == living
    assert sum(int(part.sum()) for part in coefficients.values()) == 9 * living == network.living()
    assert living < sum(part.numel() for part in edges.values())  # some were dropped


def test_inverse_and_random_masks_stay_among_what_lives(rng):
    live = {"w": torch.tensor([[True, True, True, False], [True, True, True, False]])}
    mask = {"w": torch.tensor([[True, False, False, False], [True, False, False, False]])}
    assert sparsification.inverse(mask, live)["w"].sum() == 4
    assert not (sparsification.inverse(mask, live)["w"] & mask["w"]).any()
    draws = [sparsification.sampled(mask, live, rng)["w"] for _ in range(20)]
    for drawn_mask in draws:
        assert drawn_mask.sum() == 2
        assert not (drawn_mask & (mask["w"] | ~live["w"])).any()
    assert torch.stack(draws).any(0).sum() == 4  # all of the complement comes up
    assert (
        sparsification.sampled({"w": ~mask["w"] & live["w"]}, live, rng)["w"].sum() == 2
    )  # no more than there are
    assert sparsification.overlap(mask, {"w": live["w"]}) == pytest.approx(1 / 3)
    assert float(sparsification.kept(mask, live)) == pytest.approx(1 / 3)


def test_ranks_are_the_area_under_the_curve(rng):
    scores, holds = np.round(rng.normal(size=300), 1), rng.random(300) < 0.4
    area = roc_auc_score(holds, scores)
    assert asymmetry.ranked(scores, holds) == pytest.approx(max(area, 0.5))
    assert asymmetry.ranked(-scores, holds) == pytest.approx(max(1 - area, 0.5))


class Modular(nn.Module):
    """The conjunction from one unit for each subroutine: what a perfectly modular network would be."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 1))

    def forward(self, x):
        parts = [x[:, 0] * x[:, 1] < 0, x[:, 2:4].square().sum(1) > 2 / np.pi]
        return torch.stack(parts, 1).float() @ self.weight


def test_figures_of_a_modular_network(rng):
    live = {"weight": torch.ones(2, 1) > 0}
    own = {"a": torch.tensor([[True], [False]]), "b": torch.tensor([[False], [True]])}
    found = {name: {"weight": mask} for name, mask in own.items()}
    numbers = asymmetry.figures(Modular(), live, found, uniform(4000, rng), rng)
    assert numbers["subnet_own"] == numbers["ablated_other"] == 1
    assert numbers["subnet_difference"] == pytest.approx(0.5, abs=0.03)
    assert numbers["ablation_difference"] == pytest.approx(0.5, abs=0.03)
    assert numbers["control_difference"] == pytest.approx(-0.5, abs=0.03)  # what is left then is the module
    assert numbers["beyond_control"] == pytest.approx(1.0, abs=0.06)
    assert numbers["kept"] == 0.5
    assert numbers["overlap"] == 0
    assert numbers["whole_a"] == pytest.approx(numbers["whole_b"], abs=0.03)
    swapped = asymmetry.figures(Modular(), live, {"a": found["b"], "b": found["a"]}, uniform(4000, rng), rng)
    assert swapped["ablation_difference"] == pytest.approx(-0.5, abs=0.03)


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_arms_have_the_same_parameters(depth):
    counts = [drawn(replace(TRIAL, arm=arm, size=1.0), depth).living() for arm in ARMS]
    assert max(counts) / min(counts) < 1.02


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_runs(arm):
    outcome = run(replace(TRIAL, arm=arm, rate=0.01))
    assert outcome.status == "done"
    assert 0 < outcome.error < 2
    assert set(HOST.numbers) <= set(outcome.numbers)
    assert all(0 <= outcome.numbers[name] <= 1 for name in ("accuracy", "kept", "overlap", "subnet_own"))
    assert (outcome.spline_share is None) == (not arm.startswith("kan"))
    assert (outcome.spline_damage is None) == (not arm.startswith("kan"))


def test_a_trial_gives_the_same_again():
    trial = replace(TRIAL, arm="kan")
    once, again, other = run(trial), run(trial), run(replace(trial, seed=1))
    assert (once.error, once.valid, once.numbers) == (again.error, again.valid, again.numbers)
    assert once.numbers != other.numbers


def test_tuning_needs_no_masks():
    outcome = run(replace(TRIAL, stage="tuning"))
    assert outcome.valid == run(TRIAL).valid
    assert set(outcome.numbers) == {"accuracy"}


def test_random_networks_do_not_learn():
    network, outcome = drawn(TRIAL, 2), run(replace(TRIAL, condition="random-2"))
    test = balanced(8192, seeded("subnetworks", "test", 0))
    with torch.no_grad():
        wrong = float(((network(test.X)[:, 0] > 0) != test.label).float().mean())
    assert outcome.error == pytest.approx(wrong / (1 - wrong), rel=1e-3)
    assert outcome.seconds == 0


def test_what_diverges_knows_nothing():
    outcome = run(replace(TRIAL, rate=1e38))
    assert outcome.status == "diverged"
    assert outcome.error == outcome.chance == 1
    assert {contrast.value for contrast in HOST.headlines} <= set(outcome.numbers)


def test_an_unknown_arm_is_named():
    with pytest.raises(InputError, match="'cnn' is not known; choose one of: mlp"):
        run(replace(TRIAL, arm="cnn"))


@pytest.mark.slow
def test_the_sign_flips_in_a_trained_network_alone():
    trained = run(replace(TRIAL, condition="trained-4", steps=500, size=1.0)).numbers
    random = run(replace(TRIAL, condition="random-4", steps=500, size=1.0)).numbers
    assert trained["ablation_difference"] > 0.15
    assert abs(random["ablation_difference"]) < 0.1
    assert min(trained["subnet_difference"], random["subnet_difference"]) > 0.3
