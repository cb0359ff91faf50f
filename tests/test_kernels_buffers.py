import gc
import weakref

import pytest
import torch

from edgewise import KANLayer
from edgewise.kernels import buffers
from edgewise.kernels.buffers import LARGE, room_for_gradient

SIDE = int((LARGE / 8) ** 0.5) + 1


@pytest.fixture
def weight():
    return torch.nn.Parameter(torch.zeros(SIDE, SIDE, dtype=torch.float64))


def test_room_that_nobody_holds_is_given_again(weight):
    place = room_for_gradient(weight).data_ptr()
    assert room_for_gradient(weight).data_ptr() == place


@pytest.mark.parametrize("hold", [lambda room: room, lambda room: room[3:], lambda room: room.numpy()])
def test_room_that_somebody_holds_is_not(hold, weight):
    room = room_for_gradient(weight)
    room.fill_(7)
    held = hold(room)
    del room
    room_for_gradient(weight).fill_(8)
    assert (held == 7).all()


def test_room_goes_with_the_weight():
    weight = torch.nn.Parameter(torch.zeros(SIDE, SIDE, dtype=torch.float64))
    room_for_gradient(weight)
    gone = weakref.ref(buffers._KEPT[weight])
    del weight
    gc.collect()
    assert gone() is None


def test_small_room_is_not_kept():
    weight = torch.nn.Parameter(torch.zeros(3))
    assert room_for_gradient(weight).shape == (3,)
    assert weight not in buffers._KEPT


def test_gradients_kept_from_other_steps_stay_what_they_were(generator):
    layer = KANLayer(64, 64, intervals=100, generator=generator)
    weight, kept = layer.spline.weight, []
    assert weight.nbytes > LARGE
    for step in range(3):
        weight.grad = None
        layer(torch.full((5, 64), 0.1 * step)).sum().backward()
        kept.append((weight.grad, weight.grad.clone()))
    assert all(torch.equal(grad, copy) for grad, copy in kept)
    assert not torch.equal(kept[0][0], kept[1][0])


def test_accumulated_gradients_add_up(generator):
    layer, x = KANLayer(64, 64, intervals=100, generator=generator), torch.linspace(-1, 1, 64).expand(4, 64)
    layer(x).sum().backward()
    once = layer.spline.weight.grad.clone()
    for _ in range(2):
        layer(x).sum().backward()
    torch.testing.assert_close(layer.spline.weight.grad, 3 * once)
