r"""The state of a run in a folder: ``state-<step>.safetensors`` for tensors and ``state-<step>.json`` for numbers.

Neither file can run code. Both are written whole under temporary names, reach the disk, and are renamed, the numbers
last: a state is there when its ``.json`` is. The numbers carry the SHA-256 of the tensors. Older states go only once
the new one is whole, so a run that is killed at any moment leaves at least the one before.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as pack_tensors
from torch import Tensor

from edgewise.errors import CheckpointError

FORMAT, FORMAT_VERSION = "edgewise-run", 1
NAME = re.compile(r"state-(\d{12})\.json")


class State(NamedTuple):
    """Everything a run needs to go on: ``tensors`` by name, and ``numbers`` as JSON has them."""

    tensors: dict[str, Tensor]
    numbers: dict[str, Any]


def write_state(folder: Path, step: int, state: State, keep: int = 2) -> None:
    """Writes the state of a step and forgets all but the newest ``keep``.

    Raises ``CheckpointError`` when the disk is full or does not let us write; the states before are still whole then.
    """
    tensors = pack_tensors({name: t.detach().cpu().contiguous() for name, t in state.tensors.items()})
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "sha256": hashlib.sha256(tensors).hexdigest()}
    numbers = json.dumps(head | state.numbers, allow_nan=False).encode()
    targets = (_tensor_path(folder, step), _number_path(folder, step))
    drafts = [path.with_name(path.name + ".next") for path in targets]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for draft, content in zip(drafts, (tensors, numbers), strict=True):
            _write(draft, content)
        for draft, path in zip(drafts, targets, strict=True):
            os.replace(draft, path)
        _reach_disk(folder)
        _forget(folder, keep)
    except OSError as error:
        with suppress(OSError):
            _remove(*drafts)
        last = newest(folder)
        safe = "no state is there yet" if last is None else f"the state of step {last} is whole"
        raise CheckpointError(
            f"the state of step {step} could not be written to {folder} ({error.strerror or error}); {safe}; "
            "make room or choose another folder"
        ) from None


def read_state(folder: Path, step: int | None = None) -> State | None:
    """The state of a step, or the newest of a folder; None where there is none yet.

    Raises ``CheckpointError`` when its files are truncated, exchanged or not ours.
    """
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file: expected a folder for the run; choose another name")
    step = newest(folder) if step is None else step
    if step is None:
        return None
    numbers = _numbers(_number_path(folder, step))
    path = _tensor_path(folder, step)
    tensors = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(tensors).hexdigest() != numbers.get("sha256"):
        raise _damaged(path, "it is missing, damaged or belongs to another state: the checksums differ")
    return unpacked(tensors, numbers, path)


def unpacked(tensors: bytes, numbers: dict[str, Any], path: Path) -> State:
    """A state from the content of its files."""
    try:
        return State(parse_tensors(tensors), numbers)
    except SafetensorError as error:
        raise _damaged(path, f"it holds no tensors ({str(error).splitlines()[0][:120]})") from None


def newest(folder: Path) -> int | None:
    """The step of the newest state of a folder; None without any."""
    return max(steps(folder), default=None)


def packed(state: State) -> bytes:
    """A state as bytes, to be sent: the length of the numbers in eight bytes, the numbers, the tensors."""
    numbers = json.dumps(state.numbers).encode()
    return len(numbers).to_bytes(8, "big") + numbers + pack_tensors(state.tensors)


def parsed(content: bytes) -> State:
    """The state that ``packed`` made bytes of."""
    end = 8 + int.from_bytes(content[:8], "big")
    return State(parse_tensors(content[end:]), json.loads(content[8:end]))


def misfit(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str | None:
    """The first tensor that is missing, too many, or of another shape or number type, in words."""
    for name in sorted(tensors.keys() | expected.keys()):
        was, needed = (_kind(group.get(name)) for group in (tensors, expected))
        if was != needed:
            return f"{name} is {was} there and {needed} here"
    return None


def _kind(tensor: Tensor | None) -> str:
    if tensor is None:
        return "missing"
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _numbers(path: Path) -> dict[str, Any]:
    try:
        numbers = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        numbers = None
    if not isinstance(numbers, dict):
        raise _damaged(path, "it is truncated or no JSON object")
    if numbers.get("format") != FORMAT or numbers.get("format_version") != FORMAT_VERSION:
        raise _damaged(path, "another program, or a later edgewise, wrote it")
    return numbers


def _damaged(path: Path, why: str) -> CheckpointError:
    older = sorted(step for step in steps(path.parent) if _number_path(path.parent, step).stem != path.stem)
    ways = f"the state of step {older[-1]}" if older else "the start"
    return CheckpointError(f"{path}: {why}; to go on from {ways}, type: rm {path.with_suffix('.json')}")


def steps(folder: Path) -> list[int]:
    """The steps whose states are there, in no order."""
    if not folder.is_dir():
        return []
    return [int(found[1]) for path in folder.iterdir() if (found := NAME.fullmatch(path.name))]


def _forget(folder: Path, keep: int) -> None:
    """Numbers go before tensors, so that what is left of a state never looks whole."""
    for step in sorted(steps(folder))[:-keep]:
        _remove(_number_path(folder, step), _tensor_path(folder, step))
    known = {_tensor_path(folder, step).name for step in steps(folder)}
    for path in folder.glob("state-*"):
        if path.suffix == ".next" or (path.suffix == ".safetensors" and path.name not in known):
            _remove(path)


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _tensor_path(folder: Path, step: int) -> Path:
    return folder / f"state-{step:012d}.safetensors"


def _number_path(folder: Path, step: int) -> Path:
    return folder / f"state-{step:012d}.json"


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _reach_disk(folder: Path) -> None:
    """Makes the renames last, where the system lets one open a folder."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
