"""The dial: what it accepts, and what it says of the rest."""

import dataclasses

import pytest

from edgewise.errors import InputError
from edgewise.train import TrainConfig

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("method", "newton", "choose one of: auto, least-squares, lbfgs, adam"),
        ("loss", "huber", "choose one of: squared, cross-entropy"),
        ("starts", 0, "whole number of at least 1"),
        ("starts", "3", "whole number of at least 1"),
        ("max_steps", 0, "whole number of at least 1"),
        ("max_steps", 2.5, "whole number of at least 1"),
        ("batch_size", -4, "whole number of at least 1"),
        ("sparsity", -1.0, "number of at least 0"),
        ("entropy", NAN, "number of at least 0"),
        ("smoothness", float("inf"), "number of at least 0"),
        ("learning_rate", 0.0, "positive number"),
        ("learning_rate", NAN, "positive number"),
        ("validation", 1.0, "share from 0 up to"),
        ("validation", -0.1, "share from 0 up to"),
        ("validation", NAN, "share from 0 up to"),
        ("max_seconds", 0.0, "positive number or None"),
        ("max_seconds", NAN, "positive number or None"),
        ("intervals", (), "positive whole numbers"),
        ("intervals", (3, 0), "positive whole numbers"),
        ("intervals", (2.5,), "positive whole numbers"),
        ("intervals", 5, "positive whole numbers"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_a_wrong_setting_is_named_in_one_line(name, wrong, said):
    with pytest.raises(InputError, match=rf"^{name}=.*{said}") as caught:
        TrainConfig(**{name: wrong})
    assert "\n" not in str(caught.value)


def test_a_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().seed = 1


def test_a_config_can_be_recorded_and_rebuilt():
    config = TrainConfig(method="lbfgs", intervals=(3, 6), max_seconds=2.0)
    assert TrainConfig(**dataclasses.asdict(config)) == config
