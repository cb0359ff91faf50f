"""One thread for small work: where matrices are small, a second thread waits longer than it computes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Runs the block with torch on one thread and gives it back the number it had.

    Besides the speed, sums come in the same order whatever the machine, so the same seed gives the same bits.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
