"""A network handed from one process to another is the same network; ``test_engines`` does it with two."""

import pytest
import torch

from edgewise.engines import Local
from edgewise.large import network_from_main
from edgewise.network import KAN


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_comes_back_bit_for_bit(generator, dtype):
    made = KAN([2, (2, 1), 1], intervals=4, degree=2, generator=generator, dtype=dtype)
    made.kan_layers[0].remove_edge(0, 1)
    made.kan_layers[1].fix_edge(0, 0, "exponential", torch.tensor([0.5, 0.0, 1.0, 0.0, 1.0]))
    found = network_from_main(lambda: made, Local())
    assert found.widths == made.widths
    assert found.kan_layers[1].edge(0, 0).name == "exponential"
    for name, tensor in made.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor)
