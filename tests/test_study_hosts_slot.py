"""What stands in the slot: parameters that match, and forwards against NumPy."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from scipy.special import expit

from edgewise.errors import InputError
from edgewise.study.hosts.slot import ARMS, Bent, SwiGLU, hidden_nodes, slot
from edgewise.study.layers import LearnedNodes


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize(("width", "nodes"), [(32, 4), (64, 8), (128, 5)])
def test_parameters_match(arm, width, nodes, generator):
    wanted = count(slot("kan", width, nodes, generator))
    assert wanted == 2 * width * nodes * 9
    assert count(slot(arm, width, nodes, generator)) == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize("arm", ARMS)
def test_any_leading_axes_and_a_healthy_start(arm, generator):
    module = slot(arm, 32, 6, generator, depth=4)
    x = torch.randn(3, 50, 32, generator=generator)
    y = module(x)
    assert y.shape == x.shape
    torch.testing.assert_close(y[1, 7], module(x[1, 7]), rtol=1e-4, atol=1e-5)
    assert 0.01 < float(y.detach().square().mean()) < 10


def test_the_same_generator_gives_the_same_slot():
    made = [slot("learned", 8, 2, torch.Generator().manual_seed(3)) for _ in range(2)]
    for one, other in zip(*(module.parameters() for module in made), strict=True):
        assert torch.equal(one, other)


def test_a_swiglu_is_its_formula(generator, rng):
    module = SwiGLU(5, 7, generator)
    x = rng.normal(size=(11, 5)).astype(np.float32)
    up, down = module.gate_up.detach().numpy(), module.down.detach().numpy()
    gate, other = x @ up[:, :7], x @ up[:, 7:]
    expected = (gate * expit(gate) * other) @ down
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_learned_activations_are_splines_between_two_matrices(generator, rng):
    nodes = LearnedNodes(6, 5)
    with torch.no_grad():
        nodes.coef.copy_(torch.randn(6, 8, generator=generator))
    module = Bent(4, 6, nodes, 1.0, generator)
    x = rng.uniform(-0.5, 0.5, size=(9, 4)).astype(np.float32)
    z = x @ module.up.detach().numpy()
    knots = np.arange(-3, 9) * 0.8 - 2.0  # five cells on [-2, 2], three more on either side
    bent = np.stack(
        [
            BSpline(knots, nodes.coef[i].detach().numpy(), 3)(z[:, i]) + z[:, i] * expit(z[:, i])
            for i in range(6)
        ],
        axis=1,
    )
    assert np.abs(z).max() < 2
    expected = bent @ module.down.detach().numpy()
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-3, atol=1e-4)


def test_a_gelu_slot_is_its_formula(generator, rng):
    module = slot("mlp-gelu", 6, 2, generator)
    x = torch.from_numpy(rng.normal(size=(4, 6)).astype(np.float32))
    z = x @ module.up
    expected = (z * 0.5 * (1 + torch.erf(z / 2**0.5))) @ module.down
    torch.testing.assert_close(module(x), expected)


def test_an_unknown_arm_is_one_line():
    with pytest.raises(InputError, match="arm 'cnn' is not known; choose one of: mlp, mlp-gelu"):
        hidden_nodes("cnn", 8, 2)
