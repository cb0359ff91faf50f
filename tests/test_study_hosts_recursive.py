"""The recursion against its equations in NumPy, and its gradients against differences of the part they go through."""

import numpy as np
import pytest
import torch

from edgewise.study.hosts.recursive import Net, Reader, Recursion, Recursive, Shape, Stack

SHAPE = Shape(width=8, nodes=4)
STEP = 1e-6


def silu(x):
    return x / (1 + np.exp(-x))


def rms(h):
    return h / np.sqrt((h**2).mean(-1, keepdims=True))


def mixed(h, weight):
    """Cell by cell: the means over its row, its column and its box, each mapped."""
    out = np.zeros_like(h)
    for c in range(36):
        row, column = c // 6, c % 6
        kin = (
            [6 * row + k for k in range(6)],
            [6 * k + column for k in range(6)],
            [6 * r + k for r in range(6) for k in range(6) if (r // 2, k // 3) == (row // 2, column // 3)],
        )
        out[:, c] = sum(h[:, cells].mean(1) @ w for cells, w in zip(kin, weight, strict=True))
    return out


def net_of(net):
    """A net with a SwiGLU in its slots, in NumPy."""

    def call(h):
        for mixer, slot in zip(net.mixers, net.slots, strict=True):
            h = rms(h + mixed(h, array(mixer.weight)))
            gate, up = np.split(h @ array(slot.gate_up), 2, axis=-1)
            h = rms(h + (silu(gate) * up) @ array(slot.down))
        return h

    return call


def array(tensor):
    return tensor.detach().numpy()


def cycled(fast, slow, x, y, z, inner):
    for _ in range(inner):
        z = fast(z + y + x)
    return slow(y + z), z


def made(plan, nets=1, seed=0):
    """In float64, so that differences can be taken."""
    generator = torch.Generator().manual_seed(seed)
    pair = [Net("mlp", SHAPE, 8, generator, generator) for _ in range(nets)]
    reader = Reader(SHAPE.width, generator)
    with torch.no_grad():
        reader.halt.copy_(torch.randn(SHAPE.width, generator=generator))
    return Recursive(reader, pair[0], pair[-1], plan).double()


@pytest.fixture
def given(rng):
    return torch.from_numpy(rng.integers(0, 7, (3, 36)))


@pytest.mark.parametrize("nets", [1, 2])
@pytest.mark.parametrize("plan", [Recursion(2, 2), Recursion(1, 1), Recursion(3, 2, "call")])
def test_two_steps_are_the_equations(plan, nets, given):
    model = made(plan, nets)
    state, said = model.reader.begun(3), None
    for _ in range(2):
        state, said = model(state, given)
    fast, slow, reader = net_of(model.fast), net_of(model.slow), model.reader
    x = array(reader.embedding)[given.numpy()]
    y, z = (np.broadcast_to(array(start), x.shape) for start in (reader.start_y, reader.start_z))
    for _ in range(2 * plan.cycles):
        y, z = cycled(fast, slow, x, y, z, plan.inner)
    np.testing.assert_allclose(array(state.y), y, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(array(state.z), z, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(array(said.digits), y @ array(reader.digits), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(array(said.halt), y.mean(1) @ array(reader.halt) - 5, rtol=1e-8)


@pytest.mark.parametrize("nets", [1, 2])
@pytest.mark.parametrize("plan", [Recursion(2, 2), Recursion(3, 2, "call"), Recursion(1, 2, "step")])
def test_gradients_go_through_the_last_part_and_no_further(plan, nets, given):
    """Differences of the last two calls, the last cycle or the step, from a state that is held fixed."""
    model = made(plan, nets)
    _, said = model(model.reader.begun(3), given)
    probe = np.cos(np.arange(said.digits.numel())).reshape(said.digits.shape)
    (said.digits * torch.from_numpy(probe)).sum().backward()
    x, y, z = before_the_last_part(model, given)
    inner = 1 if plan.gradient == "call" else plan.inner

    def value():
        state = y, z
        for _ in range(plan.cycles if plan.gradient == "step" else 1):
            state = cycled(net_of(model.fast), net_of(model.slow), x, *state, inner)
        return (state[0] @ array(model.reader.digits) * probe).sum()

    for net in {model.fast, model.slow}:
        for weight in (net.mixers[0].weight, net.slots[0].gate_up, net.slots[1].down):
            for place in (1, 37):
                assert weight.grad.flatten()[place].item() == pytest.approx(
                    difference(weight, place, value), rel=1e-5, abs=1e-7
                )


def before_the_last_part(model, given):
    plan, fast, slow = model.recursion, net_of(model.fast), net_of(model.slow)
    x = array(model.reader.embedding)[given.numpy()]
    y, z = (np.broadcast_to(array(s), x.shape) for s in (model.reader.start_y, model.reader.start_z))
    for _ in range(0 if plan.gradient == "step" else plan.cycles - 1):
        y, z = cycled(fast, slow, x, y, z, plan.inner)
    if plan.gradient == "call":
        for _ in range(plan.inner - 1):
            z = fast(z + y + x)
    return x, y, z


def difference(weight, place, value):
    flat, ends = weight.data.view(-1), []
    for sign in (1, -1):
        flat[place] += sign * STEP
        ends.append(value())
        flat[place] -= sign * STEP
    return (ends[0] - ends[1]) / (2 * STEP)


def test_the_two_gradients_differ_and_the_answers_do_not(given):
    whole, last = made(Recursion(2, 2)), made(Recursion(2, 2, "call"))
    said = [model(model.reader.begun(3), given)[1].digits for model in (whole, last)]
    torch.testing.assert_close(*said)
    for digits in said:
        digits.square().sum().backward()
    one, other = (model.fast.slots[0].down.grad for model in (whole, last))
    assert not torch.allclose(one, other, rtol=0.01)


def test_the_state_is_carried_without_its_gradient(given):
    model = made(Recursion(2, 2))
    state, _ = model(model.reader.begun(3), given)
    assert not state.y.requires_grad
    assert not state.z.requires_grad


def test_a_stack_is_its_nets_in_a_row(given):
    generator = torch.Generator().manual_seed(1)
    nets = [Net("mlp", SHAPE, 8, generator, generator) for _ in range(2)]
    model = Stack(Reader(SHAPE.width, generator), nets).double()
    begun = model.reader.begun(3)
    state, said = model(begun, given)
    assert state is begun
    h = array(model.reader.embedding)[given.numpy()]
    for net in nets:
        h = net_of(net)(h)
    np.testing.assert_allclose(array(said.digits), h @ array(model.reader.digits), rtol=1e-8, atol=1e-9)


def test_a_mixer_starts_by_adding_a_quarter_of_the_energy(generator):
    net = Net("mlp", Shape(), 8, generator, generator)
    h = torch.randn(200, 36, 32, generator=generator)
    assert net.mixers[0](h).square().mean().item() == pytest.approx(0.25, rel=0.15)
