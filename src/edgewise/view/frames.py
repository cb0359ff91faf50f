"""The frames of a training run as a folder, so that ``edgewise view`` can make a movie of it.

The folder is a checkpoint of the last network, which keeps the names and the rows to show it on; ``frames/`` below it
holds a checkpoint for each network.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from edgewise.checkpoint import is_checkpoint, load, load_extra, save
from edgewise.data import as_matrix
from edgewise.errors import CheckpointError, InputError
from edgewise.train.recorder import Frame
from edgewise.view.picture import checked_names

KIND, FRAMES = "training", "frames"
MOST_ROWS = 500


class Film(NamedTuple):
    """What ``movie`` needs, read back from a folder."""

    frames: tuple[Frame, ...]
    X: torch.Tensor
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]


def save_frames(
    folder: str | Path,
    frames: Sequence[Frame],
    X: Any,
    *,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
) -> Path:
    """Writes frames and up to 500 of the rows ``X`` they are shown on into a new folder; returns the folder.

    Raises ``InputError`` when something is there already.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty: expected a new folder for the frames; choose another name")
    if not frames:
        raise InputError("frames is empty: expected those of a Recorder that train was given as watch=")
    last, rows = frames[-1].network, as_matrix(X, "X")
    names = feature_names if feature_names is not None else getattr(X, "columns", None)
    kept = np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).round().astype(np.intp)
    for place, frame in enumerate(frames):
        save(frame.network, folder / FRAMES / f"{place:05d}", {"number": frame.number, "loss": frame.loss})
    extra = {
        "kind": KIND,
        "features": list(checked_names("feature_names", names, last.in_features, "x", "inputs")),
        "targets": list(checked_names("target_names", target_names, last.out_features, "y", "outputs")),
        "sample": rows[torch.from_numpy(kept)].tolist(),
    }
    # Last, so that a folder with frames of an interrupted save is never taken for a whole one.
    return save(last, folder, extra)


def read_frames(folder: str | Path) -> Film:
    """Frames, rows and names from a folder that ``save_frames`` wrote; ``CheckpointError`` for any other."""
    folder = Path(folder)
    extra = load_extra(folder)
    if extra.get("kind") != KIND:
        raise CheckpointError(
            f"{folder} holds no frames of a training run: expected a folder of edgewise.view.save_frames; type "
            "train(..., watch=Recorder()) and save_frames(folder, recorder.frames, X)"
        )
    try:
        inside = sorted(path for path in (folder / FRAMES).iterdir() if is_checkpoint(path))
        facts = [load_extra(path) for path in inside]
        frames = tuple(
            Frame(int(fact["number"]), load(path), None if fact["loss"] is None else float(fact["loss"]))
            for path, fact in zip(inside, facts, strict=True)
        )
        features, targets = (tuple(map(str, extra[name])) for name in ("features", "targets"))
        return Film(frames, as_matrix(np.array(extra["sample"], dtype=float), "sample"), features, targets)
    except (OSError, KeyError, TypeError, ValueError) as error:
        reason = str(error).split("\n")[0][:120]
        raise CheckpointError(f"the frames in {folder} are damaged ({reason}); save them again") from None
