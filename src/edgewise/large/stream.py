"""Batches of a table in a random order that depends on ``(seed, epoch)`` alone, from any batch on.

Blocks are put in a random order and taken together to pools of at least ``POOL_ROWS`` rows; each pool is shuffled as a
whole while the next one is read. Batches are cut from the pools laid end to end, so a batch may span two, and all have
the same size. As the sizes of the pools are known without reading them, starting at a later batch reads one pool more
than needed at most.

Rows stored in a systematic order (by time, by class) are mixed over a pool and over the order of the blocks, not over
the whole table: smaller blocks mix better.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from edgewise.large.sources import Block, Source

POOL_ROWS = 65536


def batch_rows(source: Source, batch_size: int) -> int:
    """Rows of a batch: a table smaller than a batch is one batch."""
    return min(batch_size, source.rows)


def batches_per_epoch(source: Source, batch_size: int) -> int:
    """Full batches in the table."""
    return source.rows // batch_rows(source, batch_size)


def batches(
    source: Source, batch_size: int, *, seed: int, epoch: int, start: int = 0, rank: int = 0, world: int = 1
) -> Generator[Block]:
    """The batches of one epoch from number ``start`` on; of each, the share of process ``rank`` of ``world``.

    The shares are neighbouring parts of the batch, so together the processes see what one process would.
    """
    size = batch_rows(source, batch_size)
    first, last = size * rank // world, size * (rank + 1) // world
    skip, left = start * size, None
    pools = _pools(source, np.random.default_rng([seed, epoch]))
    numbered = list(enumerate(pools))
    while numbered and skip >= _rows(source, numbered[0][1]):
        skip -= _rows(source, numbered.pop(0)[1])
    for number, (X, y) in _ahead(source, numbered):
        order = np.random.default_rng([seed, epoch, number]).permutation(len(X))[skip:]
        skip = 0
        X, y = X[order], y[order]
        if left is not None:
            X, y = np.concatenate([left[0], X]), np.concatenate([left[1], y])
        for begin in range(0, len(X) - size + 1, size):
            yield X[begin + first : begin + last], y[begin + first : begin + last]
        whole = len(X) // size * size
        left = X[whole:].copy(), y[whole:].copy()


def in_order(source: Source, size: int, *, rank: int = 0, world: int = 1) -> Iterator[Block]:
    """The rows as they lie in the table, at most ``size`` at a time; each process gets blocks of its own."""
    mine = range(rank, len(source.block_rows), world)
    for _, (X, y) in _ahead(source, [(number, [number]) for number in mine]):
        for begin in range(0, len(X), size):
            yield X[begin : begin + size], y[begin : begin + size]


def _pools(source: Source, rng: np.random.Generator) -> list[list[int]]:
    pools: list[list[int]] = []
    rows = POOL_ROWS
    for block in rng.permutation(len(source.block_rows)).tolist():
        if rows >= POOL_ROWS:
            pools.append([])
            rows = 0
        pools[-1].append(block)
        rows += source.block_rows[block]
    return pools


def _rows(source: Source, pool: list[int]) -> int:
    return sum(source.block_rows[block] for block in pool)


def _ahead(source: Source, pools: list[tuple[int, list[int]]]) -> Iterator[tuple[int, Block]]:
    """Every pool with its number, the next one being read by a thread meanwhile."""
    with ThreadPoolExecutor(1, thread_name_prefix="edgewise-read") as reader:
        waiting = iter(pools)
        reads = [(number, reader.submit(_read, source, pool)) for number, pool in islice(waiting, 1)]
        while reads:
            number, read = reads.pop()
            block = read.result()
            reads = [(n, reader.submit(_read, source, pool)) for n, pool in islice(waiting, 1)]
            yield number, block


def _read(source: Source, pool: list[int]) -> Block:
    parts = [source.read(block) for block in pool]
    X, y = zip(*parts, strict=True)
    return (np.concatenate(X), np.concatenate(y)) if len(parts) > 1 else parts[0]
