"""A history of edits: back and forth to the same bits, refits that go on from where the network is."""

import numpy as np
import pytest
import torch

from edgewise.editor import Editor
from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.train import TrainConfig, train


def table(generator, count=120):
    X = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 2 - 1
    return X, torch.sin(3 * X[:, 0]) + X[:, 1] ** 2


@pytest.fixture
def trained(generator):
    X, y = table(generator)
    net = KAN([2, 1], generator=generator, dtype=torch.float64)
    return X, y, train(net, X, y, TrainConfig(starts=1, intervals=(5,))).network


def values(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def test_undo_and_redo_return_the_same_bits(trained):
    X, y, net = trained
    editor, seen = Editor(net, X, y), []
    for act in (
        lambda: editor.fix((0, 0, 0), "sin"),
        lambda: editor.cut((0, 1, 0)),
        lambda: editor.free((0, 1, 0)),
        lambda: editor.refit(5),
    ):
        seen.append(values(editor.network))
        act()
    last = values(editor.network)
    assert [step.action for step in editor.steps] == ["start", "fix", "cut", "free", "refit"]
    for before in reversed(seen):
        editor.undo()
        assert all(torch.equal(before[name], value) for name, value in editor.network.state_dict().items())
        assert before.keys() == editor.network.state_dict().keys()
    assert editor.network is net
    for _ in seen:
        editor.redo()
    assert all(torch.equal(last[name], value) for name, value in editor.network.state_dict().items())


def test_a_step_after_undo_takes_the_place_of_those_undone(trained):
    X, y, net = trained
    editor = Editor(net, X, y)
    editor.cut((0, 0, 0))
    editor.undo()
    assert [step.action for step in editor.undone] == ["cut"]
    editor.fix((0, 1, 0), "x**2")
    assert editor.undone == ()
    with pytest.raises(InputError, match="nothing to redo: this is the last step"):
        editor.redo()


def test_nothing_to_undo_at_the_start(trained):
    X, y, net = trained
    with pytest.raises(InputError, match="nothing to undo: this is the first step"):
        Editor(net, X, y).undo()


def test_the_loss_is_the_error_over_the_variance(trained):
    X, y, net = trained
    step = Editor(net, X, y).cut((0, 0, 0))
    error = (step.network(X).detach().numpy()[:, 0] - y.numpy()) ** 2
    assert step.loss == pytest.approx(error.mean() / y.numpy().var(), rel=1e-9)
    assert str(step) == f"cut (0, 0, 0): loss {step.loss:.3g}"


def test_fix_and_refit_find_the_constants_of_the_law(trained):
    X, y, net = trained
    editor = Editor(net, X, y)
    assert editor.fix((0, 0, 0), "sin").match > 0.999
    editor.fix((0, 1, 0), "square")
    assert editor.refit(10).loss < 1e-20
    rate = editor.network.kan_layers[0].symbolic.constants.detach()[0, 0] / editor.network.input_scale[0]
    assert abs(float(rate)) == pytest.approx(3.0, rel=1e-8)


def test_a_refit_goes_on_from_the_function_even_on_rows_of_another_range(trained):
    X, _, net = trained
    far = X * 0.2 + 0.6
    editor = Editor(net.fix((0, 0, 0), "sin", X), far, torch.sin(3 * far[:, 0]) + far[:, 1] ** 2)
    before = editor.network
    editor.refit(1e-9)
    assert editor.network is not before
    torch.testing.assert_close(editor.network(X), before(X), rtol=0, atol=1e-12)
    measured = train(
        before, far, before(far), TrainConfig(max_seconds=1e-9, starts=1, intervals=(5,))
    ).network
    assert (measured(far) - before(far)).abs().max() > 0.1


def test_without_targets_a_refit_aims_at_the_network_at_the_start(trained):
    X, _, net = trained
    editor = Editor(net, X)
    assert editor.steps[0].loss == 0.0
    editor.cut((0, 1, 0))
    editor.free((0, 1, 0))
    assert editor.refit(5).loss < 1e-6


def test_nothing_left_to_fit_is_said(trained):
    X, y, net = trained
    editor = Editor(net, X, y)
    editor.cut((0, 0, 0))
    editor.cut((0, 1, 0))
    with pytest.raises(InputError, match="no edge is left to fit"):
        editor.refit()


def test_a_failed_edit_is_no_step(trained):
    X, y, net = trained
    editor = Editor(net, X, y)
    with pytest.raises(InputError):
        editor.free((0, 0, 0))
    assert len(editor.steps) == 1


def test_classes_are_scored_by_the_share_that_is_wrong(generator):
    X, _ = table(generator)
    labels = (X[:, 0] > 0).double()
    net = KAN([2, 2], generator=generator, dtype=torch.float64)
    editor = Editor(net, X, labels, config=TrainConfig(loss="cross-entropy", max_steps=30))
    wrong = float(np.mean(net(X).argmax(1).numpy() != labels.numpy()))
    assert editor.steps[0].loss == pytest.approx(wrong)
    assert editor.refit(5).loss < 0.1


def test_columns_must_fit(trained):
    X, y, net = trained
    with pytest.raises(InputError, match="X has 1 columns: expected 2"):
        Editor(net, X[:, :1], y)
