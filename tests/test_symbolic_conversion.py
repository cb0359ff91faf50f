"""One given network as a formula."""

import numpy as np
import pytest
import torch

from edgewise import KAN, train
from edgewise.errors import InputError


@pytest.fixture
def rows(rng):
    X = rng.uniform(-1, 1, size=(200, 1))
    return X, np.sin(3 * X[:, 0])


def trained(X, y):
    net = KAN([1, 1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return train(net, X, y).network


def test_a_network_and_its_data_give_the_law(rows):
    formula = trained(*rows).to_formula(*rows, names=["t"])
    assert formula.features == ("t",)
    np.testing.assert_allclose(formula(rows[0]), rows[1], atol=1e-9)


def test_a_network_alone_gives_what_it_learned(rows):
    formula = trained(*rows).to_formula(rows[0])
    np.testing.assert_allclose(formula(rows[0]), rows[1], atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "said"), [({"names": ["a", "b"]}, "2 names for 1 inputs"), ({"output": 1}, "output=1")]
)
def test_a_mistake_is_one_line(rows, wrong, said):
    with pytest.raises(InputError, match=said):
        KAN([1, 1]).to_formula(*rows, **wrong)
