"""The dial of long runs: what it accepts, what it says of the rest, and which changes make another run."""

from dataclasses import asdict, replace

import pytest

from edgewise.errors import InputError
from edgewise.large import LargeConfig


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("batch_size", 0, "batch_size=0: expected a whole number of at least 1"),
        ("batch_size", 2.5, "whole number of at least 1"),
        ("epochs", True, "whole number of at least 1"),
        ("steps", 0, "whole number of at least 1"),
        ("accumulate", 0, "whole number of at least 1"),
        ("keep", 0, "whole number of at least 1"),
        ("seed", -1, "whole number of at least 0"),
        ("optimiser", "adam", "choose one of: adamw, schedule-free"),
        ("precision", "float16", "choose one of: float32, bfloat16, float64"),
        ("schedule", "linear", "choose one of: constant, cosine, one-cycle, warmup-stable-decay"),
        ("learning_rate", 0.0, "expected a positive number"),
        ("learning_rate", None, "expected a positive number"),
        ("learning_rate", float("nan"), "expected a positive number"),
        ("clip", 0.0, "a positive number or None"),
        ("max_seconds", -1, "a positive number or None"),
        ("weight_decay", -0.1, "number of at least 0"),
        ("warmup", 1.0, "share from 0 up to"),
        ("ema", 1.0, "decay between 0 and 1"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_a_wrong_setting_is_named_in_one_line(name, wrong, said):
    with pytest.raises(InputError) as caught:
        LargeConfig(**{name: wrong})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"schedule": "cosine"}, {"ema": 0.9}])
def test_schedule_free_takes_neither_schedule_nor_average(settings):
    with pytest.raises(InputError, match="schedule-free"):
        LargeConfig(optimiser="schedule-free", **settings)


def test_the_default_schedule_is_the_optimisers():
    assert LargeConfig().curve == "cosine"
    assert LargeConfig(optimiser="schedule-free").curve == "constant"
    assert LargeConfig(schedule="one-cycle").curve == "one-cycle"


def test_only_settings_that_change_the_result_make_another_run():
    config = LargeConfig()
    earlier = asdict(config)
    assert config.difference(earlier) is None
    assert replace(config, max_seconds=5.0, checkpoint_every=7, progress=True).difference(earlier) is None
    assert replace(config, batch_size=7).difference(earlier) == "batch_size was 1024 and is 7"
    assert replace(config, epochs=20).difference(earlier) == "epochs was 10 and is 20"


def test_a_run_without_a_schedule_can_be_made_longer():
    config = LargeConfig(schedule="constant", warmup=0.0)
    assert replace(config, epochs=20).difference(asdict(config)) is None
