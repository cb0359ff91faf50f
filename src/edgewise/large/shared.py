"""A network made on one process and handed to all: pruned structure, fixed functions and every bit of its numbers."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from edgewise.checkpoint import load, save
from edgewise.engines import Engine
from edgewise.network import KAN
from edgewise.pair import CONFIG, MODEL


def network_from_main(make: Callable[[], KAN], engine: Engine) -> KAN:
    """What ``make`` returns on the main process, on every process; the others do not call it.

    It travels as the two files of a checkpoint, so nothing is pickled. Pruning decides by thresholds, which two
    processes may cross differently by a rounding: decide once, and hand the answer round.

    Example:
        >>> from edgewise.engines import Local
        >>> network_from_main(lambda: KAN([2, 1]), Local()).widths
        ((2, 0), (1, 0))
    """
    content = engine.from_main(lambda: _as_bytes(make()))
    length = int.from_bytes(content[:8], "big")
    with TemporaryDirectory() as folder:
        Path(folder, CONFIG).write_bytes(content[8 : 8 + length])
        Path(folder, MODEL).write_bytes(content[8 + length :])
        return load(folder)


def _as_bytes(network: KAN) -> bytes:
    with TemporaryDirectory() as folder:
        save(network, folder)
        config, model = (Path(folder, name).read_bytes() for name in (CONFIG, MODEL))
    return len(config).to_bytes(8, "big") + config + model
