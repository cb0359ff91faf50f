r"""Two files that belong together: ``config.json`` says what something is, ``model.safetensors`` holds its numbers.

Neither file can run code, and every tensor returns bit for bit.

Writing never leaves half a pair: both files are first written whole as ``*.next``, then renamed, the model first.
``config.json`` carries the SHA-256 of its model; a reader that finds a new model beside the old config (the writer
was killed between the two renames) goes on with ``config.json.next``, and refuses any other mixture.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save as pack_tensors
from torch import Tensor

from edgewise import __version__
from edgewise.errors import CheckpointError, InputError

CONFIG, MODEL = "config.json", "model.safetensors"
EXPECTED = f"expected a folder with {CONFIG} and {MODEL}; check the path"
LARGEST_CONFIG = 1 << 28


@dataclass(frozen=True)
class Kind:
    """What a pair holds, in a word, and the version of its format; both are written and checked."""

    word: str
    version: int

    @property
    def format(self) -> str:
        """As ``config.json`` names it."""
        return f"edgewise-{self.word}"


def write_pair(folder: Path, kind: Kind, content: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Writes ``content``, anything JSON can hold, and tensors into a folder, in place of a pair already there.

    Raises ``InputError`` where something else is in the way.
    """
    packed = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    model = pack_tensors(packed, metadata={"format": "pt"})
    config = {
        "format": kind.format,
        "format_version": kind.version,
        "edgewise": __version__,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        **content,
    }
    text = _as_json(config)
    _claim(folder, kind)
    _write(folder / f"{MODEL}.next", model)
    _write(folder / f"{CONFIG}.next", text)
    os.replace(folder / f"{MODEL}.next", folder / MODEL)
    os.replace(folder / f"{CONFIG}.next", folder / CONFIG)


def read_pair(folder: Path, kind: Kind) -> tuple[dict[str, Any], bytes]:
    """The configuration and the bytes of the model it belongs to; raises ``CheckpointError``."""
    if folder.is_file():
        raise CheckpointError(f"{folder} is a file: expected the folder that holds it; type {folder.parent}")
    for path in (folder, folder / MODEL):
        if not path.exists():
            raise CheckpointError(f"{path} does not exist: {EXPECTED}")
    model = (folder / MODEL).read_bytes()
    digest = hashlib.sha256(model).hexdigest()
    pending = folder / f"{CONFIG}.next"
    if pending.exists():
        try:
            config = _parsed(pending, kind)
        except CheckpointError:
            config = {}
        if config.get("model_sha256") == digest:
            return _of_this_format(config, pending, kind), model
    config = _of_this_format(_parsed(folder / CONFIG, kind), folder / CONFIG, kind)
    if config.get("model_sha256") != digest:
        raise CheckpointError(
            f"{folder / MODEL} is damaged or belongs to another {CONFIG}: their checksums differ; copy the "
            "whole folder again, or fit again"
        )
    return config, model


def is_pair(folder: Path, kind: Kind) -> bool:
    """Whether the ``config.json`` of a folder says that edgewise wrote it, and of that kind."""
    try:
        return _parsed(folder / CONFIG, kind).get("format") == kind.format
    except (CheckpointError, OSError):
        return False


def short(value: Any) -> str:
    """A value as an error may quote it."""
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


def _as_json(config: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(config, indent=1, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"extra cannot be JSON ({first_line(error)}): expected text, finite numbers, lists and dicts"
        ) from None
    # Innermost lists on one line; a line break cannot occur inside a JSON string.
    return re.sub(r"\[[^][{}]*\]", lambda found: re.sub(r"\n\s*", " ", found[0]), text).encode()


def _claim(folder: Path, kind: Kind) -> None:
    """Makes the folder, unless something that is not ours is in the way."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: expected a folder; choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    taken = (folder / CONFIG).exists() or (folder / MODEL).exists()
    if taken and not (is_pair(folder, kind) or _readable(folder, kind)):
        raise InputError(f"{folder} holds files edgewise did not write: choose another folder")


def _readable(folder: Path, kind: Kind) -> bool:
    """Whether a save was cut short here that ``read_pair`` can finish."""
    try:
        read_pair(folder, kind)
    except (CheckpointError, OSError):
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _parsed(path: Path, kind: Kind) -> dict[str, Any]:
    if not path.exists():
        raise CheckpointError(f"{path} does not exist: {EXPECTED}")
    if path.stat().st_size > LARGEST_CONFIG:
        raise CheckpointError(
            f"{path} is larger than any edgewise writes; type the folder of a saved {kind.word}"
        )
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise CheckpointError(
            f"{path} is truncated or no JSON object: expected a saved {kind.word}; save it again"
        )
    return config


def _of_this_format(config: dict[str, Any], path: Path, kind: Kind) -> dict[str, Any]:
    found = config.get("format")
    if found != kind.format:
        is_ours = isinstance(found, str) and found.startswith("edgewise-")
        what = f"holds {short(found)}" if is_ours else "was not written by edgewise"
        raise CheckpointError(f"{path} {what}: expected a saved {kind.word}; check the path")
    version = config.get("format_version")
    if type(version) is not int or version != kind.version:
        raise CheckpointError(
            f"{path} has format version {short(version)}: this edgewise reads {kind.version}; type: "
            "pip install --upgrade edgewise"
        )
    return config
