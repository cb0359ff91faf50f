"""What a run has seen: means, the best, and when it has exploded."""

import json
import math

import pytest
import torch

from edgewise.large.ledger import Ledger


def module(value):
    made = torch.nn.Linear(1, 1)
    with torch.no_grad():
        made.weight.fill_(value)
    return made


def test_an_entry_is_the_mean_since_the_last():
    ledger = Ledger(validated=False)
    for losses in ([1.0, 2.0], [3.0]):
        for loss in losses:
            ledger.add(loss, 0.0)
        ledger.enter(5, 10, None, module(0.0))
    assert [entry.loss for entry in ledger.history] == [1.5, 3.0]
    assert ledger.history[0][2:] == (10, 1.5, None, 0.0)


def test_the_best_is_the_lowest_on_validation_rows_or_else_the_last():
    judged, plain = Ledger(validated=True), Ledger(validated=False)
    for number, loss in enumerate([3.0, 1.0, math.nan, 2.0]):
        judged.enter(number, 0, loss, module(number))
        plain.enter(number, 0, None, module(number))
    assert judged.best["weight"].item() == 1.0
    assert judged.best_loss == 1.0
    assert judged.history[2].validation_loss is None
    assert plain.best["weight"].item() == 3.0


@pytest.mark.parametrize(
    ("loss", "gone"), [(2.0, False), (1e5, False), (3e6, True), (math.nan, True), (-math.inf, True)]
)
def test_exploding_is_a_million_times_the_first_or_no_number(loss, gone):
    ledger = Ledger(validated=False)
    assert not ledger.exploded(1e9), "the first cannot explode"
    ledger.add(2.0, 0.0)
    assert ledger.exploded(loss) is gone


def test_numbers_there_and_back():
    one, other = Ledger(validated=True), Ledger(validated=True)
    one.add(1.0, 0.5)
    one.enter(1, 8, 0.3, module(1.0))
    one.add(2.0, 0.0)
    numbers = json.loads(json.dumps(one.numbers(), allow_nan=False))
    other.load(numbers, one.best)
    other.add(4.0, 0.0)
    other.enter(2, 16, 0.5, module(2.0))
    assert other.history[0] == one.history[0]
    assert other.history[1].loss == 3.0
    assert other.best["weight"].item() == 1.0
    assert other.seconds >= numbers["seconds"]


def test_waiting_is_a_share_of_the_time():
    ledger = Ledger(validated=False)
    assert ledger.waiting == 0.0
    ledger.add(1.0, 1e9)
    assert ledger.waiting > 1.0
    ledger.enter(1, 1, None, module(0.0))
    assert ledger.waiting == 0.0
