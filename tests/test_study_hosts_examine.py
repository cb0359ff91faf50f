"""What a trial gives, whatever happens."""

import math
import re

import pytest
import torch

from edgewise.study.hosts.examine import examine, finite
from edgewise.study.hosts.trial import Outcome
from study_hosts import installed, named, plan


def test_an_outcome_comes_with_its_circumstances_and_is_the_same_again():
    with installed():
        trial = plan().trial("kan", "deep", 0, 0.1)
        first, second = examine(trial), examine(trial)
    assert first.status == "done", first.message
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", first.date)
    assert first.version
    assert "cores" in first.machine
    assert first.load is not None
    assert (first.error, first.valid, first.spline_share) == (second.error, second.valid, second.spline_share)


def test_what_goes_wrong_is_a_row_without_an_error():
    def broken(trial):
        raise ZeroDivisionError("no luck")

    with installed(toy=named("toy", run=broken)):
        found = examine(plan().trial("mlp", "deep", 0, 0.1))
    assert (found.status, found.message, found.error) == ("failed", "ZeroDivisionError: no luck", None)
    assert found.date


def test_a_host_that_is_not_there_is_a_row_too():
    with installed():
        trial = plan().trial("mlp", "deep", 0, 0.1)
    found = examine(trial)
    assert found.status == "failed"
    assert "host 'toy' is not known" in found.message


def test_one_thread_and_the_old_number_after_it():
    seen = []
    before = torch.get_num_threads()

    def looking(trial):
        seen.append(torch.get_num_threads())
        torch.set_num_threads(2)
        return Outcome("done", error=1.0)

    with installed(toy=named("toy", run=looking)):
        examine(plan().trial("mlp", "deep", 0, 0.1))
    assert seen == [1]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_an_error_that_is_not_finite_diverged(wrong):
    found = finite(Outcome("done", error=wrong, chance=2.0, valid=wrong, numbers={"a": wrong, "b": 1.0}))
    assert (found.status, found.error, found.chance, found.valid) == ("diverged", 2.0, 2.0, None)
    assert found.numbers == {"b": 1.0}
    assert found.message == "error not finite"


def test_an_outcome_that_is_well_stays_as_it_is():
    well = Outcome(
        "done", error=0.5, chance=2.0, valid=0.4, numbers={"b": 1.0}, spline_share=0.2, seconds=1.0
    )
    assert finite(well) == well
    assert finite(Outcome("diverged", "nan", error=2.0, chance=2.0)).message == "nan"
