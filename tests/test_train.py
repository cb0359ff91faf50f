"""Training seen from outside: what comes back, what is left alone, what is refused."""

import copy
import importlib
import itertools

import numpy as np
import pytest
import torch

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.train import TrainConfig, train
from edgewise.train.clock import Clock

train_package = importlib.import_module("edgewise.train")  # the name is taken by the function
METHODS = pytest.mark.parametrize("method", ["least-squares", "lbfgs", "adam"])


def new_network(widths=(2, 1), seed=0, dtype=torch.float64, **settings):
    return KAN(widths, generator=torch.Generator().manual_seed(seed), dtype=dtype, **settings)


def table(count=120, columns=2, seed=1):
    """Inputs in [-1, 1] and the sum of a sine, a square and so on of their columns."""
    X = torch.rand(count, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    return X, torch.sin(2 * X[:, :1]) + X[:, 1:].square().sum(1, keepdim=True)


def quick(**settings):
    return TrainConfig(**({"max_steps": 12, "starts": 1} | settings))


def relative_loss(network, X, y):
    """Mean square error relative to the targets' variance: the unit of the history."""
    with torch.no_grad():
        return ((network(X) - y).square().mean() / y.var(correction=0)).item()


@METHODS
def test_every_method_brings_the_loss_down(method):
    X, y = table()
    result = train(new_network(), X, y, quick(method=method, max_steps=40))
    limit = {"least-squares": 1e-8, "lbfgs": 1e-5, "adam": 0.8}[method]
    assert relative_loss(result.network, X, y) < limit
    assert method in result.message


@METHODS
def test_the_given_network_is_left_alone(method):
    net, (X, y) = new_network([2, (1, 1), 1]), table(40)
    before = copy.deepcopy(net.state_dict())
    result = train(net, X, y, quick(method=method))
    assert result.network is not net
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


@METHODS
def test_the_same_call_gives_the_same_bits(method):
    X, y = table(60)
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        results.append(train(new_network([2, 2, 1]), X, y, quick(method=method, starts=2, batch_size=16)))
    first, second = (result.network.state_dict() for result in results)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert [step[1:] for step in results[0].history] == [step[1:] for step in results[1].history]


def test_another_seed_holds_out_other_rows():
    X, y = table(60)
    first, second = (train(new_network(), X, y, quick(seed=seed)).history[0] for seed in (0, 1))
    assert first.validation_loss != second.validation_loss


@METHODS
def test_global_random_states_stay(method):
    X, y = table(40)
    before, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()
    train(new_network([2, 2, 1]), X, y, quick(method=method, starts=2))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], legacy)


@METHODS
def test_the_callers_data_stay(method):
    X, y = table(40)
    kept = X.clone(), y.clone()
    train(new_network(), X, y, quick(method=method))
    assert torch.equal(X, kept[0])
    assert torch.equal(y, kept[1])


@METHODS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_comes_back_in_its_own_type(method, dtype):
    X, y = table()
    net = train(new_network(dtype=dtype), X, y, quick(method=method)).network
    assert {tensor.dtype for tensor in net.state_dict().values()} == {dtype}
    assert net(X.to(dtype)).dtype == dtype


def test_a_float32_network_is_as_good_as_its_type_allows():
    X, y = table()
    net = train(new_network(dtype=torch.float32), X, y).network
    assert (net(X.float()) - y).abs().max() < 1e-4


@pytest.mark.parametrize("shift", [0.0, 1e4])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_units_and_offsets_do_not_matter(shift, size):
    X, y = table()
    moved_X, moved_y = X * size + shift * size, y / size - shift / size
    result = train(new_network(), moved_X, moved_y, quick(max_steps=30))
    assert relative_loss(result.network, moved_X, moved_y) < 1e-9


@pytest.mark.parametrize("as_given", [lambda y: y, lambda y: y[:, 0], lambda y: y[:, 0].tolist()])
def test_targets_may_be_a_column_or_a_vector(as_given):
    X, y = table(40)
    result = train(new_network(), X.numpy(), as_given(y), quick())
    assert relative_loss(result.network, X, y) < 1e-3


def test_several_outputs_are_fitted_together():
    X, y = table()
    y = torch.cat([y, 1000 * X[:, :1] * 2 + 5], dim=1)
    net = train(new_network([2, 2]), X, y, quick(max_steps=30)).network
    assert (net(X) - y).abs().amax(0)[0] < 1e-3
    assert (net(X) - y).abs().amax(0)[1] < 1.0


@METHODS
def test_a_constant_target_is_learned(method):
    X, _ = table(30)
    net = train(new_network(), X, torch.full((30,), 7.0), quick(method=method)).network
    assert (net(X) - 7.0).abs().max() < {"least-squares": 1e-6, "lbfgs": 0.1, "adam": 7.0}[method]


