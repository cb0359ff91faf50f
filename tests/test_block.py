"""The block that takes a transformer's MLP's place."""

import pytest
import torch

from edgewise import InputError, KANBlock


def block(**settings):
    return KANBlock(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64, **settings)


def test_it_is_two_normed_layers():
    net, x = block(), torch.randn(5, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def normed(h):
        return 0.5 * torch.nn.functional.rms_norm(h, h.shape[-1:], eps=1e-12)

    torch.testing.assert_close(net(x), net.down(normed(net.up(normed(x)))))


def test_the_size_of_the_stream_does_not_matter():
    net, x = block(), torch.randn(5, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(net(1e4 * x), net(x))


@pytest.mark.parametrize("lead", [(), (3,), (2, 5)])
def test_any_leading_axes(lead):
    assert block()(torch.ones(*lead, 6).double()).shape == (*lead, 6)


@pytest.mark.parametrize("intervals", [3, 5, 20])
@pytest.mark.parametrize("base", ["silu", None])
@pytest.mark.parametrize("hosts", [2 * 64 * 256, 3 * 64 * 172])
def test_it_matches_the_parameters_of_what_it_replaces(intervals, base, hosts):
    net = KANBlock.matching(64, hosts, intervals=intervals, base=base)
    count = sum(p.numel() for p in net.parameters())
    assert hosts - 2 * 64 * (intervals + 4) < count <= hosts


def test_bfloat16_autocast_stays_finite():
    net, x = KANBlock(6, 4), torch.randn(50, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = net(x)
    y.float().square().mean().backward()
    assert bool(y.isfinite().all())
    assert all(bool(p.grad.isfinite().all()) for p in net.parameters() if p.numel())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: KANBlock(1, 4), "d_model=1"),
        (lambda: KANBlock(4, 0), "d_hidden=0"),
        (lambda: KANBlock.matching(64, 1000), "parameters=1000"),
        (lambda: KANBlock(4, 4, depth=0), "depth=0"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(call, said):
    with pytest.raises(InputError, match=said):
        call()
