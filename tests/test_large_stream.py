"""The order of rows: all of them once an epoch, another order each, the same from any batch on."""

import numpy as np
import pytest

from edgewise.large import ArraySource, stream
from edgewise.large.stream import batches, batches_per_epoch, in_order


@pytest.fixture(autouse=True)
def small_pools(monkeypatch):
    """Pools of few rows, so that batches span several."""
    monkeypatch.setattr(stream, "POOL_ROWS", 25)


@pytest.fixture
def source():
    return ArraySource(np.arange(103)[:, None], np.arange(103) * 10, block_rows=10)


def chain(parts):
    return [number for part in parts for number in part]


def numbers(source, size=8, **more):
    return [X[:, 0].tolist() for X, _ in batches(source, size, **({"seed": 0, "epoch": 0} | more))]


def test_an_epoch_has_every_row_once_but_for_the_rest(source):
    found = numbers(source)
    assert {len(batch) for batch in found} == {8}
    assert len(found) == batches_per_epoch(source, 8) == 12
    rows = chain(found)
    assert len(set(rows)) == 96
    assert rows != sorted(rows)


def test_inputs_keep_their_targets(source):
    for X, y in batches(source, 8, seed=0, epoch=0):
        np.testing.assert_array_equal(X * 10, y)


@pytest.mark.parametrize("start", range(13))
def test_it_can_start_at_any_batch(source, start):
    assert numbers(source, start=start) == numbers(source)[start:]


def test_seed_and_epoch_decide_the_order(source):
    assert numbers(source) == numbers(source)
    assert numbers(source) != numbers(source, epoch=1)
    assert numbers(source) != numbers(source, seed=1)
    assert sorted(chain(numbers(source, size=103))) == list(range(103))


@pytest.mark.parametrize("world", [2, 3])
def test_the_shares_of_all_processes_are_the_batch(source, world):
    shares = [numbers(source, rank=rank, world=world) for rank in range(world)]
    assert [chain(parts) for parts in zip(*shares, strict=True)] == numbers(source)


def test_a_table_smaller_than_a_batch_is_one_batch(source):
    assert [len(batch) for batch in numbers(source, size=1000)] == [103]


def test_few_blocks_are_in_memory_at_a_time(source, monkeypatch):
    read = []
    monkeypatch.setattr(source, "read", lambda block: read.append(block) or ArraySource.read(source, block))
    first = next(found := batches(source, 8, seed=0, epoch=0))
    found.close()
    assert len(first[0]) == 8
    assert len(read) <= 6  # one pool of three blocks, and the next


def test_starting_late_does_not_read_what_came_before(source, monkeypatch):
    read = []
    monkeypatch.setattr(source, "read", lambda block: read.append(block) or ArraySource.read(source, block))
    list(batches(source, 8, seed=0, epoch=0, start=11))
    assert len(read) <= 5 < len(source.block_rows)


def test_a_failing_read_reaches_the_caller(source, monkeypatch):
    monkeypatch.setattr(source, "read", lambda block: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        numbers(source)


@pytest.mark.parametrize("world", [1, 3])
def test_in_order_every_row_goes_to_one_process(source, world):
    found = [
        X[:, 0].tolist() for rank in range(world) for X, _ in in_order(source, 4, rank=rank, world=world)
    ]
    assert max(map(len, found)) == 4
    assert sorted(chain(found)) == list(range(103))