def test_a_constant_column_does_no_harm():
    X, y = table(60)
    X = torch.cat([X, torch.full((60, 1), 3.0).double()], dim=1)
    assert relative_loss(train(new_network([3, 1]), X, y, quick()).network, X, y) < 1e-3


@pytest.mark.parametrize("count", [1, 2, 9])
def test_few_rows_are_enough_to_run(count):
    X, y = table(count)
    assert bool(torch.isfinite(train(new_network(), X, y, quick()).network(X)).all())


@METHODS
def test_the_history_tells_of_every_step(method):
    X, y = table(60)
    result = train(new_network(), X, y, quick(method=method, starts=1))
    assert len(result.history) >= 5
    assert all(np.isfinite([step.loss, step.validation_loss]).all() for step in result.history)
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(result.history))
    assert result.history[-1].seconds <= result.seconds
    assert result.history[-1].loss < result.history[0].loss


@METHODS
def test_the_best_state_is_the_one_that_comes_back(method):
    X, y = table(60)
    result = train(new_network([2, 2, 1]), X, y, quick(method=method, validation=0.0))
    best = min(step.validation_loss for step in result.history)
    tolerance = 0.2 if method == "adam" else 1e-6  # an epoch's loss is a mean over changing weights
    assert relative_loss(result.network, X, y) == pytest.approx(best, rel=tolerance)


class Interrupted(Clock):
    """A clock at whose third tick the user presses Ctrl-C."""

    left_to_go = 3

    def tick(self, **facts):
        self.left_to_go -= 1
        if self.left_to_go == 0:
            raise KeyboardInterrupt


@METHODS
def test_ctrl_c_keeps_the_best_so_far(method, monkeypatch):
    monkeypatch.setattr(train_package, "Clock", Interrupted)
    X, y = table(60)
    result = train(new_network(), X, y, quick(method=method, validation=0.0))
    assert result.status == "interrupted"
    assert "interrupted, best so far kept" in result.message
    assert len(result.history) == 3
    best = min(step.validation_loss for step in result.history[:2])
    assert relative_loss(result.network, X, y) <= 1.2 * best


class Hourly(Clock):
    """A clock by which every look at it takes an hour."""

    looks = 0

    @property
    def seconds(self):
        self.looks += 1
        return 3600.0 * self.looks


@METHODS
def test_time_is_kept(method, monkeypatch):
    monkeypatch.setattr(train_package, "Clock", Hourly)
    X, y = table(60)
    result = train(new_network([2, 2, 1]), X, y, TrainConfig(method=method, max_seconds=8 * 3600.0))
    assert result.status == "time limit"
    assert len(result.history) <= 8
    assert bool(torch.isfinite(result.network(X)).all())


@METHODS
def test_seconds_are_honoured_on_a_wall_clock(method):
    X, y = table(400, columns=4)
    result = train(new_network([4, 6, 1]), X, y, TrainConfig(method=method, max_seconds=0.02))
    assert result.status == "time limit"
    assert result.seconds < 3.0


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_a_loss_that_stops_being_a_number_is_rolled_back(method, monkeypatch):
    target, calls = train_package.objective.Objective, itertools.count()
    honest = target.value_and_gradient

    def broken(self, X, y):
        loss, gradient = honest(self, X, y)
        return (loss if next(calls) <= 8 else float("nan")), gradient

    monkeypatch.setattr(target, "value_and_gradient", broken)
    X, y = table(60)
    result = train(new_network(), X, y, quick(method=method, batch_size=16))
    assert result.status == "rolled back"
    assert relative_loss(result.network, X, y) <= 3 * min(step.validation_loss for step in result.history)


def test_a_network_that_cannot_be_evaluated_is_said_to_be_so():
    net = new_network([1, 1])
    net.kan_layers[0].fix_edge(0, 0, "logarithm", torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0]))
    X = torch.linspace(-1, 1, 30).double()[:, None]
    result = train(net, X, X, quick())
    assert result.status == "rolled back"
    assert "stopped being a number" in result.message


def test_fixed_edges_are_refitted_and_stay_fixed():
    X = torch.linspace(-2, 3, 80).double()[:, None]
    y = 3 * torch.sin(2 * X + 0.5) - 1
    net = new_network([1, 1])
    net.kan_layers[0].fix_edge(0, 0, "sine", torch.tensor([5.2, 1.3, 1.0, 0.0, 1.0]))
    fitted = train(net, X, y).network
    torch.testing.assert_close(fitted(X), y, rtol=0, atol=1e-10)
    assert fitted.kan_layers[0].edge(0, 0).name == "sine"


