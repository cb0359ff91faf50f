"""The hierarchical model as a host: two nets, told apart by arm and by gradient alone."""

from dataclasses import replace

import pytest

from edgewise.block import KANBlock
from edgewise.study.hosts.hierarchy import HOST, LOOPS, STACKED, model, run
from edgewise.study.hosts.recursive import Shape
from edgewise.study.hosts.slot import SwiGLU
from edgewise.study.hosts.solving import Weights
from edgewise.study.hosts.trial import Trial

TINY = Trial("hierarchy", "mlp", "hierarchy", 0, 0.01, 2, size=0.05)


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def kinds(net):
    return {type(slot) for slot in net.slots}


@pytest.mark.parametrize("condition", [*LOOPS, *STACKED])
def test_arms_have_the_same_parameters(condition):
    counts = {arm: parameters(model(arm, condition, Weights(0), Shape())) for arm in HOST.arms}
    for arm, count in counts.items():
        assert count == pytest.approx(counts["mlp"], rel=0.02), arm


def test_conditions_have_the_same_two_nets():
    made = {name: model("mlp", name, Weights(0), Shape()) for name in HOST.conditions}
    assert parameters(made["hierarchy"]) == parameters(made["full"]) == parameters(made["once"])
    assert made["full"].fast is not made["full"].slow
    assert LOOPS["full"] == replace(LOOPS["hierarchy"], gradient="step")
    assert LOOPS["full"].calls == len(made["deeper"].nets)


@pytest.mark.parametrize(
    ("arm", "fast", "slow"), [("kan-slow", SwiGLU, KANBlock), ("kan-fast", KANBlock, SwiGLU)]
)
def test_half_a_kan_is_in_the_net_it_is_named_after(arm, fast, slow):
    made = model(arm, "hierarchy", Weights(0), Shape())
    assert (kinds(made.fast), kinds(made.slow)) == ({fast}, {slow})
    row = model(arm, "deeper", Weights(0), Shape()).nets
    assert [kinds(net) for net in row] == [{fast}, {slow}] * 3


@pytest.mark.parametrize("arm", HOST.arms)
def test_every_arm_runs(arm):
    found = run(replace(TINY, arm=arm))
    assert found.status == "done"
    assert (found.spline_share is not None) == arm.startswith("kan")
    assert set(found.numbers) == set(HOST.numbers)


@pytest.mark.parametrize("condition", HOST.conditions)
def test_every_condition_runs_and_repeats(condition):
    trial = replace(TINY, condition=condition, arm="kan-slow")
    one, other = (replace(run(trial), seconds=0.0) for _ in range(2))
    assert one == other
    assert one.error is not None
    assert one.error > 0


def test_headlines_name_conditions():
    for contrast in HOST.headlines:
        assert {contrast.better, contrast.worse} <= set(HOST.conditions)
        assert contrast.value in HOST.numbers
    assert {HOST.deep, HOST.shallow} <= set(HOST.conditions)
