"""Training from tables larger than memory, on one process or many, in runs that can be left and taken up.

``fit`` takes any module; ``ArraySource`` and ``ParquetSource`` are the tables; ``LargeConfig`` is the dial;
``network_from_main`` hands a network made on one process to all; ``checkpoints`` are the networks a run has kept.
"""

from edgewise.large.checkpoints import checkpoints
from edgewise.large.config import Entry, LargeConfig, LargeResult
from edgewise.large.loop import fit
from edgewise.large.shared import network_from_main
from edgewise.large.sources import ArraySource, ParquetSource, Source

__all__ = [
    "ArraySource",
    "Entry",
    "LargeConfig",
    "LargeResult",
    "ParquetSource",
    "Source",
    "checkpoints",
    "fit",
    "network_from_main",
]