def test_kept_scales_go_on_from_the_function_the_network_is():
    X, y = table(60)
    net = train(new_network(), X, y, quick()).network
    far = 0.1 * X + 3.0
    kept = train(net, far, net(far).detach(), TrainConfig(max_seconds=1e-9, keep_scales=True)).network
    torch.testing.assert_close(kept(X), net(X), rtol=0, atol=1e-12)
    assert torch.equal(kept.input_center, net.input_center)
    assert torch.equal(kept.output_scale, net.output_scale)


@METHODS
def test_removed_edges_stay_removed(method):
    X, y = table(40)
    net = new_network()
    net.kan_layers[0].remove_edge(1, 0)
    fitted = train(net, X, y, quick(method=method)).network
    assert fitted.kan_layers[0].edge(1, 0) is None
    torch.testing.assert_close(fitted(X), fitted(X * torch.tensor([1.0, 0.3])))


def test_a_result_says_how_it_ended():
    X, y = table(60)
    short = train(new_network(), X, y, TrainConfig(method="adam", max_steps=2))
    long = train(new_network(), X, y, TrainConfig(max_steps=50))
    assert (short.status, long.status) == ("step limit", "converged")
    assert short.message.startswith(
        "stopped at the step limit, still improving; adam: asked for; held-out loss"
    )
    assert short.seconds > 0


def test_few_parameters_are_fitted_by_least_squares():
    message = train(new_network(), *table(50), quick()).message
    assert "least-squares: chosen for 18 parameters and 40 rows" in message


def test_penalties_call_for_lbfgs():
    message = train(new_network(), *table(50), quick(sparsity=1e-3)).message
    assert "lbfgs: chosen for a loss that is not a plain sum of squares and 40 rows" in message


def test_many_parameters_call_for_lbfgs(monkeypatch):
    monkeypatch.setattr(train_package, "MANY_PARAMETERS", 10)
    assert "lbfgs: chosen for 18 parameters and 40 rows" in train(new_network(), *table(50), quick()).message


def test_many_rows_call_for_adam(monkeypatch):
    monkeypatch.setattr(train_package, "MANY_NUMBERS", 10)
    monkeypatch.setattr(train_package, "MANY_ROWS", 30)
    result = train(new_network(), *table(50), quick(batch_size=16))
    assert "adam: chosen for 40 rows" in result.message
    assert result.network.input_center.dtype == torch.float64


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"X": torch.ones(30, 3)}, r"got X with 3 columns and y with 1; make it KAN\(\[3, ..., 1\]\)"),
        ({"y": torch.ones(30, 2)}, r"got X with 2 columns and y with 2; make it KAN\(\[2, ..., 2\]\)"),
        ({"y": torch.ones(29)}, "X has 30 rows and y has 29"),
        ({"X": torch.full((30, 2), float("nan"))}, "X holds NaN"),
        ({"config": quick(method="least-squares", sparsity=1.0)}, "least-squares minimises plain squares"),
        ({"config": quick(method="least-squares", loss="cross-entropy")}, "minimises plain squares"),
        ({"config": quick(loss="cross-entropy")}, "class numbers from 0 to 0"),
    ],
)
def test_what_does_not_fit_is_refused(change, said):
    X, y = table(30)
    given = {"network": new_network(), "X": X, "y": y, "config": quick()} | change
    with pytest.raises(InputError, match=said) as caught:
        train(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("y", [[0.5] * 30, [-1.0] * 30, [2.0] * 30])
def test_classes_are_numbers_from_zero(y):
    with pytest.raises(InputError, match="class numbers from 0 to 1 in y"):
        train(new_network([2, 2]), table(30)[0], y, quick(loss="cross-entropy"))


def rings(count=150):
    """Points of the plane and the number of the ring they lie in: 0, 1 or 2."""
    X = torch.rand(count, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 2 - 1
    return X * 50, (X.square().sum(1) * 2).clamp(max=2.5).floor()


@pytest.mark.parametrize("method", ["auto", "adam"])
def test_classes_are_told_apart(method):
    X, y = rings()
    config = TrainConfig(method=method, loss="cross-entropy", max_steps=40, batch_size=32, learning_rate=0.1)
    result = train(new_network([2, 3]), X, y, config)
    assert (result.network(X).argmax(1) == y).double().mean() > 0.9
    assert result.network.output_scale.tolist() == [1.0] * 3


def test_progress_is_off_unless_asked(capfd):
    train(new_network(), *table(30), quick())
    assert capfd.readouterr() == ("", "")
    train(new_network(), *table(30), quick(progress=True))
    out, err = capfd.readouterr()
    assert (out, "training" in err) == ("", True)
